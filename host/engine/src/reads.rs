//! What the expressions of a flow read, without running them.

use std::collections::BTreeSet;

use taffrail_core::flow::Flow;
use taffrail_core::yaml::{Node, NodeKind};
use taffrail_expr::Template;

/// The names of all secrets that a flow asks for by a literal name, in its tasks, labels, inputs and outputs.
pub fn secrets(flow: &Flow) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let lists = [&flow.tasks, &flow.errors, &flow.finally];
    for task in lists
        .into_iter()
        .flatten()
        .filter(|task| !task.common.disabled)
    {
        collect(&task.node, &mut names);
    }
    for output in &flow.outputs {
        collect(&output.value, &mut names);
    }
    for label in &flow.labels {
        collect(&label.value, &mut names);
    }
    if let Some(variables) = &flow.variables {
        collect(variables, &mut names);
    }
    for default in flow
        .inputs
        .iter()
        .filter_map(|input| input.defaults.as_ref())
    {
        collect(default, &mut names);
    }
    names
}

fn collect(node: &Node, names: &mut BTreeSet<String>) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            // Parsing is dear, and few texts ask for secrets.
            if scalar.text.contains("secret")
                && let Ok(template) = Template::parse(&scalar.text)
            {
                names.extend(template.reads().secrets.iter().cloned());
            }
        }
        NodeKind::List(items) => items.iter().for_each(|item| collect(item, names)),
        NodeKind::Map(entries) => entries
            .iter()
            .for_each(|entry| collect(&entry.value, names)),
    }
}
