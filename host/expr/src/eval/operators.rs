//! What the operators do with values; the rules are Pebble's, except that nothing overflows
//! silently and that lists compare numbers by value.

use std::sync::Arc;

use crate::error::Fail;
use crate::library::shown;
use crate::limits::Budget;
use crate::syntax::lexer::Operator;
use crate::value::{Kind, Value};

#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Number::Int(number) => number as f64,
            Number::Float(number) => number,
        }
    }
}

/// Applies an arithmetic, comparing or joining operator; the result has no marks yet.
pub(super) fn binary(
    operator: Operator,
    left: &Value,
    right: &Value,
    budget: &mut Budget,
) -> Result<Value, Fail> {
    if matches!(left.kind, Kind::List(_) | Kind::Map(_))
        || matches!(right.kind, Kind::List(_) | Kind::Map(_))
    {
        budget.charge_visit(left)?;
        budget.charge_visit(right)?;
    }
    match operator {
        Operator::Equal => Ok(Value::bool(left == right)),
        Operator::NotEqual => Ok(Value::bool(left != right)),
        Operator::Greater | Operator::Less | Operator::GreaterEqual | Operator::LessEqual => {
            compare(operator, left, right).map(Value::bool)
        }
        Operator::Plus => add(left, right, budget),
        Operator::Minus => match &left.kind {
            Kind::List(items) => subtract_from(items, right, budget),
            _ => arithmetic(operator, left, right),
        },
        Operator::Times | Operator::Divide | Operator::Modulo => arithmetic(operator, left, right),
        Operator::Join => join(&[left, right], budget),
        Operator::Contains => contains(left, right, budget).map(Value::bool),
        Operator::In => contains(right, left, budget).map(Value::bool),
        _ => Err(Fail::kind(format!(
            "`{}` is not an operator between values",
            operator.symbol()
        ))),
    }
}

/// Changes or keeps the sign.
pub(super) fn sign(negative: bool, operand: &Value) -> Result<Value, Fail> {
    let symbol = if negative { "-" } else { "+" };
    match (number(operand, symbol)?, negative) {
        (Number::Int(number), true) => number
            .checked_neg()
            .map(Value::int)
            .ok_or_else(|| overflow(symbol)),
        (Number::Float(number), true) => Ok(Value::float(-number)),
        (Number::Int(number), false) => Ok(Value::int(number)),
        (Number::Float(number), false) => Ok(Value::float(number)),
    }
}

/// Whether a condition holds; null, lists, maps and dates are no conditions.
pub(super) fn truth(value: &Value, what: &str) -> Result<bool, Fail> {
    match &value.kind {
        Kind::Bool(flag) => Ok(*flag),
        Kind::Int(number) => Ok(*number != 0),
        Kind::Float(number) => Ok(!number.is_nan() && *number != 0.0),
        Kind::Text(text) => Ok(!text.is_empty()),
        kind => {
            let fail = Fail::kind(format!(
                "{what} takes a boolean, a number or text, not {}",
                kind.name()
            ));
            Err(match kind {
                Kind::Null => fail.help("write `value is not null`, or `value ?? false`"),
                Kind::List(_) | Kind::Map(_) => fail.help("write `value is not empty`"),
                _ => fail,
            })
        }
    }
}

fn overflow(symbol: &str) -> Fail {
    Fail::value(format!(
        "the result of `{symbol}` is larger than 64 bits can hold"
    ))
}

fn number(value: &Value, symbol: &str) -> Result<Number, Fail> {
    match &value.kind {
        Kind::Int(number) => Ok(Number::Int(*number)),
        Kind::Float(number) => Ok(Number::Float(*number)),
        Kind::Text(text) => parse_number(text).ok_or_else(|| {
            Fail::kind(format!(
                "`{symbol}` takes numbers, and {} is not one",
                shown(value)
            ))
        }),
        kind => Err(Fail::kind(format!(
            "`{symbol}` takes numbers, not {}",
            kind.name()
        ))),
    }
}

