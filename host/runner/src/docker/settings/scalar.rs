//! Single values that authors write as text, number or boolean: how each is read, and how it is described to editors. Checked
//! settings arrive as the schema wants them; values that come from elsewhere are read as kindly.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

/// A value that one scalar of YAML stands for.
pub(super) trait Scalar: Sized {
    /// The words for what is allowed: `a size such as 512MB`.
    const WHAT: &'static str;

    /// Reads the text form. The error says why not; an empty one that the text is no such thing at all.
    fn read(text: &str) -> Result<Self, String>;
}

struct ScalarVisitor<T>(std::marker::PhantomData<T>);

impl<T: Scalar> ScalarVisitor<T> {
    fn read<E: de::Error>(text: &str) -> Result<T, E> {
        T::read(text).map_err(|why| {
            E::custom(if why.is_empty() {
                format!("must be {}, not {}", T::WHAT, shown(text))
            } else {
                why
            })
        })
    }
}

/// A text as messages show it, short.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "empty text".to_owned();
    }
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", short.replace(char::is_control, " "))
}

impl<T: Scalar> Visitor<'_> for ScalarVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(T::WHAT)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Self::read(text)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        Self::read(if value { "true" } else { "false" })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        Self::read(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        Self::read(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        Self::read(&value.to_string())
    }
}

/// Reads one scalar; for `deserialize_with`.
pub(super) fn scalar<'de, D: Deserializer<'de>, T: Scalar>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(ScalarVisitor(std::marker::PhantomData))
}

/// Reads one scalar of a key that may be absent; for `deserialize_with`.
pub(super) fn maybe<'de, D: Deserializer<'de>, T: Scalar>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    scalar(deserializer).map(Some)
}

/// Reads a list of scalars; for `deserialize_with`.
pub(super) fn list<'de, D: Deserializer<'de>, T: Scalar>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items: Vec<Item<T>> = de::Deserialize::deserialize(deserializer)?;
    Ok(items.into_iter().map(|item| item.0).collect())
}

/// Reads lists of lists of texts; for `deserialize_with`.
pub(super) fn lists<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Vec<String>>, D::Error> {
    let items: Vec<Vec<Item<String>>> = de::Deserialize::deserialize(deserializer)?;
    let texts = |list: Vec<Item<String>>| list.into_iter().map(|item| item.0).collect();
    Ok(items.into_iter().map(texts).collect())
}

/// A scalar where serde needs a type.
pub(super) struct Item<T>(pub(super) T);

impl<'de, T: Scalar> de::Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer).map(Item)
    }
}

impl Scalar for String {
    const WHAT: &'static str = "text";

    fn read(text: &str) -> Result<Self, String> {
        if text.contains('\0') {
            return Err("must not hold a NUL character".to_owned());
        }
        Ok(text.to_owned())
    }
}

impl Scalar for bool {
    const WHAT: &'static str = "`true` or `false`";

    fn read(text: &str) -> Result<Self, String> {
        match text.trim() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(String::new()),
        }
    }
}

impl Scalar for i64 {
    const WHAT: &'static str = "a whole number";

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // A number that went through an expression may have grown a fraction of nothing.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().map_err(|_| String::new())
    }
}

/// Gives a [`Scalar`] of its own type what serde and schemars ask for.
macro_rules! scalar_type {
    ($name:ty, $types:tt, $pattern:expr, $hint:expr, $examples:tt) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::docker::settings::scalar::scalar(deserializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": $types,
                    "pattern": $pattern,
                    "patternErrorMessage": $hint,
                    "x-what": <$name as $crate::docker::settings::scalar::Scalar>::WHAT,
                    "examples": $examples,
                })
            }
        }
    };
}
pub(super) use scalar_type;
