//! What is chosen from a few: when images are pulled, how files travel, where the engine keeps what a container prints, and how its
//! health is found out.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::numbers::Interval;
use super::pairs::Pairs;
use super::scalar::{Item, Scalar, maybe, scalar};

/// When the image is pulled
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PullPolicy {
    /// Only where the engine does not have it
    #[default]
    IfNotPresent,
    /// Before every run, so that a moved tag is noticed
    Always,
    /// Never; a missing image is an error
    Never,
}

/// How files get into the container and back
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileHandlingStrategy {
    /// Files are copied into a volume and back; works with every engine
    Volume,
    /// The working directory of this machine is mounted; needs an engine that sees this machine's disk
    Mount,
}

/// Where the engine keeps what the container prints
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogConfig {
    /// Name of the log driver. `local` can be read again after a lost connection; `none` is fastest, and what is printed while the connection is lost stays lost
    #[serde(deserialize_with = "scalar")]
    #[schemars(example = &"none", example = &"local", example = &"json-file")]
    pub driver: String,
    /// Options of the driver
    #[serde(default)]
    pub options: Pairs<'='>,
}

impl LogConfig {
    /// Whether the engine can give out again what the container printed.
    pub fn is_readable(&self) -> bool {
        matches!(
            self.driver.as_str(),
            "local" | "json-file" | "journald" | "k8s-file"
        )
    }
}

/// How the engine finds out whether the container is healthy
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Healthcheck {
    /// The command: text for a shell, or a list that begins with `CMD` or `CMD-SHELL`; `["NONE"]` switches off that of the image
    #[serde(default)]
    pub test: Option<HealthTest>,
    /// Time between two checks, for example `30s`; 30 seconds where absent
    #[serde(default)]
    pub interval: Option<Interval>,
    /// How long one check may take; 30 seconds where absent
    #[serde(default)]
    pub timeout: Option<Interval>,
    /// How many checks in a row must fail; 3 where absent
    #[serde(default, deserialize_with = "maybe")]
    pub retries: Option<i64>,
    /// Time at the start in which failing checks do not count; none where absent
    #[serde(default)]
    pub start_period: Option<Interval>,
    /// Time between two checks in that time; 5 seconds where absent. Engines from API 1.44
    #[serde(default)]
    pub start_interval: Option<Interval>,
}

/// The command of a health check as the engine's interface has it: a list that begins with `CMD`, `CMD-SHELL` or `NONE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthTest(Vec<String>);

impl HealthTest {
    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

struct HealthTestVisitor;

impl<'de> Visitor<'de> for HealthTestVisitor {
    type Value = HealthTest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("text for a shell, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HealthTest, E> {
        let text = String::read(text).map_err(E::custom)?;
        Ok(HealthTest(vec!["CMD-SHELL".to_owned(), text]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<HealthTest, A::Error> {
        let mut words = Vec::new();
        while let Some(Item(word)) = items.next_element::<Item<String>>()? {
            words.push(word);
        }
        let first = words.first().map(String::as_str);
        let fits = match first {
            Some("NONE") => words.len() == 1,
            Some("CMD") => words.len() > 1,
            Some("CMD-SHELL") => words.len() == 2,
            _ => false,
        };
        if fits {
            Ok(HealthTest(words))
        } else {
            Err(de::Error::custom(
                "must begin with `CMD` and the words of a command, with `CMD-SHELL` and one text, or be `[\"NONE\"]`",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for HealthTest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HealthTestVisitor)
    }
}

impl JsonSchema for HealthTest {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HealthTest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn health_checks_are_text_or_words() {
        let check = |value: Value, expected: Option<&[&str]>| {
            let found: Option<HealthTest> = serde_json::from_value(value.clone()).ok();
            let found: Option<Vec<&str>> = found
                .as_ref()
                .map(|test| test.words().iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{value}");
        };
        check(
            json!("test -e /ready"),
            Some(&["CMD-SHELL", "test -e /ready"]),
        );
        check(json!(["CMD", "true"]), Some(&["CMD", "true"]));
        check(json!(["CMD-SHELL", "true"]), Some(&["CMD-SHELL", "true"]));
        check(json!(["NONE"]), Some(&["NONE"]));
        check(json!(["true"]), None);
        check(json!(["CMD"]), None);
        check(json!(["NONE", "x"]), None);
        check(json!([]), None);
        check(json!(5), None);
    }
}
