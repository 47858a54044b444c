//! Reads the parts of the configuration and keeps what is wrong with them.

use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::policy::Permission;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::yaml::{Node, NodeKind, ScalarValue};

use super::Config;

/// A reader of one key: its name in kebab case, and what becomes of its value.
pub(super) struct Key {
    pub name: &'static str,
    pub read: fn(&mut Reading, &Node),
}

/// What was read so far.
pub(super) struct Reading {
    pub config: Config,
    pub mistakes: Vec<Diagnostic>,
}

impl Reading {
    pub fn map(&mut self, node: &Node, what: &str, keys: &[Key]) {
        let keys: Vec<&Key> = keys.iter().collect();
        self.closed(node, what, &keys);
    }

    /// A map of known keys, each in kebab or camel case.
    pub fn closed(&mut self, node: &Node, what: &str, keys: &[&Key]) {
        if !matches!(node.kind, NodeKind::Map(_)) {
            self.wrong_kind(node, what, "a map");
            return;
        }
        for entry in node.entries() {
            let name = kebab(&entry.key);
            match keys.iter().find(|key| key.name == name) {
                Some(key) => (key.read)(self, &entry.value),
                None => self.unknown_key(
                    entry.key_span,
                    &entry.key,
                    what,
                    keys.iter().map(|key| key.name),
                ),
            }
        }
    }

    pub fn list<'node>(&mut self, node: &'node Node, what: &str) -> &'node [Node] {
        if !matches!(node.kind, NodeKind::List(_)) {
            self.wrong_kind(node, what, "a list");
        }
        node.items()
    }

    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        // A placeholder of another tool gives text.
        let value = node.scalar().and_then(|scalar| match scalar.value {
            ScalarValue::Bool(value) => Some(value),
            _ => scalar.text.parse().ok(),
        });
        if value.is_none() {
            self.wrong_kind(node, what, "`true` or `false`");
        }
        value
    }

    pub fn wrong_kind(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} must be {wanted}, not {}", node.kind_name());
        self.mistakes
            .push(Diagnostic::error(Code::WrongType, node.span, message));
    }

    pub fn unknown_key<'names>(
        &mut self,
        span: taffrail_core::yaml::Span,
        key: &str,
        holder: &str,
        known: impl Iterator<Item = &'names str> + Clone,
    ) {
        let diagnostic = Diagnostic::error(
            Code::UnknownProperty,
            span,
            format!("{holder} has no key `{key}`"),
        );
        let listed: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
        let diagnostic = diagnostic.label(format!("its keys are {}", listed.join(", ")));
        let name = kebab(key);
        let is_power = |permission: Permission| permission.setting() == name;
        self.mistakes.push(match did_you_mean(key, known) {
            _ if Permission::ALL.into_iter().any(is_power) => diagnostic.help(
                "what flows may ask of the machine stands in `values` of the entry for the Docker runner, in `plugins.configurations`",
            ),
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), span, near),
            None => diagnostic,
        });
    }
}

/// `volumeEnabled` as `volume-enabled`.
pub(super) fn kebab(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
