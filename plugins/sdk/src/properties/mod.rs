//! A task's properties, read into a plugin's own types; every complaint carries the pointer of the property at fault.

mod deserialize;
mod single;

use serde::de::DeserializeOwned;

use crate::json::Value;
use crate::types::PlanError;

/// The language's own properties of one task, rendered and checked by the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    plugin: &'static str,
    value: Value,
}

impl Properties {
    /// Reads the JSON object that the host hands over. `plugin` is the first half of the diagnostics' codes.
    ///
    /// # Errors
    /// [`PlanError::Internal`] where the text is not a JSON object: that is not the flow author's fault.
    pub fn parse(plugin: &'static str, text: &str) -> Result<Self, PlanError> {
        match Value::parse(text) {
            Ok(value @ Value::Object(_)) => Ok(Properties { plugin, value }),
            Ok(other) => Err(PlanError::Internal(
                ["the properties are ", other.kind(), ", not an object"].concat(),
            )),
            Err(error) => Err(PlanError::Internal(
                ["the properties are not JSON: ", &error.to_string()].concat(),
            )),
        }
    }

    /// Wraps an object that was read before.
    pub fn from_value(plugin: &'static str, value: Value) -> Self {
        Properties { plugin, value }
    }

    /// The properties into a struct that derives `serde::Deserialize`.
    ///
    /// Give the struct `#[serde(rename_all = "camelCase", deny_unknown_fields)]` and make a field that may be absent an
    /// `Option` or `#[serde(default)]`. A property that is `null` is none.
    ///
    /// # Errors
    /// [`PlanError::InvalidProperties`] with one diagnostic, coded `<plugin>/unknown-property`, `/missing-property`,
    /// `/wrong-type` or `/invalid-value`, whose pointer leads to the property at fault; to the one that is absent, too.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, PlanError> {
        T::deserialize(deserialize::Reader(&self.value))
            .map_err(|error| error.into_plan_error(self.plugin))
    }

    /// The object itself, for what no struct can describe.
    pub fn value(&self) -> &Value {
        &self.value
    }
}
