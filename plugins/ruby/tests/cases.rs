//! The golden cases of the Ruby plugin.

taffrail_plugin::test_language!(taffrail_plugin_ruby::Ruby);
