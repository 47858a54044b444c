//! The settings that the manual gives for editors: under each of them the language server finds the schema for flows, and for no other file.

use std::path::Path;

use serde_json::{Value, json};
use taffrail_tests::cli::World;
use taffrail_tests::editor::editor;

const WRONG: &str = "id: a\nnamespace: b\ntasks:\n  - id: x\n    type: io.kestra.plugin.scripts.shell.Commands\n    comands: [a]\n";

#[test]
fn the_settings_of_every_editor_lead_to_the_schema() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/editor.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let world = World::cold();
    let vscode = world.taffrail(["schema", "--vscode"]).exits(0).json();
    let zed: Value = serde_json::from_str(&block(&manual, "**Zed**")).unwrap();
    let settings = [
        ("VS Code", vscode["yaml.schemas"].clone()),
        (
            "Zed",
            zed.pointer("/lsp/yaml-language-server/settings/yaml/schemas")
                .unwrap()
                .clone(),
        ),
        ("Helix", toml_map(&block(&manual, "**Helix**"))),
        ("Neovim", lua_map(&block(&manual, "**Neovim**"))),
        (
            "Neovim from 0.7 on",
            lua_map(&block(&manual, "**Neovim, from 0.7 on**")),
        ),
    ];

    world.taffrail(["schema", "--write", "schemas"]).exits(0);
    let root = world.here();
    let files = ["flows/a.yaml", "flows/deep/b.yaml", "c.flow.yaml", "d.yaml"];
    for file in files {
        world.write(file, WRONG);
    }
    let Some(mut editor) = editor("the_settings_of_every_editor_lead_to_the_schema") else {
        return;
    };
    for (name, schemas) in settings {
        let files = files.map(|file| (root.join(file), WRONG));
        let shown = editor.show_project(&root, &schemas, &files);
        let counts: Vec<usize> = shown.iter().map(|file| file.diagnostics.len()).collect();
        assert_eq!(counts, [1, 1, 1, 0], "{name}: {schemas} {shown:?}");
    }
}

/// The first block of code after a mark.
pub(crate) fn block(manual: &str, mark: &str) -> String {
    let (_, after) = manual.split_once(mark).unwrap();
    let (_, inside) = after.split_once("```").unwrap();
    let (_, code) = inside.split_once('\n').unwrap();
    code.split("```").next().unwrap().to_owned()
}

/// The one key of a TOML table, whose texts and lists are written as in JSON.
fn toml_map(code: &str) -> Value {
    let (table, entry) = code.trim().split_once('\n').unwrap();
    assert_eq!(
        table,
        "[language-server.yaml-language-server.config.yaml.schemas]"
    );
    let (key, globs) = entry.split_once(" = ").unwrap();
    let key: String = serde_json::from_str(key).unwrap();
    json!({ key: serde_json::from_str::<Value>(globs).unwrap() })
}

/// The value of `schemas` in Lua, which writes lists and maps of texts alike: `{ ["key"] = { "value", … } }`.
fn lua_map(code: &str) -> Value {
    let (_, map) = code.split_once("schemas = { [\"").unwrap();
    let (key, rest) = map.split_once("\"] = {").unwrap();
    let (list, _) = rest.split_once('}').unwrap();
    let globs: Vec<&str> = list
        .split(',')
        .map(|text| text.trim().trim_matches('"'))
        .collect();
    json!({ key: globs })
}
