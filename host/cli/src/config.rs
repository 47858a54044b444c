//! The host's own configuration: one YAML file in the shape that Kestra's has, found in the user's configuration folder or named on the
//! command line, never beside a flow. A section is a row in a table of keys and readers.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use taffrail_core::diagnostic::{Code, Diagnostic, Severity, Source, render_text};
use taffrail_core::flow::PluginDefault;
use taffrail_core::policy::{Permission, Policy};
use taffrail_core::script::DOCKER;
use taffrail_core::suggest::did_you_mean;
use taffrail_core::version::VersionPin;
use taffrail_core::yaml::{Limits, Node, NodeKind, ScalarValue, parse};
use taffrail_runner::registry;

use crate::args::Global;
use crate::exit::{Exit, Failed};
use crate::load::read_source;
use crate::report::complain;
use crate::terminal;

/// What whoever runs the host has decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// What flows may ask of the machine.
    pub policy: Policy,
    /// Values for the keys that tasks of every flow leave open, or must have.
    pub plugin_defaults: Vec<PluginDefault>,
    /// Public keys of minisign whose signatures of plugins count.
    pub trusted_keys: Vec<String>,
    /// Whether a plugin without such a signature is not installed.
    pub requires_signatures: bool,
}

impl Config {
    /// Reads the configuration, where there is one.
    ///
    /// # Errors
    /// When a file that was named is not there, or when anything in it is wrong; all mistakes have been told then.
    pub fn load(global: &Global) -> Result<Self, Failed> {
        let Some(path) = chosen(global) else {
            return Ok(Self::default());
        };
        let source = read_source(&path)?;
        let (config, mistakes) = read(&source);
        if !mistakes.is_empty() {
            complain(render_text(&mistakes, &source, terminal::style(global)).trim_end());
        }
        if mistakes
            .iter()
            .any(|mistake| mistake.severity == Severity::Error)
        {
            return Err(Failed::silent(Exit::Invalid));
        }
        Ok(config)
    }

    /// What flows may ask of the machine, with what the command line adds.
    pub fn policy(&self, allowed: &[Permission]) -> Policy {
        let mut policy = self.policy.clone();
        for permission in allowed {
            policy.allow(*permission);
        }
        policy
    }
}

/// The file that was named, or the usual one if it is there.
fn chosen(global: &Global) -> Option<PathBuf> {
    if let Some(path) = &global.config {
        return Some(path.clone());
    }
    let folder = etcetera::base_strategy::Xdg::new().ok()?.config_dir();
    let path = folder.join("taffrail").join("config.yaml");
    path.exists().then_some(path)
}

/// A reader of one key: its name in kebab case, and what becomes of its value.
struct Key {
    name: &'static str,
    read: fn(&mut Reading, &Node),
}

/// The keys at the top, which may also stand below `kestra`.
const TOP: &[Key] = &[Key {
    name: "plugins",
    read: |reading, node| reading.map(node, "`plugins`", PLUGINS),
}];

const PLUGINS: &[Key] = &[
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

/// Reads a configuration; says everything that is wrong with it.
fn read(source: &Source) -> (Config, Vec<Diagnostic>) {
    let says_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if source.text().lines().all(says_nothing) {
        return (Config::default(), Vec::new());
    }
    let parsed = parse(source.text(), &Limits::default());
    let mut reading = Reading {
        config: Config::default(),
        mistakes: parsed.diagnostics,
    };
    if let Some(root) = parsed.root.filter(|root| !root.is_null()) {
        let kestra = Key {
            name: "kestra",
            read: |reading, node| reading.map(node, "`kestra`", TOP),
        };
        let keys: Vec<&Key> = TOP.iter().chain([&kestra]).collect();
        reading.closed(&root, "the configuration", &keys);
    }
    reading.mistakes.sort_by_key(|mistake| mistake.span);
    (reading.config, reading.mistakes)
}

/// What was read so far.
struct Reading {
    config: Config,
    mistakes: Vec<Diagnostic>,
}

impl Reading {
    fn map(&mut self, node: &Node, what: &str, keys: &[Key]) {
        let keys: Vec<&Key> = keys.iter().collect();
        self.closed(node, what, &keys);
    }

    /// A map of known keys, each in kebab or camel case.
    fn closed(&mut self, node: &Node, what: &str, keys: &[&Key]) {
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

    fn list<'node>(&mut self, node: &'node Node, what: &str) -> &'node [Node] {
        if !matches!(node.kind, NodeKind::List(_)) {
            self.wrong_kind(node, what, "a list");
        }
        node.items()
    }

    fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
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

    fn wrong_kind(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} must be {wanted}, not {}", node.kind_name());
        self.mistakes
            .push(Diagnostic::error(Code::WrongType, node.span, message));
    }

    fn unknown_key<'names>(
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
        self.mistakes.push(match did_you_mean(key, known) {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), span, near),
            None => diagnostic,
        });
    }
}

