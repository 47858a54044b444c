//! The golden cases of the Python plugin.

use std::path::Path;

use taffrail_plugin::json::Value;
use taffrail_plugin::{Language, cases, plan_text};
use taffrail_plugin_python::Python;

#[test]
fn golden_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    match cases::check::<Python>(&folder) {
        Ok(count) => assert!(count >= 40),
        Err(report) => panic!("{report}"),
    }
}

#[test]
fn descriptor_has_the_plugins_id() {
    let descriptor = Value::parse(Python::descriptor()).unwrap();
    assert_eq!(
        descriptor.get("id").and_then(Value::as_text),
        Some(Python::ID)
    );
}

#[test]
fn a_huge_script_becomes_a_file_that_differs_by_its_definitions_only() {
    let script = "x = {'ä': [null, \"\\\\\"]}\n".repeat(400_000);
    let properties = Value::Object(vec![("script".to_owned(), Value::from(&script))]).to_pretty();
    let context = cases::context(&Value::Object(vec![])).unwrap();
    let plan = plan_text::<Python>(
        "io.kestra.plugin.scripts.python.Script",
        &properties,
        &context,
    )
    .unwrap();
    assert!(plan.files[0].contents == ["null = None; ", &script].concat().as_bytes());
}
