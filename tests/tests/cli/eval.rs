//! `taffrail eval`.

use taffrail_tests::cli::World;
use taffrail_tests::flows::shell;

fn check(arguments: &[&str], printed: &str) {
    let world = World::new();
    world.write(
        "vars.json",
        r#"{"a": {"b": [1, 2.5, null]}, "text": "{{ 1 }}"}"#,
    );
    world.write("vars.yaml", "a:\n  b: [x]\n");
    world.write(
        "flow.yaml",
        format!(
            "inputs: [{{id: name, type: STRING, defaults: Ada}}]\nvariables: {{v: 7}}\n{}",
            shell("true")
        ),
    );
    let mut all = vec!["eval"];
    all.extend(arguments);
    world.taffrail(all).exits(0).prints(&format!("{printed}\n"));
}

#[test]
fn the_rendered_text_is_printed() {
    check(&["{{ 1 + 1 }}"], "2");
    check(&["1 + 1"], "2");
    check(&["-1"], "-1");
    check(&["a {{ 'b' | upper }} c"], "a B c");
    check(&["{% for i in [1, 2] %}{{ i }};{% endfor %}"], "1;2;");
    check(&["a.b", "--context", "vars.json"], "[1,2.5,null]");
    check(&["{{ a.b[0] }}", "--context", "vars.yaml"], "x");
    check(&["{{ text }}", "--context", "vars.json"], "{{ 1 }}");
    check(
        &[
            "{{ inputs.name }} {{ vars.v }} {{ flow.id }}",
            "--flow",
            "flow.yaml",
        ],
        "Ada 7 flow",
    );
    check(
        &["{{ inputs.name }}", "--flow", "flow.yaml", "-i", "name=Bob"],
        "Bob",
    );
    check(&["{{ inputs.name ?? 'nobody' }}"], "nobody");
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let world = World::new();
    for (expression, said) in [
        ("{{ 1 + }}", vec!["<expression>:1:8", "^"]),
        (
            "{{ a.b }}",
            vec!["<expression>:1:4", "`a` is not defined", "^"],
        ),
        (
            "{{ 'x' | uper }}",
            vec!["<expression>:1:10", "uper", "upper"],
        ),
        ("line one\n{{ nope() }}", vec!["<expression>:2:4", "nope"]),
        ("{% if true %}", vec!["<expression>:1:", "endif"]),
        ("{{ 1 / 0 }}", vec!["<expression>:1:"]),
    ] {
        world
            .taffrail(["eval", expression])
            .exits(3)
            .prints("")
            .says(said);
    }
    world
        .taffrail(["eval", "1", "--context", "nowhere"])
        .exits(8)
        .says(["nowhere"]);
    world.write("list.json", "[1]");
    world
        .taffrail(["eval", "1", "--context", "list.json"])
        .exits(3)
        .says(["list.json"]);
    world.write("broken.json", "{\n  \"a\": \n");
    world
        .taffrail(["eval", "1", "--context", "broken.json"])
        .exits(3)
        .says(["broken.json:"]);
    world
        .taffrail(["eval", "1", "--flow", "nowhere"])
        .exits(8)
        .says(["nowhere"]);
}

#[test]
fn what_would_not_end_is_stopped() {
    let world = World::new();
    for expression in [
        "{% for i in range(1, 100000000) %}x{% endfor %}",
        "{% for a in range(0,9999) %}{% for b in range(0,9999) %}{{ a }}{% endfor %}{% endfor %}",
    ] {
        let finished = world.taffrail(["eval", expression]);
        finished.exits(3).prints("");
    }
}
