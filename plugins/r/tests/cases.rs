//! The golden cases of the R plugin.

taffrail_plugin::test_language!(taffrail_plugin_r::R);
