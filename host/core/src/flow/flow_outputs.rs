//! Reads `outputs` of the flow: what it hands out, and what its values are read as.

use std::collections::HashSet;
use std::sync::Arc;

use super::types::{FlowOutput, Spanned};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::INPUT_TYPES;
use crate::suggest::did_you_mean;
use crate::yaml::{Node, push_index, push_key};

/// The outputs, and what is wrong with them beyond their keys.
pub(super) fn read(root: &Node, found: &mut Vec<Diagnostic>) -> Vec<FlowOutput> {
    let items = root.get("outputs").map(Node::items).unwrap_or_default();
    let mut seen = HashSet::new();
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let mut path = "outputs".to_owned();
            push_index(&mut path, index);
            let written = item.get("id").filter(|id| !id.is_null())?;
            let id = Spanned {
                value: Arc::clone(&written.scalar()?.text),
                span: written.span,
            };
            if !seen.insert(Arc::clone(&id.value)) {
                let message = format!("two outputs have the id `{}`", id.value);
                found.push(
                    Diagnostic::error(Code::DuplicateId, id.span, message)
                        .label("the second one")
                        .path(path.clone()),
                );
            }
            let kind = item.get("type").filter(|kind| !kind.is_null());
            if let Some(kind) = kind {
                check_type(kind, path, found);
            }
            Some(FlowOutput {
                id,
                kind: kind.and_then(Node::text).map(Into::into),
                value: item.get("value")?.clone(),
            })
        })
        .collect()
}

/// A type that no value can be read as.
fn check_type(kind: &Node, mut path: String, found: &mut Vec<Diagnostic>) {
    let Some(name) = kind.text() else { return };
    let names = || INPUT_TYPES.iter().map(|(name, _)| *name);
    if names().any(|known| known == name) {
        return;
    }
    push_key(&mut path, "type");
    let told = Diagnostic::error(
        Code::WrongValue,
        kind.span,
        format!("there is no output type `{name}`"),
    )
    .label(format!(
        "allowed: {}",
        names().collect::<Vec<_>>().join(", ")
    ))
    .path(path);
    found.push(match did_you_mean(name, names()) {
        Some(near) => told.fix(format!("did you mean `{near}`?"), kind.span, near),
        None => told,
    });
}
