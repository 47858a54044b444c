//! What an engine says where it does not do what a flow's settings ask: which of them it means, and whether it can ever be.
//!
//! Engines tell that by their messages alone, each in its own words, so these are a table. It is asked only about settings that the
//! flow has: a message that means none of them stays as it is.

mod wordings;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use wordings::{NO_PARAMETER, PORTS, WORDINGS, WRONG_PARAMETER};

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The setting, with dots.
    pub(super) property: String,
    /// Where it is, or the part of it that is meant.
    pub(super) pointer: String,
    pub(super) about: About,
    /// What the engine names, where it names something.
    pub(super) word: Option<String>,
}

/// What kind of thing a setting names, as far as the engine can be asked what there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Network,
    Container,
    Runtime,
    User,
    Group,
    LogDriver,
    VolumeDriver,
    /// Said in full by this sentence, in which `*` is what the engine names.
    Said(&'static str),
    /// What the engine says is clear.
    Itself,
    /// There is nothing wrong with the setting, and it may be given another time.
    Passing,
}

/// What an engine's message means of these settings, as the flow has them; nothing where it means none of them.
pub(super) fn read(message: &str, settings: &Map<String, Value>) -> Option<Refusal> {
    WORDINGS.iter().find_map(|wording| {
        let word = named(message, wording.says)?;
        let word = word.map(|word| match wording.about {
            NO_PARAMETER | WRONG_PARAMETER => word.replace('/', "."),
            _ => word.to_owned(),
        });
        let is_port = wording.means == PORTS;
        let (setting, inside) = place(settings, wording.means, word.as_deref(), is_port)?;
        Some(Refusal {
            property: setting.trim_start_matches('/').replace('/', "."),
            pointer: format!("{setting}{inside}"),
            about: wording.about,
            word: word.filter(|word| !word.is_empty()),
        })
    })
}

/// Whether a message says this, and what stands in it at the `*`.
fn named<'message>(message: &'message str, says: &str) -> Option<Option<&'message str>> {
    // The same length in bytes, so that places in one are places in the other.
    let lower = message.to_ascii_lowercase();
    let says = says.to_ascii_lowercase();
    let Some((before, after)) = says.split_once('*') else {
        return lower.contains(&says).then_some(None);
    };
    let mut searched = 0;
    loop {
        let start = if before.is_empty() {
            searched
        } else {
            searched + lower[searched..].find(before)? + before.len()
        };
        let end = match after {
            "" => lower.len(),
            after => start + lower[start..].find(after)?,
        };
        let found = &message[start..end];
        // What is named is one word; what comes last in a message may be followed by others.
        let found = match (before, after) {
            ("", _) => found.rsplit(' ').next().unwrap_or(found),
            (_, "") => found.split([' ', ',', '\n']).next().unwrap_or(found),
            _ => found,
        };
        if !found.contains([' ', '\n']) {
            return Some(Some(found.trim_matches(['"', '\'', '`', '.'])));
        }
        if before.is_empty() {
            return None;
        }
        searched = start;
    }
}

/// Which of the settings names the word, and where in it.
fn place(
    settings: &Map<String, Value>,
    means: &[&'static str],
    word: Option<&str>,
    is_port: bool,
) -> Option<(&'static str, String)> {
    let there: Vec<(&'static str, &Value)> = means
        .iter()
        .filter_map(|pointer| Some((*pointer, at(settings, pointer)?)))
        .collect();
    if let Some(word) = word.filter(|word| !word.is_empty()) {
        // Of an address only the port stands in every form of the setting; that of the container comes after it.
        let wanted: Vec<&str> = match is_port {
            true => word
                .split([':', '/'])
                .filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
                .collect(),
            false => vec![word],
        };
        let names = wanted.iter().find_map(|word| {
            there
                .iter()
                .find_map(|(pointer, value)| Some((*pointer, within(value, word, is_port)?)))
        });
        if names.is_some() {
            return names;
        }
    }
    match (means, there.as_slice()) {
        ([_], [(pointer, _)]) => Some((*pointer, String::new())),
        // Several could be meant, and one is there, of which the engine has named nothing.
        (_, [(pointer, _)]) if word.is_none_or(str::is_empty) => Some((*pointer, String::new())),
        _ => None,
    }
}

fn at<'value>(settings: &'value Map<String, Value>, pointer: &str) -> Option<&'value Value> {
    let mut steps = pointer.split('/').skip(1);
    let first = settings.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// The pointer from a value to what in it names the word.
fn within(value: &Value, word: &str, is_port: bool) -> Option<String> {
    let names = |text: &str| {
        if is_port {
            text.split(|letter: char| !letter.is_ascii_digit())
                .any(|number| number == word)
        } else {
            text.to_lowercase().contains(&word.to_lowercase())
        }
    };
    match value {
        Value::String(text) => names(text).then(String::new),
        Value::Number(number) => names(&number.to_string()).then(String::new),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| Some(format!("/{index}{}", within(item, word, is_port)?))),
        Value::Object(entries) => entries.iter().find_map(|(key, inner)| {
            let escaped = key.replace('~', "~0").replace('/', "~1");
            match within(inner, word, is_port) {
                Some(deeper) => Some(format!("/{escaped}{deeper}")),
                None => names(key).then(|| format!("/{escaped}")),
            }
        }),
        Value::Null | Value::Bool(_) => None,
    }
}
