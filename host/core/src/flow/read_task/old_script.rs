//! Script tasks from before there were plugins: checked with their own keys, then taken for the task of their language.

use std::sync::Arc;

use super::super::common_keys::common_keys;
use super::super::legacy;
use super::super::outputs::script_outputs;
use super::super::task::{ScriptType, Task, TaskKind};
use super::super::task_version::version;
use super::super::types::Spanned;
use super::{TaskReader, scalar};
use crate::diagnostic::{Diagnostic, Severity};
use crate::native::{self, LegacyKind, NativeKind};
use crate::resolve::{Wish, grant};
use crate::yaml::{Node, Span};

/// The kind of an old script task; nothing for all other types.
pub(super) fn kind(type_name: &str) -> Option<LegacyKind> {
    match native::find(type_name)?.kind {
        NativeKind::Legacy(kind) => Some(kind),
        NativeKind::Core(_) | NativeKind::Flowable(_) => None,
    }
}

impl<'tree> TaskReader<'tree> {
    /// Reads a script task from before there were plugins: checked with its own keys, then taken for the task of its language.
    pub(super) fn old_script(
        &mut self,
        node: &'tree Node,
        path: &str,
        (holder, place): (Span, usize),
        kind: LegacyKind,
        id: Option<Spanned<Arc<str>>>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Task> {
        let before = found.len();
        let old = NativeKind::Legacy(kind).native_type();
        let written = scalar(node, "type")?;
        let merged = self.native(node, path, holder, old, &written, found);
        let effective = merged.as_ref().unwrap_or(node);
        legacy::say(kind, effective, &written, path, found);
        let modern = legacy::modern(kind, effective);
        let type_name = Spanned {
            value: Arc::from(legacy::current(kind)),
            span: written.span,
        };
        let (version, version_good) = version(
            self.defaults.version(&modern, &[&type_name.value]).as_ref(),
            path,
            found,
        );
        let wish = Wish {
            task_type: &type_name.value,
            pin: version.as_ref().map(|pin| &pin.value),
        };
        let mut common = common_keys(node, path, found);
        common.old_outputs = true;
        let script_type = match grant(0, wish, self.checker.installed(), self.locking) {
            Ok(resolved) => ScriptType {
                plugin: resolved.plugin,
                index: resolved.index,
            },
            Err(conflict) => {
                self.refuse(path, &type_name, &conflict, (version_good, None), found);
                return None;
            }
        };
        // A mistake in its own keys has been told with their names.
        let fine = found[before..]
            .iter()
            .all(|told| told.severity != Severity::Error);
        let mut told = Vec::new();
        let own_node = self
            .script(&modern, path, holder, &script_type, &type_name, &mut told)
            .unwrap_or(modern);
        found.extend(
            told.into_iter()
                .filter(|told| fine || told.severity != Severity::Error),
        );
        if id.is_some()
            && let Some(seen) = self.seen.get_mut(place)
        {
            let mut outputs = script_outputs(script_type.task_type(), &own_node);
            outputs.push("files".to_owned());
            seen.outputs = Some(outputs);
        }
        Some(Task {
            id: id?,
            type_name,
            version,
            common,
            kind: TaskKind::Script(script_type),
            node: own_node,
        })
    }
}
