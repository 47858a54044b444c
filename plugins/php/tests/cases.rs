//! The golden cases of the PHP plugin.

taffrail_plugin::test_language!(taffrail_plugin_php::Php);
