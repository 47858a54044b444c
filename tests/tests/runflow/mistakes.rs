//! Mistakes in flows of runflow are told at their places in the HCL, all at once, before anything starts.

use taffrail_tests::cli::World;

/// Each line of `expected` is `line:column code`, and a part of the message or of the help behind it.
fn check(flow: &str, expected: &[&str]) {
    let world = World::new();
    world.write("flow.hcl", flow);
    let finished = world.taffrail(["validate", "flow.hcl", "--format", "json"]);
    finished.exits(3);
    let report = finished.json();
    let found: Vec<String> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["severity"] == "error")
        .map(|found| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            format!(
                "{}:{} {} {} | {} | {}",
                found["line"],
                found["column"],
                text(&found["code"]),
                text(&found["message"]),
                text(&found["label"]),
                text(&found["help"]["message"])
            )
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}\n{finished}");
    for (found, expected) in found.iter().zip(expected) {
        let (place, rest) = expected.split_once(' ').unwrap();
        let (code, part) = rest.split_once(' ').unwrap();
        assert!(
            found.starts_with(&format!("{place} {code} ")) && found.contains(part),
            "expected {expected}\nfound    {found}"
        );
    }
}

#[test]
fn text_that_is_no_hcl() {
    check("flow \"a\" {\n", &["1:10 TF0007 never closed"]);
    check(
        "flow \"a\" {\n  task \"bash_run\" \"b\" {\n    command: \"x\"\n  }\n}\n",
        &["3:12 TF0007 `:` does not fit here"],
    );
    check("\n\n", &["1:1 TF0102 `flow \"name\" { … }`"]);
    check("flow \"a\" {}\n", &["1:6 TF0102 no task"]);
    check(
        "flow \"a\" {\n  task \"bash_run\" \"b\" {\n    command = \"x\"\n  }\n}\nflow \"b\" {}\nx = 1\n",
        &["6:1 TF0004 one flow", "7:1 TF0101 outside"],
    );
}

#[test]
fn names_that_are_wrong_have_a_nearest_right_one() {
    check(
        r#"flow "a" {
  variables "x" {}
  variable "greeter" { defalt = "x" }
  task "bashrun" "one" { command = "x" }
  task "bash_run" "two" {
    comand = "x"
    _depend_on = []
  }
  task "bash_run" "three" {
    command = "${var.greter} ${task.bash_run.tow.stdout} ${task.bash_run.two.stdot} ${uper("x")} ${vra.x}"
  }
  task "docker_run" "four" {
    image = "debian:12"
    mem_limits = "1g"
  }
}
"#,
        &[
            "2:3 TF0101 did you mean `variable`?",
            "3:24 TF0101 did you mean `default`?",
            "4:8 TF0201 did you mean `bash_run`?",
            "5:19 TF0102 `bash_run` needs `command`",
            "6:5 TF0101 did you mean `command`?",
            "7:5 TF0101 did you mean `_depends_on`?",
            "10:18 TF0204 did you mean `greeter`?",
            "10:32 TF0204 did you mean `task.bash_run.two`?",
            "10:60 TF0209 did you mean `stdout`?",
            "10:87 TF0302 did you mean `upper`?",
            "10:100 TF0204 did you mean `var`?",
            "12:21 TF0008 write the command",
            "14:5 TF0101 did you mean `mem_limit`?",
        ],
    );
}

#[test]
fn values_are_held_against_what_they_become() {
    check(
        r#"flow "a" {
  task "docker_run" "one" {
    image = "debian:12"
    command = "x"
    mem_limit = "12 parsecs"
    network = "a"
    network_mode = "b"
  }
  task "bash_run" "two" {
    command = "x"
    _timeout = "soon"
    _retry = { stop_after = "never", wait = wait_chain([wait_fixed(1)]) }
  }
  task "file_write" "three" { filename = "x" }
}
"#,
        &[
            "5:17 TF0104 `12 parsecs`",
            "7:20 TF0104 exclude each other",
            "11:16 TF0103 a number of seconds",
            "12:29 TF0104 `10 seconds`",
            "12:45 TF0008 `wait_fixed(seconds)`",
            "14:21 TF0102 one of `content` and `b64content`",
        ],
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_told() {
    check(
        "flow \"a\" {\n  task \"bash_run\" \"x\" { command = task.bash_run.y.stdout }\n  task \"bash_run\" \"y\" { command = task.bash_run.x.stdout }\n}\n",
        &["2:19 TF0104 needs itself"],
    );
    check(
        "flow \"a\" {\n  task \"bash_run\" \"x\" { command = task.bash_run.x.command }\n}\n",
        &["2:35 TF0104 needs itself", "2:35 TF0204 refers to itself"],
    );
}

#[test]
fn what_has_no_counterpart_is_refused_with_a_way_out() {
    check(
        r#"flow "a" {
  import {
    tasks = { guess = "my.module:GuessTask" }
    functions = { randint = "random:randint" }
  }
  task "guess" "x" { name = "${randint(1, 2)}" }
  task "sql_row" "y" { dsn = "sqlite://" }
  task "bash_run" "z" { command = "%{ if true }x%{ endif }" }
  task "file_read" "w" {
    filename = "x"
    fs = { protocol = "ftp" }
  }
}
"#,
        &[
            "3:23 TF0008 classes of Python",
            "4:5 TF0008 functions of Python",
            "7:8 TF0008 the database's own program",
            "8:36 TF0008 `${condition ? a : b}`",
            "11:23 TF0008 `http_request`",
        ],
    );
}

#[test]
fn another_flow_is_told_of_where_it_is_named() {
    let world = World::new();
    world.write(
        "other.hcl",
        "flow \"other\" {\n  variable \"a\" {}\n  task \"bash_run\" \"x\" {\n    command = var.b\n  }\n}\n",
    );
    world.write(
        "flow.hcl",
        "flow \"a\" {\n  task \"flow_run\" \"x\" {\n    path = \"other.hcl\"\n    vars = { c = 1 }\n  }\n  task \"flow_run\" \"y\" { path = \"none.hcl\" }\n  task \"flow_run\" \"z\" { path = \"flow.hcl\" }\n}\n",
    );
    let finished = world.taffrail(["validate", "flow.hcl"]);
    finished.exits(3);
    finished.says([
        "in `other.hcl:4:15`: there is no variable `b`",
        "flow.hcl:3:12",
        "the flow that runs here has no variable `c`",
        "flow.hcl:4:14",
        "`none.hcl` cannot be read",
        "more than 16 flows run one another, or one runs itself",
    ]);
}

#[test]
fn nothing_is_corrected_in_hcl() {
    let world = World::new();
    let flow = "flow \"a\" {\n  variable \"x\" { default = \"\" }\n  task \"bash_run\" \"y\" {\n    command = \"echo ${var.x}\"\n  }\n}\n";
    world.write("flow.hcl", flow);
    let finished = world.taffrail(["validate", "flow.hcl", "--fix"]);
    finished.exits(0);
    finished.says(["TF0801", "flow.hcl:4:15"]);
    let after = std::fs::read_to_string(world.here().join("flow.hcl")).unwrap();
    assert_eq!(after, flow);
}
