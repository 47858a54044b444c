//! The golden cases of the Node.js plugin.

taffrail_plugin::test_language!(taffrail_plugin_node::Node);
