//! Version 1.0 of the plugin API: what 0.1 was, and room to grow in each planned file, of which this host reads nothing yet; no generated type leaves this file.

use super::shared::adapter;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/v1.0",
        world: "language-plugin",
    });
}

adapter!();
