//! Expressions that say their value: literals, and lists and maps of them.

use hcl_edit::expr::{Expression, Object, ObjectKey, UnaryOperator};
use hcl_edit::template::{Element, Template};
use serde_json::{Map, Number, Value};

/// The value of an expression that names nothing and calls nothing.
pub(crate) fn constant(expression: &Expression) -> Option<Value> {
    match expression {
        Expression::Null(_) => Some(Value::Null),
        Expression::Bool(flag) => Some(Value::Bool(*flag.value())),
        Expression::Number(number) => json_number(number.value()).map(Value::Number),
        Expression::String(text) => Some(Value::from(text.value().as_str())),
        Expression::StringTemplate(template) => literal(template.iter()).map(Value::from),
        Expression::HeredocTemplate(heredoc) => literal_of(&heredoc.template).map(Value::from),
        Expression::Parenthesis(inner) => constant(inner.inner()),
        Expression::Array(items) => items
            .iter()
            .map(constant)
            .collect::<Option<_>>()
            .map(Value::Array),
        Expression::Object(object) => {
            let mut map = Map::new();
            for (key, value) in object.iter() {
                map.insert(constant_key(key)?, constant(value.expr())?);
            }
            Some(Value::Object(map))
        }
        Expression::UnaryOp(operation) if *operation.operator.value() == UnaryOperator::Neg => {
            match constant(&operation.expr)? {
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => whole.checked_neg().map(Value::from),
                    None => Number::from_f64(-number.as_f64()?).map(Value::Number),
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// The key of an entry, where it does not have to be worked out.
pub(crate) fn constant_key(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str().to_owned()),
        ObjectKey::Expression(expression) => match constant(expression)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        },
    }
}

/// The entries of an object whose keys all say what they are.
pub(crate) fn entries(object: &Object) -> Option<Vec<(String, &ObjectKey, &Expression)>> {
    object
        .iter()
        .map(|(key, value)| Some((constant_key(key)?, key, value.expr())))
        .collect()
}

/// The text of an expression, where it says it.
pub(crate) fn text(expression: &Expression) -> Option<String> {
    match constant(expression)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn literal_of(template: &Template) -> Option<String> {
    literal(template.iter())
}

fn literal<'a>(elements: impl Iterator<Item = &'a Element>) -> Option<String> {
    elements
        .map(|element| element.as_literal().map(|text| text.value().as_str()))
        .collect()
}

pub(crate) fn json_number(number: &hcl_edit::Number) -> Option<Number> {
    match number.as_i64() {
        Some(whole) => Some(Number::from(whole)),
        None => number.as_f64().and_then(Number::from_f64),
    }
}
