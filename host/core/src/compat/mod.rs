//! How a flow behaves here in comparison with the original: each property, function, filter and type that it uses, by one table.

mod table;

use std::collections::HashSet;

use serde::Serialize;
use taffrail_expr::Template;

use crate::native::{self, Availability};
use crate::validate::Checker;
use crate::yaml::{Node, NodeKind, Span, scalar_span_to_source};

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A key of the flow itself.
    FlowKey,
    /// A task type or a task runner type.
    Type,
    /// A key of a task or of a task runner.
    Key,
    /// A function of the expression language.
    Function,
    /// A filter of the expression language.
    Filter,
}

/// How it behaves here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As in the original.
    Same,
    /// Otherwise; how.
    Differs(&'static str),
    /// Not at all; why.
    NotRun(&'static str),
}

/// One thing that a flow uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// What it is.
    pub kind: Kind,
    /// Its name; of a key with the type that it belongs to.
    pub name: String,
    /// How it behaves here.
    pub verdict: Verdict,
    /// Where it stands first.
    pub span: Span,
}

/// Everything that a flow uses, each once, in the order of the source.
pub fn compat(root: &Node, source: &str, checker: &Checker) -> Vec<Used> {
    let mut look = Look {
        source,
        checker,
        seen: HashSet::new(),
        used: Vec::new(),
    };
    for entry in root.entries() {
        let name = &*entry.key;
        let verdict = verdict(Kind::FlowKey, name).unwrap_or(Verdict::Same);
        look.add(Kind::FlowKey, name.to_owned(), verdict, entry.key_span);
        match name {
            // They are not run, so what is in them does not matter.
            "triggers" | "listeners" => {}
            "pluginDefaults" | "taskDefaults" => {
                entry
                    .value
                    .items()
                    .iter()
                    .for_each(|item| look.default(item));
            }
            _ => look.node(&entry.value),
        }
    }
    look.used.sort_by_key(|used| used.span);
    look.used
}

/// The row of the table for this name.
fn verdict(kind: Kind, name: &str) -> Option<Verdict> {
    let row = table::TABLE
        .iter()
        .find(|row| row.kind == kind && row.name == name);
    row.map(|row| row.verdict)
}

struct Look<'a> {
    source: &'a str,
    checker: &'a Checker,
    seen: HashSet<(Kind, String)>,
    used: Vec<Used>,
}

