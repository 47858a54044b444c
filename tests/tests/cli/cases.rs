//! Every folder of `tests/cases`.

use std::path::Path;

#[test]
fn every_case_prints_what_it_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() > 5, "cases in {}: {cases:?}", folder.display());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| taffrail_tests::cases::check(case).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
