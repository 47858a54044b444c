//! JSON text as a value and back: small, because every plugin carries it and the host compiles every byte of it.

mod read;
mod write;

pub use read::{Error, MAX_DEPTH};

/// A JSON value whose objects keep the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written: nothing is lost, and no guest pays for floating point that it does not use.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object, in the order of the text. A repeated key stays repeated.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads one JSON text to its end.
    ///
    /// # Errors
    /// Says what is wrong and at which byte; nesting deeper than [`MAX_DEPTH`] is an error too.
    pub fn parse(text: &str) -> Result<Self, Error> {
        read::parse(text)
    }

    /// The value of `key` in an object; none in everything else.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The characters of a text; none for everything else.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none for everything else.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of an object; none for everything else.
    pub fn as_object(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// What this is, in a flow author's words.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The canonical form: two spaces per level, one entry a line, only what must be escaped escaped, a line break at the end.
    ///
    /// Descriptors and golden cases are kept in this form, so that their bytes can be compared.
    pub fn to_pretty(&self) -> String {
        write::pretty(self)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}
