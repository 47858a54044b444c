//! Three judges of one flow: `taffrail validate`, the schema under a validator, the schema under the language server. They agree, but for
//! what is listed here.
//!
//! Flows of the corpus, the seeds and the examples are taken as they are, and with one slip each: a key misspelt, a key of another type, a
//! key left out, a value of the wrong type.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use taffrail_tests::cli::World;
use taffrail_tests::editor::{Probe, editor};

use crate::support::written;

/// Codes that speak of more than shape, so that no schema can know: they are left out of the comparison, and so are flows that have
/// nothing else wrong.
const BEYOND_SHAPE: [&str; 13] = [
    // Expressions, references, ids that must differ, and what an input makes of its default.
    "TF0203", "TF0204", "TF0209", "TF0301", "TF0302", "TF0401",
    // What this version does not run; the schema has the flow language's own keys.
    "TF0901", "TF0902", // Warnings and remarks.
    "TF0105", "TF0502", "TF0801", "TF0802", "TF0804",
];

/// So many slips are tried in each flow, where they can be made.
const SLIPS: usize = 6;

/// How judges may differ, each with its reason. Whoever finds another difference has found a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// A scalar that spells what is wanted is taken for it when the flow is read, as the original does: `script: 5` is the text `5`, `"true"` is true.
    /// An editor asks for the right type.
    SpelledScalar,
    /// A default of `pluginDefaults` gives the key that the task lacks. A schema sees one task at a time.
    DefaultedKey,
    /// The type belongs to a plugin that is not installed, to a flowable or to a core task: the message is that, and what is inside is not looked at.
    ForeignType,
    /// Keys that each are right and together are not, and what lies inside of a text. A schema of this size cannot say it.
    Content,
}

/// What `validate` says of those.
const CONTENT: [&str; 8] = [
    "must be a list, a map, or a JSON text of one",
    "there is no output type",
    "needs the key `values` or `expression`",
    "no value is between",
    "is not a usable file pattern",
    "a file cannot be called so",
    "and needs `memory.memory` beside it",
    "a retry of type ",
];

struct Judged {
    name: String,
    text: String,
    /// The codes of the errors of `validate` that speak of shape.
    host: Vec<String>,
}

