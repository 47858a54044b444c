//! The committed components: whole and harmless on every machine, and what their sources make where a toolchain is at hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::path::Path;
use std::process::Command;

use taffrail_plugin_build::bundle;
use taffrail_plugin_build::project::Project;

#[test]
fn committed_plugins_are_complete_and_import_only_the_log() {
    let project = Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(bundle::verify(&project).unwrap(), project.plugins.len());
}

#[test]
fn committed_plugins_are_what_their_sources_make() {
    let output = Command::new(env!("CARGO_BIN_EXE_taffrail-plugin-build"))
        .args(["--check", "--if-possible"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    // A skip is said aloud, and a comparison too: silence would be neither.
    assert!(
        stdout.starts_with("equal: ") || stdout.starts_with("skipped: "),
        "{stdout}{stderr}"
    );
    print!("{stdout}");
}

/// A repository with nothing but what `verify` reads, with one file of it rewritten.
fn verdict_after(path: &str, rewrite: impl Fn(Vec<u8>) -> Vec<u8>) -> String {
    let real = Project::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut files = vec![
        "wit/v1.0/plugin.wit".to_owned(),
        "plugins/bundled/index.json".to_owned(),
    ];
    for plugin in &real.plugins {
        files.push(format!("plugins/{}/descriptor.json", plugin.id));
        for name in ["plugin.wasm", "descriptor.json"] {
            files.push(format!(
                "plugins/bundled/{}/{}/{name}",
                plugin.id, plugin.version
            ));
        }
    }
    assert!(
        files.iter().any(|file| file == path),
        "{path} is not among {files:?}"
    );
    for file in files {
        let bytes = fs::read(real.root.join(&file)).unwrap();
        let bytes = if file == path { rewrite(bytes) } else { bytes };
        let target = copy.path().join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
    match bundle::verify(&Project::find(copy.path()).unwrap()) {
        Ok(count) => format!("{count} fit"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn what_was_changed_after_the_build_is_named() {
    let check = |path: &str, from: &str, to: &str, expected: &str| {
        let verdict = verdict_after(path, |bytes| {
            let at = bytes
                .windows(from.len())
                .position(|window| window == from.as_bytes())
                .unwrap();
            [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
        });
        assert!(verdict.contains(expected), "{path}: {verdict}");
    };
    let component = "plugins/bundled/shell/1.0.0/plugin.wasm";
    let index = "plugins/bundled/index.json";
    check(index, "toolchain", "toolchain", " fit");
    check(
        index,
        "\"sha256\": \"",
        "\"sha256\": \"0",
        "does not list the plugins as they are",
    );
    check(
        component,
        "Run a shell script",
        "Run a Shell script",
        "does not list the plugins as they are",
    );
    check(component, "\0asm", "\0asn", "the component cannot be read");
    check(
        component,
        "taffrail:plugin/logging@1.0.0",
        "taffrail:plugin/longing@1.0.0",
        "longing",
    );
    check(
        "plugins/shell/descriptor.json",
        "Run a shell script",
        "Run shell scripts",
        "was changed after it was bundled",
    );
    check(
        "plugins/shell/descriptor.json",
        "1.0.0",
        "1.0.1",
        "cannot read",
    );
}
