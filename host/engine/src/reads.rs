//! What the expressions of a flow read, without running them.

use std::collections::{BTreeMap, BTreeSet};

use taffrail_core::flow::Flow;
use taffrail_core::input::{InputDeclaration, InputType};
use taffrail_core::yaml::{Node, NodeKind, Span, scalar_span_to_source};
use taffrail_expr::Template;

use crate::local_files::FILE;

/// The names of all secrets that a flow asks for by a literal name, in its tasks, labels, inputs and outputs, each with the place
/// where it is named first. `source` is the flow's text.
pub fn secrets(flow: &Flow, source: &str) -> BTreeMap<String, Span> {
    let mut names = BTreeMap::new();
    each_node(flow, &mut |_, node| collect(node, source, &mut names));
    names
}

/// The addresses of files of the machine that a flow names literally, each with its place: as input files, as defaults of its file inputs,
/// and in what its expressions read. `source` is the flow's text.
pub fn local_files(flow: &Flow, source: &str) -> BTreeSet<(Span, String)> {
    let mut found = BTreeSet::new();
    each_node(flow, &mut |key, node| {
        if key == "inputFiles" {
            let files = node.entries().iter();
            found.extend(files.filter_map(|entry| literal(&entry.value)));
        }
        collect_files(node, source, &mut found);
    });
    let inputs = flow.inputs.iter();
    let files = inputs.filter(|input| matches!(input.kind, InputType::File));
    found.extend(files.filter_map(|input| literal(input.defaults.as_ref()?)));
    found
}

/// A text that as a whole is the address of a file of the machine.
fn literal(node: &Node) -> Option<(Span, String)> {
    let text = node.text()?.trim();
    let is_address = text.starts_with(FILE) && !text.contains(char::is_whitespace);
    (is_address && !text.contains("{{")).then(|| (node.span, text.to_owned()))
}

fn collect_files(node: &Node, source: &str, found: &mut BTreeSet<(Span, String)>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            if !(scalar.text.contains(FILE) && scalar.text.contains('{')) {
                return;
            }
            let Ok(template) = Template::parse(&scalar.text) else {
                return;
            };
            for address in &template.reads().files {
                if address.starts_with(FILE) {
                    let at = scalar.text.find(address.as_str()).unwrap_or(0);
                    let place = scalar_span_to_source(source, node, at..at + address.len());
                    found.insert((place, address.clone()));
                }
            }
        }
        NodeKind::List(items) => {
            items
                .iter()
                .for_each(|item| collect_files(item, source, found));
        }
        NodeKind::Map(entries) => entries
            .iter()
            .for_each(|entry| collect_files(&entry.value, source, found)),
    }
}

/// Every value of the flow that is rendered, with the key that it stands at in its task.
fn each_node<'flow>(flow: &'flow Flow, see: &mut dyn FnMut(&'flow str, &'flow Node)) {
    for task in flow.enabled_tasks() {
        for entry in task.node.entries() {
            if !task.holds_tasks(&entry.key) {
                see(&entry.key, &entry.value);
            }
        }
    }
    let elsewhere = flow
        .outputs
        .iter()
        .map(|output| &output.value)
        .chain(flow.labels.iter().map(|label| &label.value));
    let elsewhere = elsewhere
        .chain(flow.variables.as_ref())
        .chain(flow.inputs.iter().flat_map(InputDeclaration::expressions));
    elsewhere.for_each(|node| see("", node));
}

fn collect(node: &Node, source: &str, names: &mut BTreeMap<String, Span>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            // Parsing is dear, and few texts ask for secrets.
            if !scalar.text.contains("secret") {
                return;
            }
            let Ok(template) = Template::parse(&scalar.text) else {
                return;
            };
            for name in &template.reads().secrets {
                let at = scalar.text.find(name.as_str()).unwrap_or(0);
                let place = scalar_span_to_source(source, node, at..at + name.len());
                let known = names.entry(name.clone()).or_insert(place);
                *known = (*known).min(place);
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| collect(item, source, names)),
        NodeKind::Map(entries) => entries
            .iter()
            .for_each(|entry| collect(&entry.value, source, names)),
    }
}
