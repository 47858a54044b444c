//! `-i`, defaults and their mistakes.

use taffrail_tests::cli::World;
use taffrail_tests::flows::{dedent, shell};

fn flow_with(inputs: &str, commands: &str) -> String {
    format!("inputs:\n{}{}", dedent(inputs), shell(commands))
}

const TYPED: &str = "
    - {id: name, type: STRING, defaults: world}
    - {id: count, type: INT, min: 1, max: 9}
    - {id: day, type: DATE}
    - {id: level, type: SELECT, values: [low, high]}
    - {id: sure, type: BOOLEAN}
";

#[test]
fn inputs_are_typed_and_have_defaults() {
    let flow = flow_with(
        TYPED,
        "echo {{ inputs.name }} {{ inputs.count + 1 }} {{ inputs.day }} {{ inputs.level }} {{ inputs.sure ? 'yes' : 'no' }}",
    );
    let given = [
        "-i",
        "count=4",
        "-i",
        "day=2026-01-31",
        "--input",
        "level=low",
        "-i",
        "sure=true",
    ];
    let ran = World::new().run_with(&flow, &given, 0);
    assert_eq!(ran.lines('|'), ["world 5 2026-01-31 low yes"]);
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_runs() {
    let world = World::new();
    world.write("flow.yaml", flow_with(TYPED, "touch ran"));
    let arguments =
        "run flow.yaml --runner process -i count=10 -i day=tomorrow -i level=lwo -i nam=x";
    let finished = world.taffrail(arguments.split(' '));
    finished.exits(3).prints("").says([
        "`count`", "9", "`day`", "tomorrow", "`level`", "low", "`nam`", "`name`", "`sure`",
    ]);
    assert!(!world.state().join("executions").exists(), "{finished}");
}

#[test]
fn a_file_input_is_stored_and_fetched() {
    let world = World::new();
    world.write("data.csv", "1,2\n");
    let flow = flow_with(
        "
        - {id: data, type: FILE}
        ",
        "
        case '{{ inputs.data | length > 0 }}' in true) echo uri;; esac
        cat {{ inputs.data }}
        printf '%s' '{{ read(inputs.data) }}'
        ",
    );
    let ran = world.run_with(&flow, &["-i", "data=@data.csv"], 0);
    assert_eq!(ran.lines('|'), ["uri", "1,2", "1,2"]);
}

#[test]
fn the_address_of_a_file_is_looked_at_before_anything_runs() {
    let world = World::new();
    world.write("_files/a b.csv", "3,4\n");
    world.write("data.csv", "1,2\n");
    let flow = flow_with(
        "- {id: data, type: FILE, defaults: 'nsfile:///a%20b.csv'}",
        "cat {{ inputs.data }}; case '{{ inputs.data }}' in kestra:///*) ;; *) echo stored;; esac",
    );
    let flow = flow.replace("a%20b.csv", "a b.csv");
    let ran = world.run_with(&flow, &[], 0);
    assert_eq!(ran.lines('|'), ["3,4", "stored"]);
    let given = format!("data=file://{}/data.csv", world.here().display());
    let ran = world.run_with(&flow, &["-i", &given, "--allow-files", "."], 0);
    assert_eq!(ran.lines('|'), ["1,2", "stored"]);
    let check = |value: &str, words: &str| {
        let given = format!("data={value}");
        let finished = world.taffrail(["run", "flow.yaml", "--runner", "process", "-i", &given]);
        finished
            .exits(3)
            .prints("")
            .says(["flow.yaml:", "`data`", words]);
    };
    check(&given["data=".len()..], "`--allow-files DIR`");
    check("nsfile:///none.csv", "none.csv");
    check("kestra:///test/none.csv", "belongs to another namespace");
    check(
        "https://example.org/a.csv",
        "an address that begins with `kestra:///`",
    );
    check("data.csv", "write `-i data=@data.csv` to give that file");
    world.write(
        "wrong.yaml",
        flow_with(
            "- {id: data, type: FILE, defaults: data.csv}",
            "cat {{ inputs.data }}",
        ),
    );
    world.taffrail(["validate", "wrong.yaml"]).exits(3).says([
        "wrong.yaml:2:36",
        "the default of the input `data`: expected FILE",
    ]);
}

