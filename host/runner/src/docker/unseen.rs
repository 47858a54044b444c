//! Ends that an engine tells without having seen them: of a container that went down with it, as all do where the machine, or the
//! container that the engine itself runs in, goes down.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerState;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;

use super::engine::Engine;
use super::verdict::UNSEEN;

/// How long the engine may take to say what it remembers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the end of a container is one of these. Its exit code may also be that of a program; what the engine remembers of the
/// time since it came up tells them apart. Where it cannot be asked, the exit code counts.
pub(super) async fn end_is_unseen(
    engine: &Engine,
    container: &str,
    state: &ContainerState,
) -> bool {
    // Podman's containers have keepers of their own, which see their ends.
    if state.exit_code != Some(UNSEEN) || engine.facts.podman {
        return false;
    }
    let seconds = |at: Option<&str>| {
        let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
        at.map(jiff::Timestamp::as_second)
    };
    let (Some(begun), Some(ended)) = (
        seconds(state.started_at.as_deref()),
        seconds(state.finished_at.as_deref()),
    ) else {
        return false;
    };
    let filters = HashMap::from([("container", vec![container]), ("event", vec!["die"])]);
    let options = EventsOptionsBuilder::default()
        .since(&begun.to_string())
        // By the engine's clock, so that the answer ends at once unless the container has just ended.
        .until(&(ended + 2).to_string())
        .filters(&filters)
        .build();
    let events = engine.client.events(Some(options));
    let mut events = std::pin::pin!(events);
    let first = tokio::time::timeout(PATIENCE, events.next()).await;
    matches!(first, Ok(None))
}
