//! The properties of both task types, as a flow writes them; what they mean is decided elsewhere.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ScriptProperties {
    pub(crate) script: String,
    dependencies: Option<Vec<String>>,
    python_version: Option<String>,
    package_manager: Option<PackageManager>,
    dependency_cache_enabled: Option<bool>,
    #[serde(rename = "uvAutoInstallEnabled")]
    _uv_auto_install_enabled: Option<bool>,
    uv_installer_version: Option<String>,
    uv_installer_sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CommandsProperties {
    pub(crate) commands: Vec<String>,
    dependencies: Option<Vec<String>>,
    python_version: Option<String>,
    package_manager: Option<PackageManager>,
    dependency_cache_enabled: Option<bool>,
    #[serde(rename = "uvAutoInstallEnabled")]
    _uv_auto_install_enabled: Option<bool>,
    uv_installer_version: Option<String>,
    uv_installer_sha256: Option<String>,
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

/// What `Script` and `Commands` have in common, with its defaults. (serde's `flatten` cannot refuse unknown keys, hence the view.)
pub(crate) struct Extras<'a> {
    pub(crate) dependencies: &'a [String],
    pub(crate) python_version: Option<&'a str>,
    pub(crate) package_manager: PackageManager,
    pub(crate) dependency_cache_enabled: bool,
    pub(crate) uv_installer_version: Option<&'a str>,
    pub(crate) uv_installer_sha256: Option<&'a str>,
}

macro_rules! extras {
    ($($type:ty),*) => {$(
        impl $type {
            pub(crate) fn extras(&self) -> Extras<'_> {
                Extras {
                    dependencies: self.dependencies.as_deref().unwrap_or_default(),
                    python_version: self.python_version.as_deref(),
                    package_manager: self.package_manager.unwrap_or(PackageManager::Uv),
                    dependency_cache_enabled: self.dependency_cache_enabled.unwrap_or(true),
                    uv_installer_version: self.uv_installer_version.as_deref(),
                    uv_installer_sha256: self.uv_installer_sha256.as_deref(),
                }
            }
        }
    )*};
}

extras!(ScriptProperties, CommandsProperties);
