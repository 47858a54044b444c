//! Inputs that become part of a shell command. Whoever starts the flow then decides what the shell runs.

use std::ops::Range;

use taffrail_expr::{Segment, Template};

use super::Strictness;
use super::pins::column;
use super::quoting::{Place, places, tags};
use crate::diagnostic::{Code, Diagnostic};
use crate::flow::{Flow, ScriptType, Task};
use crate::input::InputType;
use crate::yaml::{Entry, Node, NodeKind, ScalarStyle, Span, scalar_span_to_source};

/// Filters after which a value is one word, or a number.
const HARMLESS: [&str; 8] = [
    "sh", "length", "number", "abs", "size", "hashCode", "md5", "sha256",
];

/// What a moved expression may begin with: names that mean the same in `env`.
const MOVABLE: [&str; 7] = [
    "inputs",
    "outputs",
    "vars",
    "labels",
    "flow",
    "execution",
    "trigger",
];

/// Looks at the shell text of a task.
pub(super) fn check(
    flow: &Flow,
    task: &Task,
    script_type: &ScriptType,
    source: &str,
    strictness: Strictness,
    found: &mut Vec<Diagnostic>,
) {
    for (entry, scalar) in shell_texts(task, script_type) {
        let Some(text) = scalar.text() else {
            continue;
        };
        let tags = tags(text);
        for (tag, place) in tags.iter().zip(places(text, &tags)) {
            let quoted = match place {
                Place::Bare => false,
                Place::Double | Place::Single if strictness.strict => true,
                _ => continue,
            };
            let Some(input) = input_of(flow, &text[tag.clone()]) else {
                continue;
            };
            let span = scalar_span_to_source(source, scalar, tag.clone());
            let (message, label) = if quoted {
                (
                    format!("the input `{input}` becomes part of a shell command"),
                    "the quotes round it do not help against a quote in it",
                )
            } else {
                (
                    format!("the input `{input}` goes into a shell command without quotes"),
                    "a blank, a quote or `$(…)` in it changes the command",
                )
            };
            let mut diagnostic = Diagnostic::warning(Code::ShellInjection, span, message)
                .label(label)
                .path(format!("task `{}`.{}", task.id.value, entry.key));
            let here = Here {
                task,
                entry,
                scalar,
                source,
            };
            diagnostic = match here.moved(tag, &input, place) {
                Some(moved) => {
                    let help = format!("hand it over in `env` as `{}`", moved.name);
                    let mut diagnostic = diagnostic.fix(help, span, moved.usage);
                    if let Some((span, text)) = moved.declaration {
                        diagnostic = diagnostic.also(span, text);
                    }
                    diagnostic.certain()
                }
                None => {
                    diagnostic.help("hand it over as a variable of `env`, or use the filter `sh`")
                }
            };
            found.push(diagnostic);
        }
    }
}

/// The texts of a task that a shell reads, each with the entry that it stands in.
fn shell_texts<'a>(task: &'a Task, script_type: &ScriptType) -> Vec<(&'a Entry, &'a Node)> {
    // Another interpreter has another syntax.
    let custom = task.node.get("interpreter").is_some_and(|node| {
        node.items()
            .first()
            .and_then(Node::text)
            .is_none_or(|program| !program.ends_with("sh"))
    });
    let type_name = script_type.task_type().name.as_str();
    let mut keys = vec!["beforeCommands"];
    if type_name.ends_with(".Commands") {
        keys.push("commands");
    }
    if type_name.ends_with(".shell.Script") {
        keys.push("script");
    }
    let mut texts = Vec::new();
    for key in keys {
        if custom && key != "beforeCommands" {
            continue;
        }
        if let Some(entry) = task.node.entry(key) {
            match &entry.value.kind {
                NodeKind::Scalar(_) => texts.push((entry, &entry.value)),
                NodeKind::List(items) => texts.extend(
                    items
                        .iter()
                        .filter(|item| item.scalar().is_some())
                        .map(|item| (entry, item)),
                ),
                NodeKind::Map(_) => {}
            }
        }
    }
    texts
}

/// The first input in a tag that may hold any text.
fn input_of(flow: &Flow, tag: &str) -> Option<String> {
    let template = Template::parse(tag).ok()?;
    let reads = template.reads();
    if reads
        .filters
        .iter()
        .any(|(name, _)| HARMLESS.contains(&name.as_str()))
    {
        return None;
    }
    reads.paths.iter().find_map(|path| {
        let [Segment::Name(root), Segment::Name(name), ..] = path.segments.as_slice() else {
            return None;
        };
        let declared = flow.inputs.iter().find(|input| *input.id.value == **name)?;
        (root == "inputs" && any_text(&declared.kind)).then(|| name.clone())
    })
}

