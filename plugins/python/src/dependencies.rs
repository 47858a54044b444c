//! `dependencies`: shell lines that install them for the interpreter that will import them, where it will import them.

use taffrail_plugin::python::Packages;
use taffrail_plugin::script::file_stem;
use taffrail_plugin::{Context, File};

use crate::properties::{PackageManager, Settings};

/// The folder of the working directory that holds what this plugin puts there.
const FOLDER: &str = ".taffrail-python";

/// The packages of one task.
pub(crate) struct Dependencies {
    package_manager: PackageManager,
    cached: bool,
    library: String,
    requirements_file: String,
    requirements_path: String,
    requirements: String,
}

impl Dependencies {
    /// The task's packages; none where it names none.
    pub(crate) fn of(settings: &Settings, context: &Context) -> Option<Self> {
        let mut requirements = String::new();
        for dependency in settings.dependencies() {
            requirements.push_str(dependency);
            requirements.push('\n');
        }
        if requirements.is_empty() {
            return None;
        }
        // Named for the task: two tasks in one working directory do not overwrite each other's list.
        let requirements_file = [
            FOLDER,
            "/",
            &file_stem(&context.task_id),
            ".requirements.txt",
        ]
        .concat();
        Some(Dependencies {
            package_manager: settings.package_manager.unwrap_or(PackageManager::Uv),
            cached: settings.dependency_cache_enabled.unwrap_or(true),
            library: context.path_of(&[FOLDER, "/lib"].concat()),
            requirements_path: context.path_of(&requirements_file),
            requirements_file,
            requirements,
        })
    }

    /// A requirements file and not arguments: nothing in it can be taken for an option of the shell line.
    pub(crate) fn file(&self) -> File {
        File::new(self.requirements_file.clone(), self.requirements.clone())
    }

    /// Installs, then puts the packages and their commands in front of what the task had.
    pub(crate) fn lines(&self) -> [String; 2] {
        let packages = Packages {
            library: &self.library,
            requirements: &self.requirements_path,
            uv: self.package_manager == PackageManager::Uv,
            cached: self.cached,
        };
        packages.lines()
    }
}
