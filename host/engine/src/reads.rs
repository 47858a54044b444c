//! What the expressions of a flow read, without running them.

use std::collections::BTreeMap;

use taffrail_core::flow::Flow;
use taffrail_core::yaml::{Node, NodeKind, Span, scalar_span_to_source};
use taffrail_expr::Template;

/// The names of all secrets that a flow asks for by a literal name, in its tasks, labels, inputs and outputs, each with the place
/// where it is named first. `source` is the flow's text.
pub fn secrets(flow: &Flow, source: &str) -> BTreeMap<String, Span> {
    let mut names = BTreeMap::new();
    for task in flow.enabled_tasks() {
        for entry in task.node.entries() {
            if !task.holds_tasks(&entry.key) {
                collect(&entry.value, source, &mut names);
            }
        }
    }
    let elsewhere = flow
        .outputs
        .iter()
        .map(|output| &output.value)
        .chain(flow.labels.iter().map(|label| &label.value));
    let elsewhere = elsewhere.chain(flow.variables.as_ref()).chain(
        flow.inputs
            .iter()
            .filter_map(|input| input.defaults.as_ref()),
    );
    for node in elsewhere {
        collect(node, source, &mut names);
    }
    names
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
