//! Names with values, written as a map or as a list of texts.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalar::Item;

/// Names with values in the order in which they are written: a map, or a list of `name=value`, or of what else separates the two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs<const SEPARATOR: char> {
    pairs: Vec<(String, String)>,
    listed: bool,
}

impl<const SEPARATOR: char> Pairs<SEPARATOR> {
    /// The names and values. A name that stands alone in a list has an empty value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same, each with the last part of the JSON pointer to it.
    pub fn entries(&self) -> impl Iterator<Item = (String, &str, &str)> {
        self.iter().enumerate().map(|(index, (name, value))| {
            let key = if self.listed {
                index.to_string()
            } else {
                name.replace('~', "~0").replace('/', "~1")
            };
            (key, name, value)
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

struct PairsVisitor<const SEPARATOR: char>;

impl<'de, const SEPARATOR: char> Visitor<'de> for PairsVisitor<SEPARATOR> {
    type Value = Pairs<SEPARATOR>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a map, or a list of `name{SEPARATOR}value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            pairs.push((name, map.next_value::<Item<String>>()?.0));
        }
        Ok(Pairs {
            pairs,
            listed: false,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(Item(text)) = items.next_element::<Item<String>>()? {
            let (name, value) = text.split_once(SEPARATOR).unwrap_or((&text, ""));
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(Pairs {
            pairs,
            listed: true,
        })
    }
}

impl<'de, const SEPARATOR: char> Deserialize<'de> for Pairs<SEPARATOR> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor::<SEPARATOR>)
    }
}

impl<const SEPARATOR: char> schemars::JsonSchema for Pairs<SEPARATOR> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pairs".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } },
                { "type": "array", "items": { "type": "string" } },
            ],
        })
    }
}
