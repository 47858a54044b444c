//! What a Python task installed is there in the next execution: without a network, for the same interpreter and the same list only.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use taffrail_tests::cli::World;
use taffrail_tests::wheel::demo;

fn flow(world: &World, version: &str, more: &str) -> String {
    let wheel = world
        .here()
        .join(format!("taffrail_demo-{version}-py3-none-any.whl"));
    format!(
        "id: packages\nnamespace: company.team\ntasks:\n  - id: demo\n    type: io.kestra.plugin.scripts.python.Script\n    \
         taskRunner: {{type: io.kestra.plugin.core.runner.Process}}\n    packageManager: PIP\n    env: {{PIP_NO_INDEX: '1'}}\n    \
         dependencies: ['{}']\n    {more}\n    script: |\n      import taffrail_demo\n      print(taffrail_demo.version)\n",
        wheel.display()
    )
}

#[test]
fn packages_are_kept_for_the_next_execution() {
    let pip = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output();
    if !pip.is_ok_and(|output| output.status.success()) {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED kept packages: python3 with pip is missing"
        );
        return;
    }
    let world = World::new();
    let wheel = |version: &str| {
        demo(&world.here(), version);
    };
    let gone = |version: &str| {
        let name = format!("taffrail_demo-{version}-py3-none-any.whl");
        fs::remove_file(world.here().join(name)).unwrap();
    };
    // Another folder of files for each run would be another path in the list.
    let run = |version: &str, more: &str| {
        world.write("flow.yaml", flow(&world, version, more));
        world.taffrail(["run", "flow.yaml", "-q"])
    };
    wheel("1.0");
    run("1.0", "").exits(0).answers(["1.0"]);
    gone("1.0");
    // There is nothing left to install from, and nothing is asked for it.
    run("1.0", "").exits(0).answers(["1.0"]);
    run("1.0", "").exits(0).answers(["1.0"]);
    run("1.0", "dependencyCacheEnabled: false").exits(4);
    // A failed execution spoils nothing.
    run("1.0", "").exits(0).answers(["1.0"]);
    // Another list is another matter.
    run("2.0", "").exits(4);
    wheel("2.0");
    run("2.0", "").exits(0).answers(["2.0"]);
    gone("2.0");
    run("2.0", "").exits(0).answers(["2.0"]);
    // What was kept and does not fit is made anew, whatever it is. Contents lie apart from what names them.
    let archives: Vec<PathBuf> = taffrail_tests::cli::listing(&world.state())
        .into_iter()
        .filter(|path| !path.contains("/.content/"))
        .map(|path| world.state().join(path))
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"mark\0")))
        .collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    fs::write(&archives[0], "no archive").unwrap();
    wheel("2.0");
    run("2.0", "").exits(0).answers(["2.0"]);
}