impl Look<'_> {
    fn add(&mut self, kind: Kind, name: String, verdict: Verdict, span: Span) {
        if self.seen.insert((kind, name.clone())) {
            self.used.push(Used {
                kind,
                name,
                verdict,
                span,
            });
        }
    }

    /// Looks at a value and all below it. What has a `type` of the original's form is a task, a runner or a default of one.
    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Scalar(scalar) => self.text(node, &scalar.text),
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item)),
            NodeKind::Map(entries) => {
                let of_type = node
                    .get("type")
                    .and_then(|value| Some((value, value.scalar()?)));
                let of_type = of_type.filter(|(_, scalar)| scalar.text.contains('.'));
                if let Some((value, scalar)) = of_type {
                    self.typed(node, &scalar.text, value.span);
                }
                entries.iter().for_each(|entry| self.node(&entry.value));
            }
        }
    }

    /// Values for all tasks and runners of a type, or of those whose types begin so.
    fn default(&mut self, item: &Node) {
        let Some((node, scalar)) = item
            .get("type")
            .and_then(|node| Some((node, node.scalar()?)))
        else {
            return;
        };
        let values = item.get("values");
        let written = &*scalar.text;
        if self.is_prefix(written) {
            self.add(Kind::Type, written.to_owned(), Verdict::Same, node.span);
        } else {
            self.typed(values.unwrap_or(item), written, node.span);
        }
        if let Some(values) = values {
            values
                .entries()
                .iter()
                .for_each(|entry| self.node(&entry.value));
        }
    }

    /// Whether types that run here begin with these words, and none is called so.
    fn is_prefix(&self, written: &str) -> bool {
        let begins = |name: &str| {
            name.strip_prefix(written)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        native::all().iter().any(|native| begins(native.name))
            || self.checker.runners().any(|runner| begins(&runner.name))
            || self.checker.plugins().iter().any(|plugin| {
                plugin
                    .task_types
                    .iter()
                    .any(|task_type| begins(task_type.name.as_str()))
            })
    }

    fn typed(&mut self, node: &Node, written: &str, span: Span) {
        let (current, verdict) = self.type_verdict(written);
        self.add(Kind::Type, current.clone(), verdict, span);
        if matches!(verdict, Verdict::NotRun(_)) {
            return;
        }
        for entry in node.entries() {
            let key = &*entry.key;
            if matches!(key, "id" | "type") {
                continue;
            }
            let own = format!("{current}.{key}");
            let verdict = super::compat::verdict(Kind::Key, &own)
                .or_else(|| super::compat::verdict(Kind::Key, key))
                .unwrap_or(Verdict::Same);
            self.add(Kind::Key, own, verdict, entry.key_span);
        }
    }

    /// The current name of a type, and how it behaves.
    fn type_verdict(&self, written: &str) -> (String, Verdict) {
        if let Some(native) = native::find(written) {
            let verdict = match native.availability {
                Availability::Idle(why) => Verdict::NotRun(why),
                Availability::NotYet => Verdict::NotRun("this version does not run it"),
                Availability::Runs => verdict(Kind::Type, native.name).unwrap_or(Verdict::Same),
            };
            return (native.name.to_owned(), verdict);
        }
        for plugin in self.checker.plugins() {
            if let Some(task_type) = plugin.task_type(written) {
                let name = task_type.name.as_str();
                return (
                    name.to_owned(),
                    verdict(Kind::Type, name).unwrap_or(Verdict::Same),
                );
            }
        }
        match verdict(Kind::Type, written) {
            Some(known) => (written.to_owned(), known),
            None => (
                written.to_owned(),
                Verdict::NotRun("no installed plugin and no task of the host has this type"),
            ),
        }
    }

    fn text(&mut self, node: &Node, text: &str) {
        if !(text.contains("{{") || text.contains("{%")) {
            return;
        }
        let Ok(template) = Template::parse(text) else {
            return;
        };
        let reads = template.reads();
        let both = [
            (Kind::Function, &reads.functions),
            (Kind::Filter, &reads.filters),
        ];
        for (kind, names) in both {
            for (name, range) in names {
                let span = scalar_span_to_source(self.source, node, range.clone());
                let verdict = verdict(kind, name).unwrap_or(Verdict::Same);
                self.add(kind, name.clone(), verdict, span);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once_and_about_something_that_exists() {
        let mut seen = HashSet::new();
        for row in table::TABLE {
            assert!(seen.insert((row.kind, row.name)), "{} twice", row.name);
            assert_ne!(row.verdict, Verdict::Same, "{}", row.name);
            if row.kind == Kind::Type && !row.name.contains(".runner.") {
                let native = native::find(row.name).expect(row.name);
                assert_eq!(native.name, row.name, "the current name");
                assert_eq!(native.availability, Availability::Runs, "{}", row.name);
            }
        }
    }

    #[test]
    fn functions_and_filters_of_the_table_are_those_of_the_language() {
        let functions: Vec<&str> = taffrail_expr::function_names();
        for row in table::TABLE.iter().filter(|row| row.kind == Kind::Function) {
            assert!(functions.contains(&row.name), "{}", row.name);
        }
        let filters: Vec<&str> = taffrail_expr::filter_names();
        for row in table::TABLE.iter().filter(|row| row.kind == Kind::Filter) {
            let runs = filters.contains(&row.name);
            assert_eq!(
                matches!(row.verdict, Verdict::Differs(_)),
                runs,
                "{}",
                row.name
            );
        }
    }
}
