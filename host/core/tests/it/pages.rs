//! The page of every code shows what it is about: its wrong example is told of under that code, its right one is not.

use crate::common::checker;
use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::lint::{Strictness, lint};
use taffrail_core::validate::{Checker, check};

/// Codes that only a run, a plugin or what is given beside the flow can raise, and those that no short example has.
const WITHOUT_EXAMPLE: &[Code] = &[
    Code::ExpressionFailed,
    Code::Input,
    Code::PluginRefused,
    Code::PluginRemark,
    Code::ShortSecret,
    Code::MissingSecret,
    Code::UnusedSecret,
    Code::TaskFailed,
    Code::DamagedLock,
    Code::NotLocked,
    Code::ChangedPlugin,
    Code::Refused,
    Code::NotYet,
    // Those of another language than YAML.
    Code::HclSyntax,
    Code::HclUnsupported,
    // One file alone calls nothing.
    Code::WrongCall,
    Code::NewerStore,
    Code::DamagedStore,
    Code::UnsafeStore,
    Code::FailedStore,
];

#[test]
fn the_examples_of_every_page_are_what_they_say() {
    let checker = checker();
    for code in Code::ALL {
        let wrong = example(code.page(), "Wrong:");
        let right = example(code.page(), "Right:");
        if WITHOUT_EXAMPLE.contains(code) {
            assert!(
                wrong.is_none() && right.is_none(),
                "{code} has an example after all"
            );
            continue;
        }
        let wrong = wrong.unwrap_or_else(|| panic!("{code} shows nothing wrong"));
        let right = right.unwrap_or_else(|| panic!("{code} shows nothing right"));
        let strict = *code == Code::UnpinnedVersion;
        let found = all(&wrong, &checker, strict);
        assert!(
            found.iter().any(|found| found.code == *code),
            "{code}: {found:?}\n{wrong}"
        );
        let others: Vec<&Diagnostic> = found.iter().filter(|found| found.code != *code).collect();
        assert!(others.is_empty(), "{code}: {others:?}\n{wrong}");
        let found = all(&right, &checker, strict);
        assert!(found.is_empty(), "{code}: {found:?}\n{right}");
    }
}

fn all(text: &str, checker: &Checker, strict: bool) -> Vec<Diagnostic> {
    let checked = check(text, checker);
    let mut found = checked.diagnostics;
    if let Some(flow) = &checked.flow {
        found.extend(lint(flow, text, Strictness { strict }));
    }
    found
}

fn example(page: &str, heading: &str) -> Option<String> {
    let (_, after) = page.split_once(&format!("\n{heading}\n\n```yaml\n"))?;
    let (example, _) = after.split_once("\n```")?;
    Some(format!("{example}\n"))
}
