//! `dependencies`: shell lines that install them for the interpreter that will import them, where it will import them.

use taffrail_plugin::{Context, File, shell};

use crate::interpreter::CHOSEN;
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
            &crate::file_stem(&context.task_id),
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

    /// Installs, quietly unless it fails, then puts the packages and their commands in front of what the task had.
    pub(crate) fn lines(&self) -> Vec<String> {
        let library = shell::quote(&self.library);
        let requirements = shell::quote(&self.requirements_path);
        let pip_cache = if self.cached { "" } else { " --no-cache-dir" };
        // Without `--upgrade` pip leaves what an earlier attempt installed, whatever its version.
        let pip = [
            CHOSEN,
            " -m pip install --quiet --upgrade",
            pip_cache,
            " --target ",
            &library,
            " --requirement ",
            &requirements,
            " || exit",
        ]
        .concat();
        let install = match self.package_manager {
            PackageManager::Pip => pip,
            PackageManager::Uv => {
                let uv_cache = if self.cached { "" } else { " --no-cache" };
                // Copies: a link into the shared cache would let the script change it.
                // Its path, because uv would take a mere name for a wish and could find another Python.
                let interpreter = ["\"$(command -v ", CHOSEN, ")\""].concat();
                let uv = [
                    "uv pip install --quiet --link-mode copy",
                    uv_cache,
                    " --python ",
                    &interpreter,
                ]
                .concat();
                let target = [
                    " --target ",
                    &library,
                    " --requirement ",
                    &requirements,
                    " || exit",
                ]
                .concat();
                [
                    "if command -v uv >/dev/null 2>&1; then ",
                    &uv,
                    &target,
                    "; else ",
                    &pip,
                    "; fi",
                ]
                .concat()
            }
        };
        let extend = [
            "PATH=",
            &library,
            "/bin:\"$PATH\" PYTHONPATH=",
            &library,
            "\"${PYTHONPATH:+:$PYTHONPATH}\"; export PATH PYTHONPATH",
        ]
        .concat();
        vec![install, extend]
    }
}
