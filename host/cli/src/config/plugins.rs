//! The section `plugins`: what is set for a plugin, defaults for tasks, signatures.

use taffrail_core::diagnostic::{Code, Diagnostic};
use taffrail_core::flow::PluginDefault;
use taffrail_core::policy::Permission;
use taffrail_core::script::DOCKER;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::version::VersionPin;
use taffrail_core::yaml::{Node, NodeKind};
use taffrail_runner::registry;

use super::reading::{Key, Reading, kebab};

/// The keys of the section.
pub(super) const PLUGINS: &[Key] = &[
    Key {
        name: "configurations",
        read: |reading, node| {
            for item in reading.list(node, "`configurations`") {
                reading.plugin(item);
            }
        },
    },
    Key {
        name: "defaults",
        read: |reading, node| reading.defaults(node),
    },
    Key {
        name: "signatures",
        read: |reading, node| reading.map(node, "`signatures`", SIGNATURES),
    },
];

const SIGNATURES: &[Key] = &[
    Key {
        name: "trusted-keys",
        read: |reading, node| {
            for item in reading.list(node, "`trusted-keys`") {
                match item.scalar() {
                    Some(scalar) => reading.config.trusted_keys.push(scalar.text.to_string()),
                    None => reading.wrong_kind(item, "a trusted key", "text"),
                }
            }
        },
    },
    Key {
        name: "required",
        read: |reading, node| {
            if let Some(required) = reading.boolean(node, "`required`") {
                reading.config.requires_signatures = required;
            }
        },
    },
];

impl Reading {
    /// `plugins.defaults`, in the form of a flow's `pluginDefaults`.
    fn defaults(&mut self, node: &Node) {
        const KEYS: [&str; 3] = ["type", "forced", "values"];
        for item in self.list(node, "`defaults`") {
            if !matches!(item.kind, NodeKind::Map(_)) {
                self.wrong_kind(
                    item,
                    "an entry of `defaults`",
                    "a map of `type` and `values`",
                );
                continue;
            }
            for entry in item.entries() {
                if !KEYS.contains(&&*entry.key) {
                    let span = entry.key_span;
                    self.unknown_key(span, &entry.key, "an entry of `defaults`", KEYS.into_iter());
                }
            }
            for key in ["type", "values"] {
                if item.get(key).is_none() {
                    let message = format!("an entry of `defaults` needs the key `{key}`");
                    self.mistakes.push(Diagnostic::error(
                        Code::MissingProperty,
                        item.span,
                        message,
                    ));
                }
            }
            if let Some(forced) = item.get("forced") {
                self.boolean(forced, "`forced`");
            }
            match item.get("values") {
                Some(values) if !matches!(values.kind, NodeKind::Map(_)) => {
                    self.wrong_kind(values, "`values`", "a map");
                }
                Some(values) => self.version(values),
                None => {}
            }
        }
        self.config
            .plugin_defaults
            .extend(PluginDefault::list(node));
    }

    /// The version that a default gives, which otherwise every flow would be told of.
    fn version(&mut self, values: &Node) {
        let Some(value) = values.get("version") else {
            return;
        };
        let text = value.scalar().map_or("", |scalar| &*scalar.text);
        if let Err(error) = VersionPin::parse(text) {
            self.mistakes.push(
                Diagnostic::error(Code::WrongValue, value.span, error.to_string())
                    .label(format!("allowed: {}", VersionPin::ALLOWED)),
            );
        }
    }

    /// One entry of `plugins.configurations`: the type of a plugin, and values for it.
    fn plugin(&mut self, node: &Node) {
        if !matches!(node.kind, NodeKind::Map(_)) {
            self.wrong_kind(
                node,
                "an entry of `configurations`",
                "a map of `type` and `values`",
            );
            return;
        }
        for entry in node.entries() {
            if !matches!(&*entry.key, "type" | "values") {
                let keys = ["type", "values"].into_iter();
                self.unknown_key(
                    entry.key_span,
                    &entry.key,
                    "an entry of `configurations`",
                    keys,
                );
            }
        }
        let Some(name) = node.get("type") else {
            let message = "an entry of `configurations` needs the key `type`";
            let diagnostic = Diagnostic::error(Code::MissingProperty, node.span, message);
            self.mistakes.push(diagnostic);
            return;
        };
        let text = name.text().unwrap_or_default();
        if registry::find(text).is_none_or(|entry| entry.name != DOCKER) {
            let diagnostic = Diagnostic::error(
                Code::WrongValue,
                name.span,
                format!("there is nothing to configure for `{text}`"),
            )
            .label(format!("allowed: `{DOCKER}`"));
            let diagnostic = match did_you_mean(text, [DOCKER]) {
                Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), name.span, near),
                None => diagnostic,
            };
            self.mistakes.push(diagnostic);
            return;
        }
        if let Some(values) = node.get("values") {
            self.docker(values);
        }
    }

    /// The values of the Docker runner: what flows may ask for.
    fn docker(&mut self, node: &Node) {
        if !matches!(node.kind, NodeKind::Map(_)) {
            self.wrong_kind(node, "`values`", "a map");
            return;
        }
        for entry in node.entries() {
            let name = kebab(&entry.key);
            let permission = Permission::ALL
                .into_iter()
                .find(|permission| permission.setting() == name);
            let Some(permission) = permission else {
                let names = Permission::ALL.map(Permission::setting).into_iter();
                self.unknown_key(
                    entry.key_span,
                    &entry.key,
                    "`values` of the Docker runner",
                    names,
                );
                continue;
            };
            match self.boolean(&entry.value, &format!("`{}`", entry.key)) {
                Some(true) => self.config.policy.allow(permission),
                Some(false) => self.config.policy.refuse(permission),
                None => {}
            }
        }
    }
}