/// An id with dots is a path, for secrets and for files, too.
#[test]
fn inputs_with_dots_are_nested() {
    let world = World::new();
    world.write("a.txt", "in a file");
    let flow = flow_with(
        "
        - {id: db.host, type: STRING, defaults: localhost}
        - {id: db.port, type: INT, defaults: 5432}
        - {id: db.password, type: SECRET}
        - {id: db.file, type: FILE}
        - {id: url, type: STRING, defaults: \"{{ inputs.db.host }}:{{ inputs.db.port }}\"}
        ",
        "echo {{ inputs.url }} {{ inputs.db.password }} $(cat {{ inputs.db.file }})",
    );
    let given = ["-i", "db.password=hush-hush-hush", "-i", "db.file=@a.txt"];
    let ran = world.run_with(&flow, &given, 0);
    assert_eq!(ran.lines('|'), ["localhost:5432 ****** in a file"]);
    let shown = world.taffrail(["show", "@last", "--format", "json"]);
    shown.exits(0).never_prints(["hush-hush-hush"]);
    let retried = world.taffrail(["retry", "@last", "--from", "one", "-i", given[1]]);
    retried
        .exits(0)
        .prints("one | localhost:5432 ****** in a file\n");
}

#[test]
fn a_value_may_begin_with_an_at_sign_and_hold_equals() {
    let flow = flow_with("- {id: text, type: STRING}", "echo \"{{ inputs.text }}\"");
    for (given, shown) in [("text=@@home", "@home"), ("text=a=b=c", "a=b=c")] {
        assert_eq!(
            World::new().run_with(&flow, &["-i", given], 0).lines('|'),
            [shown]
        );
    }
}

#[test]
fn a_flow_is_read_from_standard_input() {
    let world = World::new();
    let finished = world
        .command(["run", "-", "--runner", "process"])
        .stdin(shell("echo piped"))
        .finish();
    finished.exits(0).prints("one | piped\n");
    let finished = world.command(["run", "-"]).stdin("id: [").finish();
    finished.exits(3).prints("").says(["<stdin>:1:"]);
}

#[test]
fn the_text_of_an_input_is_never_an_expression() {
    let flow = flow_with("- {id: text, type: STRING}", "echo '{{ inputs.text }}'");
    let ran = World::new().run_with(&flow, &["-i", "text={{ 1 + 1 }}{% raw %}"], 0);
    assert_eq!(ran.lines('|'), ["{{ 1 + 1 }}{% raw %}"]);
}

#[test]
fn an_input_that_depends_on_others_is_there_only_where_its_condition_holds() {
    // It stands before what it depends on: the order of the flow does not matter.
    let flow = flow_with(
        "
        - {id: region, type: STRING, dependsOn: {inputs: [cloud], condition: \"{{ inputs.cloud == 'aws' }}\"}}
        - {id: cloud, type: SELECT, values: [aws, other]}
        - {id: zone, type: STRING, defaults: a, dependsOn: {inputs: [region]}}
        ",
        "echo {{ inputs.cloud }} {{ inputs.region ?? 'none' }} {{ inputs.zone ?? 'none' }}",
    );
    let check = |given: &[&str], code: i32, part: &str| {
        let world = World::new();
        world.write("flow.yaml", &flow);
        let mut arguments = vec!["run", "flow.yaml", "--runner", "process"];
        arguments.extend(given);
        let finished = world.taffrail(arguments);
        finished.exits(code);
        let printed = format!("{}{}", finished.stdout, finished.stderr);
        assert!(printed.contains(part), "{part}: {finished}");
    };
    check(&["-i", "cloud=aws", "-i", "region=eu"], 0, "one | aws eu a");
    check(&["-i", "cloud=other"], 0, "one | other none none");
    check(
        &["-i", "cloud=aws"],
        3,
        "the input `region` of type STRING has no value",
    );
    check(
        &["-i", "cloud=none", "-i", "region=eu"],
        3,
        "`none` is not one of `aws`, `other`",
    );
    check(
        &["-i", "cloud=other", "-i", "region=eu"],
        3,
        "there is no input `region` here: its `dependsOn` does not hold",
    );
    let wrong = |inputs: &str, part: &str| {
        let world = World::new();
        world.write("flow.yaml", flow_with(inputs, "echo x"));
        let finished = world.taffrail(["validate", "flow.yaml"]);
        finished.exits(3);
        assert!(finished.stderr.contains(part), "{part}: {finished}");
    };
    wrong(
        "
        - {id: cloud, type: STRING}
        - {id: region, type: STRING, dependsOn: {inputs: [clowd]}}
        ",
        "there is no input `clowd`",
    );
    wrong(
        "
        - {id: a, type: STRING, dependsOn: {inputs: [b]}}
        - {id: b, type: STRING, dependsOn: {inputs: [a]}}
        ",
        "the input `a` depends on itself",
    );
}
