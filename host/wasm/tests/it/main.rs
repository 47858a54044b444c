//! Real components against the real sandbox: what works, what is refused, and in which words.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[path = "../../../../tests/guests/mod.rs"]
mod guests;

mod cached;
mod foreign;
mod hostile;
mod installed;
mod moment;

use std::sync::Arc;

use serde_json::{Map, Value};
use taffrail_core::name::TaskType;
use taffrail_core::plan::{PlanContext, PlanRequest, TargetOs};
use taffrail_wasm::{Limits, Plugin, Sandbox};

/// A request to a guest.
fn request(properties: Value) -> PlanRequest {
    let properties: Map<String, Value> = properties.as_object().expect("an object").clone();
    PlanRequest {
        task_type: TaskType::new("test.echo.Run").expect("a task type"),
        properties,
        context: PlanContext {
            task_id: "task".to_owned(),
            working_dir: "/job".to_owned(),
            output_dir: None,
            target_os: TargetOs::Linux,
            runner: "process".to_owned(),
            container_image: None,
            env: Vec::new(),
            fail_fast: None,
        },
    }
}

/// Deadlines that a loaded machine does not reach by itself.
fn patient() -> Limits {
    let mut limits = Limits::default();
    limits.standard.describe = std::time::Duration::from_secs(20);
    limits.standard.plan = std::time::Duration::from_secs(20);
    limits
}

fn load(component: &[u8], limits: Limits) -> Result<Plugin, String> {
    Plugin::load(&Arc::new(Sandbox::new(limits)), component).map_err(|error| error.to_string())
}
