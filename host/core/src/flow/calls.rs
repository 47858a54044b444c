//! Tasks that call for other flows, as far as that can be looked at before anything starts: whether the flow is there, gets what it
//! needs, and does not come back to the one that called.

use std::collections::HashSet;
use std::sync::Arc;

use taffrail_expr::{Segment, Template};

use super::expressions::may_hold_expression;
use super::nodes::for_each_text;
use super::task::{Task, TaskKind};
use super::types::Flow;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::input::{InputDeclaration, InputType, convert};
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
                check_outputs(flow, &call, &called, &mut found);
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
        let known = |input: &&InputDeclaration| input.id.value == entry.key;
        if let Some(input) = called.inputs.iter().find(known) {
            check_value(call, input, &entry.value, found);
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

/// A value that is written literally and is none of the input's type.
fn check_value(
    call: &Call<'_>,
    input: &InputDeclaration,
    value: &Node,
    found: &mut Vec<Diagnostic>,
) {
    let mut computed = false;
    for_each_text(value, &mut |text, _| computed |= may_hold_expression(text));
    // A file is an address, and what a selection has is known when its expression is.
    let later = matches!(
        input.kind,
        InputType::File
            | InputType::Select {
                expression: Some(_),
                ..
            }
            | InputType::MultiSelect {
                expression: Some(_),
                ..
            }
    );
    if computed || later || value.is_null() {
        return;
    }
    if let Err(reason) = convert(&input.kind, &value.to_json(), None) {
        let message = format!(
            "the input `{}` of the flow `{}`: {reason}",
            input.id.value, call.flow
        );
        found.push(Diagnostic::error(Code::WrongCall, value.span, message));
    }
}

/// What is read of the outputs that the called flow declares, or that the task in its old form makes.
fn check_outputs(flow: &Flow, call: &Call<'_>, called: &Flow, found: &mut Vec<Diagnostic>) {
    let is_subflow = matches!(
        call.task.kind,
        TaskKind::Flowable {
            kind: FlowableKind::Subflow,
            ..
        }
    );
    if !is_subflow {
        return;
    }
    let own = call.task.node.get("outputs").map(Node::entries);
    let names: Vec<&str> = called
        .outputs
        .iter()
        .map(|output| &*output.id.value)
        .chain(own.unwrap_or_default().iter().map(|entry| &*entry.key))
        .collect();
    let lists = [
        &flow.tasks,
        &flow.errors,
        &flow.finally,
        &flow.after_execution,
    ];
    let tasks = lists.into_iter().flatten().map(|task| &task.node);
    for node in tasks.chain(flow.outputs.iter().map(|output| &output.value)) {
        for_each_text(node, &mut |text, scalar| {
            let Some(name) = undeclared(text, &call.task.id.value, &names) else {
                return;
            };
            let message = format!("the flow `{}` has no output `{name}`", call.flow);
            let told = Diagnostic::error(Code::WrongCall, scalar.span, message);
            found.push(match did_you_mean(&name, names.iter().copied()) {
                Some(near) => told.help(format!("did you mean `{near}`?")),
                None => told,
            });
        });
    }
}

/// The first output of a called flow that a text reads and that is not there.
fn undeclared(text: &str, task: &str, names: &[&str]) -> Option<String> {
    if !may_hold_expression(text) || !text.contains(task) {
        return None;
    }
    let template = Template::parse(text).ok()?;
    let name = |segment: &Segment| match segment {
        Segment::Name(name) => Some(name.clone()),
        Segment::Dynamic | Segment::Each => None,
    };
    let mut reads = template.reads().paths.iter().filter(|read| !read.optional);
    reads.find_map(|read| {
        let mut segments = read.segments.iter().map(name);
        let way = [segments.next()??, segments.next()??, segments.next()??];
        let read = segments.next()??;
        (way == ["outputs", task, "outputs"] && !names.contains(&&*read)).then_some(read)
    })
}
