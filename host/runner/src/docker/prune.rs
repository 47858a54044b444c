//! Finds and removes what earlier runs left on an engine: containers and volumes that carry the labels of this host's store.

use std::collections::HashMap;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptionsBuilder};
use taffrail_engine::ports::RunnerError;

use super::engine::{CALL, call};
use super::engines::Engines;
use super::launched::Belongings;
use super::names;

/// What kind of thing was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftoverKind {
    /// A container.
    Container,
    /// A volume.
    Volume,
}

/// Something that a run left on an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its name.
    pub name: String,
    /// The execution that it belongs to.
    pub execution: String,
    /// The task run that it belongs to.
    pub task_run: String,
    /// Whether it is a container that runs, or a volume of one.
    pub running: bool,
    /// When it was made, in seconds since 1970; 0 where the engine does not say.
    pub created: i64,
}

impl Engines {
    /// Lists what runs of this store left on the engine at `host`, or where it is usually found.
    ///
    /// # Errors
    /// When no engine answers.
    pub async fn leftovers(&self, host: Option<&str>) -> Result<Vec<Leftover>, RunnerError> {
        let engine = self.engine(host).await?;
        let store = self.store()?;
        let filter = format!("{}={store}", names::STORE);
        let filters = HashMap::from([("label".to_owned(), vec![filter])]);
        let containers = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let containers = call(CALL, engine.client.list_containers(Some(containers)))
            .await
            .map_err(|error| error.into_runner("list its containers"))?;
        let mut found = Vec::new();
        for container in containers {
            let labels = container.labels.unwrap_or_default();
            let Some((execution, task_run)) = whose(store, &labels) else {
                continue;
            };
            let names = container.names.unwrap_or_default();
            let Some(name) = names
                .first()
                .map(|name| name.trim_start_matches('/').to_owned())
            else {
                continue;
            };
            found.push(Leftover {
                kind: LeftoverKind::Container,
                name,
                execution,
                task_run,
                running: container.state == Some(ContainerSummaryStateEnum::RUNNING)
                    || container.state == Some(ContainerSummaryStateEnum::PAUSED),
                created: container.created.unwrap_or_default(),
            });
        }
        // Podman gives no labels to a volume that it makes for a container, so that only the name tells whose it is.
        let by_name = engine.facts.podman;
        let volumes = match by_name {
            true => ListVolumesOptionsBuilder::default().build(),
            false => ListVolumesOptionsBuilder::default()
                .filters(&filters)
                .build(),
        };
        let volumes = call(CALL, engine.client.list_volumes(Some(volumes)))
            .await
            .map_err(|error| error.into_runner("list its volumes"))?;
        for volume in volumes.volumes.unwrap_or_default() {
            let labelled = whose(store, &volume.labels);
            let named = || {
                names::read_name(store, &volume.name)
                    .filter(|_| by_name && volume.labels.is_empty())
            };
            let Some((execution, task_run)) = labelled.or_else(named) else {
                continue;
            };
            let of_running = |leftover: &Leftover| leftover.running && leftover.name == volume.name;
            let running = found.iter().any(of_running);
            let created = volume
                .created_at
                .and_then(|at| at.parse::<jiff::Timestamp>().ok());
            found.push(Leftover {
                kind: LeftoverKind::Volume,
                running,
                name: volume.name,
                execution,
                task_run,
                created: created.map_or(0, jiff::Timestamp::as_second),
            });
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes one of them; a running container is killed.
    ///
    /// # Errors
    /// What is left, and why.
    pub async fn remove_leftover(
        &self,
        host: Option<&str>,
        leftover: &Leftover,
    ) -> Result<(), RunnerError> {
        let engine = self.engine(host).await?;
        let belongings = Belongings {
            engine,
            container: leftover.name.clone(),
            volume: (leftover.kind == LeftoverKind::Volume).then(|| leftover.name.clone()),
        };
        match leftover.kind {
            LeftoverKind::Container => belongings.remove().await,
            LeftoverKind::Volume => belongings.remove_volume_alone().await,
        }
    }
}

/// The execution and the task run that labels name, if they name this store. The engine's filter is not trusted with it.
fn whose(store: &str, labels: &HashMap<String, String>) -> Option<(String, String)> {
    (labels.get(names::STORE).map(String::as_str) == Some(store)).then_some(())?;
    Some((
        labels.get(names::EXECUTION)?.clone(),
        labels.get(names::TASK_RUN)?.clone(),
    ))
}
