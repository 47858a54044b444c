//! Limits of processor time, memory and open things.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::numbers::{Cpus, Percent};
use super::scalar::{Scalar, maybe};
use super::size::{Size, SwapSize};

/// Limits of processor time
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cpu {
    /// How many processors the container may use at most, fractions allowed, for example `1.5`; no limit where absent
    #[serde(default)]
    pub cpus: Option<Cpus>,
}

/// Limits of memory
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Memory {
    /// The most memory that the container may use, at least `6MB`; no limit where absent. A number and a unit that counts in 1024s, in letters of any case
    #[serde(default)]
    pub memory: Option<Size>,
    /// Memory and swap together: the same as `memory` is no swap, `-1` is all that the host has. Twice `memory` where absent
    #[serde(default)]
    pub memory_swap: Option<SwapSize>,
    /// Soft limit, less than `memory`, that the kernel aims at when memory runs low
    #[serde(default)]
    pub memory_reservation: Option<Size>,
    /// How readily memory of the container is swapped, from 0 to 100; as the host has it where absent. Without effect on hosts with cgroup v2
    #[serde(default)]
    pub memory_swappiness: Option<Percent>,
    /// Kernel memory. Engines and kernels have given this limit up: it is read, not sent, and a warning says so
    #[serde(default)]
    pub kernel_memory: Option<Size>,
    /// Whether the kernel leaves the container's processes alone when their memory is used up; they wait then. Only with `memory`. Without effect on hosts with cgroup v2
    #[serde(default, deserialize_with = "maybe")]
    pub oom_kill_disable: Option<bool>,
}

/// A limit that every process of the container has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Name of the limit: `nofile`, `nproc`.
    pub name: UlimitName,
    /// What processes have; they may raise it up to `hard`.
    pub soft: i64,
    /// The most that they can have.
    pub hard: i64,
}

/// The names that the engine knows.
const NAMES: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Name of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UlimitName(&'static str);

impl UlimitName {
    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Scalar for UlimitName {
    const WHAT: &'static str = "the name of a limit such as `nofile` or `nproc`";

    fn read(text: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|name| **name == text);
        known.map(|name| UlimitName(name)).ok_or_else(|| {
            format!(
                "has the limit `{text}`; limits are {}",
                NAMES.map(|name| format!("`{name}`")).join(", ")
            )
        })
    }
}

/// A value of a limit; -1 is none.
struct UlimitValue(i64);

impl Scalar for UlimitValue {
    const WHAT: &'static str = "a whole number, or `-1` for no limit";

    fn read(text: &str) -> Result<Self, String> {
        match i64::read(text) {
            Ok(value) if value >= -1 => Ok(UlimitValue(value)),
            _ if text == "unlimited" => Ok(UlimitValue(-1)),
            _ => Err(format!(
                "has the value `{text}`, which must be {}",
                Self::WHAT
            )),
        }
    }
}

impl Scalar for Ulimit {
    const WHAT: &'static str = "a limit as `name=soft[:hard]`, for example `nofile=1024:4096`";

    fn read(text: &str) -> Result<Self, String> {
        let (name, values) = text.split_once('=').ok_or_else(String::new)?;
        let (soft, hard) = values.split_once(':').unwrap_or((values, values));
        Ulimit::new(
            UlimitName::read(name)?,
            UlimitValue::read(soft)?.0,
            UlimitValue::read(hard)?.0,
        )
    }
}

impl Ulimit {
    fn new(name: UlimitName, soft: i64, hard: i64) -> Result<Self, String> {
        if hard != -1 && (soft == -1 || soft > hard) {
            return Err(format!(
                "has a soft limit of {soft} above the hard limit of {hard}"
            ));
        }
        Ok(Ulimit { name, soft, hard })
    }
}

struct UlimitVisitor;

impl<'de> Visitor<'de> for UlimitVisitor {
    type Value = Ulimit;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}, or a map of `name`, `soft` and `hard`",
            Ulimit::WHAT
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Ulimit, E> {
        Ulimit::read(text).map_err(|why| {
            E::custom(if why.is_empty() {
                format!("must be {}, not `{text}`", Ulimit::WHAT)
            } else {
                why
            })
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ulimit, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            #[serde(deserialize_with = "super::scalar::scalar")]
            name: UlimitName,
            #[serde(deserialize_with = "super::scalar::scalar")]
            soft: UlimitValue,
            #[serde(default, deserialize_with = "maybe")]
            hard: Option<UlimitValue>,
        }
        let long = Long::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let hard = long.hard.map_or(long.soft.0, |hard| hard.0);
        Ulimit::new(long.name, long.soft.0, hard).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UlimitVisitor)
    }
}

impl JsonSchema for Ulimit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ulimit".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                {
                    "type": "string",
                    "pattern": "^[a-z]+=(-1|[0-9]+|unlimited)(:(-1|[0-9]+|unlimited))?$",
                    "patternErrorMessage": "Write a limit as name=soft[:hard], for example nofile=1024:4096.",
                    "x-what": Ulimit::WHAT,
                    "examples": ["nofile=1024:4096"],
                },
                {
                    "type": "object",
                    "properties": {
                        "name": { "type": "string", "enum": NAMES, "description": "Name of the limit" },
                        "soft": { "type": ["integer", "string"], "description": "What processes have; `-1` is no limit" },
                        "hard": { "type": ["integer", "string"], "description": "How far they may raise it; the same as `soft` where absent" },
                    },
                    "required": ["name", "soft"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn limits_are_read_in_both_forms() {
        let check = |value: Value, expected: Result<(&str, i64, i64), &str>| {
            let found: Result<Ulimit, _> = serde_json::from_value(value.clone());
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(
                        (found.name.as_str(), found.soft, found.hard),
                        expected,
                        "{value}"
                    );
                }
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{value}: {error}");
                }
                (found, _) => panic!("{value}: {found:?}"),
            }
        };
        check(json!("nofile=1024:4096"), Ok(("nofile", 1024, 4096)));
        check(json!("nproc=10"), Ok(("nproc", 10, 10)));
        check(json!("core=-1"), Ok(("core", -1, -1)));
        check(json!("core=0:unlimited"), Ok(("core", 0, -1)));
        check(
            json!({"name": "nofile", "soft": 1, "hard": "2"}),
            Ok(("nofile", 1, 2)),
        );
        check(json!({"name": "nofile", "soft": 1}), Ok(("nofile", 1, 1)));
        check(json!("nofile"), Err("as `name=soft[:hard]`"));
        check(
            json!("files=1"),
            Err("the limit `files`; limits are `core`"),
        );
        check(json!("nofile=many"), Err("the value `many`"));
        check(json!("nofile=-2"), Err("the value `-2`"));
        check(json!("nofile=2:1"), Err("above the hard limit"));
        check(json!("nofile=-1:1"), Err("above the hard limit"));
        check(json!({"name": "nofile"}), Err("missing field `soft`"));
        check(json!(5), Err("a map of `name`"));
    }
}
