//! The committed components: whole and harmless on every machine, and what their sources make where a toolchain is at hand.

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
