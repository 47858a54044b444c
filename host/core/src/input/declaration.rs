//! What a flow says about its inputs.

use std::sync::Arc;

use crate::flow::Spanned;
use crate::yaml::Node;

/// One declared input.
#[derive(Debug, Clone)]
pub struct InputDeclaration {
    /// Its id.
    pub id: Spanned<Arc<str>>,
    /// Its type, with the limits that belong to it.
    pub kind: InputType,
    /// Whether a value must be there; true unless the author says otherwise.
    pub required: bool,
    /// The value where none is given; may hold expressions.
    pub defaults: Option<Node>,
    /// Markdown.
    pub description: Option<Arc<str>>,
    /// The name that a form shows.
    pub display_name: Option<Arc<str>>,
    /// When there is such an input at all; always where absent.
    pub depends_on: Option<DependsOn>,
}

impl InputDeclaration {
    /// All that is rendered to find its value: the default, the condition, what lists its choices.
    pub fn expressions(&self) -> impl Iterator<Item = &Node> {
        let choices = match &self.kind {
            InputType::Select { expression, .. } | InputType::MultiSelect { expression, .. } => {
                expression.as_ref()
            }
            _ => None,
        };
        let condition = self.depends_on.as_ref();
        let condition = condition.and_then(|depends| depends.condition.as_ref());
        self.defaults.iter().chain(condition).chain(choices)
    }
}

/// What decides whether there is an input.
#[derive(Debug, Clone, PartialEq)]
pub struct DependsOn {
    /// The inputs that must be known before.
    pub inputs: Vec<Spanned<Arc<str>>>,
    /// Holds where there is one; where absent, all those inputs must have a value.
    pub condition: Option<Node>,
}

/// A type of inputs with its limits. Bounds are inclusive.
#[derive(Debug, Clone, PartialEq)]
pub enum InputType {
    /// Any text.
    String {
        /// A regular expression that must match the whole of it.
        validator: Option<Arc<str>>,
    },
    /// One of several texts.
    Select {
        /// The texts; none where an expression gives them.
        values: Option<Vec<Arc<str>>>,
        /// Gives the texts.
        expression: Option<Node>,
        /// Whether another text is good too.
        allow_custom_value: bool,
    },
    /// Some of several texts.
    MultiSelect {
        /// The texts; none where an expression gives them.
        values: Option<Vec<Arc<str>>>,
        /// Gives the texts.
        expression: Option<Node>,
        /// Whether other texts are good too.
        allow_custom_value: bool,
        /// What each is read as.
        item_type: ItemType,
    },
    /// A list.
    Array {
        /// What each item is read as.
        item_type: ItemType,
    },
    /// A whole number in 64 bits.
    Int {
        /// The least.
        min: Option<i64>,
        /// The most.
        max: Option<i64>,
    },
    /// A number.
    Float {
        /// The least.
        min: Option<f64>,
        /// The most.
        max: Option<f64>,
    },
    /// True or false.
    Boolean,
    /// A moment in time.
    DateTime {
        /// The earliest.
        after: Option<jiff::Timestamp>,
        /// The latest.
        before: Option<jiff::Timestamp>,
    },
    /// A day.
    Date {
        /// The earliest.
        after: Option<jiff::civil::Date>,
        /// The latest.
        before: Option<jiff::civil::Date>,
    },
    /// A time of day.
    Time {
        /// The earliest.
        after: Option<jiff::civil::Time>,
        /// The latest.
        before: Option<jiff::civil::Time>,
    },
    /// A length of time.
    Duration {
        /// The least.
        min: Option<std::time::Duration>,
        /// The most.
        max: Option<std::time::Duration>,
    },
    /// A file.
    File,
    /// Anything that JSON can say.
    Json,
    /// Anything that YAML can say.
    Yaml,
    /// An address.
    Uri,
    /// A mail address, or nothing.
    Email,
    /// A text that is never shown.
    Secret {
        /// A regular expression that must match the whole of it.
        validator: Option<Arc<str>>,
    },
}

/// What the items of a list are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "each is the input type of the same name")]
pub enum ItemType {
    #[default]
    String,
    Int,
    Float,
    Boolean,
    DateTime,
    Date,
    Time,
    Duration,
    Json,
    Uri,
    Email,
}

impl InputType {
    /// The name as flows write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::String { .. } => "STRING",
            Self::Select { .. } => "SELECT",
            Self::MultiSelect { .. } => "MULTISELECT",
            Self::Array { .. } => "ARRAY",
            Self::Int { .. } => "INT",
            Self::Float { .. } => "FLOAT",
            Self::Boolean => "BOOL",
            Self::DateTime { .. } => "DATETIME",
            Self::Date { .. } => "DATE",
            Self::Time { .. } => "TIME",
            Self::Duration { .. } => "DURATION",
            Self::File => "FILE",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Uri => "URI",
            Self::Email => "EMAIL",
            Self::Secret { .. } => "SECRET",
        }
    }
}

impl ItemType {
    /// Reads an item type as flows write it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "STRING" => Self::String,
            "INT" => Self::Int,
            "FLOAT" => Self::Float,
            "BOOL" | "BOOLEAN" => Self::Boolean,
            "DATETIME" => Self::DateTime,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DURATION" => Self::Duration,
            "JSON" => Self::Json,
            "URI" => Self::Uri,
            "EMAIL" => Self::Email,
            _ => return None,
        })
    }
}
