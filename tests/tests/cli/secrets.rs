//! A secret is nowhere in what is shown or kept, whatever a task does with it.

use taffrail_tests::cli::{World, listing};
use taffrail_tests::flows::{flow, shell};

const SECRET: &str = r#"s3cr3t "quoted" \back"#;

/// The forms that a value takes on its way through programs.
fn forms() -> Vec<String> {
    let json = serde_json::Value::from(SECRET).to_string();
    let json = json[1..json.len() - 1].to_owned();
    // Standard and URL-safe Base64 of it alone.
    let encoded = "czNjcjN0ICJxdW90ZWQiIFxiYWNr".to_owned();
    vec![SECRET.to_owned(), json, encoded]
}

/// Runs a flow with the secret `S`, and asserts that none of its forms is printed or kept anywhere.
fn check(text: &str, masked: &[&str]) {
    for output in ["text", "json", "ndjson"] {
        let world = World::new();
        world.write(
            "secrets.env",
            format!("# of the test\nexport S='{SECRET}'\nOTHER=\"plain other\"\n"),
        );
        world.write("flow.yaml", text);
        let finished = world.taffrail([
            "run",
            "flow.yaml",
            "--runner",
            "process",
            "--secrets-file",
            "secrets.env",
            "-o",
            output,
        ]);
        if output == "text" {
            finished.answers(masked.iter().copied());
        }
        let folder = world.state();
        let mut kept = String::new();
        for name in listing(&folder)
            .iter()
            .filter(|name| name.starts_with("executions"))
        {
            kept.push_str(&String::from_utf8_lossy(
                &std::fs::read(folder.join(name)).unwrap_or_default(),
            ));
        }
        assert!(kept.contains("\"state\""), "{kept}");
        for form in forms() {
            assert!(
                !finished.stdout.contains(&form) && !finished.stderr.contains(&form),
                "-o {output} shows {form}: {finished}"
            );
            // What is inside a JSON document is escaped once more.
            let twice = serde_json::Value::from(form.as_str()).to_string();
            let twice = &twice[1..twice.len() - 1];
            assert!(
                !finished.stdout.contains(twice),
                "-o {output} shows {form}: {finished}"
            );
            assert!(
                !kept.contains(&form) && !kept.contains(twice),
                "{form} is kept: {kept}"
            );
        }
    }
}

#[test]
fn secrets_are_hidden_in_whatever_form_they_are_printed() {
    check(
        &flow(
            r#"
            - id: one
              type: io.kestra.plugin.scripts.python.Script
              env: {S: "{{ secret('S') }}"}
              script: |
                import base64, json, os, sys
                s = os.environ["S"]
                print("raw", s)
                print("error", s, file=sys.stderr)
                print("json", json.dumps({"a": s}))
                print("base64", base64.b64encode(s.encode()).decode())
                print('::' + json.dumps({"outputs": {"s": s, s: "key"}, "logs": [{"level": "INFO", "message": "log " + s}], "metrics": [{"name": s, "type": "counter", "value": 1}]}) + '::')
                print("::{" + s)
            - id: two
              type: io.kestra.plugin.scripts.shell.Commands
              env: {GOT: "{{ outputs.one.vars.s }}"}
              commands:
                - printf '%s\n' "passed on $GOT"
                - printf %s "$GOT" | wc -c
                - exit 3
            "#,
        ),
        &[
            "one | raw ******\n",
            "one ! error ******\n",
            "one | base64 ******\n",
            "two | passed on ******\n",
            "two | 21\n",
        ],
    );
}

#[test]
fn secrets_are_hidden_when_they_come_in_pieces() {
    check(
        &flow(
            r#"
            - id: one
              type: io.kestra.plugin.scripts.shell.Commands
              env: {S: "{{ secret('S') }}"}
              commands:
                - printf 'a %s' "${S%??????????}"; sleep 0.2; printf %s "${S#"${S%??????????}"}"; echo ' b'
                - printf '%s' "$S" | fold -w 1 | while IFS= read -r c; do printf '%s' "$c"; sleep 0.01; done; echo
            "#,
        ),
        &["one | a ****** b\n"],
    );
}

