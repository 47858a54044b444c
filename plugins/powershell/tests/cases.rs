//! The golden cases of the PowerShell plugin.

taffrail_plugin::test_language!(taffrail_plugin_powershell::Powershell);
