//! The golden cases of the Bun plugin.

taffrail_plugin::test_language!(taffrail_plugin_bun::Bun);