#[test]
fn secrets_are_hidden_in_expressions_and_error_messages() {
    check(
        &shell(
            "echo {{ secret('S') | upper }}\necho {{ secret('S') | base64encode }} x\nno-such {{ secret('OTHER') }}",
        ),
        &["****** x"],
    );
    check(
        &shell("echo x").replace(
            "  commands",
            "  timeout: \"{{ secret('S') }}\"\n    commands",
        ),
        &[],
    );
    check(
        &shell("echo x").replace(
            "  commands",
            "  interpreter: [\"{{ secret('S') }}\"]\n    commands",
        ),
        &[],
    );
}

#[test]
fn parts_of_secrets_with_several_lines_and_other_encodings_are_hidden() {
    let world = World::new();
    world.write(
        "secrets",
        "KEY=\"first-line-of-it\nsecond-line-of-it\"\nS=hunter2hunter2\n",
    );
    world.write(
        "flow.yaml",
        flow(
            r#"
            - id: one
              type: io.kestra.plugin.scripts.python.Script
              env: {KEY: "{{ secret('KEY') }}", S: "{{ secret('S') }}"}
              script: |
                import base64, json, os, urllib.parse
                key, s = os.environ["KEY"], os.environ["S"]
                print(key)
                print("one", key.splitlines()[1], "line")
                print(repr(key), json.dumps(key))
                print(s + s, s.encode().hex(), urllib.parse.quote(s))
                for user in ["", "u", "us"]:
                    print(base64.b64encode((user + ":" + s + ":" + user).encode()).decode())
            "#,
        ),
    );
    let finished = world.taffrail([
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "--secrets-file",
        "secrets",
        "-o",
        "ndjson",
    ]);
    finished.exits(0).never_prints([
        "first-line",
        "second-line",
        "hunter2",
        "68756e746572",
        "aHVudGVyMmh1bnRlcjI",
        "h1bnRlcjJodW50ZXIy",
        "1bnRlcjJodW50ZXIy",
    ]);
}

#[test]
fn secret_inputs_are_hidden_too() {
    let world = World::new();
    world.write(
        "flow.yaml",
        format!(
            "inputs: [{{id: token, type: SECRET}}]\n{}",
            shell("echo 'the {{ inputs.token }}'")
        ),
    );
    let finished = world.taffrail([
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "-i",
        "token=hunter2-hunter2",
    ]);
    finished
        .exits(0)
        .prints("one | the ******\n")
        .never_prints(["hunter2"]);
    let log = world.log();
    assert_eq!(log, "one | the ******\n");
}

#[test]
fn secrets_come_from_dotenv_and_yaml_files() {
    for (name, text) in [
        ("secrets", "S=value-of-s\n"),
        ("secrets.yaml", "S: value-of-s\n"),
        ("secrets.yml", "\"S\": 'value-of-s'\n"),
    ] {
        let world = World::new();
        world.write(name, text);
        world.write(
            "flow.yaml",
            shell("test \"{{ secret('S') }}\" = value-of-\"s\" && echo found"),
        );
        world
            .taffrail([
                "run",
                "flow.yaml",
                "--runner",
                "process",
                "--secrets-file",
                name,
            ])
            .exits(0)
            .prints("one | found\n");
    }
}

#[test]
fn missing_secrets_are_all_named_before_anything_starts() {
    let world = World::new();
    world.write(
        "flow.yaml",
        shell("touch ran; echo {{ secret('B') }} {{ secret('A') }}"),
    );
    let finished = world.taffrail(["run", "flow.yaml", "--runner", "process"]);
    finished.exits(3).prints("").says([
        "error[TF0552]: the secret `A` was not given",
        "`B` was not given",
        "--secrets-file",
    ]);
    assert!(!world.state().join("executions").exists(), "{finished}");
}

#[test]
fn a_secret_too_short_to_be_hidden_is_told_at_its_place() {
    let world = World::new();
    world.write("secrets.env", "SHORT=ab\nLONG=long enough\n");
    world.write(
        "flow.yaml",
        shell("echo \"{{ secret('SHORT') }} {{ secret('LONG') }}\""),
    );
    let finished = world.taffrail([
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "--secrets-file",
        "secrets.env",
    ]);
    finished
        .exits(0)
        .says([
            "warning[TF0551]: the secret `SHORT` is too short",
            "--> flow.yaml:",
        ])
        .never_prints(["`LONG`", "long enough"]);
}

