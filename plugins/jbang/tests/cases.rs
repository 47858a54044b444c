//! The golden cases of the JBang plugin.

taffrail_plugin::test_language!(taffrail_plugin_jbang::Jbang);
