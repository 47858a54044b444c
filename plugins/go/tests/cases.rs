//! The golden cases of the Go plugin.

taffrail_plugin::test_language!(taffrail_plugin_go::Go);
