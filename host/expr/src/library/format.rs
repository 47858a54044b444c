//! The filter `format`: Java's `String.format` for text, whole numbers, decimals and booleans.

use super::decimal::rounded_half_up;
use crate::error::Fail;
use crate::library::shown;
use crate::limits::Budget;
use crate::value::{Kind, Value};

#[derive(Default)]
struct Directive {
    index: Option<usize>,
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    comma: bool,
    bracket: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
}

const MAX_WIDTH: usize = 100_000;

/// Fills the arguments into the text.
pub(super) fn java(text: &str, arguments: &[Value], budget: &mut Budget) -> Result<String, Fail> {
    let mut result = String::new();
    let mut rest = text;
    let mut next = 0;
    while let Some(at) = rest.find('%') {
        result.push_str(&rest[..at]);
        let (directive, length) = parse(&rest[at + 1..])?;
        rest = &rest[at + 1 + length..];
        let filled = match directive.conversion {
            '%' => padded("%".to_owned(), &directive),
            'n' => "\n".to_owned(),
            _ => {
                let index = directive.index.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                let value = arguments.get(index).ok_or_else(|| {
                    Fail::value(format!(
                        "`format` has no argument {} for `%{}`",
                        index + 1,
                        directive.conversion
                    ))
                })?;
                padded(converted(value, &directive)?, &directive)
            }
        };
        budget.charge_bytes(filled.len())?;
        result.push_str(&filled);
    }
    result.push_str(rest);
    Ok(result)
}

fn parse(text: &str) -> Result<(Directive, usize), Fail> {
    let bytes = text.as_bytes();
    let mut directive = Directive::default();
    let mut at = 0;
    let number = |from: usize| {
        let length = bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        (text[from..from + length].parse::<usize>().ok(), length)
    };
    if let (Some(index), length) = number(0)
        && bytes.get(length) == Some(&b'$')
        && index > 0
    {
        directive.index = Some(index - 1);
        at = length + 1;
    }
    loop {
        match bytes.get(at) {
            Some(b'-') => directive.left = true,
            Some(b'+') => directive.plus = true,
            Some(b' ') => directive.space = true,
            Some(b'0') => directive.zero = true,
            Some(b',') => directive.comma = true,
            Some(b'(') => directive.bracket = true,
            Some(b'#') => directive.alternate = true,
            _ => break,
        }
        at += 1;
    }
    let too_wide = || {
        Fail::limit(format!(
            "`format` fills up to {MAX_WIDTH} characters at most"
        ))
    };
    let (width, length) = number(at);
    if length > 0 {
        directive.width = width
            .filter(|width| *width <= MAX_WIDTH)
            .ok_or_else(too_wide)?;
        at += length;
    }
    if bytes.get(at) == Some(&b'.') {
        let (precision, length) = number(at + 1);
        directive.precision = Some(
            precision
                .filter(|precision| *precision <= MAX_WIDTH)
                .ok_or_else(too_wide)?,
        );
        at += 1 + length;
    }
    match text[at..].chars().next() {
        Some(conversion) if "sSdxXofFeEbBcC%n".contains(conversion) => {
            directive.conversion = conversion;
            check(&directive)?;
            Ok((directive, at + 1))
        }
        Some(other) => Err(Fail::value(format!(
            "`format` does not know `%{other}`; it knows `%s`, `%d`, `%x`, `%o`, `%f`, `%e`, `%b`, `%c`, `%n` and `%%`"
        ))),
        None => Err(Fail::value("`format`: the text ends with `%`; write `%%`")),
    }
}

/// Flags that make no sense together are errors in Java.
fn check(directive: &Directive) -> Result<(), Fail> {
    let conversion = directive.conversion;
    if (directive.left || directive.zero) && directive.width == 0 && conversion != 'n' {
        return Err(Fail::value(format!(
            "`format`: the flags `-` and `0` need a width before `{conversion}`"
        )));
    }
    let numeric = "dxXofeE".contains(conversion);
    let flagged = directive.plus
        || directive.space
        || directive.comma
        || directive.bracket
        || directive.alternate
        || directive.zero;
    if flagged && !numeric {
        return Err(Fail::value(format!(
            "`format`: `%{conversion}` takes no flag but `-`"
        )));
    }
    Ok(())
}

