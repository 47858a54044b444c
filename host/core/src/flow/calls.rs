//! Tasks that call for other flows, as far as that can be looked at before anything starts: whether the flow is there, gets what it
//! needs, and does not come back to the one that called.

use std::collections::HashSet;
use std::sync::Arc;

use super::task::{Task, TaskKind};
use super::types::Flow;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::input::InputDeclaration;
use crate::native::FlowableKind;
use crate::suggest::did_you_mean;
use crate::yaml::{Node, Span};

/// What is found under the name of a flow.
pub enum Called {
    /// The flow.
    Flow(Arc<Flow>),
    /// Nothing that can be called; why, and a way out.
    Nothing(String, Option<String>),
}

/// One call whose flow is named without expressions.
struct Call<'f> {
    task: &'f Task,
    namespace: Arc<str>,
    flow: Arc<str>,
    span: Span,
}

/// Looks at every call of a flow, and at those of the flows that it calls. `missing` is how grave it is that a flow is not there.
pub fn check_calls(
    flow: &Flow,
    missing: Severity,
    find: &mut dyn FnMut(&str, &str) -> Called,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for call in calls(flow) {
        match find(&call.namespace, &call.flow) {
            Called::Nothing(message, help) => {
                let mut diagnostic =
                    Diagnostic::new(Code::WrongCall, missing, Some(call.span), message);
                if let Some(help) = help {
                    diagnostic = diagnostic.help(help);
                }
                found.push(diagnostic);
            }
            Called::Flow(called) => {
                check_inputs(&call, &called, &mut found);
                let mut search = Search {
                    way: vec![name(flow)],
                    done: HashSet::new(),
                    find,
                };
                if let Some(circle) = search.circle(&called) {
                    found.push(
                        Diagnostic::error(
                            Code::WrongCall,
                            call.span,
                            format!("the flow `{}` would call itself", circle[0]),
                        )
                        .label(circle.join(" → ")),
                    );
                }
            }
        }
    }
    found
}

fn calls(flow: &Flow) -> impl Iterator<Item = Call<'_>> {
    flow.enabled_tasks().filter_map(|task| {
        let calls = matches!(
            task.kind,
            TaskKind::Flowable {
                kind: FlowableKind::Subflow | FlowableKind::ForEachItem,
                ..
            }
        );
        let text = |key: &str| {
            let scalar = task.node.get(key).and_then(Node::scalar)?;
            let known = !(scalar.text.contains("{{") || scalar.text.contains("{%"));
            known.then(|| Arc::clone(&scalar.text))
        };
        (calls).then_some(())?;
        Some(Call {
            task,
            namespace: text("namespace")?,
            flow: text("flowId")?,
            span: task.node.get("flowId")?.span,
        })
    })
}

/// A flow's namespace and id.
type Name = (Arc<str>, Arc<str>);

fn name(flow: &Flow) -> Name {
    (
        Arc::clone(&flow.namespace.value),
        Arc::clone(&flow.id.value),
    )
}

/// The search for a way back to the first flow.
struct Search<'s> {
    way: Vec<Name>,
    done: HashSet<Name>,
    find: &'s mut dyn FnMut(&str, &str) -> Called,
}

impl Search<'_> {
    /// The ids of a way from the first flow back to it. A circle that does not come back to the first is told where it begins.
    fn circle(&mut self, flow: &Flow) -> Option<Vec<String>> {
        let own = name(flow);
        if let Some(from) = self.way.iter().position(|known| *known == own) {
            let way = self.way.iter().chain([&own]);
            return (from == 0).then(|| way.map(|(_, id)| id.to_string()).collect());
        }
        if !self.done.insert(own.clone()) {
            return None;
        }
        self.way.push(own);
        for call in calls(flow) {
            if let Called::Flow(called) = (self.find)(&call.namespace, &call.flow)
                && let Some(circle) = self.circle(&called)
            {
                return Some(circle);
            }
        }
        self.way.pop();
        None
    }
}

fn check_inputs(call: &Call<'_>, called: &Flow, found: &mut Vec<Diagnostic>) {
    let given = call.task.node.get("inputs");
    // An expression in the place of the whole map is known at the end only.
    if given.is_some_and(|node| node.scalar().is_some() && !node.is_null()) {
        return;
    }
    let entries = given.map(Node::entries).unwrap_or_default();
    for entry in entries {
        let known = |input: &InputDeclaration| input.id.value == entry.key;
        if called.inputs.iter().any(known) {
            continue;
        }
        let names = called.inputs.iter().map(|input| &*input.id.value);
        let near = did_you_mean(&entry.key, names);
        let diagnostic = Diagnostic::error(
            Code::WrongCall,
            entry.key_span,
            format!("the flow `{}` has no input `{}`", call.flow, entry.key),
        );
        found.push(match near {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), entry.key_span, near),
            None => diagnostic,
        });
    }
    let missing: Vec<String> = called
        .inputs
        .iter()
        .filter(|input| input.required && input.defaults.is_none())
        .filter(|input| !entries.iter().any(|entry| entry.key == input.id.value))
        .map(|input| format!("`{}`", input.id.value))
        .collect();
    if !missing.is_empty() {
        let noun = if missing.len() == 1 {
            "input"
        } else {
            "inputs"
        };
        found.push(Diagnostic::error(
            Code::WrongCall,
            call.span,
            format!(
                "the flow `{}` needs the {noun} {}",
                call.flow,
                missing.join(", ")
            ),
        ));
    }
}
