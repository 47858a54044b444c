//! The collected flows, at the command line.

use std::path::{Path, PathBuf};

use taffrail_tests::cli::World;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            found.push(path);
        }
    }
}

/// Which of them are valid is a table beside them; here no file may end the program before the others were looked at.
#[test]
fn all_flows_are_judged_in_one_call() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/core/tests/corpus");
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(
        !paths.is_empty(),
        "there are no flows in {}",
        folder.display()
    );
    let world = World::cold();
    let mut arguments = vec![PathBuf::from("validate"), "--format".into(), "json".into()];
    arguments.extend(paths.iter().cloned());
    let finished = world.taffrail(arguments);
    assert!(matches!(finished.code(), Some(3 | 6)), "{finished}");
    let report = finished.json();
    assert_eq!(report["files"], paths.len());
    assert!(
        report["invalid"].as_u64() < Some(paths.len() as u64),
        "not one flow is valid: {finished}"
    );
}
