//! Every flow of the corpus goes through `validate`: accepted, or refused with exactly the messages of the committed table.
//!
//! The table shrinks as features arrive. `TAFFRAIL_BLESS=1 cargo test -p taffrail-core --test corpus` rewrites it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::common::{checker, code, words};
use taffrail_core::diagnostic::Source;
use taffrail_core::validate::{Checker, check};

#[test]
fn every_flow_is_accepted_or_refused_as_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let table = folder.join("expected.tsv");
    let checker = checker();
    let mut found = String::from("file\tverdict\tplace\tcode\tmessage\n");
    for file in flows(&folder) {
        let name = file.strip_prefix(&folder).expect("below the folder");
        let name = name.to_str().expect("a plain name").replace('\\', "/");
        let text = std::fs::read_to_string(&file).expect("readable");
        let first = rows(&name, &text, &checker);
        assert_eq!(
            first,
            rows(&name, &text, &checker),
            "{name} is not answered alike twice"
        );
        found.push_str(&first);
    }
    if std::env::var_os("TAFFRAIL_BLESS").is_some() {
        std::fs::write(&table, &found).expect("written");
    }
    let expected = std::fs::read_to_string(&table).unwrap_or_default();
    for (line, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "line {} of {}", line + 1, table.display());
    }
    assert_eq!(
        expected.lines().count(),
        found.lines().count(),
        "{}",
        table.display()
    );
}

/// Cut anywhere, or with any line left out, a flow is refused or accepted, and nothing panics.
#[test]
fn damaged_flows_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let checker = checker();
    for file in flows(&folder).into_iter().step_by(5) {
        let text = std::fs::read_to_string(&file).expect("readable");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for left_out in 0..lines.len() {
            let damaged: String = lines
                .iter()
                .enumerate()
                .filter(|(number, _)| *number != left_out)
                .map(|(_, line)| *line)
                .collect();
            check(&damaged, &checker);
        }
        for end in (0..text.len()).step_by(17) {
            check(&text[..text.floor_char_boundary(end)], &checker);
        }
    }
}

fn rows(name: &str, text: &str, checker: &Checker) -> String {
    let checked = check(text, checker);
    let source = Source::new(name, text);
    let verdict = if checked.is_good() {
        "accepted"
    } else {
        "refused"
    };
    let mut rows = String::new();
    if checked.diagnostics.is_empty() {
        writeln!(rows, "{name}\t{verdict}\t\t\t").expect("a string");
    }
    for diagnostic in &checked.diagnostics {
        let place = diagnostic.span.map_or(String::new(), |span| {
            let position = source.position(span.start);
            format!("{}:{}", position.line, position.column)
        });
        writeln!(
            rows,
            "{name}\t{verdict}\t{place}\t{}\t{}",
            code(diagnostic),
            words(diagnostic)
        )
        .expect("a string");
    }
    rows
}

fn flows(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 80, "the corpus is there");
    found
}
