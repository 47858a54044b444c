//! What `taffrail init` writes works in an editor as it is: the flow names its schema, and the schema is beside it.

use taffrail_tests::cli::World;
use taffrail_tests::editor::{Probe, editor};

#[test]
fn a_new_flow_has_its_schema_in_place() {
    let world = World::cold();
    world
        .taffrail(["init", "flows/report.flow.yaml"])
        .exits(0)
        .says([
            "wrote flows/report.flow.yaml and flows/flow.schema.json",
            "next: taffrail run",
        ]);
    let file = world.here().join("flows/report.flow.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("# yaml-language-server: $schema=flow.schema.json\nid: report\n"),
        "{text}"
    );
    world
        .taffrail(["validate", "--deny", "warnings", "flows/report.flow.yaml"])
        .exits(0);
    // Never over something that is there.
    world
        .taffrail(["init", "flows/report.flow.yaml"])
        .exits(3)
        .says(["is there already", "hint"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let Some(mut editor) = editor("a_new_flow_has_its_schema_in_place") else {
        return;
    };
    let shown = editor.show_file(
        &file,
        &Probe {
            text: text.clone(),
            ..Probe::default()
        },
    );
    assert!(shown.diagnostics.is_empty(), "{:?}", shown.diagnostics);
    let wrong = text.replace("commands:", "comands:");
    let shown = editor.show_file(
        &file,
        &Probe {
            text: wrong,
            ..Probe::default()
        },
    );
    assert_eq!(shown.diagnostics.len(), 1, "{:?}", shown.diagnostics);
}
