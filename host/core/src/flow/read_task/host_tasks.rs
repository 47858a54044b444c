//! Checks the keys of tasks that the host itself runs.

use std::sync::Arc;

use super::super::paths::{self, Files};
use super::super::refusal::type_path;
use super::super::types::Spanned;
use super::{TaskReader, check_keys, old_name};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::native::{Availability, CoreKind, FlowableKind, NativeKind, NativeType};
use crate::yaml::{Node, Span, push_key};

impl TaskReader<'_> {
    /// Checks the keys of a task that the host itself runs.
    pub(super) fn native(
        &mut self,
        node: &Node,
        path: &str,
        holder: Span,
        native: &'static NativeType,
        type_name: &Spanned<Arc<str>>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        let shape = self.checker.native_shape(native);
        let names = [native.name, &*type_name.value];
        let merged = self.with_defaults(node, &names, (shape, path), found);
        let effective = merged.as_ref().unwrap_or(node);
        check_keys(shape, effective, (path, holder), found);
        let files = match native.kind {
            NativeKind::Core(CoreKind::LocalFiles) => Some(Files::Local),
            NativeKind::Core(
                CoreKind::NamespaceDelete | CoreKind::NamespaceDownload | CoreKind::NamespaceUpload,
            ) => Some(Files::Namespace),
            NativeKind::Flowable(FlowableKind::WorkingDirectory) => Some(Files::Own),
            _ => None,
        };
        if let Some(files) = files {
            paths::check(files, effective, path, found);
        }
        old_name(type_name, native.name, path, found);
        match native.availability {
            Availability::Runs => {}
            Availability::NotYet => found.push(
                Diagnostic::error(
                    Code::NotYet,
                    type_name.span,
                    format!("the task `{}` is not supported yet", type_name.value),
                )
                .path(type_path(path)),
            ),
            Availability::Idle(why) => found.push(
                Diagnostic::new(
                    Code::NotRunHere,
                    Severity::Note,
                    Some(type_name.span),
                    format!("`{}` is accepted and does nothing here", type_name.value),
                )
                .label(why)
                .path(type_path(path)),
            ),
        }
        merged
    }
}

/// Says that the outputs of a task that holds others are not kept: those of the others are.
pub(super) fn no_cache(node: &Node, path: &str, found: &mut Vec<Diagnostic>) {
    if let Some(entry) = node
        .entry("taskCache")
        .filter(|entry| !entry.value.is_null())
    {
        let mut path = path.to_owned();
        push_key(&mut path, "taskCache");
        found.push(
            Diagnostic::new(
                Code::NotRunHere,
                Severity::Note,
                Some(entry.key_span),
                "`taskCache` is accepted and not applied to tasks that hold other tasks",
            )
            .label("the tasks inside may have one each")
            .path(path),
        );
    }
}
