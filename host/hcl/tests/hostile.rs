//! Whatever stands in a file, reading it ends, soon, and gives places that are in it.

use proptest::prelude::*;
use taffrail_hcl::{Files, read};

/// Every path is the flow itself, as one that runs itself has it.
struct Itself(String);

impl Files for Itself {
    fn read(&self, _: &str) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

fn ends_well(text: &str) {
    let parsed = read(text, &Itself(text.to_owned()));
    for diagnostic in &parsed.diagnostics {
        if let Some(span) = diagnostic.span {
            assert!(
                span.start <= span.end && span.end as usize <= text.len(),
                "{text:?}: {diagnostic:?}"
            );
            assert!(
                text.is_char_boundary(span.start as usize)
                    && text.is_char_boundary(span.end as usize),
                "{text:?}: {diagnostic:?}"
            );
        }
    }
    assert!(
        parsed.root.is_some() || !parsed.diagnostics.is_empty(),
        "{text:?}"
    );
}

/// Words that flows are made of.
const WORDS: &[&str] = &[
    "flow",
    "task",
    "variable",
    "import",
    "export",
    "\"a\"",
    "\"bash_run\"",
    "\"docker_run\"",
    "\"flow_run\"",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "=",
    ":",
    ",",
    "\n",
    "command",
    "path",
    "vars",
    "default",
    "_retry",
    "_depends_on",
    "task.bash_run.a.stdout",
    "var.a",
    "for",
    "in",
    "if",
    "=>",
    "...",
    "\"${",
    "}\"",
    "<<EOT\n",
    "EOT\n",
    "*",
    ".",
    "+",
    "1",
    "é",
    "#",
    "wait_fixed",
    "tojson",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        ends_well(&text);
    }

    #[test]
    fn any_words(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        ends_well(&words.join(" "));
        ends_well(&format!("flow \"f\" {{ task \"bash_run\" \"a\" {{ command = {} }} }}\n", words.join(" ")));
    }
}

#[test]
fn what_grows_without_bound_is_refused() {
    let mut tasks = String::new();
    for number in 1..60 {
        let before = number - 1;
        tasks.push_str(&format!(
            "task \"bash_run\" \"t{number}\" {{\n command = \"${{task.bash_run.t{before}.command}}${{task.bash_run.t{before}.command}}\"\n}}\n"
        ));
    }
    let doubling =
        format!("flow \"f\" {{\ntask \"bash_run\" \"t0\" {{\n command = \"x\"\n}}\n{tasks}}}\n");
    let begun = std::time::Instant::now();
    ends_well(&doubling);
    let parsed = read(&doubling, &Itself(String::new()));
    assert!(
        parsed
            .diagnostics
            .iter()
            .any(|found| found.message.contains("refers to itself")),
        "{:?}",
        parsed.diagnostics
    );
    ends_well(
        "flow \"f\" {\n task \"flow_run\" \"a\" { path = \"x\" }\n task \"flow_run\" \"b\" { path = \"x\" }\n}\n",
    );
    ends_well(&format!(
        "flow \"f\" {{ x = {}1{} }}\n",
        "(".repeat(500),
        ")".repeat(500)
    ));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
