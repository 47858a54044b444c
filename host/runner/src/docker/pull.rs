//! Brings images to the engine: one pull for all tasks that want the same image, with progress, retried only where that helps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use taffrail_core::image_name::ImageName;
use taffrail_engine::ports::{Preparation, PullProgress, RunnerError};

use super::credentials::{CredentialSources, registry_name};
use super::engine::{CallError, Engine, call};
use super::engines::Engines;
use super::registry::registry_of;
use super::settings::PullPolicy;

/// Pauses before the tries after the first.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// How long all tries of a pull may take together.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How long the engine may take to say whether it has an image.
const LOOK: Duration = Duration::from_secs(15);

/// How long a pull may say nothing.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// The pulls that are under way, and what came of the last one of each image.
#[derive(Debug, Default)]
pub struct Pulls {
    by_image: Mutex<BTreeMap<String, Arc<Pull>>>,
}

#[derive(Debug, Default)]
struct Pull {
    /// How many have ended, well or not.
    ended: AtomicU64,
    /// Held by the one who pulls. Where the last one failed, with whose credentials, and why.
    failed: tokio::sync::Mutex<Option<(CredentialSources, String)>>,
}

impl Pulls {
    fn of(&self, key: String) -> Arc<Pull> {
        let mut pulls = self.by_image.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pulls.entry(key).or_default())
    }
}

/// What to bring, and how.
pub(super) struct Wanted<'a> {
    pub(super) image: &'a ImageName,
    pub(super) policy: PullPolicy,
    pub(super) platform: Option<&'a str>,
    pub(super) credentials: CredentialSources,
}

/// What was seen of an image before anything is done for it.
pub(super) struct Looked {
    pull: Arc<Pull>,
    /// How many pulls of it had ended before that. Another task may be pulling; what counts is whether a pull ends after this moment.
    ended: u64,
    image: Option<ImageInspect>,
}

/// Looks whether the image is there, unless it is pulled anyway.
///
/// # Errors
/// [`RunnerError::Unreachable`] when it is not there and must not be pulled.
pub(super) async fn look(
    engine: &Engine,
    engines: &Engines,
    wanted: &Wanted<'_>,
) -> Result<Looked, RunnerError> {
    let name = wanted.image.to_string();
    let key = format!(
        "{} {name} {}",
        engine.at.address,
        wanted.platform.unwrap_or_default()
    );
    let pull = engines.pulls.of(key);
    let ended = pull.ended.load(Ordering::Acquire);
    let image = match wanted.policy {
        PullPolicy::Always => None,
        _ => match engines.seen_early(engine, wanted.image).await {
            Some(image) => Some(image),
            None => inspect(engine, &name).await?,
        },
    };
    if image.is_none() && wanted.policy == PullPolicy::Never {
        return Err(RunnerError::Unreachable(format!(
            "the image `{name}` is not on the engine, and `pullPolicy: NEVER` forbids to pull it"
        )));
    }
    Ok(Looked { pull, ended, image })
}

/// Sees to it that the image is there, and gives what the engine says of it.
///
/// # Errors
/// [`RunnerError::Unreachable`] when the image cannot be had, with the reason and what can be done.
pub(super) async fn ensure(
    engine: &Engine,
    looked: Looked,
    wanted: Wanted<'_>,
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
) -> Result<ImageInspect, RunnerError> {
    let Looked { pull, ended, image } = looked;
    if let Some(image) = image {
        return Ok(image);
    }
    let name = wanted.image.to_string();
    let mut failed = pull.failed.lock().await;
    if pull.ended.load(Ordering::Acquire) > ended {
        match &*failed {
            // All who waited for it would be told the same.
            Some((asked, text)) if *asked == wanted.credentials => {
                return Err(RunnerError::Unreachable(text.clone()));
            }
            _ => {
                if let Some(image) = inspect(engine, &name).await? {
                    return Ok(image);
                }
            }
        }
    }
    let pulled = with_retries(engine, &wanted, &name, tell).await;
    *failed = match &pulled {
        Err(RunnerError::Unreachable(text)) => Some((wanted.credentials, text.clone())),
        _ => None,
    };
    pull.ended.fetch_add(1, Ordering::Release);
    drop(failed);
    pulled?;
    inspect(engine, &name).await?.ok_or_else(|| {
        RunnerError::Unreachable(format!(
            "the engine says that it pulled the image `{name}`, but does not have it"
        ))
    })
}

