//! The program starts and says what it is. That it is named here makes `cargo test` build it for the end-to-end tests, too.

use std::process::Command;

#[test]
fn it_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_taffrail"))
        .arg("--version")
        .output()
        .expect("it starts");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        concat!("taffrail ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
