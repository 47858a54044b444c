//! The golden cases of the Deno plugin.

taffrail_plugin::test_language!(taffrail_plugin_deno::Deno);
