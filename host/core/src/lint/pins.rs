//! Versions of plugins: whether the flow names one, and whether YAML keeps what was written.

use super::Strictness;
use crate::diagnostic::{Code, Diagnostic};
use crate::flow::{ScriptType, Task};
use crate::yaml::{ScalarValue, Span};

/// Looks at the `version` of a task.
pub(super) fn check(
    task: &Task,
    script_type: &ScriptType,
    source: &str,
    strictness: Strictness,
    found: &mut Vec<Diagnostic>,
) {
    let path = || format!("task `{}`.version", task.id.value);
    if let Some(node) = task.node.get("version").filter(|node| !node.is_null()) {
        if let Some(scalar) = node.scalar()
            && matches!(scalar.value, ScalarValue::Int(_) | ScalarValue::Float(_))
        {
            found.push(
                Diagnostic::warning(
                    Code::UnquotedVersion,
                    node.span,
                    format!("the version `{}` is not quoted", scalar.text),
                )
                .label("a number to other readers of YAML, and `1.10` the same as `1.1`")
                .path(path())
                .fix("quote it", node.span, format!("\"{}\"", scalar.text))
                .certain(),
            );
        }
        return;
    }
    if !strictness.strict {
        return;
    }
    let version = &script_type.plugin.version;
    let pin = format!("{}.{}", version.major, version.minor);
    let mut diagnostic = Diagnostic::warning(
        Code::UnpinnedVersion,
        task.type_name.span,
        format!("plugin `{}` is not pinned", script_type.plugin.id),
    )
    .label(format!("the newest is used, here {version}"))
    .path(path());
    let entry = task.node.entry("type");
    diagnostic = match entry.and_then(|entry| column(source, entry.key_span.start)) {
        Some(column) if version.pre.is_empty() => {
            let at = task.type_name.span.end;
            let rest = source.get(at as usize..).unwrap_or_default();
            let alone = rest
                .lines()
                .next()
                .is_none_or(|rest| rest.trim().is_empty());
            let span = Span { start: at, end: at };
            let text = format!("\n{}version: \"{pin}\"", " ".repeat(column));
            let help = format!("pin it with `version: \"{pin}\"`");
            if alone {
                diagnostic.fix(help, span, text).certain()
            } else {
                diagnostic.help(help)
            }
        }
        _ => diagnostic.help(format!("pin it with `version: \"{pin}\"`")),
    };
    found.push(diagnostic);
}

/// The column of a key of a block map, in bytes from 0; nothing where something else than a dash and blanks stands before it.
pub(super) fn column(source: &str, at: u32) -> Option<usize> {
    let before = source.get(..at as usize)?;
    let line = before.rsplit('\n').next()?;
    line.chars()
        .all(|letter| matches!(letter, ' ' | '-'))
        .then_some(line.len())
}
