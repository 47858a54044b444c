//! Makes errors for people of what an engine refuses: which setting is meant, why, and what there is that could stand in its place.

use std::collections::BTreeSet;

use bollard::query_parameters::ListContainersOptionsBuilder;
use serde_json::{Map, Value};
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::ports::{RunnerError, SettingError};

use super::engine::{CALL, CallError, Engine, call};
use super::launched::Belongings;
use super::refusals::{About, Refusal, read};
use super::user;

/// How many names of what is there are told.
const MOST_TOLD: usize = 8;

/// What stands before and after what an engine has to say.
const BEFORE: &[&str] = &[
    "failed to create shim task: ",
    "failed to create task for container: ",
    "OCI runtime create failed: ",
    "runc: ",
    "crun: ",
    "runc create failed: ",
    "unable to start container process: ",
    "error during container init: ",
    "container create: ",
    "fill out specgen: ",
    "running container create option: ",
    "Error starting userland proxy: ",
];
/// What names a thing by its number, from the beginning up to the words after it.
const NUMBERED: &[(&str, &str)] = &[
    ("driver failed programming external connectivity", "): "),
    ("preparing container ", " for attach: "),
    (
        "creating container storage: creating read-write layer",
        ": ",
    ),
];
const AFTER: &[&str] = &[
    ": unknown",
    ": OCI runtime error",
    ": OCI permission denied",
];

/// The error for a container that the engine does not make or start with these settings. `doing` is what it was to do.
pub(super) async fn refused(
    belongings: &Belongings,
    settings: &Map<String, Value>,
    doing: &str,
    error: CallError,
) -> RunnerError {
    let CallError::Refused(status, text) = &error else {
        return error.into_runner(doing);
    };
    if let Some(refusal) = read(text, settings) {
        return told(belongings, refusal, text).await;
    }
    let text = format!("the engine cannot {doing}: {}", short(text));
    match status {
        // The container has a name that another one has.
        409 => RunnerError::Start(text),
        // It does not understand what it was asked for.
        400..=499 if *status != 404 => RunnerError::Setting {
            error: SettingError {
                pointer: String::new(),
                message: text,
            },
            passing: false,
        },
        _ => RunnerError::Unreachable(text),
    }
}

/// What a setting is refused for.
async fn told(belongings: &Belongings, refusal: Refusal, text: &str) -> RunnerError {
    let engine = &belongings.engine;
    let word = refusal.word.as_deref().unwrap_or_default();
    let said = short(text);
    let why = match refusal.about {
        About::Network => lacking("network", word, networks(engine).await),
        About::Container => lacking("container", word, containers(engine).await),
        About::Runtime => lacking("runtime", word, runtimes(engine).await),
        About::LogDriver => lacking("log driver", word, plugins(engine, |all| all.log).await),
        About::VolumeDriver => lacking(
            "volume driver",
            word,
            plugins(engine, |all| all.volume).await,
        ),
        About::User => among("user", word, user::names(belongings, "/etc/passwd").await),
        About::Group => among("group", word, user::names(belongings, "/etc/group").await),
        About::Said(sentence) if word.is_empty() => {
            format!("{}: {said}", sentence.replace(" `*`", ""))
        }
        About::Said(sentence) => sentence.replace('*', word),
        About::Itself => format!("the engine does not take this: {said}"),
        About::Passing => format!("the engine cannot give this now: {said}"),
    };
    RunnerError::Setting {
        error: SettingError {
            message: format!("`{}`: {why}", refusal.property),
            pointer: refusal.pointer,
        },
        passing: refusal.about == About::Passing,
    }
}

fn lacking(what: &str, word: &str, there: BTreeSet<String>) -> String {
    let named = match word {
        // Podman does not repeat it.
        "" => "of this name".to_owned(),
        word => format!("`{word}`"),
    };
    without(&format!("the engine has no {what} {named}"), word, &there)
}

fn among(what: &str, word: &str, there: BTreeSet<String>) -> String {
    without(&format!("the image has no {what} `{word}`"), word, &there)
}

