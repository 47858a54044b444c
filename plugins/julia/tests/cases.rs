//! The golden cases of the Julia plugin.

taffrail_plugin::test_language!(taffrail_plugin_julia::Julia);
