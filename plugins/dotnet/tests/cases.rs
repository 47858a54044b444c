//! The golden cases of the .NET plugin.

taffrail_plugin::test_language!(taffrail_plugin_dotnet::Dotnet);
