//! A whole editor: Neovim, set up as the manual says, shows what is wrong with a flow and completes it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use taffrail_tests::cli::World;
use taffrail_tests::editor::install;

use crate::settings::block;

/// Opens the flow, waits until something is underlined, asks for completions at the misspelt key, and writes down both.
const LOOK: &str = r#"
vim.cmd("edit flows/a.yaml")
vim.wait(120000, function() return #vim.diagnostic.get(0) > 0 end, 50)
local underlined = {}
for _, found in ipairs(vim.diagnostic.get(0)) do
  table.insert(underlined, string.format("%d:%d %s", found.lnum + 1, found.col + 1, found.message))
end
local place = { textDocument = { uri = vim.uri_from_bufnr(0) }, position = { line = 5, character = 4 } }
local offered = {}
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/completion", place, 120000) or {}) do
  for _, item in ipairs(answer.result.items or answer.result) do
    table.insert(offered, item.label)
  end
end
vim.fn.writefile({ vim.fn.json_encode({ underlined = underlined, offered = offered }) }, "seen.json")
vim.cmd("qall!")
"#;

#[test]
fn neovim_shows_mistakes_and_completes() {
    let skipped = |reason: &str| {
        // Past the test runner, which keeps what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED neovim_shows_mistakes_and_completes: {reason}"
        );
    };
    let scripts = match install() {
        Ok(scripts) => scripts,
        Err(reason) => return skipped(&reason),
    };
    let version = Command::new("nvim").arg("--version").output();
    if version.is_err() {
        return skipped("nvim is missing (Debian: neovim)");
    }
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/editor.md");
    let manual = std::fs::read_to_string(manual).unwrap();

    let world = World::cold();
    world.taffrail(["schema", "--write", "schemas"]).exits(0);
    world.write(
        "flows/a.yaml",
        "id: a\nnamespace: b\ntasks:\n  - id: x\n    type: io.kestra.plugin.scripts.shell.Commands\n    comands: [a]\n",
    );
    world.write("init.lua", block(&manual, "**Neovim, from 0.7 on**"));
    world.write("look.lua", LOOK);
    let servers = scripts.parent().unwrap().join("node_modules/.bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("nvim")
        .args([
            "--headless",
            "-n",
            "-i",
            "NONE",
            "-u",
            "init.lua",
            "-S",
            "look.lua",
        ])
        .current_dir(world.here())
        .env("PATH", format!("{}:{path}", servers.display()))
        .env("XDG_STATE_HOME", world.here().join("nvim"))
        .env("XDG_CACHE_HOME", world.here().join("nvim"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let seen = std::fs::read_to_string(world.here().join("seen.json"))
        .unwrap_or_else(|error| panic!("{error}: {said}"));
    let seen: Value = serde_json::from_str(&seen).unwrap();
    let texts = |key: &str| -> BTreeSet<&str> {
        let list = seen[key].as_array();
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    assert_eq!(
        texts("underlined"),
        BTreeSet::from(["6:5 Property comands is not allowed."]),
        "{said}"
    );
    let offered = texts("offered");
    for key in ["commands", "beforeCommands", "timeout", "taskRunner"] {
        assert!(offered.contains(key), "{key} in {offered:?}");
    }
    assert!(!offered.contains("script"), "{offered:?}");
}