#[test]
fn a_broken_secrets_file_names_the_line_and_no_value() {
    for (name, text, place) in [
        ("s", "A=1\nhunter2", "s:2"),
        ("s.yaml", "A: {b: hunter2}\n", "s.yaml:1"),
        ("s.yml", "- hunter2\n", "s.yml:1"),
    ] {
        let world = World::new();
        world.write("flow.yaml", shell("true"));
        world.write(name, text);
        world
            .taffrail(["run", "flow.yaml", "--secrets-file", name])
            .exits(3)
            .prints("")
            .says([place])
            .never_prints(["hunter2"]);
    }
}

#[test]
fn a_plan_shows_no_secret() {
    let world = World::new();
    world.write("secrets", format!("S='{SECRET}'\n"));
    world.write(
        "flow.yaml",
        shell("echo {{ secret('S') }}").replace(
            "  commands",
            "  env: {E: \"{{ secret('S') }}\"}\n    commands",
        ),
    );
    for output in ["text", "json"] {
        let finished = world.taffrail([
            "plan",
            "flow.yaml",
            "--runner",
            "process",
            "--secrets-file",
            "secrets",
            "-o",
            output,
        ]);
        finished
            .exits(0)
            .answers(["******"])
            .never_prints(["s3cr3t"]);
        // A plan needs no secrets at all.
        let without = world.taffrail(["plan", "flow.yaml", "--runner", "process", "-o", output]);
        assert_eq!(without.exits(0).stdout, finished.stdout);
    }
}

#[test]
fn secrets_are_in_no_argument_vector() {
    let world = World::new();
    world.write("secrets", "S=value-of-the-secret\n");
    world.write("flow.yaml", shell(": {{ secret('S') }}; tr '\\0' ' ' < /proc/$$/cmdline > {{ workingDir }}/argv; grep -c value-of argv || echo none"));
    world
        .taffrail([
            "run",
            "flow.yaml",
            "--runner",
            "process",
            "--secrets-file",
            "secrets",
        ])
        .exits(0)
        .prints("one | 0\none | none\n");
}

#[test]
fn secrets_come_from_variables_and_from_a_folder_too() {
    let world = World::new();
    world.write(
        "flow.yaml",
        shell("test \"{{ secret('ONE') }}-{{ secret('TWO') }}\" = first-value-second-value && echo both"),
    );
    world.write("secrets/TWO", "second-value\n");
    let arguments = [
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "--secrets-env",
        "base64",
        "--secrets-file",
        "secrets",
    ];
    let finished = world
        .command(arguments)
        .env("SECRET_ONE", "Zmlyc3QtdmFsdWU=")
        .finish();
    finished.exits(0);
    assert!(finished.stdout.contains("| both"), "{finished}");
    // Without them the missing one is told before anything starts.
    let without = world.taffrail(arguments);
    without.exits(3);
    assert!(
        without.stderr.contains("the secret `ONE` was not given"),
        "{without}"
    );
}

/// What the host was given in its environment, another process of the same user could read there, if the host did not forbid it. Root may
/// read everything, so this runs as nobody, and can only be tried by root.
#[test]
fn a_task_cannot_look_into_its_host_or_its_supervisor() {
    let world = World::new();
    let as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let program = world.here().join("taffrail");
    let built = taffrail_tests::cli::program();
    if std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    world.write(
        "flow.yaml",
        shell(
            "pid=$PPID\nwhile [ \"$pid\" -gt 1 ]; do\n  grep -q taffrail /proc/$pid/cmdline || break\n  echo looked at $pid\n  cat /proc/$pid/environ >/dev/null 2>&1 && echo could look\n  pid=$(awk '/^PPid/ {print $2}' /proc/$pid/status)\ndone\ncat /proc/$$/environ > /dev/null && echo own environment",
        ),
    );
    let can = world.sh(&format!("{as_nobody} true")).finish();
    if can.code() != Some(0) {
        // Not by a macro, whose output the test harness keeps to itself.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIPPED a test that nobody looks into the host: only root may become somebody else (`setpriv`)\n",
        );
        return;
    }
    let run = format!(
        "chmod -R go+rX . .. && mkdir -m 700 state && chown -R 65534 state && \
         exec {as_nobody} env HIDDEN=of-the-host ./taffrail run flow.yaml --runner process --state-dir state"
    );
    let finished = world.sh(&run).finish();
    finished.exits(0);
    assert!(
        finished.stdout.matches("looked at").count() >= 1,
        "{finished}"
    );
    assert!(!finished.stdout.contains("could look"), "{finished}");
    assert!(finished.stdout.contains("own environment"), "{finished}");
}