pub(super) async fn inspect(
    engine: &Engine,
    name: &str,
) -> Result<Option<ImageInspect>, RunnerError> {
    match call(LOOK, engine.client.inspect_image(name)).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error.into_runner(&format!("look for the image `{name}`"))),
    }
}

async fn with_retries(
    engine: &Engine,
    wanted: &Wanted<'_>,
    name: &str,
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
) -> Result<(), RunnerError> {
    let begun = Instant::now();
    let mut pauses = PAUSES.into_iter();
    let (sources, registry) = (
        wanted.credentials.clone(),
        registry_of(wanted.image).to_owned(),
    );
    let credentials = tokio::task::spawn_blocking(move || sources.choose(&registry))
        .await
        .unwrap_or_else(|panic| Err(format!("looking for credentials failed: {panic}")))
        .map_err(RunnerError::Unreachable)?;
    loop {
        let error = match once(engine, wanted, name, credentials.clone(), tell).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match pauses
            .next()
            .filter(|_| helps_to_retry(&error) && begun.elapsed() < PATIENCE)
        {
            Some(pause) => {
                tracing::info!("pull of `{name}` is tried again: {error}");
                tokio::time::sleep(pause).await;
            }
            None => {
                let text = explain(&error, wanted, credentials.as_ref(), name);
                return Err(RunnerError::Unreachable(text));
            }
        }
    }
}

/// One pull, read to its end: errors come inside an answer that began as a success.
async fn once(
    engine: &Engine,
    wanted: &Wanted<'_>,
    name: &str,
    credentials: Option<DockerCredentials>,
    tell: &mut (dyn FnMut(Preparation<'_>) + Send),
) -> Result<(), CallError> {
    let mut options = CreateImageOptionsBuilder::default()
        .from_image(&wanted.image.repository)
        .tag(wanted.image.tag_or_digest());
    if let Some(platform) = wanted.platform {
        options = options.platform(platform);
    }
    let stream = engine
        .client
        .create_image(Some(options.build()), None, credentials);
    let mut stream = std::pin::pin!(stream);
    let mut layers = Layers::default();
    let mut told: Option<Instant> = None;
    tell(Preparation::Pull(&layers.progress(name, false)));
    loop {
        let item = match tokio::time::timeout(SILENCE, stream.next()).await {
            Ok(Some(item)) => item?,
            Ok(None) => break,
            Err(_) => return Err(CallError::Late(SILENCE)),
        };
        if let Some(message) = item
            .error_detail
            .as_ref()
            .and_then(|error| error.message.clone())
        {
            return Err(CallError::Refused(500, message));
        }
        layers.take(&item);
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            tell(Preparation::Pull(&layers.progress(name, false)));
            told = Some(Instant::now());
        }
    }
    tell(Preparation::Pull(&layers.progress(name, true)));
    Ok(())
}

/// The layers of one pull, by their ids.
#[derive(Debug, Default)]
struct Layers {
    by_id: BTreeMap<String, Layer>,
}

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    total: u64,
    done: bool,
}

impl Layers {
    fn take(&mut self, item: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&item.id, &item.status) else {
            return;
        };
        let known = matches!(
            status.as_str(),
            "Pulling fs layer"
                | "Waiting"
                | "Downloading"
                | "Verifying Checksum"
                | "Download complete"
                | "Extracting"
                | "Pull complete"
                | "Already exists"
        );
        // Other lines with an id are about tags.
        if !known {
            return;
        }
        let layer = self.by_id.entry(id.clone()).or_default();
        let detail = item.progress_detail.as_ref();
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        match status.as_str() {
            "Downloading" => {
                if let Some(total) = number(detail.and_then(|detail| detail.total)) {
                    layer.total = total;
                }
                if let Some(current) = number(detail.and_then(|detail| detail.current)) {
                    layer.bytes = current;
                }
            }
            "Download complete" | "Extracting" => layer.bytes = layer.total,
            "Pull complete" | "Already exists" => {
                layer.bytes = layer.total;
                layer.done = true;
            }
            _ => {}
        }
    }

    fn progress(&self, image: &str, done: bool) -> PullProgress {
        PullProgress {
            image: image.to_owned(),
            layers: self.by_id.len(),
            layers_done: self.by_id.values().filter(|layer| layer.done).count(),
            bytes: self.by_id.values().map(|layer| layer.bytes).sum(),
            bytes_total: self.by_id.values().map(|layer| layer.total).sum(),
            done,
        }
    }
}

/// What kind of no a registry's answer is. The engine gives nearly all of them as 500, so the text decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum No {
    Credentials,
    NotThere,
    NotHttps,
    Platform,
    Unreachable,
    Other,
}

