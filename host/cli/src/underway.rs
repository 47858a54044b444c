//! What takes time and may be under way before a flow was checked.

use std::path::Path;
use std::sync::Arc;

use taffrail_core::diagnostic::Source;
use taffrail_core::image_name::ImageName;
use taffrail_runner::docker::Engines;
use taffrail_runner::process::Supervisors;
use taffrail_store::Store;
use tokio::runtime::Runtime;

use crate::args::RunnerChoice;
use crate::descriptors::Descriptors;
use crate::runners::{engines, supervisors};

/// What both names of the type end with.
const PROCESS_NAME: &str = ".runner.Process";

/// What is in the types of tasks that run in containers where nothing else is said.
const SCRIPTS: &str = ".plugin.scripts.";

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
        match expected {
            Some(RunnerChoice::Process) => underway.supervisors.make_ready(),
            Some(RunnerChoice::Docker) => underway.greet(state, first_image(text)),
            None => {}
        }
        underway
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

/// The first image that is named in a flow's text, as far as that can be seen without reading it as one. It is only asked for.
fn first_image(text: &str) -> Option<ImageName> {
    let (_, rest) = text.split_once(IMAGE)?;
    let value = rest.trim_start_matches(' ').trim_start_matches(['"', '\'']);
    let end = |character: char| character.is_whitespace() || "\"',}".contains(character);
    let (name, _) = value.split_once(end).unwrap_or((value, ""));
    ImageName::parse(name).ok()
}

impl Default for Underway {
    fn default() -> Self {
        Self {
            descriptors: Descriptors::raise(),
            supervisors: supervisors(),
            store: None,
            engines: None,
            runtime: None,
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
