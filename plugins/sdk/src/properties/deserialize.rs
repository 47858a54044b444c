//! serde over [`Value`], strict about types: no number becomes a text, and no floating point gets into a guest that asks for none.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::json::Value;
use crate::types::PlanError;

/// A complaint on its way up, gathering the pointer as it goes.
#[derive(Debug)]
pub(super) struct Error {
    rule: &'static str,
    message: String,
    pointer: String,
}

impl Error {
    pub(super) fn new(rule: &'static str, message: String) -> Self {
        Error {
            rule,
            message,
            pointer: String::new(),
        }
    }

    pub(super) fn wrong_type(expected: &str, found: &Value) -> Self {
        Error::new(
            "wrong-type",
            ["expected ", expected, ", found ", found.kind()].concat(),
        )
    }

    /// Puts the step that led to the place of the error before its pointer.
    pub(super) fn under(mut self, step: &str) -> Self {
        self.pointer = [
            "/",
            &step.replace('~', "~0").replace('/', "~1"),
            &self.pointer,
        ]
        .concat();
        self
    }

    pub(super) fn into_plan_error(self, plugin: &str) -> PlanError {
        PlanError::property(
            [plugin, "/", self.rule].concat(),
            self.pointer,
            self.message,
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub(super) fn names(allowed: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in allowed.iter().enumerate() {
        text.push_str(if index == 0 { "`" } else { ", `" });
        text.push_str(name);
        text.push('`');
    }
    text
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new("invalid-value", message.to_string())
    }

    fn invalid_type(_found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Error::new("wrong-type", ["expected ", &expected.to_string()].concat())
    }

    fn invalid_value(_found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Error::new(
            "invalid-value",
            ["expected ", &expected.to_string()].concat(),
        )
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        Error::new(
            "invalid-value",
            ["`", found, "` is not one of ", &names(allowed)].concat(),
        )
    }

    fn unknown_field(found: &str, allowed: &'static [&'static str]) -> Self {
        // The pointer step for the key is added by `Entries`, which knows that it was reading one.
        Error::new(
            "unknown-property",
            [
                "unknown property `",
                found,
                "`, allowed are ",
                &names(allowed),
            ]
            .concat(),
        )
    }

    fn missing_field(name: &'static str) -> Self {
        Error::new(
            "missing-property",
            ["property `", name, "` is missing"].concat(),
        )
        .under(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Error::new(
            "invalid-value",
            ["property `", name, "` stands twice"].concat(),
        )
        .under(name)
    }
}

/// Reads one value into what serde asks for.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de>(pub(super) &'de Value);

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $expected:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let Value::Number(text) = self.0 else {
                return Err(Error::wrong_type($expected, self.0));
            };
            match text.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Error::new("invalid-value", ["`", text, "` is not ", $expected, " in range"].concat())),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(text) => match (text.parse::<u64>(), text.parse::<i64>()) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => self.deserialize_f64(visitor),
            },
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number";
        deserialize_u16 visit_u16 u16, "a whole number";
        deserialize_u32 visit_u32 u32, "a whole number";
        deserialize_u64 visit_u64 u64, "a whole number";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            other => Err(Error::wrong_type("`true` or `false`", other)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            other => Err(Error::wrong_type("a text", other)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    // Spelt out, because a choice's `unit_variant` comes here: through `deserialize_any` it would bring floating point along.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            other => Err(Error::wrong_type("null", other)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            other => Err(Error::wrong_type("a list", other)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(entries) => visitor.visit_map(Entries { entries, next: 0 }),
            other => Err(Error::wrong_type("an object", other)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Text(text) => visitor.visit_enum(StrDeserializer::<Error>::new(text)),
            Value::Object(entries) if entries.len() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries {
                    entries,
                    next: 0,
                }))
            }
            other => Err(Error::wrong_type("a text", other)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit_struct tuple tuple_struct identifier }
}

struct Items<'de> {
    items: &'de [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|error| error.under(&index.to_string()))
    }
}

