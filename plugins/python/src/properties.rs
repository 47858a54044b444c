//! The properties of both task types, as a flow writes them; what they mean is decided elsewhere.

use serde::Deserialize;
use taffrail_plugin::{Language, PlanError, Properties};

use crate::Python;

/// One struct for both types: what reads it is code that every user's host compiles, and `flatten` cannot refuse unknown keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    script: Option<String>,
    commands: Option<Vec<String>>,
    dependencies: Option<Vec<String>>,
    pub(crate) python_version: Option<String>,
    pub(crate) package_manager: Option<PackageManager>,
    pub(crate) dependency_cache_enabled: Option<bool>,
    #[serde(rename = "uvAutoInstallEnabled")]
    _uv_auto_install_enabled: Option<bool>,
    pub(crate) uv_installer_version: Option<String>,
    pub(crate) uv_installer_sha256: Option<String>,
}

/// Who installs the dependencies.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum PackageManager {
    /// uv where it is on the PATH, else pip.
    Uv,
    /// pip of the interpreter, whatever else there is.
    Pip,
}

impl Settings {
    /// The settings of a `Script` and its text.
    pub(crate) fn of_script(properties: &Properties) -> Result<(Self, String), PlanError> {
        let mut settings: Settings = properties.read()?;
        foreign("commands", settings.commands.is_some())?;
        let script = own("script", settings.script.take())?;
        Ok((settings, script))
    }

    /// The settings of `Commands` and its lines.
    pub(crate) fn of_commands(properties: &Properties) -> Result<(Self, Vec<String>), PlanError> {
        let mut settings: Settings = properties.read()?;
        foreign("script", settings.script.is_some())?;
        let commands = own("commands", settings.commands.take())?;
        Ok((settings, commands))
    }

    /// The packages to install, without what an expression rendered to nothing.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = &str> {
        let named = self.dependencies.as_deref().unwrap_or_default();
        named
            .iter()
            .map(|one| one.trim_ascii())
            .filter(|one| !one.is_empty())
    }
}

fn foreign(name: &str, there: bool) -> Result<(), PlanError> {
    if there {
        let message = [
            "unknown property `",
            name,
            "`, it belongs to the other task type",
        ]
        .concat();
        return Err(complaint("/unknown-property", name, message));
    }
    Ok(())
}

fn own<T>(name: &str, value: Option<T>) -> Result<T, PlanError> {
    value.ok_or_else(|| {
        complaint(
            "/missing-property",
            name,
            ["property `", name, "` is missing"].concat(),
        )
    })
}

fn complaint(rule: &str, name: &str, message: String) -> PlanError {
    PlanError::property([Python::ID, rule].concat(), ["/", name].concat(), message)
}
