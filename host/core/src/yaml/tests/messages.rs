//! The mistakes that authors make in YAML, each with its message, its place and its fix.

use crate::diagnostic::{Source, Style, render_text};
use crate::yaml::{Limits, parse};

/// Each line of `expected` is `line:column code message`, with ` => ` and the line as the fix makes it behind, where there is a fix.
fn check(text: &str, expected: &[&str]) {
    let parsed = parse(text, &Limits::default());
    let source = Source::new("flow.yaml", text);
    let found: Vec<String> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| {
            let position = source.position(diagnostic.span.unwrap().start);
            let fix = diagnostic
                .help
                .as_ref()
                .and_then(|help| help.replacement.as_ref());
            let fixed = fix.map(|(span, replacement)| {
                let mut fixed = text.to_owned();
                fixed.replace_range(span.start as usize..span.end as usize, replacement);
                let line = fixed[..span.start as usize].matches('\n').count();
                format!(" => {}", fixed.lines().nth(line).unwrap_or_default())
            });
            format!(
                "{}:{} {} {}{}",
                position.line,
                position.column,
                diagnostic.code,
                diagnostic.message,
                fixed.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn quotes() {
    check(
        "a: \"[{\"b\": 1}]\"\n",
        &["1:7 TF0001 the text ends at this quote, but the value goes on => a: '[{\"b\": 1}]'"],
    );
    check(
        "a: \"it's \"x\"\"\n",
        &[
            "1:10 TF0001 the text ends at this quote, but the value goes on => a: \"it's \\\"x\\\"\"",
        ],
    );
    check(
        "a: 'it's here' # why\n",
        &["1:7 TF0001 the text ends at this quote, but the value goes on => a: 'it''s here' # why"],
    );
    check(
        "a: \"x\" y\n",
        &["1:6 TF0001 the text ends at this quote, but the value goes on"],
    );
    check(
        "a: [\"x\" \"y\"]\n",
        &["1:7 TF0001 a comma is missing between two values => a: [\"x\", \"y\"]"],
    );
    check(
        "a: \"x\nb: y\n",
        &["1:4 TF0001 the quote is never closed => a: \"x\""],
    );
    check(
        "a:\n  - 'x\n",
        &["2:5 TF0001 the quote is never closed =>   - 'x'"],
    );
    check(
        "a:\n  - \"x\n  - \"y\"\n",
        &["2:5 TF0001 the quote is closed too late =>   - \"x\""],
    );
    check(
        "a: \"C:\\path\"\n",
        &["1:7 TF0001 `\\p` is not an escape => a: \"C:\\\\path\""],
    );
    check(
        "a: \"\\n\\x4\"\n",
        &["1:7 TF0001 the escape `\\x` names no character"],
    );
    check(
        "a: \"\\ud800\"\n",
        &["1:5 TF0001 the escape `\\u` names no character"],
    );
    check(
        "a: \"x\"#y\n",
        &["1:7 TF0001 a comment needs a blank before its `#` => a: \"x\" #y"],
    );
}

#[test]
fn beginnings() {
    check(
        "a: @b c # d\n",
        &["1:4 TF0001 a value cannot begin with `@` => a: \"@b c\" # d"],
    );
    check(
        "a: [`b`, c]\n",
        &["1:5 TF0001 a value cannot begin with a backtick => a: [\"`b`\", c]"],
    );
    check(
        "a: %b\n",
        &["1:4 TF0001 a value cannot begin with `%` => a: \"%b\""],
    );
    check(
        "a:\n  - *.csv\n",
        &["2:5 TF0001 the alias `*.csv` names no anchor =>   - \"*.csv\""],
    );
    check(
        "a: [**/*.csv, b]\n",
        &["1:5 TF0001 the alias `**/*.csv` names no anchor => a: [\"**/*.csv\", b]"],
    );
    check(
        "a: & b\n",
        &["1:4 TF0001 `&` begins an anchor, but no name follows => a: \"& b\""],
    );
    check("a: !x!y b\n", &["1:4 TF0001 this tag cannot be used here"]);
    check("a: ]\n", &["1:4 TF0001 `]` closes nothing"]);
    check(
        "a: |x\n  y\n",
        &["1:5 TF0001 text does not stand in the line of `|`"],
    );
}

#[test]
fn layout() {
    check(
        "a:\n\t- b\n",
        &["2:1 TF0001 a tab cannot indent a line in YAML =>   - b"],
    );
    check(
        "a:\n  - b: c\n\t  d: e\n",
        &["3:1 TF0001 a tab cannot indent a line in YAML =>     d: e"],
    );
    check(
        "a:b\nc: d\n",
        &["1:2 TF0001 a blank is missing behind `a:` => a: b"],
    );
    check(
        "c: d\na:b\ne: f\n",
        &["2:2 TF0001 a blank is missing behind `a:` => a: b"],
    );
    check(
        "a:\n-b\n-c\n",
        &["2:1 TF0001 a blank is missing behind `-` => - b"],
    );
    check(
        "a: b: c\n",
        &["1:5 TF0001 a value without quotes cannot hold `: ` => a: \"b: c\""],
    );
    check(
        "a:\n  - echo \"x: y\" # z\n  - b: c: d\n",
        &["3:9 TF0001 a value without quotes cannot hold `: ` =>   - b: \"c: d\""],
    );
    check(
        "a: b\n  c: d\n",
        &["2:3 TF0001 this line is indented too deep => c: d"],
    );
    check(
        "a:\n  - b: c\n     d: e\n",
        &["3:6 TF0001 this line is indented too deep =>     d: e"],
    );
    check(
        "a:\n  - b: c\n   d: e\n",
        &["3:4 TF0001 the indentation of this line fits none above =>     d: e"],
    );
    check(
        "a:\n    - b\n  - c\n",
        &["3:3 TF0001 the indentation of this line fits none above =>     - c"],
    );
    check(
        "a:\n  b: c\n  - d\n",
        &["3:3 TF0001 a list item stands where a key is expected"],
    );
    check(
        "a:\n  - b\n  c: d\n",
        &["3:3 TF0001 a key stands where a list item is expected"],
    );
    check(
        "a: |\n  b\n c\nd: e\n",
        &["3:2 TF0001 this line is indented less than the text block it belongs to =>   c"],
    );
    check(
        "a: b\nsome text\nc: d\n",
        &["2:1 TF0001 this is neither a key nor a list item"],
    );
    check(
        "a: - b\n",
        &["1:4 TF0001 a list cannot begin in the line of its key"],
    );
    check(
        "a: b # c\n  d\n",
        &["1:6 TF0001 a comment ends the value, but the next line goes on with it"],
    );
    check(
        "a:\tb\n",
        &["1:3 TF0001 a tab cannot separate here => a: b"],
    );
}

#[test]
fn brackets() {
    check(
        "a: [1, 2\nb: 3\n",
        &["1:4 TF0001 the `[` is never closed => a: [1, 2]"],
    );
    check(
        "a: {b: 1\nc: 3\n",
        &["1:4 TF0001 the `{` is never closed => a: {b: 1}"],
    );
    check("a: [1\n", &["1:4 TF0001 the `[` is never closed => a: [1]"]);
    check(
        "a: {b: 1 c: 2}\n",
        &["1:11 TF0001 `,` or `}` is expected here"],
    );
    check(
        "a: [echo {b,c} d, e]\n",
        &[
            "1:10 TF0001 a value without quotes cannot hold `{` inside `[ ]` => a: [\"echo {b,c} d\", e]",
        ],
    );
    check(
        "a: [jq '{x: 1}', 'b']\n",
        &[
            "1:9 TF0001 a value without quotes cannot hold `{` inside `[ ]` => a: [\"jq '{x: 1}'\", 'b']",
        ],
    );
    check(
        "a: [b, echo \"{c\" d]\n",
        &["1:14 TF0001 a value without quotes cannot hold `{` inside `[ ]`"],
    );
    check(
        "a: {b: x[1], c: d}\n",
        &[
            "1:9 TF0001 a value without quotes cannot hold `[` inside `{ }` => a: {b: \"x[1]\", c: d}",
        ],
    );
    check(
        "a: [b c [d], e]\n",
        &["1:9 TF0001 a value without quotes cannot hold `[` inside `[ ]` => a: [\"b c [d]\", e]"],
    );
    check(
        "a: [b] c\n",
        &["1:8 TF0001 the value before this is complete"],
    );
}

#[test]
fn beyond_syntax() {
    check(
        "a: 1\nb:\n  c: 1\n  c: 2\na: 2\na: 3\n",
        &[
            "4:3 TF0002 the key `c` stands twice in one map",
            "5:1 TF0002 the key `a` stands twice in one map",
            "6:1 TF0002 the key `a` stands twice in one map",
        ],
    );
    check("a: !x 1\n", &["1:4 TF0005 the tag `!x` does not fit here"]);
    check(
        "a: !!int x\n",
        &["1:4 TF0005 the tag `!!int` does not fit here"],
    );
    check("a: {[b]: c}\n", &["1:5 TF0005 a list cannot be a key"]);
    check(
        "<<: 3\n",
        &["1:5 TF0005 the merge key `<<` cannot take a whole number"],
    );
    check(
        "a: 1\n---\nb: {\n",
        &["2:1 TF0004 a flow file holds one document"],
    );
    check(
        "a: &a [*a]\n",
        &["1:8 TF0003 the alias `*a` stands inside the node it names"],
    );
}

#[test]
fn expressions_without_quotes() {
    check(
        "a: {{ x }}\nb: {{ x.y['z'] }}/{{ w }} # c\nc:\n  - {{ x | default(\"y\") }}\n  - [{{ x }}, z]\nd: 1\nd: 2\n",
        &[
            "1:4 TF0006 the expression `{{ x }}` is not quoted => a: \"{{ x }}\"",
            "2:4 TF0006 the expression `{{ x.y['z'] }}/{{ w }}` is not quoted => b: \"{{ x.y['z'] }}/{{ w }}\" # c",
            "4:5 TF0006 the expression `{{ x | default(\"y\") }}` is not quoted =>   - '{{ x | default(\"y\") }}'",
            "5:6 TF0006 the expression `{{ x }}` is not quoted =>   - [\"{{ x }}\", z]",
            "7:1 TF0002 the key `d` stands twice in one map",
        ],
    );
    check(
        "a: {{ x\nb: 1\n",
        &["1:4 TF0006 the expression `{{ x` is neither closed nor quoted"],
    );
    check(
        "{{ x }}: 1\n",
        &["1:1 TF0006 the expression `{{ x }}` is not quoted => \"{{ x }}\": 1"],
    );
    check(
        "a: {% if x %}y{% endif %}\n",
        &[
            "1:4 TF0006 the expression `{% if x %}y{% endif %}` is not quoted => a: \"{% if x %}y{% endif %}\"",
        ],
    );
    check(
        "a: [echo {{ x }}, b]\n",
        &[
            "1:5 TF0006 the value with an expression `echo {{ x }}` is not quoted => a: [\"echo {{ x }}\", b]",
        ],
    );
    check(
        "a: [echo \"{{ x }}\", b{{ y }}c]\nd: {e: f-{{ z }}, g: h}\n",
        &[
            "1:5 TF0006 the value with an expression `echo \"{{ x }}\"` is not quoted => a: ['echo \"{{ x }}\"', b{{ y }}c]",
            "1:21 TF0006 the value with an expression `b{{ y }}c` is not quoted => a: [echo \"{{ x }}\", \"b{{ y }}c\"]",
            "2:8 TF0006 the value with an expression `f-{{ z }}` is not quoted => d: {e: \"f-{{ z }}\", g: h}",
        ],
    );
    // What stands in the line before belongs to the value.
    check(
        "a: [echo\n  {{ x }}, b]\n",
        &["2:3 TF0006 the expression `{{ x }}` is not quoted =>   \"{{ x }}\", b]"],
    );
    // Both mistakes of a file are told, whichever the parser meets first.
    check(
        "a: {{ x['y'] }}\nb: \"z\n",
        &[
            "1:4 TF0006 the expression `{{ x['y'] }}` is not quoted => a: \"{{ x['y'] }}\"",
            "2:4 TF0001 the quote is never closed => b: \"z\"",
        ],
    );
}

/// The three flows of Kestra's own examples that are not YAML.
#[test]
fn flows_from_the_wild() {
    check(
        "tasks:\n  - id: t\n    from: \"[{\"name\":\"John Doe\", \"age\":99}]\"\n    script: |\n      x: {}\n",
        &[
            "3:14 TF0001 the text ends at this quote, but the value goes on =>     from: '[{\"name\":\"John Doe\", \"age\":99}]'",
        ],
    );
    check(
        "tasks:\n  - id: python\n    inputFiles:\n      data.csv: {{outputs.previousTaskId.uri}}\n      main.py: |\n        print('{{ x }}')\n",
        &[
            "4:17 TF0006 the expression `{{outputs.previousTaskId.uri}}` is not quoted =>       data.csv: \"{{outputs.previousTaskId.uri}}\"",
        ],
    );
}

#[test]
fn a_message_as_it_is_shown() {
    let text = "tasks:\n  - id: t\n    from: \"[{\"name\": 1}]\"\n";
    let parsed = parse(text, &Limits::default());
    let shown = render_text(
        &parsed.diagnostics,
        &Source::new("flow.yaml", text),
        Style::default(),
    );
    let expected = r#"error[TF0001]: the text ends at this quote, but the value goes on
 --> flow.yaml:3:14
  |
3 |     from: "[{"name": 1}]"
  |              ^ closes the quote in column 11
  |
  = note: in `tasks[0].from`
help: put single quotes round a value that holds `"`
  |
3 -     from: "[{"name": 1}]"
3 +     from: '[{"name": 1}]'
  |
"#;
    assert_eq!(shown, expected, "\n{shown}");
}
