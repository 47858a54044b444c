//! What tasks print as outputs, where programs start, and files of the machine.

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::flows::{dedent, flow};

const SHELL: &str = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process";

#[test]
fn what_a_task_prints_becomes_its_outputs() {
    let ran = World::new().run(
        &flow(&format!(
            "- {{id: say, {SHELL}}}, captureOutput: true, commands: [\"echo; echo ' out  '; echo err >&2\", \"echo '::{{\\\"outputs\\\":{{\\\"a\\\":1}}}}::'\"]}}\n- {{id: quiet, {SHELL}}}, commands: [echo out]}}\n- {{id: show, type: io.kestra.plugin.core.debug.Return, format: \"[{{{{ outputs.say.stdout }}}}] [{{{{ outputs.say.stderr }}}}] {{{{ outputs.say.vars.a }}}}\"}}\n"
        )),
        0,
    );
    let shown = &ran.task("show")["outputs"]["value"];
    assert_eq!(shown, "[out  \n::{\"outputs\":{\"a\":1}}::] [err] 1");
    assert_eq!(ran.task("quiet")["outputs"].get("stdout"), None);
}

#[test]
fn a_secret_in_it_reaches_the_next_task_and_nobody_else() {
    let world = World::new();
    world.write("secrets", "KEY=hush-hush-value\n");
    let ran = world.run_with(
        &flow(&format!(
            "- {{id: say, {SHELL}}}, captureOutput: true, env: {{KEY: \"{{{{ secret('KEY') }}}}\"}}, commands: [\"echo $KEY\"]}}\n- {{id: take, {SHELL}}}, env: {{KEY: \"{{{{ outputs.say.stdout }}}}\"}}, commands: [\"test $(printf %s $KEY | wc -c) -eq 15\"]}}\n"
        )),
        &["--secrets-file", "secrets"],
        0,
    );
    ran.finished.never_prints(["hush-hush-value"]);
    let record = std::fs::read_to_string(world.execution().join("record.json")).unwrap();
    assert!(!record.contains("hush-hush-value"), "{record}");
}

#[test]
fn more_than_is_kept_is_a_failure_and_no_half_of_a_text() {
    let ran = World::new().run(
        &flow(&format!(
            "- {{id: say, {SHELL}}}, captureOutput: true, commands: [\"head -c 5000000 /dev/zero | tr '\\\\0' x\"]}}\n"
        )),
        4,
    );
    ran.finished.says(["it printed more than 4 MiB"]);
    assert_eq!(ran.task("say")["outputs"].get("stdout"), None);
}

#[test]
fn a_program_starts_in_a_folder_of_the_machine() {
    let world = World::new();
    world.write("here/data.txt", "found");
    let ran = world.run(
        &flow(&format!(
            "- {{id: say, {SHELL}, directory: here}}, captureOutput: true, inputFiles: {{own.txt: own}}, outputFiles: [made.txt], commands: [\"cat data.txt $WORKING_DIR/own.txt\", \"echo made > $WORKING_DIR/made.txt\"]}}\n"
        )),
        0,
    );
    assert_eq!(ran.task("say")["outputs"]["stdout"], "foundown");
    assert_eq!(ran.files("say"), ["made.txt"]);
    let gone = world.run(
        &flow(&format!(
            "- {{id: say, {SHELL}, directory: gone}}, commands: [id]}}\n"
        )),
        4,
    );
    gone.finished.says(["gone` is not there"]);
}

#[test]
fn files_of_the_machine_are_read_and_written() {
    let world = World::new();
    world.write("in.txt", "text é");
    world.write("in.bin", [0xff, 0x00]);
    let ran = world.run(
        &flow(&dedent(
            "
            - {id: text, type: taffrail.file.Read, path: in.txt}
            - {id: bytes, type: taffrail.file.Read, path: in.bin}
            - {id: copy, type: taffrail.file.Write, path: a/b/out.bin, base64Content: \"{{ outputs.bytes.base64Content }}\", createDirectories: true}
            - {id: show, type: taffrail.file.Write, path: /dev/stdout, content: \"{{ outputs.text.content }}\"}
            ",
        )),
        0,
    );
    assert_eq!(ran.task("text")["outputs"]["content"], "text é");
    assert_eq!(
        ran.task("bytes")["outputs"],
        json!({"content": null, "base64Content": "/wA="})
    );
    assert_eq!(
        std::fs::read(world.here().join("a/b/out.bin")).unwrap(),
        [0xff, 0x00]
    );
    ran.finished.says(["show  | text é"]);
    let wrong = |task: &str, words: &str| {
        let ran = world.run(&flow(&format!("- {{id: one, {task}}}\n")), 4);
        ran.finished.says([words]);
    };
    wrong("type: taffrail.file.Read, path: none", "cannot read `none`");
    wrong(
        "type: taffrail.file.Write, path: no/folder, content: x",
        "cannot write `no/folder`",
    );
    wrong(
        "type: taffrail.file.Write, path: x",
        "one of `content` and `base64Content`",
    );
    wrong(
        "type: taffrail.file.Write, path: x, base64Content: '!'",
        "is not base64",
    );
}
