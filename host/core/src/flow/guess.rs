//! What a task was probably meant to be whose type does not exist, or not in the version it asks for: its other mistakes are told in the same
//! go, and not one correction later.

use super::nodes::to_json_with_text;
use super::refusal::one_word_differs_slightly;
use super::task::ScriptType;
use crate::diagnostic::Diagnostic;
use crate::resolve::{Locking, Wish, grant};
use crate::schema::Where;
use crate::validate::Checker;
use crate::yaml::{Node, Span};

/// The newest installed version of the type that was asked for, or of the type that `told`, the refusal of that one, proposes as the right
/// spelling. Of a type that is only alike nothing is said.
pub(super) fn meant(
    checker: &Checker,
    type_name: &str,
    type_span: Span,
    told: Option<&Diagnostic>,
) -> Option<ScriptType> {
    let proposed = told
        .and_then(|diagnostic| diagnostic.help.as_ref()?.replacement.as_ref())
        .filter(|(span, name)| *span == type_span && one_word_differs_slightly(type_name, name))
        .map(|(_, name)| name.as_str());
    let wish = Wish {
        task_type: proposed.unwrap_or(type_name),
        pin: None,
    };
    let unlocked = Locking {
        lock: None,
        strict: false,
    };
    let resolved = grant(0, wish, checker.installed(), unlocked).ok()?;
    Some(ScriptType {
        plugin: resolved.plugin,
        index: resolved.index,
    })
}

/// Checks the keys of a task against that type.
pub(super) fn check_as(
    checker: &Checker,
    script_type: &ScriptType,
    node: &Node,
    path: &str,
    holder: Span,
    found: &mut Vec<Diagnostic>,
) {
    checker.task_shape(script_type).check_written(
        node,
        &to_json_with_text(node, &["id", "version"]),
        Where {
            path,
            holder,
            what: "this task",
        },
        found,
    );
    checker.check_runner(node, path, found);
}
