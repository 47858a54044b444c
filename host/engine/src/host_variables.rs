//! What expressions of every flow see of the host: `envs`, `globals` and `kestra`.

use std::collections::BTreeMap;

use taffrail_expr::Value;

/// The variables that the host gives to the expressions of every flow.
#[derive(Debug, Clone)]
pub struct HostVariables {
    /// What its environment has for flows, names in small letters.
    pub(crate) envs: Value,
    globals: Value,
    kestra: Value,
}

impl HostVariables {
    /// Those of its environment, those that are set for all flows, and what it is called and where it is found.
    pub fn new(
        envs: BTreeMap<String, String>,
        globals: &serde_json::Map<String, serde_json::Value>,
        kestra: &serde_json::Map<String, serde_json::Value>,
    ) -> Self {
        let envs = envs
            .into_iter()
            .map(|(name, value)| (name.as_str().into(), Value::text(value)));
        let map = |values: &serde_json::Map<String, serde_json::Value>| {
            let values = values.iter();
            let values =
                values.map(|(name, value)| (name.as_str().into(), Value::from_json(value)));
            Value::map(values.collect())
        };
        Self {
            envs: Value::map(envs.collect()),
            globals: map(globals),
            kestra: map(kestra),
        }
    }

    /// Their names.
    pub(crate) const NAMES: [&str; 3] = ["envs", "globals", "kestra"];

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match name {
            "envs" => Some(&self.envs),
            "globals" => Some(&self.globals),
            "kestra" => Some(&self.kestra),
            _ => None,
        }
    }
}

impl Default for HostVariables {
    fn default() -> Self {
        let nothing = serde_json::Map::new();
        Self::new(BTreeMap::new(), &nothing, &nothing)
    }
}
