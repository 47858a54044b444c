//! A JSON Schema of a plugin, as text until it is asked for: a flow uses few of the types that are installed.

use std::ops::Deref;
use std::sync::{LazyLock, OnceLock};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A schema that is an object. It is read when it is first looked at.
#[derive(Debug, Clone)]
pub struct SchemaText {
    text: Box<RawValue>,
    read: OnceLock<Map<String, Value>>,
}

impl SchemaText {
    /// Reads it, so that looking at it later finds all that the text says.
    ///
    /// # Errors
    /// When it is JSON that this program has no form for: a number that is too large, or values within values too deep. Looked at without
    /// this, such a schema is empty; whoever takes one from outside calls this first.
    pub fn read(&self) -> Result<&Map<String, Value>, serde_json::Error> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let read = serde_json::from_str(self.text.get())?;
        Ok(self.read.get_or_init(|| read))
    }
}

impl Deref for SchemaText {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.read().unwrap_or(&EMPTY)
    }
}

impl<'de> Deserialize<'de> for SchemaText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        if !text.get().starts_with('{') {
            return Err(D::Error::custom("a schema must be an object"));
        }
        Ok(Self {
            text,
            read: OnceLock::new(),
        })
    }
}

impl Serialize for SchemaText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Map::serialize(self, serializer)
    }
}

impl PartialEq for SchemaText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_when_it_is_looked_at() {
        let text = r#"{"type": "object", "x": [1, {"y": null}]}"#;
        let schema: SchemaText = serde_json::from_str(text).unwrap();
        assert!(schema.read.get().is_none());
        assert_eq!(schema.get("type"), Some(&Value::from("object")));
        assert!(schema.read.get().is_some());
        let plain: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&schema).unwrap(), plain);
        assert_eq!(serde_json::from_value::<SchemaText>(plain).unwrap(), schema);
    }

    #[test]
    fn what_is_no_object_or_has_no_form_is_told() {
        for text in ["[]", "true", "\"{}\"", "7"] {
            let error = serde_json::from_str::<SchemaText>(text).unwrap_err();
            assert!(error.to_string().contains("must be an object"), "{error}");
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in ["{\"x\": 1e999}", &deep] {
            let schema: SchemaText = serde_json::from_str(text).unwrap();
            assert!(schema.read().is_err(), "{text}");
            assert!(schema.is_empty());
        }
    }
}
