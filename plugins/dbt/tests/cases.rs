//! The golden cases of the dbt plugin.

taffrail_plugin::test_language!(taffrail_plugin_dbt::Dbt);
