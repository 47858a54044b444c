//! Whatever text comes from outside, reading it ends with a value or words, never with a panic.

use std::sync::LazyLock;

use crate::common::checker;
use proptest::prelude::*;
use taffrail_core::duration;
use taffrail_core::validate::{Checker, check};
use taffrail_core::version::VersionPin;

static CHECKER: LazyLock<Checker> = LazyLock::new(checker);

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn versions_and_durations(text in "\\PC{0,24}|[0-9.^~<>=,vx* +a-z-]{0,16}|-?[PpTt0-9DHMSWY.,-]{0,14}") {
        let _ = VersionPin::parse(&text);
        let pattern_allows = jsonschema_pattern(&text);
        if duration::parse(&text).is_ok() && !text.starts_with('+') && text == text.trim() {
            prop_assert!(pattern_allows, "the schema refuses `{text}`, which is read");
        }
    }

    #[test]
    fn flows_of_any_shape(
        key in "id|namespace|tasks|inputs|labels|variables|pluginDefaults|outputs|errors|taskRunner|env|type|commands|[a-z]{1,8}",
        value in "\\PC{0,12}|\\[[a-z, ]{0,9}\\]|\\{[a-z]: [a-z0-9]?\\}|\"\\{\\{ [a-z.|' ()~\\[\\]]{0,14} \\}\\}\"|[0-9.]{0,6}|",
        indent in 0_usize..8,
    ) {
        let blanks = " ".repeat(indent);
        let text = format!("id: a\nnamespace: b\ntasks:\n  - id: t\n    type: io.kestra.plugin.scripts.shell.Commands\n    commands: [a]\n{blanks}{key}: {value}\n");
        let first = check(&text, &CHECKER);
        let second = check(&text, &CHECKER);
        prop_assert_eq!(first.diagnostics, second.diagnostics);
    }
}

fn jsonschema_pattern(text: &str) -> bool {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .build(&serde_json::json!({ "type": "string", "pattern": duration::PATTERN }))
            .expect("a good pattern")
    });
    VALIDATOR.is_valid(&serde_json::json!(text))
}