struct Entries<'de> {
    entries: &'de [(String, Value)],
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, _)) = self.entries.get(self.next) else {
            return Ok(None);
        };
        seed.deserialize(StrDeserializer::new(key))
            .map(Some)
            .map_err(|error: Error| error.under(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.entries.get(self.next) else {
            return Err(Error::new(
                "invalid-value",
                "an entry was asked for after the last one".to_owned(),
            ));
        };
        self.next += 1;
        seed.deserialize(Reader(value))
            .map_err(|error| error.under(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use crate::properties::Properties;
    use crate::types::{Diagnostic, PlanError, Severity};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Everything {
        text_field: String,
        #[serde(default)]
        list: Vec<String>,
        flag: Option<bool>,
        count: Option<u8>,
        ratio: Option<f64>,
        choice: Option<Choice>,
        nested: Option<BTreeMap<String, Vec<Inner>>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "UPPERCASE")]
    enum Choice {
        One,
        Two,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        name: String,
    }

    #[test]
    fn a_struct_is_filled() {
        let text = r#"{"textField":"a","list":["b"],"flag":true,"count":255,"ratio":0.5,"choice":"TWO","nested":{"k":[{"name":"n"}]}}"#;
        let read: Everything = Properties::parse("p", text).unwrap().read().unwrap();
        assert_eq!(read.list, ["b"]);
        assert_eq!(
            (read.flag, read.count, read.ratio, read.choice),
            (Some(true), Some(255), Some(0.5), Some(Choice::Two))
        );
        assert_eq!(read.nested.unwrap()["k"][0].name, "n");
        let least: Everything = Properties::parse("p", r#"{"textField":"","flag":null}"#)
            .unwrap()
            .read()
            .unwrap();
        assert_eq!((least.flag, least.list), (None, vec![]));
    }

    #[test]
    fn every_complaint_has_its_pointer() {
        let check = |text: &str, code: &str, pointer: &str, message: &str| {
            let error = Properties::parse("p", text)
                .unwrap()
                .read::<Everything>()
                .unwrap_err();
            let expected = Diagnostic::new(Severity::Error, code, pointer, message);
            assert_eq!(
                error,
                PlanError::InvalidProperties(vec![expected]),
                "{text}"
            );
        };
        check(
            "{}",
            "p/missing-property",
            "/textField",
            "property `textField` is missing",
        );
        check(
            r#"{"textField":1}"#,
            "p/wrong-type",
            "/textField",
            "expected a text, found a number",
        );
        check(
            r#"{"textField":null}"#,
            "p/wrong-type",
            "/textField",
            "expected a text, found null",
        );
        check(
            r#"{"list":["a",2]}"#,
            "p/wrong-type",
            "/list/1",
            "expected a text, found a number",
        );
        check(
            r#"{"list":"a"}"#,
            "p/wrong-type",
            "/list",
            "expected a list, found a text",
        );
        check(
            r#"{"flag":"true"}"#,
            "p/wrong-type",
            "/flag",
            "expected `true` or `false`, found a text",
        );
        check(
            r#"{"count":256}"#,
            "p/invalid-value",
            "/count",
            "`256` is not a whole number in range",
        );
        check(
            r#"{"count":1.5}"#,
            "p/invalid-value",
            "/count",
            "`1.5` is not a whole number in range",
        );
        check(
            r#"{"choice":"THREE"}"#,
            "p/invalid-value",
            "/choice",
            "`THREE` is not one of `ONE`, `TWO`",
        );
        check(
            r#"{"choice":[]}"#,
            "p/wrong-type",
            "/choice",
            "expected a text, found a list",
        );
        check(
            r#"{"a/b~":1}"#,
            "p/unknown-property",
            "/a~1b~0",
            "unknown property `a/b~`, allowed are `textField`, `list`, `flag`, `count`, `ratio`, `choice`, `nested`",
        );
        check(
            r#"{"nested":{"a/b":[{}]}}"#,
            "p/missing-property",
            "/nested/a~1b/0/name",
            "property `name` is missing",
        );
        check(
            r#"{"nested":{"k":[{"name":"n"},{"x":1}]}}"#,
            "p/unknown-property",
            "/nested/k/1/x",
            "unknown property `x`, allowed are `name`",
        );
        check(
            r#"{"textField":"a","textField":"b"}"#,
            "p/invalid-value",
            "/textField",
            "property `textField` stands twice",
        );
    }

    #[test]
    fn what_is_no_object_is_the_hosts_fault() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                Properties::parse("p", text).unwrap_err(),
                PlanError::Internal(expected.to_owned())
            );
        };
        check("[]", "the properties are a list, not an object");
        check(
            "{",
            "the properties are not JSON: a key was expected at byte 1",
        );
    }
}
