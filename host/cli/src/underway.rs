//! What takes time and may be under way before a flow was checked.

use std::path::Path;
use std::sync::Arc;

use taffrail_core::descriptor::Descriptor;
use taffrail_core::diagnostic::Source;
use taffrail_core::flow::{Flow, Task};
use taffrail_core::image_name::ImageName;
use taffrail_core::resolve::{Installed, Locking, Wish, grant};
use taffrail_core::script::DOCKER;
use taffrail_engine::ports::PluginKey;
use taffrail_runner::docker::Engines;
use taffrail_runner::process::Supervisors;
use taffrail_store::Store;
use tokio::runtime::Runtime;

use crate::args::RunnerChoice;
use crate::descriptors::Descriptors;
use crate::load::Host;
use crate::runners::{engines, supervisors};

/// What both names of the type end with.
const PROCESS_NAME: &str = ".runner.Process";

/// What is in the types of tasks that run in containers where nothing else is said.
const SCRIPTS: &str = ".plugin.scripts.";

/// The key of a task's type.
const TYPE: &str = "type:";

/// The key of a pin.
const VERSION: &str = "version:";

/// Stack of the thread that loads a plugin, in bytes: it may have to compile it.
const LOADING_STACK: usize = 8 << 20;

/// The key of a task's image.
const IMAGE: &str = "containerImage:";

/// What an execution needs of this process. Dropped, it waits for the end of what starts processes, also where nothing came of the execution.
pub struct Underway {
    /// Raised before there are supervisors, which need as many.
    pub descriptors: Descriptors,
    /// Start processes. None of them has to run yet.
    pub supervisors: Arc<Supervisors>,
    /// Where it is open already. Where there is none on the disk, none is made before something is entered.
    pub store: Option<Arc<Store>>,
    /// The container engines, where one may have been greeted.
    pub engines: Option<Arc<Engines>>,
    /// What that ran in, and connections belong to.
    pub runtime: Option<Arc<Runtime>>,
    /// The plugin that is being loaded.
    pub plugin: Option<PluginKey>,
    /// What the first script task probably runs on.
    runner: Option<RunnerChoice>,
}

impl Underway {
    /// With a supervisor already starting, where the flow's text or the command line lets expect processes, or an engine greeted, where
    /// containers are. What is in this state folder is theirs.
    pub fn expecting(source: &Source, runner: Option<RunnerChoice>, state: &Path) -> Self {
        let mut underway = Self::default();
        let text = source.text();
        let expected = match runner {
            Some(choice) => Some(choice),
            None if text.contains(PROCESS_NAME) => Some(RunnerChoice::Process),
            None if text.contains(SCRIPTS) => Some(RunnerChoice::Docker),
            None => None,
        };
        underway.runner = expected;
        match expected {
            Some(RunnerChoice::Process) => underway.supervisors.make_ready(),
            Some(RunnerChoice::Docker) => underway.greet(state, first_image(text)),
            None => {}
        }
        underway
    }

    /// Makes ready, beside the check of the flow, what its first script task needs of this host, as far as the text lets expect that: the
    /// schema of the runner's settings, and the plugin.
    pub fn prepare(&mut self, host: &Host, source: &Source) {
        let docker = self.runner == Some(RunnerChoice::Docker);
        self.plugin = first_plugin(source.text(), host.checker.installed());
        if !docker && self.plugin.is_none() {
            return;
        }
        let (checker, plugins) = (Arc::clone(&host.checker), Arc::clone(&host.plugins));
        let plugin = self.plugin.clone();
        on_a_thread(move || {
            if docker {
                checker.expect_runner(DOCKER);
            }
            if let Some(plugin) = plugin {
                plugins.prepare(&[plugin]);
            }
        });
    }

    /// Loads the plugin of the first script task, where it is not the one that is being loaded.
    pub fn load_first_plugin(&self, host: &Host, flow: &Flow) {
        let Some(script_type) = flow.enabled_tasks().find_map(Task::script_type) else {
            return;
        };
        let plugin = key_of(&script_type.plugin);
        if self.plugin.as_ref() != Some(&plugin) {
            let plugins = Arc::clone(&host.plugins);
            on_a_thread(move || plugins.prepare(&[plugin]));
        }
    }

