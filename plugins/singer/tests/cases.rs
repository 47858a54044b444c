//! The golden cases of the Singer plugin.

taffrail_plugin::test_language!(taffrail_plugin_singer::Singer);
