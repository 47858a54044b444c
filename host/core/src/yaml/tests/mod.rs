//! What a whole text gives: messages for people, refusal of what is written to hurt, agreement with another reader.

mod hostile;
mod messages;
mod second_reader;

use std::path::Path;

/// The names and texts of the flows of the corpus.
fn corpus() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"),
        &mut files,
    );
    files.sort();
    assert!(files.len() > 50, "the corpus is there");
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the corpus is there") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let text = std::fs::read_to_string(&path).expect("a readable flow");
            files.push((path.display().to_string(), text));
        }
    }
}
