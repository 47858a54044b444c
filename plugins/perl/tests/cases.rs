//! The golden cases of the Perl plugin.

taffrail_plugin::test_language!(taffrail_plugin_perl::Perl);