    /// Greets the engine on a thread of its own. Without one, or a runtime, that is done when it is needed, and told.
    fn greet(&mut self, state: &Path, image: Option<ImageName>) {
        let Ok(runtime) = crate::runtime::start().map(Arc::new) else {
            return;
        };
        let engines = engines(state);
        let (driven, greeted) = (Arc::clone(&runtime), Arc::clone(&engines));
        let greeting = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                // The first task's plugin is asked on a thread of the runtime's, which takes a while to be there.
                drop(driven.spawn_blocking(|| ()));
                driven.block_on(greeted.expect(image));
            });
        drop(greeting);
        self.engines = Some(engines);
        self.runtime = Some(runtime);
    }
}

/// Does something beside what else is to be done. Without a thread it is done when it is needed.
fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .name("ready".to_owned())
        .stack_size(LOADING_STACK)
        .spawn(work);
    drop(thread);
}

fn key_of(plugin: &Descriptor) -> PluginKey {
    PluginKey {
        id: plugin.id.clone(),
        version: plugin.version.clone(),
    }
}

/// The plugin of the first type in a flow's text that belongs to one, in the version that a task gets which pins none. Where one may be
/// pinned, nothing is expected: it could be compiled in vain.
fn first_plugin(text: &str, installed: &[Installed]) -> Option<PluginKey> {
    if text.contains(VERSION) {
        return None;
    }
    text.lines().find_map(|line| {
        let (_, rest) = line.split_once(TYPE)?;
        let task_type = first_word(rest);
        let wish = Wish {
            task_type,
            pin: None,
        };
        let granted = grant(0, wish, installed, Locking::default());
        Some(key_of(&granted.ok()?.plugin))
    })
}

/// The value after a key, without quotes, up to what ends it in a map of one line.
fn first_word(text: &str) -> &str {
    let value = text.trim_start_matches(' ').trim_start_matches(['"', '\'']);
    let end = |character: char| character.is_whitespace() || "\"',}".contains(character);
    value.split_once(end).map_or(value, |(word, _)| word)
}

/// The first image that is named in a flow's text, as far as that can be seen without reading it as one. It is only asked for.
fn first_image(text: &str) -> Option<ImageName> {
    let (_, rest) = text.split_once(IMAGE)?;
    ImageName::parse(first_word(rest)).ok()
}

impl Default for Underway {
    fn default() -> Self {
        Self {
            descriptors: Descriptors::raise(),
            supervisors: supervisors(),
            store: None,
            engines: None,
            runtime: None,
            plugin: None,
            runner: None,
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.supervisors.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_plugin_is_seen_in_the_text() {
        let plugin = |id: &str, version: &str| {
            let descriptor = serde_json::json!({
                "descriptorVersion": 1, "id": id, "version": version, "title": "A language",
                "taskTypes": [{"name": format!("a.{id}.Script"), "title": "A script", "propertiesSchema": {"type": "object"}}],
            });
            Installed::from(Arc::new(serde_json::from_value(descriptor).unwrap()))
        };
        let installed = [
            plugin("one", "1.0.0"),
            plugin("one", "1.2.0"),
            plugin("two", "2.0.0"),
        ];
        let first = |text: &str| first_plugin(text, &installed).map(|plugin| plugin.to_string());
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            first("- type: b.Log\n- type: a.one.Script"),
            named("one 1.2.0")
        );
        assert_eq!(first("- {id: x, type: 'a.two.Script'}"), named("two 2.0.0"));
        assert_eq!(
            first("- id: x\n  type: \"a.two.Script\" "),
            named("two 2.0.0")
        );
        assert_eq!(first("- type: {{ a.one.Script }}\ntype:"), None);
        assert_eq!(first("- type: a.one.Script\n  version: '1.0'"), None);
    }

    #[test]
    fn the_first_image_is_seen_in_the_text() {
        let first = |text: &str| first_image(text).map(|image| image.to_string());
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            first("containerImage: a/b:1\ncontainerImage: c"),
            named("a/b:1")
        );
        assert_eq!(
            first("{containerImage: \"ubuntu\", id: a}"),
            named("ubuntu:latest")
        );
        assert_eq!(
            first("containerImage: 'h:5000/a'"),
            named("h:5000/a:latest")
        );
        assert_eq!(first("containerImage: a"), named("a:latest"));
        for none in [
            "",
            "containerImage:",
            "containerImage: {{ inputs.image }}",
            "image: a",
        ] {
            assert_eq!(first(none), None, "{none}");
        }
    }
}