/// That something is not there, and what is.
fn without(what: &str, word: &str, there: &BTreeSet<String>) -> String {
    let near = did_you_mean(word, there.iter().map(String::as_str));
    let told: Vec<String> = there
        .iter()
        .take(MOST_TOLD)
        .map(|name| format!("`{name}`"))
        .collect();
    let mut text = what.to_owned();
    if !told.is_empty() {
        text += &format!("; it has {}", told.join(", "));
        if there.len() > MOST_TOLD {
            text += &format!(" and {} more", there.len() - MOST_TOLD);
        }
    }
    if let Some(near) = near {
        text += &format!("; did you mean `{near}`?");
    }
    text
}

/// The part of a message that says something.
fn short(text: &str) -> &str {
    let mut text = text.trim();
    let numbered = |text: &'_ str| {
        let found = NUMBERED.iter().find(|(begin, _)| text.starts_with(begin));
        found.and_then(|(begin, end)| {
            text.get(begin.len()..)?
                .find(end)
                .map(|at| begin.len() + at + end.len())
        })
    };
    let before = |text: &'_ str| {
        let found = BEFORE.iter().find(|before| text.starts_with(**before));
        found.map(|before| before.len())
    };
    while let Some(length) = before(text).or_else(|| numbered(text)) {
        text = &text[length..];
    }
    while let Some(rest) = AFTER.iter().find_map(|after| text.strip_suffix(after)) {
        text = rest;
    }
    text
}

async fn networks(engine: &Engine) -> BTreeSet<String> {
    let networks = call(CALL, engine.client.list_networks(None)).await;
    let networks = networks.unwrap_or_default().into_iter();
    networks.filter_map(|network| network.name).collect()
}

async fn containers(engine: &Engine) -> BTreeSet<String> {
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let containers = call(CALL, engine.client.list_containers(Some(options))).await;
    let names = containers
        .unwrap_or_default()
        .into_iter()
        .filter_map(|container| container.names?.into_iter().next());
    names
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect()
}

async fn runtimes(engine: &Engine) -> BTreeSet<String> {
    let info = call(CALL, engine.client.info()).await.ok();
    let runtimes = info.and_then(|info| info.runtimes).unwrap_or_default();
    runtimes.into_keys().collect()
}

async fn plugins(
    engine: &Engine,
    kind: impl Fn(bollard::models::PluginsInfo) -> Option<Vec<String>>,
) -> BTreeSet<String> {
    let info = call(CALL, engine.client.info()).await.ok();
    let names = info.and_then(|info| info.plugins).and_then(kind);
    names.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_something_is_told() {
        let text = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting rlimit type 7: operation not permitted: unknown\n";
        assert_eq!(
            short(text),
            "error setting rlimit type 7: operation not permitted"
        );
        assert_eq!(
            short("fill out specgen: sysctl 'x' is not allowed"),
            "sysctl 'x' is not allowed"
        );
        assert_eq!(
            short(
                "driver failed programming external connectivity on endpoint x (73b0): Error starting userland proxy: listen tcp4: x"
            ),
            "listen tcp4: x"
        );
        assert_eq!(
            short(
                "preparing container 17d7 for attach: runc: runc create failed: unable to start container process: x: OCI runtime error"
            ),
            "x"
        );
        assert_eq!(short(""), "");
    }

    #[test]
    fn what_is_there_is_told_and_what_is_near() {
        let names = |count: usize| (0..count).map(|number| format!("n{number:02}")).collect();
        let check = |word: &str, there: BTreeSet<String>, expected: &str| {
            assert_eq!(without("no such thing", word, &there), expected);
        };
        check("x", names(0), "no such thing");
        let three = BTreeSet::from(["bridge", "host", "none"].map(str::to_owned));
        check(
            "bridg",
            three,
            "no such thing; it has `bridge`, `host`, `none`; did you mean `bridge`?",
        );
        check(
            "zzzzzz",
            names(10),
            "no such thing; it has `n00`, `n01`, `n02`, `n03`, `n04`, `n05`, `n06`, `n07` and 2 more",
        );
    }
}