/// `volumeEnabled` as `volume-enabled`.
fn kebab(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, allowed: &[&str], mistakes: &[&str]) {
        let (config, found) = read(&Source::new("config.yaml", text));
        let found: Vec<String> = found
            .iter()
            .map(|mistake| {
                let help = mistake.help.as_ref();
                let help = help.map_or_else(String::new, |help| format!(" ({})", help.message));
                format!("{}{help}", mistake.message)
            })
            .collect();
        assert_eq!(found, mistakes, "{text}");
        let names: Vec<&str> = Permission::ALL
            .into_iter()
            .filter(|permission| config.policy.allows(*permission))
            .map(Permission::name)
            .collect();
        assert_eq!(names, allowed, "{text}");
    }

    #[test]
    fn the_shape_is_that_of_kestra() {
        check("", &[], &[]);
        check("# nothing\n", &[], &[]);
        let plugins = |values: &str| {
            format!(
                "plugins:\n  configurations:\n    - type: io.kestra.plugin.scripts.runner.docker.Docker\n      values: {values}\n"
            )
        };
        check(&plugins("{volume-enabled: true}"), &["volumes"], &[]);
        check(&plugins("{volumeEnabled: true}"), &["volumes"], &[]);
        check(&plugins("{volumeEnabled: \"true\"}"), &["volumes"], &[]);
        check(&plugins("{volume-enabled: false}"), &[], &[]);
        check(
            &plugins("{privilegedEnabled: true, host-pid-enabled: true, capAddEnabled: true}"),
            &["privileged", "host-pid", "cap-add"],
            &[],
        );
        let below = plugins("{volume-enabled: true}").replace('\n', "\n  ");
        check(
            &format!("kestra:\n  {}", below.trim_end()),
            &["volumes"],
            &[],
        );
    }

    #[test]
    fn every_permission_has_its_key() {
        for permission in Permission::ALL {
            let text = format!(
                "plugins: {{configurations: [{{type: {DOCKER}, values: {{{}: true}}}}]}}",
                permission.setting()
            );
            check(&text, &[permission.name()], &[]);
        }
    }

    #[test]
    fn mistakes_are_told_in_one_go() {
        check("[]", &[], &["the configuration must be a map, not a list"]);
        check(
            "plugin: {}\nplugins: 5\nkestra: {server: {}}\n",
            &[],
            &[
                "the configuration has no key `plugin` (did you mean `plugins`?)",
                "`plugins` must be a map, not a whole number",
                "`kestra` has no key `server`",
            ],
        );
        check(
            "plugins:\n  configurations:\n    - type: io.kestra.plugin.scripts.runner.docker.Doker\n    - values: {}\n    - 5\n    - type: io.kestra.plugin.core.runner.Process\n      value: {}\n",
            &[],
            &[
                "there is nothing to configure for `io.kestra.plugin.scripts.runner.docker.Doker` (did you mean `io.kestra.plugin.scripts.runner.docker.Docker`?)",
                "an entry of `configurations` needs the key `type`",
                "an entry of `configurations` must be a map of `type` and `values`, not a whole number",
                "there is nothing to configure for `io.kestra.plugin.core.runner.Process`",
                "an entry of `configurations` has no key `value` (did you mean `values`?)",
            ],
        );
        check(
            "plugins: {configurations: [{type: docker, values: {volume-enable: true, devices-enabled: perhaps}}]}",
            &[],
            &[
                "`values` of the Docker runner has no key `volume-enable` (did you mean `volume-enabled`?)",
                "`devices-enabled` must be `true` or `false`, not text",
            ],
        );
        check(
            "plugins: {configurations: {}}",
            &[],
            &["`configurations` must be a list, not a map"],
        );
    }

    #[test]
    fn defaults_and_signatures() {
        let text = "plugins:\n  defaults:\n    - {type: a.b, forced: true, values: {version: 1.10}}\n  signatures: {trustedKeys: [k], required: true}\n";
        let (config, found) = read(&Source::new("config.yaml", text));
        assert_eq!(found, []);
        assert_eq!(config.trusted_keys, ["k"]);
        assert!(config.requires_signatures && config.plugin_defaults[0].forced);
        let version = config.plugin_defaults[0].values.get("version");
        assert_eq!(
            &*version.and_then(Node::scalar).expect("a version").text,
            "1.10"
        );
        check(
            "plugins: {defaults: [{typ: a, values: 1}, 2, {type: a, values: {version: v1}}]}",
            &[],
            &[
                "an entry of `defaults` needs the key `type`",
                "an entry of `defaults` has no key `typ` (did you mean `type`?)",
                "`values` must be a map, not a whole number",
                "an entry of `defaults` must be a map of `type` and `values`, not a whole number",
                "`v1` is not a version",
            ],
        );
    }
}
