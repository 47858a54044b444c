//! Version 0.1 of the plugin API, for the plugins that were built before 1.0; no generated type leaves this file.

use super::shared::adapter;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "language-plugin",
    });
}

adapter!();