fn converted(value: &Value, directive: &Directive) -> Result<String, Fail> {
    let wrong = || {
        Fail::kind(format!(
            "`%{}` cannot show {}",
            directive.conversion,
            value.kind.name()
        ))
    };
    let upper = directive.conversion.is_ascii_uppercase();
    let text = match directive.conversion {
        's' | 'S' => {
            let text = match &value.kind {
                Kind::Null => "null".to_owned(),
                _ => value.render_text(),
            };
            cut(&text, directive.precision)
        }
        'b' | 'B' => cut(
            match &value.kind {
                Kind::Null => "false",
                Kind::Bool(false) => "false",
                _ => "true",
            },
            directive.precision,
        ),
        'c' | 'C' => match &value.kind {
            Kind::Text(text) if text.chars().count() == 1 => text.to_string(),
            Kind::Text(_) => {
                return Err(Fail::value(format!(
                    "{} is not one character",
                    shown(value)
                )));
            }
            _ => return Err(wrong()),
        },
        _ if value.is_null() => "null".to_owned(),
        'd' => match value.kind {
            Kind::Int(number) => signed(number < 0, number.unsigned_abs().to_string(), directive),
            _ => return Err(wrong()),
        },
        'x' | 'X' | 'o' => match value.kind {
            Kind::Int(number) if directive.conversion == 'o' => {
                format!("{}{number:o}", if directive.alternate { "0" } else { "" })
            }
            Kind::Int(number) => {
                format!("{}{number:x}", if directive.alternate { "0x" } else { "" })
            }
            _ => return Err(wrong()),
        },
        _ => match value.kind {
            Kind::Float(number) if number.is_finite() => {
                let digits = decimal(number.abs(), directive);
                signed(number.is_sign_negative(), digits, directive)
            }
            Kind::Float(number) => crate::print::float(number),
            _ => return Err(wrong().help("`%f` and `%e` show numbers with a fraction; write `%d`")),
        },
    };
    Ok(if upper { text.to_uppercase() } else { text })
}

fn cut(text: &str, precision: Option<usize>) -> String {
    match precision.and_then(|precision| text.char_indices().nth(precision)) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

fn decimal(number: f64, directive: &Directive) -> String {
    let precision = directive.precision.unwrap_or(6);
    if !directive.conversion.eq_ignore_ascii_case(&'e') {
        return rounded_half_up(&format!("{number}"), precision);
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits = rounded_half_up(digits, precision);
    if digits.starts_with("10") {
        digits = rounded_half_up("1", precision);
        exponent += 1;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn signed(negative: bool, digits: String, directive: &Directive) -> String {
    let mut digits = digits;
    if directive.comma {
        let (whole, fraction) = match digits.find('.') {
            Some(point) => digits.split_at(point),
            None => (digits.as_str(), ""),
        };
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        digits = format!("{grouped}{fraction}");
    }
    let (before, after) = match (negative, directive) {
        (true, Directive { bracket: true, .. }) => ("(", ")"),
        (true, _) => ("-", ""),
        (false, Directive { plus: true, .. }) => ("+", ""),
        (false, Directive { space: true, .. }) => (" ", ""),
        _ => ("", ""),
    };
    let length = before.len() + digits.len() + after.len();
    let zeros = if directive.zero {
        directive.width.saturating_sub(length)
    } else {
        0
    };
    format!("{before}{}{digits}{after}", "0".repeat(zeros))
}

fn padded(text: String, directive: &Directive) -> String {
    let missing = directive.width.saturating_sub(text.chars().count());
    let zero = directive.zero && "xXo".contains(directive.conversion);
    let filling = if zero { "0" } else { " " }.repeat(missing);
    if directive.left {
        text + &filling
    } else {
        filling + &text
    }
}
