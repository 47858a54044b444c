//! From the rendered values of a flow to a backend's settings, or to everything that is wrong with them.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use taffrail_core::suggest::did_you_mean;
use taffrail_engine::ports::SettingError;

/// Reads rendered settings. `runner` is what messages call the backend; `refused` tells why a key is not taken that others know.
///
/// # Errors
/// Every mistake, each with the JSON pointer of the value or key that is wrong.
pub fn read<T: DeserializeOwned>(
    settings: &Map<String, Value>,
    runner: &str,
    refused: fn(&str) -> Option<&'static str>,
) -> Result<T, Vec<SettingError>> {
    let mut value = Value::Object(settings.clone());
    let words = Words { runner, refused };
    let mut errors = Vec::new();
    let mut taken = Taken::default();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(settings) if errors.is_empty() => return Ok(settings),
            Ok(_) => return Err(errors),
            Err(error) => error,
        };
        let steps: Vec<Step> = error.path().iter().filter_map(Step::of).collect();
        let steps = &steps[..existing(&value, &steps)];
        let original = taken.original(steps);
        errors.push(SettingError {
            pointer: pointer(&original),
            message: words.of(&error.inner().to_string(), &original, &value, steps),
        });
        // What is wrong is told once; the rest is read without it.
        if !taken.take(&mut value, steps) {
            return Err(errors);
        }
    }
}

/// One step into the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        }
    }
}

fn step_into<'value>(value: &'value Value, step: &Step) -> Option<&'value Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    }
}

/// How many of the steps lead to something.
fn existing(value: &Value, steps: &[Step]) -> usize {
    let mut at = value;
    for (count, step) in steps.iter().enumerate() {
        match step_into(at, step) {
            Some(inner) => at = inner,
            None => return count,
        }
    }
    steps.len()
}

/// Remembers which items of lists are gone, so that the others keep their numbers.
#[derive(Debug, Default)]
struct Taken(Vec<(Vec<Step>, usize)>);

impl Taken {
    /// The steps as they were before anything was taken.
    fn original(&self, steps: &[Step]) -> Vec<Step> {
        let mut original: Vec<Step> = Vec::new();
        for step in steps {
            let step = match step {
                Step::Key(_) => step.clone(),
                Step::Index(index) => {
                    let mut gone: Vec<usize> = self
                        .0
                        .iter()
                        .filter(|(list, _)| *list == original)
                        .map(|(_, index)| *index)
                        .collect();
                    gone.sort_unstable();
                    let mut index = *index;
                    for taken in gone {
                        if taken <= index {
                            index += 1;
                        }
                    }
                    Step::Index(index)
                }
            };
            original.push(step);
        }
        original
    }

    /// Takes the value away; says whether there was one.
    fn take(&mut self, value: &mut Value, steps: &[Step]) -> bool {
        let original = self.original(steps);
        let Some((last, before)) = steps.split_last() else {
            return false;
        };
        let mut holder = value;
        for step in before {
            let inner = match step {
                Step::Key(key) => holder.get_mut(key),
                Step::Index(index) => holder.get_mut(index),
            };
            match inner {
                Some(inner) => holder = inner,
                None => return false,
            }
        }
        match (last, holder) {
            (Step::Key(key), Value::Object(map)) => map.shift_remove(key).is_some(),
            (Step::Index(index), Value::Array(items)) if *index < items.len() => {
                items.remove(*index);
                if let Some((Step::Index(index), list)) = original.split_last() {
                    self.0.push((list.to_vec(), *index));
                }
                true
            }
            _ => false,
        }
    }
}

fn pointer(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        match step {
            Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

/// How a backend is spoken of.
struct Words<'a> {
    runner: &'a str,
    refused: fn(&str) -> Option<&'static str>,
}

impl Words<'_> {
    /// What a place is called in messages: `memory.memory`, item 2 of `volumes`.
    fn name(&self, steps: &[Step]) -> String {
        let mut path = String::new();
        let mut item = None;
        for step in steps {
            match (step, item) {
                (Step::Index(index), _) => item = Some(index),
                (Step::Key(key), None) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                // Below an item only the last key says more.
                (Step::Key(key), Some(index)) => {
                    return format!("`{key}` in item {} of `{path}`", index + 1);
                }
            }
        }
        match item {
            Some(index) => format!("item {} of `{path}`", index + 1),
            None if path.is_empty() => self.runner.to_owned(),
            None => format!("`{path}`"),
        }
    }

    /// Turns serde's words into those of a flow's author.
    fn of(&self, message: &str, original: &[Step], root: &Value, steps: &[Step]) -> String {
        let named = self.name(original);
        if message.starts_with("unknown field `") {
            return self.unknown_key(message, original);
        }
        if let Some(rest) = message.strip_prefix("missing field ") {
            return format!("{named} needs the key {rest}");
        }
        if message.starts_with("unknown variant `") {
            let names = quoted(message);
            let given = names.first().copied().unwrap_or_default();
            let allowed = listed(names.get(1..).unwrap_or_default());
            return format!("{named} cannot be `{given}`; allowed: {allowed}");
        }
        if message.starts_with("invalid ")
            && let Some((_, expected)) = message.split_once(", expected ")
        {
            let at = steps.iter().try_fold(root, step_into).unwrap_or(root);
            let expected = match expected {
                "a sequence" => "a list",
                "a string" | "string or map" => "text",
                other if other.starts_with("struct ") || other.starts_with("a map") => "a map",
                other => other,
            };
            return format!("{named} must be {expected}, not {}", kind_of(at));
        }
        format!("{named} {message}")
    }

    fn unknown_key(&self, message: &str, original: &[Step]) -> String {
        let names = quoted(message);
        let key = names.first().copied().unwrap_or_default();
        let holder = match original.split_last() {
            Some((_, holder)) => self.name(holder),
            None => self.name(original),
        };
        if original.len() == 1
            && let Some(reason) = (self.refused)(key)
        {
            return format!("{holder} does not take `{key}`: {reason}");
        }
        let known = names.get(1..).unwrap_or_default();
        match did_you_mean(key, known.iter().copied()) {
            Some(near) => format!("{holder} has no key `{key}`; did you mean `{near}`?"),
            None if known.len() <= 14 => {
                format!(
                    "{holder} has no key `{key}`; its keys are {}",
                    listed(known)
                )
            }
            None => format!("{holder} has no key `{key}`"),
        }
    }
}

/// What stands between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
