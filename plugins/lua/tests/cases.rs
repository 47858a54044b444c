//! The golden cases of the Lua plugin.

taffrail_plugin::test_language!(taffrail_plugin_lua::Lua);