fn flows(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            flows(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
}

/// What somebody does to a flow; proptest chooses.
#[derive(Debug, Clone)]
struct Slip {
    what: What,
    /// Which of the lines with a key.
    line: Index,
    /// Which letter of the key.
    letter: Index,
}

#[derive(Debug, Clone, Copy)]
enum What {
    LetterTooMany(char),
    LetterTooFew,
    KeyLeftOut,
    List,
    Words,
    ForeignKey(&'static str),
}

fn slips() -> impl Strategy<Value = Slip> {
    const FOREIGN: [&str; 6] = [
        "pullPolicy",
        "script",
        "commands",
        "itemType",
        "cases",
        "fooBar",
    ];
    let what = prop_oneof![
        proptest::char::range('a', 'z').prop_map(What::LetterTooMany),
        Just(What::LetterTooFew),
        Just(What::KeyLeftOut),
        Just(What::List),
        Just(What::Words),
        proptest::sample::select(&FOREIGN[..]).prop_map(What::ForeignKey),
    ];
    (what, any::<Index>(), any::<Index>()).prop_map(|(what, line, letter)| Slip {
        what,
        line,
        letter,
    })
}

/// One slip in a text, by lines: only block style is touched, which is what the corpus has.
fn with_slip(text: &str, slip: &Slip) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let keys: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| {
            let content = line.trim_start_matches([' ', '-']);
            content.split_once(':').is_some_and(|(key, _)| {
                !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
        })
        .map(|(at, _)| at)
        .collect();
    if keys.is_empty() {
        return None;
    }
    let at = *slip.line.get(&keys);
    let line = lines[at].clone();
    let (before, value) = line.split_once(':')?;
    let start = before.len() - before.trim_start_matches([' ', '-']).len();
    let (lead, key) = before.split_at(start);
    let simple = !value.trim().is_empty() && !value.trim_start().starts_with(['|', '>', '&', '*']);
    let mut letters: Vec<char> = key.chars().collect();
    match slip.what {
        What::LetterTooMany(letter) => {
            letters.insert(slip.letter.index(letters.len()), letter);
            lines[at] = format!("{lead}{}:{value}", letters.into_iter().collect::<String>());
        }
        What::LetterTooFew => {
            if letters.len() < 3 {
                return None;
            }
            letters.remove(slip.letter.index(letters.len()));
            lines[at] = format!("{lead}{}:{value}", letters.into_iter().collect::<String>());
        }
        What::KeyLeftOut if simple && !lead.contains('-') => {
            lines.remove(at);
        }
        What::List if simple => lines[at] = format!("{lead}{key}: [1, {{a: b}}]\n"),
        What::Words if simple => lines[at] = format!("{lead}{key}: nonsense\n"),
        What::KeyLeftOut | What::List | What::Words => return None,
        What::ForeignKey(foreign) => {
            let blanks = " ".repeat(lead.len());
            lines[at] = format!("{lead}{foreign}: zz\n{blanks}{key}:{value}");
        }
    }
    Some(lines.concat())
}

#[test]
fn the_judges_agree() {
    let Some(mut editor) = editor("the_judges_agree") else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    flows(&root.join("../host/core/tests/corpus"), &mut files);
    flows(&root.join("../examples"), &mut files);
    assert!(files.len() > 80);
    // The seed is proptest's own, so that a tree can be tried with others: `PROPTEST_RNG_SEED`.
    let mut runner = TestRunner::default();
    let strategy = slips();
    let mut texts: Vec<(String, String)> = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // The schema that a file names itself would win over the one under test.
        let text = std::fs::read_to_string(file)
            .unwrap()
            .replace("yaml-language-server:", "was:");
        for _ in 0..SLIPS {
            let slip = strategy.new_tree(&mut runner).unwrap().current();
            if let Some(text) = with_slip(&text, &slip) {
                texts.push((format!("{name} with {slip:?}"), text));
            }
        }
        texts.push((name, text));
    }
    let judged = by_host(&texts);
    let written = written();
    let validator = jsonschema::draft7::new(&written.flow()).unwrap();
    let schema = editor.schema(&written.flow_path());
    let probes: Vec<Probe> = judged
        .iter()
        .map(|flow| Probe {
            text: flow.text.clone(),
            ..Probe::default()
        })
        .collect();
    let shown = editor.show(&schema, &probes);
    let mut differences: BTreeMap<Difference, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (flow, shown) in judged.iter().zip(&shown) {
        let Ok(value) = serde_yaml::from_str::<Value>(&flow.text) else {
            continue;
        };
        let by_schema: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} {error:.120}", error.instance_path()))
            .collect();
        let by_editor: Vec<String> = shown
            .diagnostics
            .iter()
            .map(|one| format!("{}:{} {:.120}", one.line, one.column, one.message))
            .collect();
        // What is wrong with the YAML itself is no matter of the schema.
        let twice = by_editor
            .iter()
            .any(|message| message.contains("Map keys must be unique"));
        if by_schema.is_empty() != by_editor.is_empty() && !twice {
            wrong.push(format!(
                "{}: the two readers of the schema differ\n  {by_schema:?}\n  {by_editor:?}",
                flow.name
            ));
        }
        if flow.host.is_empty() != by_editor.is_empty() {
            match known(flow, &value, &by_editor) {
                Some(difference) => *differences.entry(difference).or_default() += 1,
                None => wrong.push(format!(
                    "{}:\n  validate {:?}\n  editor {by_editor:?}\n{}",
                    flow.name, flow.host, flow.text
                )),
            }
        }
    }
    println!("{} flows, known differences: {differences:?}", judged.len());
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        judged.len(),
        wrong.join("\n")
    );
}

/// What `validate` says of all of them, in one call.
fn by_host(texts: &[(String, String)]) -> Vec<Judged> {
    let world = World::cold();
    for (number, (_, text)) in texts.iter().enumerate() {
        world.write(&format!("flows/{number:05}.yaml"), text);
    }
    let finished = world.taffrail(["validate", "--format", "json", "flows"]);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in report["diagnostics"].as_array().unwrap() {
        let code = found["code"].as_str().unwrap();
        if found["severity"] == json!("error") && !BEYOND_SHAPE.contains(&code) {
            codes
                .entry(found["file"].as_str().unwrap().to_owned())
                .or_default()
                .push(format!(
                    "{}:{} {code} {}",
                    found["line"], found["column"], found["message"]
                ));
        }
    }
    texts
        .iter()
        .enumerate()
        .map(|(number, (name, text))| Judged {
            name: name.clone(),
            text: text.clone(),
            host: codes
                .remove(&format!("flows/{number:05}.yaml"))
                .unwrap_or_default(),
        })
        .collect()
}

/// Whether a difference is one of those that are meant.
fn known(flow: &Judged, value: &Value, by_editor: &[String]) -> Option<Difference> {
    let says = |part: &str| by_editor.iter().any(|message| message.contains(part));
    if flow.host.is_empty() {
        let foreign = [
            "No installed plugin has this task type",
            "There is no such task runner",
        ];
        if foreign.iter().any(|part| says(part)) {
            return Some(Difference::ForeignType);
        }
        if value
            .get("pluginDefaults")
            .or(value.get("taskDefaults"))
            .is_some()
            && says("Missing property")
        {
            return Some(Difference::DefaultedKey);
        }
        let typed = ["Incorrect type", "Allowed:", "Quote the version", "Write a"];
        if by_editor
            .iter()
            .all(|message| typed.iter().any(|part| message.contains(part)))
        {
            return Some(Difference::SpelledScalar);
        }
    } else if flow
        .host
        .iter()
        .all(|told| CONTENT.iter().any(|part| told.contains(part)))
    {
        return Some(Difference::Content);
    }
    None
}
