//! A user without rights whose engine has them: what containers make in a mounted working directory belongs to other users, and is read
//! and removed all the same.

use taffrail_tests::cli::{World, listing, program};
use taffrail_tests::flows::Ran;

use crate::far::port_of;
use crate::support::Yard;

/// The number of a user and a group without rights.
const USER: u32 = 65_534;

/// Closed directories in one another and unreadable files, of root and of another user, alone and in a directory that tasks share.
const TASKS: &str = "
- id: deep
  type: io.kestra.plugin.scripts.shell.Commands
  containerImage: taffrail-test/by-name:1
  inputFiles: {in.txt: given}
  outputFiles: [out.txt, 'd/**']
  commands: ['cp in.txt out.txt; mkdir -p d/e/f; echo deep > d/e/f/y; chmod 600 out.txt d/e/f/y; chmod 700 d d/e; chmod 000 d/e/f']
- id: root
  type: io.kestra.plugin.scripts.shell.Commands
  outputFiles: ['d/**']
  commands: ['mkdir -p d/e; echo root > d/e/y; chmod 700 d']
- id: together
  type: io.kestra.plugin.core.flow.WorkingDirectory
  outputFiles: ['**']
  tasks:
    - id: first
      type: io.kestra.plugin.scripts.shell.Commands
      containerImage: taffrail-test/by-name:1
      commands: ['mkdir d; echo one > d/y; echo one > a; chmod 700 d']
    - id: second
      type: io.kestra.plugin.scripts.shell.Commands
      containerImage: taffrail-test/by-name:1
      commands: ['cat d/y; echo two >> a']
- id: failing
  type: io.kestra.plugin.scripts.shell.Commands
  containerImage: taffrail-test/by-number:1
  allowFailure: true
  commands: ['mkdir d; touch d/x; chmod 700 d; exit 9']
";

#[test]
fn what_other_users_made_in_a_mounted_directory_is_read_and_removed() {
    let Some(yard) = Yard::new("what_other_users_made_in_a_mounted_directory_is_read_and_removed")
    else {
        return;
    };
    let world = World::cold();
    let own = world.root().join("taffrail");
    // That user may not be allowed to enter the folder where it was built.
    std::fs::hard_link(program(), &own)
        .or_else(|_| std::fs::copy(program(), &own).map(drop))
        .unwrap();
    let mut flow = String::from(
        "id: flow\nnamespace: test.docker\npluginDefaults:\n  - type: io.kestra.plugin.scripts.shell.Commands\n    values:\n      \
         taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker, fileHandlingStrategy: MOUNT}\ntasks:\n",
    );
    flow.extend(TASKS.lines().map(|line| format!("  {line}\n")));
    world.write("flow.yaml", flow);
    for folder in [world.root(), &world.here()] {
        std::os::unix::fs::chown(folder, Some(USER), Some(USER)).unwrap();
    }
    let line = format!(
        "exec setpriv --reuid {USER} --regid {USER} --clear-groups {} run flow.yaml -o json",
        own.display()
    );
    let url = format!("tcp://127.0.0.1:{}", port_of(yard.engine));
    let finished = world.sh(&line).env("DOCKER_HOST", &url).finish();
    finished
        .exits(0)
        .never_prints(["cannot remove", "cannot be removed"]);
    let record = finished.json();
    let ran = Ran { finished, record };
    let here = Yard { world, url, ..yard };
    assert_eq!(
        ran.files("deep"),
        ["d/e/f/y", "out.txt"],
        "{}",
        ran.finished
    );
    assert_eq!(here.stored(&ran, "deep", "d/e/f/y"), "deep\n");
    assert_eq!(here.stored(&ran, "deep", "out.txt"), "given");
    assert_eq!(here.stored(&ran, "root", "d/e/y"), "root\n");
    assert_eq!(here.stored(&ran, "together", "a"), "one\ntwo\n");
    assert_eq!(here.stored(&ran, "together", "d/y"), "one\n");
    assert_eq!(ran.task("failing")["exit"]["code"], 9, "{}", ran.finished);
    let left = listing(&here.world.execution());
    assert_eq!(left, ["log", "record.json"], "{}", ran.finished);
    here.nothing_is_left(&ran.finished);
}
