//! The sections that expressions see: `variables`, `environment`, `url`; and the folders whose files they may read.

use std::path::PathBuf;

use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::yaml::{Node, NodeKind, ScalarValue};

use super::reading::{Key, Reading, kebab};

/// The keys of `variables`.
pub(super) const VARIABLES: &[Key] = &[
    Key {
        name: "globals",
        read: |reading, node| reading.globals(node),
    },
    Key {
        name: "env-vars-prefix",
        read: |reading, node| {
            reading.config.env_prefix = reading.text(node, "`env-vars-prefix`");
        },
    },
];

/// The keys of `environment`.
pub(super) const ENVIRONMENT: &[Key] = &[
    Key {
        name: "name",
        read: |reading, node| {
            reading.config.environment = reading.text(node, "`name`");
        },
    },
    // What a web page shows.
    Key {
        name: "color",
        read: |_, _| {},
    },
];

/// The keys of `local-files`.
pub(super) const LOCAL_FILES: &[Key] = &[
    Key {
        name: "allowed-paths",
        read: |reading, node| {
            for item in reading.list(node, "`allowed-paths`") {
                reading.allowed_path(item);
            }
        },
    },
    // What a web page shows.
    Key {
        name: "enable-preview",
        read: |_, _| {},
    },
];

impl Reading {
    /// Any values by any names. A name in camel case is known by its words joined with dashes, too, as the original makes them.
    fn globals(&mut self, node: &Node) {
        if !matches!(node.kind, NodeKind::Map(_)) {
            return self.wrong_kind(node, "`globals`", "a map");
        }
        for entry in node.entries() {
            let value = entry.value.to_json();
            let globals = &mut self.config.globals;
            globals
                .entry(kebab(&entry.key))
                .or_insert_with(|| value.clone());
            globals.insert(entry.key.to_string(), value);
        }
    }

    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.scalar() {
            Some(scalar) if scalar.value != ScalarValue::Null => Some(scalar.text.to_string()),
            _ => {
                self.wrong_kind(node, what, "text");
                None
            }
        }
    }

    fn allowed_path(&mut self, node: &Node) {
        let Some(text) = self.text(node, "an allowed path") else {
            return;
        };
        let path = PathBuf::from(&text);
        match path.is_absolute() {
            true => self.config.local_files.push(path),
            false => {
                let message = format!("`{text}` must be an absolute path");
                let diagnostic = Diagnostic::error(Code::WrongValue, node.span, message);
                self.mistakes.push(diagnostic);
            }
        }
    }
}