fn parse_number(text: &str) -> Option<Number> {
    let plain = |character: char| character.is_ascii_digit() || "+-.eE".contains(character);
    if !text.chars().all(plain) {
        return None;
    }
    if text.contains(['.', 'e', 'E']) {
        text.parse().ok().map(Number::Float)
    } else {
        text.parse().ok().map(Number::Int)
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fail> {
    let symbol = operator.symbol();
    let left = number(left, symbol)?;
    let right = number(right, symbol)?;
    if let (Number::Int(left), Number::Int(right)) = (left, right) {
        if right == 0 && matches!(operator, Operator::Divide | Operator::Modulo) {
            return Err(Fail::value(format!("`{symbol}` by zero")));
        }
        let result = match operator {
            Operator::Plus => left.checked_add(right),
            Operator::Minus => left.checked_sub(right),
            Operator::Times => left.checked_mul(right),
            Operator::Divide => left.checked_div(right),
            _ => left.checked_rem(right),
        };
        return result.map(Value::int).ok_or_else(|| overflow(symbol));
    }
    let (left, right) = (left.float(), right.float());
    Ok(Value::float(match operator {
        Operator::Plus => left + right,
        Operator::Minus => left - right,
        Operator::Times => left * right,
        Operator::Divide => left / right,
        _ => left % right,
    }))
}

/// `+` joins where one side is text (null becomes `null`), extends a list, and adds otherwise.
fn add(left: &Value, right: &Value, budget: &mut Budget) -> Result<Value, Fail> {
    match (&left.kind, &right.kind) {
        (Kind::Text(_), _) | (_, Kind::Text(_)) => {
            let mut text = String::new();
            for side in [left, right] {
                match &side.kind {
                    Kind::Null => text.push_str("null"),
                    Kind::Text(part) => text.push_str(part),
                    _ => text.push_str(&side.render_text()),
                }
            }
            budget.charge_bytes(text.len())?;
            Ok(Value::text(text))
        }
        (Kind::List(items), other) => {
            let mut items = items.as_ref().clone();
            match other {
                Kind::List(more) => items.extend(more.iter().map(|item| right.element(item))),
                _ => items.push(right.clone()),
            }
            budget.charge_items(items.len())?;
            Ok(Value::list(items))
        }
        _ => arithmetic(Operator::Plus, left, right),
    }
}

fn subtract_from(items: &[Value], right: &Value, budget: &mut Budget) -> Result<Value, Fail> {
    let mut kept = items.to_vec();
    match &right.kind {
        Kind::List(removed) => {
            budget.charge(items.len() as u64 * removed.len() as u64)?;
            kept.retain(|item| !removed.contains(item));
        }
        _ => {
            budget.charge_items(items.len())?;
            if let Some(index) = kept.iter().position(|item| item == right) {
                kept.remove(index);
            }
        }
    }
    Ok(Value::list(kept))
}

/// Joins texts; null adds nothing.
pub(super) fn join(parts: &[&Value], budget: &mut Budget) -> Result<Value, Fail> {
    let known: usize = parts
        .iter()
        .filter_map(|part| part.as_str())
        .map(str::len)
        .sum();
    budget.charge_bytes(known)?;
    let mut text = String::with_capacity(known);
    for part in parts {
        match &part.kind {
            Kind::Text(piece) => text.push_str(piece),
            _ => {
                budget.charge_visit(part)?;
                let piece = part.render_text();
                budget.charge_bytes(piece.len())?;
                text.push_str(&piece);
            }
        }
    }
    Ok(Value::text(Arc::from(text)))
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, Fail> {
    if left.is_null() || right.is_null() {
        return Ok(false);
    }
    let number = |value: &Value| match value.kind {
        Kind::Int(number) => Ok(Number::Int(number)),
        Kind::Float(number) => Ok(Number::Float(number)),
        _ => {
            let fail = Fail::kind(format!(
                "`{}` compares numbers, not {} with {}",
                operator.symbol(),
                left.kind.name(),
                right.kind.name()
            ));
            Err(match value.kind {
                Kind::Text(_) => fail.help("write `text | number` to compare a text as a number"),
                Kind::DateTime(_) => fail.help("write `date | timestamp` to compare dates"),
                _ => fail,
            })
        }
    };
    let order = match (number(left)?, number(right)?) {
        (Number::Int(left), Number::Int(right)) => Some(left.cmp(&right)),
        (left, right) => left.float().partial_cmp(&right.float()),
    };
    Ok(order.is_some_and(|order| match operator {
        Operator::Greater => order.is_gt(),
        Operator::Less => order.is_lt(),
        Operator::GreaterEqual => order.is_ge(),
        _ => order.is_le(),
    }))
}

fn contains(container: &Value, item: &Value, budget: &mut Budget) -> Result<bool, Fail> {
    match &container.kind {
        Kind::Null => Ok(false),
        Kind::List(items) => match &item.kind {
            Kind::List(wanted) => {
                budget.charge(items.len() as u64 * wanted.len() as u64)?;
                Ok(wanted.iter().all(|item| items.contains(item)))
            }
            _ => {
                budget.charge_items(items.len())?;
                Ok(items.contains(item))
            }
        },
        Kind::Map(entries) => Ok(match &item.kind {
            Kind::Text(key) => entries.contains_key(key),
            _ => false,
        }),
        Kind::Text(text) => {
            budget.charge_bytes(text.len())?;
            Ok(match &item.kind {
                Kind::Text(part) => text.contains(part.as_ref()),
                Kind::Null => text.contains("null"),
                _ => text.contains(&item.render_text()),
            })
        }
        kind => Err(Fail::kind(format!(
            "only a list, a map or text can contain something, not {}",
            kind.name()
        ))),
    }
}
