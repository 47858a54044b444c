//! What reads bytes that anybody may have written, as functions of these bytes: none of them may panic, hang or change its mind.
//!
//! `tests/fuzz/run.sh` looks for bytes that make them, with libFuzzer; a test tries the bytes that were kept and changed copies of them.

use std::fs;
use std::sync::{Arc, LazyLock};

use taffrail_core::descriptor::Descriptor;
use taffrail_core::output::{Frame, LineSplitter, MarkerScanner, Masker, Segment};
use taffrail_core::validate::{Checker, check};
use taffrail_expr::{Arguments, Environment, Limits, Template, Value};
use taffrail_store::log::{LogReader, Read};
use taffrail_wasm::Sandbox;

/// A function that reads bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names of their folders in `tests/fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("archive", archive),
    ("expression", expression),
    ("flow", flow),
    ("log", log),
    ("plugin", plugin),
    ("protocol", protocol),
];

/// A flow, checked twice.
pub fn flow(bytes: &[u8]) {
    static CHECKER: LazyLock<Checker> = LazyLock::new(|| {
        Checker::new(
            Vec::<Arc<Descriptor>>::new(),
            taffrail_runner::registry::fragments(),
        )
    });
    let text = String::from_utf8_lossy(bytes);
    let first = check(&text, &CHECKER).diagnostics;
    for diagnostic in &first {
        let wrong = diagnostic
            .span
            .filter(|span| span.start > span.end || span.end as usize > text.len());
        assert!(wrong.is_none(), "{diagnostic:?}");
    }
    assert_eq!(first, check(&text, &CHECKER).diagnostics);
}

struct World;

impl Environment for World {
    fn variable(&self, name: &str) -> Option<Value> {
        let json = match name {
            "inputs" => {
                serde_json::json!({"a": 1, "s": "text", "l": [1, "x", null], "m": {"k": [1.5]}})
            }
            "outputs" => serde_json::json!({"t": {"vars": {"x": "2024-02-30"}}}),
            _ => return None,
        };
        Some(Value::from_json(&json))
    }

    fn names(&self) -> Vec<String> {
        vec!["inputs".to_owned(), "outputs".to_owned()]
    }

    fn function(&self, name: &str, arguments: &Arguments) -> Option<Result<Value, String>> {
        (name == "secret").then(|| match arguments.get(0, "key") {
            Some(_) => Ok(Value::text("hush").tainted("x")),
            None => Err("it needs a key".to_owned()),
        })
    }

    fn function_names(&self) -> Vec<String> {
        vec!["secret".to_owned()]
    }
}

/// A text with expressions, rendered and evaluated.
pub fn expression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let limits = Limits::default();
    match Template::parse(&text) {
        Err(errors) => assert!(!errors.is_empty()),
        Ok(template) => {
            if let Err(error) = template.render(&World, &limits) {
                assert!(error.span.end <= text.len(), "{error:?}");
            }
            let _ = template.evaluate(&World, &limits);
        }
    }
}

/// What a task prints: the first byte says where the rest is cut in two. How it is cut changes nothing.
pub fn protocol(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(cut).min(bytes.len());
    let whole = said(&[bytes]);
    assert_eq!(whole, said(&[&bytes[..cut], &bytes[cut..]]));
    let masker = Masker::new();
    masker.add(["secret-value".to_owned(), "an\nother\nsecret".to_owned()]);
    let masked = |pieces: &[&[u8]]| {
        let mut stream = masker.stream();
        let mut out = Vec::new();
        for piece in pieces {
            stream.push(piece, |bytes| out.extend_from_slice(bytes));
        }
        stream.finish(|bytes| out.extend_from_slice(bytes));
        out
    };
    let whole = masked(&[bytes]);
    assert!(!whole.windows(12).any(|window| window == b"secret-value"));
    assert_eq!(whole, masked(&[&bytes[..cut], &bytes[cut..]]));
}

/// Text and frames of an output that comes in these pieces, with the blocks of the text joined.
fn said(pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
    let mut splitter = LineSplitter::default();
    let mut markers = MarkerScanner::default();
    let (mut text, mut frames) = (Vec::new(), Vec::new());
    let mut take = |segment: Segment<'_>| match segment {
        Segment::Text(bytes) => text.extend_from_slice(bytes),
        Segment::Marker { json, .. } => {
            frames.push(
                Frame::parse(json).map_or_else(|reason| reason, |frame| format!("{frame:?}")),
            );
        }
        Segment::OversizedMarker => frames.push("oversized".to_owned()),
    };
    for piece in pieces {
        splitter.push(piece, |block| markers.scan(block, &mut take));
    }
    splitter.finish(|block| markers.scan(block, &mut take));
    (text, frames)
}

/// The log of an execution.
pub fn log(bytes: &[u8]) {
    with_file(bytes, |path| {
        let Ok(mut reader) = LogReader::open(path) else {
            return;
        };
        let first = reader.position();
        let mut position = first;
        while let Ok(Read::Frame(_)) = reader.read() {
            assert!(reader.position() > position);
            position = reader.position();
        }
        assert!(position <= first.max(bytes.len() as u64));
    });
}

/// The archive that a container's directory comes in.
pub fn archive(bytes: &[u8]) {
    let folder = scratch();
    let into = folder.path().join("into");
    fs::create_dir(&into).expect("a new folder");
    fs::write(folder.path().join("outside"), "untouched").expect("a new file");
    let _ = taffrail_runner::docker::read_archive_of(bytes, &into);
    let outside = fs::read_to_string(folder.path().join("outside")).expect("it is there");
    assert_eq!(outside, "untouched");
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 2, "something was written outside");
}

/// A file that is said to be a plugin.
pub fn plugin(bytes: &[u8]) {
    static SANDBOX: LazyLock<Arc<Sandbox>> =
        LazyLock::new(|| Arc::new(Sandbox::new(taffrail_wasm::Limits::default())));
    if let Err(error) = taffrail_wasm::inspect(&SANDBOX, bytes, &[]) {
        let words = error.to_string();
        assert!(!words.is_empty());
        assert!(!words.contains(['\u{1b}', '\u{7}']), "{words:?}");
    }
}

fn scratch() -> tempfile::TempDir {
    // In memory where that is: the disk is not what is tried.
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a scratch folder")
}

fn with_file(bytes: &[u8], look: impl FnOnce(&std::path::Path)) {
    let folder = scratch();
    let path = folder.path().join("file");
    fs::write(&path, bytes).expect("a new file");
    look(&path);
}
