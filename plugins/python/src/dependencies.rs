//! `dependencies`: shell lines that install them for the interpreter that will import them, where it will import them.

use taffrail_plugin::python::{Keeper, Packages};
use taffrail_plugin::script::file_stem;
use taffrail_plugin::{Context, Extensions, File, Plan};

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
    keeper_file: String,
    keeper_path: String,
    archive_file: String,
    archive_path: String,
    kept_as: String,
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
        let task = file_stem(&context.task_id);
        let own = |ending: &str| [FOLDER, "/", &task, ending].concat();
        let requirements_file = own(".requirements.txt");
        let archive_file = own(".packages.tar");
        let keeper_file = own(".packages.py");
        Some(Dependencies {
            package_manager: settings.package_manager.unwrap_or(PackageManager::Uv),
            cached: settings.dependency_cache_enabled.unwrap_or(true),
            library: context.path_of(&[FOLDER, "/lib"].concat()),
            requirements_path: context.path_of(&requirements_file),
            requirements_file,
            requirements,
            keeper_path: context.path_of(&keeper_file),
            keeper_file,
            archive_path: context.path_of(&archive_file),
            archive_file,
            kept_as: ["python/", &task, ".packages"].concat(),
        })
    }

    /// Puts the files that the lines need into the plan, and carries what is installed to the next execution.
    pub(crate) fn put_into(&self, plan: &mut Plan) {
        // A requirements file and not arguments: nothing in it can be taken for an option of the shell line.
        plan.files.push(File::new(
            self.requirements_file.clone(),
            self.requirements.clone(),
        ));
        if self.cached {
            plan.files.push(File::new(
                self.keeper_file.clone(),
                include_str!("packages.py"),
            ));
            Extensions::new()
                .carry(&self.archive_file, &self.kept_as)
                .put_into(plan);
        }
    }

    /// Installs, then puts the packages and their commands in front of what the task had.
    pub(crate) fn lines(&self) -> [String; 2] {
        let packages = Packages {
            library: &self.library,
            requirements: &self.requirements_path,
            uv: self.package_manager == PackageManager::Uv,
            cached: self.cached,
        };
        if self.cached {
            packages.kept_lines(Keeper {
                program: &self.keeper_path,
                archive: &self.archive_path,
            })
        } else {
            packages.lines()
        }
    }
}
