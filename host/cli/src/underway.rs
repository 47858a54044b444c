//! What takes time and may be under way before a flow was checked.

use std::sync::Arc;

use taffrail_core::diagnostic::Source;
use taffrail_runner::process::Supervisors;
use taffrail_store::Store;

use crate::args::RunnerChoice;
use crate::descriptors::Descriptors;
use crate::runners::supervisors;

/// What both names of the type end with.
const PROCESS_NAME: &str = ".runner.Process";

/// What an execution needs of this process. Dropped, it waits for the end of what starts processes, also where nothing came of the execution.
pub struct Underway {
    /// Raised before there are supervisors, which need as many.
    pub descriptors: Descriptors,
    /// Start processes. None of them has to run yet.
    pub supervisors: Arc<Supervisors>,
    /// Where it is open already. Where there is none on the disk, none is made before something is entered.
    pub store: Option<Arc<Store>>,
}

impl Underway {
    /// With a supervisor already starting, where the flow's text or the command line lets expect processes.
    pub fn expecting(source: &Source, runner: Option<RunnerChoice>) -> Self {
        let underway = Self::default();
        let expects = match runner {
            Some(choice) => choice == RunnerChoice::Process,
            None => source.text().contains(PROCESS_NAME),
        };
        if expects {
            underway.supervisors.make_ready();
        }
        underway
    }
}

impl Default for Underway {
    fn default() -> Self {
        Self {
            descriptors: Descriptors::raise(),
            supervisors: supervisors(),
            store: None,
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.supervisors.wait();
    }
}
