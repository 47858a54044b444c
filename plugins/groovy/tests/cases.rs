//! The golden cases of the Groovy plugin.

taffrail_plugin::test_language!(taffrail_plugin_groovy::Groovy);
