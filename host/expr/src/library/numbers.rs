//! Filters on numbers.

use super::Parameters::{Named, None as Nothing};
use super::{Filter, Invocation, decimal, shown};
use crate::error::Fail;
use crate::value::{Kind, Value};

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "abs",
        parameters: Nothing,
        run: abs,
    },
    Filter {
        name: "number",
        parameters: Named(&[("type", false)]),
        run: number,
    },
    Filter {
        name: "numberFormat",
        parameters: Named(&[("format", false)]),
        run: number_format,
    },
    // The bare engine's spelling.
    Filter {
        name: "numberformat",
        parameters: Named(&[("format", false)]),
        run: number_format,
    },
];

fn abs(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    match call.input.kind {
        Kind::Int(number) => number
            .checked_abs()
            .map(Value::int)
            .ok_or_else(|| Fail::value("the result of `abs` is larger than 64 bits can hold")),
        Kind::Float(number) => Ok(Value::float(number.abs())),
        _ => Err(call.input_must_be("a number")),
    }
}

/// Reads a number from text; without a type, the text decides.
fn number(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    // Kestra refuses numbers here; taking them as they are harms nobody.
    let text = match &call.input.kind {
        Kind::Text(text) => text.clone(),
        Kind::Int(_) | Kind::Float(_) => std::sync::Arc::from(call.input.render_text()),
        _ => return Err(call.input_must_be("text")),
    };
    let kind = call.text_argument(0)?;
    let whole = |smallest: i64, largest: i64| {
        parse_whole(&text).filter(|number| (smallest..=largest).contains(number))
    };
    let result = match kind.as_deref() {
        None | Some("") => parse_whole(&text)
            .map(Value::int)
            .or_else(|| parse_float(&text).map(Value::float)),
        Some("INT") => whole(i64::from(i32::MIN), i64::from(i32::MAX)).map(Value::int),
        Some("LONG" | "BIGINTEGER") => parse_whole(&text).map(Value::int),
        Some("FLOAT" | "DOUBLE" | "BIGDECIMAL") => parse_float(&text).map(Value::float),
        Some(other) => {
            return Err(Fail::value(format!(
                "`number` knows `INT`, `LONG`, `FLOAT`, `DOUBLE`, `BIGDECIMAL` and `BIGINTEGER`, not `{other}`"
            )));
        }
    };
    result.ok_or_else(|| {
        Fail::value(format!(
            "{} is not a number{}",
            shown(&call.input),
            kind.as_deref()
                .filter(|kind| !kind.is_empty())
                .map_or_else(String::new, |kind| format!(" of type `{kind}`"))
        ))
    })
}

fn parse_whole(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hexadecimal) = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        let number = i64::from_str_radix(hexadecimal, 16).ok()?;
        return Some(if negative { -number } else { number });
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn parse_float(text: &str) -> Option<f64> {
    let plain = |character: char| character.is_ascii_digit() || "+-.eE".contains(character);
    let number: f64 = text
        .chars()
        .all(plain)
        .then(|| text.parse().ok())
        .flatten()?;
    number.is_finite().then_some(number)
}

fn number_format(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let number = match call.input.kind {
        Kind::Null => return Ok(Value::null()),
        Kind::Int(number) => decimal::Number::Int(number),
        Kind::Float(number) => decimal::Number::Float(number),
        _ => return Err(call.input_must_be("a number")),
    };
    let pattern = call.text_argument(0)?;
    decimal::format(number, pattern.as_deref().unwrap_or("#,##0.###")).map(Value::text)
}
