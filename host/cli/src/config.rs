//! The host's own configuration: one YAML file in the shape that Kestra's has, found in the user's configuration folder or named on the
//! command line, never beside a flow. A section is a row in a table of keys and readers.

mod plugins;
mod reading;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use serde_json::{Map, Value};
use taffrail_core::diagnostic::{Diagnostic, Severity, Source, render_text};
use taffrail_core::flow::PluginDefault;
use taffrail_core::policy::{Permission, Policy};
use taffrail_core::yaml::{Limits, parse};
use taffrail_engine::local_files::LocalFiles;
use taffrail_engine::scope::HostVariables;

use crate::args::Global;
use crate::exit::{Exit, Failed};
use crate::load::read_source;
use crate::report::complain;
use crate::terminal;
use plugins::PLUGINS;
use reading::{Key, Reading};
use variables::{ENVIRONMENT, LOCAL_FILES, VARIABLES};

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
    /// The folders whose files flows may read; absolute.
    pub local_files: Vec<PathBuf>,
    /// What expressions see as `globals`.
    pub globals: Map<String, Value>,
    /// What the variables of the environment begin with that expressions see as `envs`.
    pub env_prefix: Option<String>,
    /// What expressions see as `kestra.environment`.
    pub environment: Option<String>,
    /// What expressions see as `kestra.url`.
    pub url: Option<String>,
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

    /// The files of the machine that flows may read, with those below the folders that the command line adds.
    pub fn local_files(&self, folders: &[PathBuf]) -> LocalFiles {
        LocalFiles::below([&self.local_files, folders].concat())
    }

    /// The variables that expressions of every flow see.
    pub fn variables(&self) -> HostVariables {
        let prefix = self.env_prefix.as_deref().unwrap_or("ENV_");
        let kestra = [("environment", &self.environment), ("url", &self.url)];
        let kestra = kestra
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())));
        HostVariables::new(
            envs(environment(), prefix),
            &self.globals,
            &kestra.collect(),
        )
    }
}

/// The variables of this program that are text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The variables that begin so, by the rest of their names in small letters: what is called so is meant for flows.
fn envs(
    variables: impl Iterator<Item = (String, String)>,
    prefix: &str,
) -> BTreeMap<String, String> {
    variables
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_lowercase(), value)))
        .filter(|(name, _)| !name.is_empty())
        .collect()
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

/// The keys at the top, which may also stand below `kestra`.
const TOP: &[Key] = &[
    Key {
        name: "plugins",
        read: |reading, node| reading.map(node, "`plugins`", PLUGINS),
    },
    Key {
        name: "variables",
        read: |reading, node| reading.map(node, "`variables`", VARIABLES),
    },
    Key {
        name: "environment",
        read: |reading, node| reading.map(node, "`environment`", ENVIRONMENT),
    },
    Key {
        name: "url",
        read: |reading, node| reading.config.url = reading.text(node, "`url`"),
    },
    Key {
        name: "local-files",
        read: |reading, node| reading.map(node, "`local-files`", LOCAL_FILES),
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

#[cfg(test)]
mod tests {
    use taffrail_core::script::DOCKER;
    use taffrail_core::yaml::Node;

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
    fn a_power_at_another_place_is_told_where_it_belongs() {
        for text in ["volume-enabled: true", "plugins: {volumeEnabled: true}"] {
            let (config, found) = read(&Source::new("config.yaml", text));
            assert!(!config.policy.allows(Permission::Volumes));
            let help = format!("{:?}", found[0].help);
            assert!(
                help.contains("`plugins.configurations`"),
                "{text}: {found:?}"
            );
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

    #[test]
    fn what_expressions_see_and_may_read() {
        let text = "kestra:\n  url: https://host.example\n  environment: {name: dev, color: \"#fff\"}\n  variables:\n    envVarsPrefix: FOR_FLOWS_\n    globals: {myVar: 1, other: {deep: [x]}, my-var: 2}\n  localFiles: {allowed-paths: [/data, /srv/in]}\n";
        let (config, found) = read(&Source::new("config.yaml", text));
        assert_eq!(found, []);
        assert_eq!(config.url.as_deref(), Some("https://host.example"));
        assert_eq!(config.environment.as_deref(), Some("dev"));
        assert_eq!(config.env_prefix.as_deref(), Some("FOR_FLOWS_"));
        let globals = serde_json::json!({"myVar": 1, "my-var": 2, "other": {"deep": ["x"]}});
        assert_eq!(Value::Object(config.globals), globals);
        assert_eq!(config.local_files, ["/data", "/srv/in"].map(PathBuf::from));
        check(
            "variables: {globals: [1], global: {}}\nenvironment: dev\nurl: []\nlocal-files: {allowed-paths: [data, []]}\n",
            &[],
            &[
                "`globals` must be a map, not a list",
                "`variables` has no key `global` (did you mean `globals`?)",
                "`environment` must be a map, not text",
                "`url` must be text, not a list",
                "`data` must be an absolute path",
                "an allowed path must be text, not a list",
            ],
        );
    }

    #[test]
    fn variables_meant_for_flows_begin_with_the_prefix() {
        let given = [("ENV_A", "1"), ("ENV_", "2"), ("A", "3"), ("MINE_B_C", "4")];
        let found = |prefix| {
            let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
            envs(given.into_iter(), prefix)
        };
        assert_eq!(found("ENV_"), [("a".to_owned(), "1".to_owned())].into());
        assert_eq!(found("MINE_"), [("b_c".to_owned(), "4".to_owned())].into());
    }
}
