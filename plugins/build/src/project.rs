//! The repository: where it is, which plugins it holds, and where compiled things go.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use taffrail_plugin::json::Value;

/// The repository and its plugins, sorted by id.
#[derive(Debug)]
pub struct Project {
    /// The folder of the workspace.
    pub root: PathBuf,
    /// Every `plugins/*/descriptor.json`.
    pub plugins: Vec<Plugin>,
}

/// One plugin's sources.
#[derive(Debug)]
pub struct Plugin {
    /// Its id, which is also the name of its folder.
    pub id: String,
    /// The version in its descriptor.
    pub version: String,
    /// The licence in its descriptor.
    pub licence: String,
    /// The descriptor's text, in canonical form.
    pub descriptor: String,
}

impl Plugin {
    /// The crate of the plugin.
    pub fn package(&self) -> String {
        format!("taffrail-plugin-{}", self.id)
    }
}

impl Project {
    /// Finds the repository that a folder lies in, and reads its plugins.
    ///
    /// # Errors
    /// Where there is none, and where a descriptor cannot be read, is not canonical or belongs to another folder.
    pub fn find(start: &Path) -> Result<Self> {
        let holds_contract = |folder: &&Path| {
            folder.join("wit/v1.0/plugin.wit").is_file() && folder.join("plugins").is_dir()
        };
        let Some(root) = start.ancestors().find(holds_contract) else {
            bail!(
                "`{}` is not inside the repository: no folder above it holds `wit` and `plugins`",
                start.display()
            );
        };
        let mut plugins = Vec::new();
        for entry in fs::read_dir(root.join("plugins")).context("cannot list `plugins`")? {
            let folder = entry.context("cannot list `plugins`")?.path();
            let path = folder.join("descriptor.json");
            if path.is_file() {
                plugins
                    .push(read(&folder, &path).with_context(|| format!("`{}`", path.display()))?);
            }
        }
        ensure!(
            !plugins.is_empty(),
            "no `plugins/*/descriptor.json` in `{}`",
            root.display()
        );
        plugins.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Project {
            root: root.to_owned(),
            plugins,
        })
    }

    /// Where the finished components are committed.
    pub fn bundled(&self) -> PathBuf {
        self.root.join("plugins/bundled")
    }

    /// Where guests are compiled: apart from the host's own builds, which hold a lock on theirs.
    pub fn guest_target(&self) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(target).join("guests")
    }
}

fn read(folder: &Path, path: &Path) -> Result<Plugin> {
    let descriptor = fs::read_to_string(path).context("cannot be read")?;
    let value = Value::parse(&descriptor).context("is not JSON")?;
    // The component holds these bytes and the bundle holds them too: one form, so that both can be compared.
    ensure!(
        value.to_pretty() == descriptor,
        "is not in canonical form: two spaces a level, one entry a line"
    );
    let text = |key: &str| match value.get(key).and_then(Value::as_text) {
        Some(text) => Ok(text.to_owned()),
        None => bail!("`{key}` must be a text"),
    };
    let plugin = Plugin {
        id: text("id")?,
        version: text("version")?,
        licence: text("licence")?,
        descriptor: descriptor.clone(),
    };
    ensure!(
        folder
            .file_name()
            .is_some_and(|name| name == plugin.id.as_str()),
        "says the id `{}`, but its folder is `{}`",
        plugin.id,
        folder.display()
    );
    Ok(plugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(descriptor: &str) -> Result<Project, String> {
        let root = tempfile::tempdir().unwrap();
        for folder in ["wit/v1.0", "plugins/a", "plugins/sdk"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("wit/v1.0/plugin.wit"), "").unwrap();
        fs::write(root.path().join("plugins/a/descriptor.json"), descriptor).unwrap();
        Project::find(&root.path().join("plugins/sdk")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn plugins_are_folders_with_a_canonical_descriptor() {
        let good = "{\n  \"id\": \"a\",\n  \"version\": \"1.0.0\",\n  \"licence\": \"MIT\"\n}\n";
        assert_eq!(
            found(good).unwrap().plugins[0].package(),
            "taffrail-plugin-a"
        );
        let check = |descriptor: &str, part: &str| {
            let error = found(descriptor).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check("{", "is not JSON: a key was expected at byte 1");
        check(&good.replace("  ", " "), "is not in canonical form");
        check(
            &good.replace("\"a\"", "\"b\""),
            "says the id `b`, but its folder is",
        );
        check(&good.replace("\"1.0.0\"", "1"), "`version` must be a text");
    }

    #[test]
    fn outside_of_a_repository_there_is_nothing_to_build() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            Project::find(folder.path())
                .unwrap_err()
                .to_string()
                .contains("is not inside the repository")
        );
    }
}