/// Whether whoever starts the flow may write what they like.
fn any_text(kind: &InputType) -> bool {
    match kind {
        InputType::String { .. }
        | InputType::Array { .. }
        | InputType::Json
        | InputType::Yaml
        | InputType::Uri
        | InputType::Email
        | InputType::Secret { .. } => true,
        InputType::Select {
            values,
            allow_custom_value,
            ..
        }
        | InputType::MultiSelect {
            values,
            allow_custom_value,
            ..
        } => *allow_custom_value || values.is_none(),
        InputType::Int { .. }
        | InputType::Float { .. }
        | InputType::Boolean
        | InputType::DateTime { .. }
        | InputType::Date { .. }
        | InputType::Time { .. }
        | InputType::Duration { .. }
        | InputType::File => false,
    }
}

/// Where a tag stands in the flow.
struct Here<'a> {
    task: &'a Task,
    entry: &'a Entry,
    scalar: &'a Node,
    source: &'a str,
}

/// A tag that became a variable.
struct Moved {
    name: String,
    /// What stands in the shell text.
    usage: String,
    /// What `env` gets; nothing where it has the variable already.
    declaration: Option<(Span, String)>,
}

impl Here<'_> {
    /// Moves the tag to `env`, where that is safe to do in text.
    fn moved(&self, tag: &Range<usize>, input: &str, place: Place) -> Option<Moved> {
        let text = self.scalar.text()?;
        let expression = &text[tag.clone()];
        let template = Template::parse(expression).ok()?;
        let global = template.reads().paths.iter().all(|path| {
            matches!(path.segments.first(), Some(Segment::Name(root)) if MOVABLE.contains(&root.as_str()))
        });
        if !global || expression.contains('\n') {
            return None;
        }
        let name = format!(
            "INPUT_{}",
            input
                .chars()
                .map(|letter| if letter.is_ascii_alphanumeric() {
                    letter.to_ascii_uppercase()
                } else {
                    '_'
                })
                .collect::<String>()
        );
        let quote = match self.scalar.scalar()?.style {
            ScalarStyle::DoubleQuoted => "\\\"",
            ScalarStyle::Folded | ScalarStyle::Made => return None,
            _ => "\"",
        };
        let usage = match place {
            Place::Bare => format!("{quote}${name}{quote}"),
            Place::Double => format!("${{{name}}}"),
            Place::Single | Place::Comment => return None,
        };
        // A single quote of YAML would end where the new text has one; it has none.
        let declaration = self.declaration(&name, expression)?;
        Some(Moved {
            name,
            usage,
            declaration,
        })
    }

    /// What `env` gets, or nothing where it has that already; none at all where `env` cannot be written to.
    #[expect(
        clippy::option_option,
        reason = "whether it can be done, and whether anything is left to do"
    )]
    fn declaration(&self, name: &str, expression: &str) -> Option<Option<(Span, String)>> {
        let indent = column(self.source, self.entry.key_span.start)?;
        let value = if expression.contains(['"', '\\']) {
            format!("'{}'", expression.replace('\'', "''"))
        } else {
            format!("\"{expression}\"")
        };
        let at = |offset: u32| Span {
            start: offset,
            end: offset,
        };
        let Some(env) = self.task.node.entry("env") else {
            let blanks = " ".repeat(indent);
            let text = format!("env:\n{blanks}  {name}: {value}\n{blanks}");
            return Some(Some((at(self.entry.key_span.start), text)));
        };
        if !self.same_task(env.key_span) {
            return None;
        }
        if let Some(known) = env.value.get(name) {
            return (known.text() == Some(expression)).then_some(None);
        }
        let first = env.value.entries().first()?;
        let inner = column(self.source, first.key_span.start)?;
        if first.key_span.start < env.key_span.end {
            return None;
        }
        let text = format!("{name}: {value}\n{}", " ".repeat(inner));
        Some(Some((at(first.key_span.start), text)))
    }

    /// Whether another key is written in the same task as the shell text, and not in `pluginDefaults`.
    fn same_task(&self, other: Span) -> bool {
        let (from, to) = if other.start < self.entry.key_span.start {
            (other.start, self.entry.key_span.start)
        } else {
            (self.entry.key_span.start, other.start)
        };
        let between = self
            .source
            .get(from as usize..to as usize)
            .unwrap_or_default();
        let top_level = between
            .lines()
            .skip(1)
            .any(|line| line.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        !top_level
            && column(self.source, other.start) == column(self.source, self.entry.key_span.start)
    }
}
