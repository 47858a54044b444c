//! What makes this crate a component when it is built for wasm.

taffrail_plugin::register!(crate::Python);