fn kind(error: &CallError) -> No {
    let text = error.to_string().to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["server gave http response to https client"]) {
        No::NotHttps
    } else if has(&[
        "no matching manifest",
        "does not match the specified platform",
        "no image found in manifest list",
    ]) {
        No::Platform
    } else if has(&[
        "unauthorized",
        "authentication required",
        "no basic auth credentials",
        "access denied",
        "denied:",
        "incorrect username",
        "401",
    ]) {
        No::Credentials
    } else if error.status() == Some(404)
        || has(&[
            "manifest unknown",
            "not found",
            "name unknown",
            "does not exist",
            "name_unknown",
        ])
    {
        No::NotThere
    } else if has(&[
        "no such host",
        "connection refused",
        "timeout",
        "i/o timeout",
        "deadline exceeded",
        "network is unreachable",
        "server misbehaving",
        "connection reset",
        "eof",
        "tls handshake",
    ]) {
        No::Unreachable
    } else {
        No::Other
    }
}

/// Whether the same question may get another answer a moment later.
fn helps_to_retry(error: &CallError) -> bool {
    match error {
        CallError::Gone(_) | CallError::Late(_) => true,
        CallError::Refused(status, text) => match kind(error) {
            No::Unreachable => !text.to_lowercase().contains("no such host"),
            No::Other => *status >= 500,
            _ => false,
        },
    }
}

fn explain(
    error: &CallError,
    wanted: &Wanted<'_>,
    credentials: Option<&DockerCredentials>,
    name: &str,
) -> String {
    let registry = registry_name(registry_of(wanted.image));
    let who = match credentials.and_then(|found| found.username.as_deref()) {
        Some(user) => format!("as user `{user}`"),
        None if credentials.is_some() => "with a token".to_owned(),
        None => "without credentials".to_owned(),
    };
    let hint = match kind(error) {
        No::Credentials => format!("the registry `{registry}` was asked {who}"),
        No::NotThere => format!("the registry `{registry}`, asked {who}, has no such image or tag"),
        No::NotHttps => format!(
            "the registry `{registry}` does not speak HTTPS; name it under `insecure-registries` in the engine's own configuration and restart the engine"
        ),
        No::Platform => "it is not there for the wanted platform".to_owned(),
        No::Unreachable => format!("the registry `{registry}` cannot be reached"),
        No::Other => format!("asked the registry `{registry}` {who}"),
    };
    format!("the image `{name}` cannot be pulled: {error} ({hint})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_registries_are_told_apart() {
        let check = |status: u16, text: &str, expected: No, retried: bool| {
            let error = CallError::Refused(status, text.to_owned());
            assert_eq!(
                (kind(&error), helps_to_retry(&error)),
                (expected, retried),
                "{text}"
            );
        };
        check(
            500,
            "Get \"https://r/v2/\": no basic auth credentials",
            No::Credentials,
            false,
        );
        check(
            500,
            "unauthorized: authentication required",
            No::Credentials,
            false,
        );
        check(
            404,
            "manifest for a:2 not found: manifest unknown: manifest unknown",
            No::NotThere,
            false,
        );
        check(
            500,
            "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client",
            No::NotHttps,
            false,
        );
        check(
            500,
            "Get \"https://r/v2/\": dial tcp: lookup r: no such host",
            No::Unreachable,
            false,
        );
        check(
            500,
            "Get \"https://r/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
            No::Unreachable,
            true,
        );
        check(
            500,
            "received unexpected HTTP status: 503 Service Unavailable",
            No::Other,
            true,
        );
        check(400, "invalid reference format", No::Other, false);
    }

    #[test]
    fn layers_are_counted_and_tags_are_not() {
        let mut layers = Layers::default();
        let mut take = |id: &str, status: &str, numbers: Option<(i64, i64)>| {
            layers.take(&CreateImageInfo {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                progress_detail: numbers.map(|(current, total)| bollard::models::ProgressDetail {
                    current: Some(current),
                    total: Some(total),
                }),
                ..CreateImageInfo::default()
            });
        };
        take("latest", "Pulling from library/a", None);
        take("aa", "Pulling fs layer", None);
        take("bb", "Pulling fs layer", None);
        take("aa", "Downloading", Some((10, 100)));
        take("bb", "Downloading", Some((50, 50)));
        take("bb", "Pull complete", None);
        let progress = layers.progress("a:latest", false);
        assert_eq!((progress.layers, progress.layers_done), (2, 1));
        assert_eq!((progress.bytes, progress.bytes_total), (60, 150));
    }
}
