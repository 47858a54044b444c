//! Variables: the blocks that declare them as inputs, and files of their values.

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use serde_json::Value;
use taffrail_core::diagnostic::{Code as DiagnosticCode, Diagnostic, Severity};
use taffrail_core::yaml::Node;

use crate::arguments::argument;
use crate::code::Code;
use crate::constant;
use crate::names::with_nearest;
use crate::node::{self, place};
use crate::reader::Reader;
use crate::syntax;

/// What a block may say.
const KNOWN: [&str; 3] = ["default", "description", "required"];

/// The variables of a file: a name and a value each, which later ones may name. The values are JSON; a text is a JSON text.
///
/// # Errors
/// All that is wrong with the file.
pub fn variable_file(text: &str) -> Result<Vec<(String, Value)>, Vec<Diagnostic>> {
    let body = syntax::body(text).map_err(|diagnostic| vec![*diagnostic])?;
    let mut values: Vec<(String, Value)> = Vec::new();
    let mut found = Vec::new();
    for structure in body.iter() {
        let Some(attribute) = structure.as_attribute() else {
            found.push(Diagnostic::error(
                DiagnosticCode::WrongType,
                place(structure),
                "a file of variables holds lines `name = value` only",
            ));
            continue;
        };
        match known(&attribute.value, &values) {
            Some(value) => {
                let name = attribute.key.as_str().to_owned();
                values.retain(|(known, _)| *known != name);
                values.push((name, value));
            }
            None => found.push(
                Diagnostic::error(
                    DiagnosticCode::WrongValue,
                    place(&attribute.value),
                    "the value of a variable is a literal, or a text with variables before it",
                )
                .label("nothing can be called or worked out here"),
            ),
        }
    }
    if found.is_empty() {
        Ok(values)
    } else {
        Err(found)
    }
}

/// A value that is written out, or made of those before it.
fn known(expression: &Expression, values: &[(String, Value)]) -> Option<Value> {
    if let Some(value) = constant::constant(expression) {
        return Some(value);
    }
    match expression {
        Expression::Variable(name) => values
            .iter()
            .find(|(known, _)| known == name.as_str())
            .map(|(_, value)| value.clone()),
        Expression::StringTemplate(template) => {
            let mut parts = Vec::new();
            for element in template.iter() {
                parts.push(match element.as_interpolation() {
                    Some(interpolation) => known(&interpolation.expr, values)?,
                    None => Value::from(element.as_literal()?.value().as_str()),
                });
            }
            if let [only] = parts.as_slice() {
                return Some(only.clone());
            }
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some(Value::String(parts.iter().map(text).collect()))
        }
        _ => None,
    }
}

/// The blocks of variables in the body of a flow.
pub(crate) fn blocks(body: &Body) -> impl Iterator<Item = &Block> {
    body.blocks()
        .filter(|block| block.ident.as_str() == "variable")
}

/// The names of the variables of the flow in a text.
pub(crate) fn names(text: &str) -> Vec<String> {
    let Ok(body) = syntax::body(text) else {
        return Vec::new();
    };
    body.blocks()
        .filter(|block| block.ident.as_str() == "flow")
        .flat_map(|flow| blocks(&flow.body))
        .filter_map(|block| block.labels.first())
        .map(|label| label.as_str().to_owned())
        .collect()
}

/// Tells of what a block says that it cannot.
pub(crate) fn check(reader: &mut Reader<'_>, unit: usize, block: &Block) {
    for structure in block.body.iter() {
        let (name, span) = match (structure.as_attribute(), structure.as_block()) {
            (Some(attribute), _) => (attribute.key.as_str(), place(&attribute.key)),
            (_, Some(inner)) => (inner.ident.as_str(), place(&inner.ident)),
            _ => continue,
        };
        if !KNOWN.contains(&name) {
            let diagnostic = Diagnostic::error(
                DiagnosticCode::UnknownProperty,
                span,
                format!("a variable has no `{name}`"),
            );
            let diagnostic = with_nearest(diagnostic, span, name, &KNOWN);
            reader.say(unit, diagnostic);
        }
    }
}

/// The default that a block says, where it says one.
pub(crate) fn default(reader: &mut Reader<'_>, unit: usize, block: &Block) -> Option<Value> {
    let written = argument(block, "default")?;
    match constant::constant(written) {
        Some(value) => Some(value),
        None => {
            reader.wrong(
                unit,
                DiagnosticCode::WrongValue,
                place(written),
                "the default of a variable is a literal: nothing can be named or called in it",
            );
            None
        }
    }
}

/// A value of JSON as an operand.
pub(crate) fn literal(value: &Value) -> Code {
    match value {
        Value::String(text) => Code::literal(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => Code::unknown(value.to_string()),
        other => Code::unknown(format!(
            "fromJson({})",
            crate::code::quoted(&other.to_string())
        )),
    }
}

/// A block as an input of the flow: of the type of its default, and of any type where it has none.
pub(crate) fn input(reader: &mut Reader<'_>, unit: usize, block: &Block) -> Option<Node> {
    let label = block.labels.first()?;
    let span = place(label);
    check(reader, unit, block);
    let default = default(reader, unit, block).filter(|value| !value.is_null());
    let kind = match &default {
        None | Some(Value::String(_) | Value::Null) => "STRING",
        Some(Value::Bool(_)) => "BOOLEAN",
        Some(Value::Number(number)) if number.is_f64() => "FLOAT",
        Some(Value::Number(_)) => "INT",
        Some(Value::Array(_) | Value::Object(_)) => "JSON",
    };
    let mut entries = vec![
        node::entry("id", span, node::text(span, label.as_str())),
        node::entry("type", span, node::text(span, kind)),
    ];
    if let Some(value) = &default {
        let at = argument(block, "default").map_or(span, place);
        let node = match value {
            Value::String(text) => node::text(at, crate::code::plain(text)),
            Value::Bool(flag) => node::bool(at, *flag),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => node::int(at, whole),
                None => node::float(at, number.as_f64().unwrap_or_default()),
            },
            other => node::text(at, crate::code::plain(&other.to_string())),
        };
        entries.push(node::entry("defaults", at, node));
    }
    if let Some(description) = argument(block, "description").and_then(constant::text) {
        let text = node::text(span, description);
        entries.push(node::entry("description", span, text));
    }
    let required = match argument(block, "required").map(|value| (constant::constant(value), value))
    {
        None => false,
        Some((Some(Value::Bool(flag)), _)) => flag,
        Some((_, value)) => {
            reader.say(
                unit,
                Diagnostic::new(
                    DiagnosticCode::WrongType,
                    Severity::Error,
                    Some(place(value)),
                    "`required` is true or false",
                ),
            );
            false
        }
    };
    let required = required && default.is_none();
    entries.push(node::entry("required", span, node::bool(span, required)));
    Some(node::map(span, entries))
}
