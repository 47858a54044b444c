//! Why a task cannot be run, in words: what its type is instead, and the nearest type that can.

use std::sync::Arc;

use super::catalogue::{self, Known};
use super::types::Spanned;
use crate::diagnostic::{Code, Diagnostic};
use crate::suggest::{did_you_mean, is_obvious, nearest};
use crate::validate::Checker;
use crate::yaml::{Node, Span, push_key};

/// Refuses a type that no installed plugin has.
pub(super) fn refusal(
    checker: &Checker,
    known: &Known,
    type_name: &Spanned<Arc<str>>,
    path: &str,
) -> Diagnostic {
    let name = &type_name.value;
    let unknown =
        |message: String| Diagnostic::error(Code::UnknownTaskType, type_name.span, message);
    let diagnostic = match known {
        Known::Server(current) => {
            let diagnostic = Diagnostic::error(
                Code::NotRunHere,
                type_name.span,
                format!("`{name}` cannot run here"),
            )
            .label("it works on a server, and there is none here");
            if *current == &**name {
                diagnostic
            } else {
                diagnostic.note(format!("its current name is `{current}`"))
            }
        }
        Known::InProcess(language) => unknown(format!("`{name}` cannot run here")).label(format!(
            "it runs {language} code inside the Java process of a server"
        )),
        Known::Trigger => unknown(format!("`{name}` is a trigger, not a task"))
            .label("triggers belong under `triggers`"),
        Known::Runner => unknown(format!("`{name}` is a task runner, not a task"))
            .help("write it as the `type` of a task's `taskRunner`"),
        Known::Language(language) => unknown(format!("no installed plugin provides `{name}`"))
            .label(format!("the plugin for {language} is missing"))
            .note(installed_plugins(checker)),
        Known::Plugin(plugin) => {
            unknown(format!("no installed plugin provides `{name}`")).label(format!(
                "it is a task of the original's `{plugin}` plugin, which taffrail does not have"
            ))
        }
        Known::Unknown => {
            unknown(format!("no installed plugin provides `{name}`")).label("unknown task type")
        }
    };
    let diagnostic = diagnostic.path(type_path(path));
    match known {
        Known::Unknown | Known::Plugin(_) | Known::Language(_) | Known::Runner => suggest(
            checker,
            diagnostic,
            type_name,
            matches!(known, Known::Unknown),
        ),
        _ => diagnostic,
    }
}

/// Adds the nearest name; of a name that is no name of the original at all, also by its last part.
fn suggest(
    checker: &Checker,
    diagnostic: Diagnostic,
    type_name: &Spanned<Arc<str>>,
    guess: bool,
) -> Diagnostic {
    if diagnostic.help.is_some() {
        return diagnostic;
    }
    let name: &str = &type_name.value;
    let installed: Vec<String> = checker
        .plugins()
        .iter()
        .flat_map(|plugin| &plugin.task_types)
        .map(|task_type| task_type.name.to_string())
        .collect();
    let others: Vec<String> = if guess {
        catalogue::names().collect()
    } else {
        Vec::new()
    };
    let candidates = || installed.iter().chain(&others).map(String::as_str);
    let span = type_name.span;
    // Names of one family differ in a word; only a slip of the pen within that word counts.
    let near = nearest(name, candidates(), 4)
        .into_iter()
        .find(|near| one_word_differs_slightly(name, near));
    if let Some(near) = near {
        let fixed = diagnostic.fix(format!("did you mean `{near}`?"), span, near);
        let others = candidates().filter(|other| one_word_differs_slightly(name, other));
        return if is_obvious(name, near, others) {
            fixed.certain()
        } else {
            fixed
        };
    }
    if !guess {
        return diagnostic;
    }
    let wanted = name.to_lowercase();
    let by_ending = candidates().find(|candidate| {
        let candidate = candidate.to_lowercase();
        candidate.ends_with(&format!(".{wanted}")) || candidate.rsplit('.').nth(1) == Some(&wanted)
    });
    match by_ending {
        Some(found) => diagnostic.fix(format!("did you mean `{found}`?"), span, found),
        None => diagnostic.note(installed_plugins(checker)),
    }
}

fn installed_plugins(checker: &Checker) -> String {
    let mut ids: Vec<&str> = checker
        .plugins()
        .iter()
        .map(|plugin| plugin.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        "no plugin is installed".to_owned()
    } else {
        format!("installed plugins: {}", ids.join(", "))
    }
}

/// Whether two dotted names have as many parts and differ in exactly one, by a slip.
pub(super) fn one_word_differs_slightly(name: &str, other: &str) -> bool {
    let differing: Vec<(&str, &str)> = name
        .split('.')
        .zip(other.split('.'))
        .filter(|(left, right)| left != right)
        .collect();
    name.split('.').count() == other.split('.').count()
        && match differing.as_slice() {
            [] => true,
            [(left, right)] => did_you_mean(left, [*right]).is_some(),
            _ => name.to_lowercase() == other.to_lowercase(),
        }
}

/// A type that is no text.
pub(super) fn no_text(node: &Node, path: String) -> Diagnostic {
    let message = format!("`type` must be text, not {}", node.kind_name());
    Diagnostic::error(Code::WrongType, node.span, message).path(path)
}

/// Refuses a task without a type.
pub(super) fn missing_type(node: &Node, holder: Span, path: &str) -> Diagnostic {
    let span = node.entry("type").map_or(holder, |entry| entry.key_span);
    let message = if node.entry("type").is_some() {
        "`type` has no value"
    } else {
        "this task needs the key `type`"
    };
    Diagnostic::error(Code::MissingProperty, span, message)
        .label("for example `type: io.kestra.plugin.scripts.shell.Commands`")
        .path(type_path(path))
}

/// The path of a task's `type`.
pub(super) fn type_path(path: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, "type");
    path
}
