//! Number patterns as in Java's `DecimalFormat`, with English symbols: `#,##0.00`, `0%`, `00.0E0`
//! excepted.

use crate::error::Fail;

#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

#[derive(Default)]
struct Pattern {
    prefix: String,
    suffix: String,
    grouping: usize,
    min_whole: usize,
    min_fraction: usize,
    max_fraction: usize,
    /// Powers of ten to multiply with: 2 for percent, 3 for per mille.
    scale: usize,
}

/// More digits than these are cut: a double has no more to tell, and a pattern must not make text
/// without end.
const MAX_DIGITS: usize = 340;

/// Formats a number; rounds half to even.
pub(super) fn format(number: Number, pattern: &str) -> Result<String, Fail> {
    let mut halves = split_unquoted(pattern);
    let positive = parse(halves.next().unwrap_or_default(), pattern)?;
    let negative = match halves.next() {
        Some(half) if !half.is_empty() => Some(parse(half, pattern)?),
        _ => None,
    };
    let places = positive.max_fraction;
    let (is_negative, digits) = match number {
        Number::Int(number) => {
            let digits = number.unsigned_abs().to_string() + &"0".repeat(positive.scale);
            (number < 0, digits)
        }
        Number::Float(number) if number.is_nan() => return Ok("NaN".to_owned()),
        Number::Float(number) if number.is_infinite() => {
            let sign = if number < 0.0 { "-" } else { "" };
            return Ok(format!("{sign}{}∞{}", positive.prefix, positive.suffix));
        }
        // Rounds the exact binary value half to even, as Java does here.
        Number::Float(number) => {
            let scaled = number.abs() * 10_f64.powi(positive.scale as i32);
            (number.is_sign_negative(), rounded_exactly(scaled, places))
        }
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = whole.trim_start_matches('0');
    let body = laid_out(&positive, whole, fraction);
    let (prefix, suffix) = match (&negative, is_negative) {
        (Some(negative), true) => (negative.prefix.clone(), &negative.suffix),
        (None, true) => (format!("-{}", positive.prefix), &positive.suffix),
        (_, false) => (positive.prefix.clone(), &positive.suffix),
    };
    Ok(format!("{prefix}{body}{suffix}"))
}

fn split_unquoted(pattern: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    pattern.split(move |character| {
        quoted ^= character == '\'';
        character == ';' && !quoted
    })
}

fn parse(half: &str, whole_pattern: &str) -> Result<Pattern, Fail> {
    let invalid = |why: &str| {
        Fail::value(format!(
            "the number pattern `{whole_pattern}` is not valid: {why}"
        ))
    };
    let mut pattern = Pattern::default();
    if half.is_empty() {
        pattern.grouping = 3;
        pattern.max_fraction = MAX_DIGITS;
        return Ok(pattern);
    }
    let (mut whole_hashes, mut point) = (0, false);
    // 0: before the digits, 1: whole digits, 2: fraction, 3: after the digits.
    let mut phase = 0;
    let mut since_comma = None;
    let mut quoted = false;
    let mut characters = half.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            if characters.next_if_eq(&'\'').is_some() {
                push(&mut pattern, &mut phase, '\'');
            } else {
                quoted = !quoted;
            }
            continue;
        }
        if quoted {
            push(&mut pattern, &mut phase, character);
            continue;
        }
        match character {
            '#' | '0' | ',' | '.' if phase == 3 => {
                return Err(invalid("digits after the end of the number"));
            }
            '#' | '0' if phase < 2 => {
                phase = 1;
                if character == '0' {
                    pattern.min_whole += 1;
                } else if pattern.min_whole > 0 {
                    return Err(invalid("`#` after `0` before the point"));
                } else {
                    whole_hashes += 1;
                }
                since_comma = since_comma.map(|count: usize| count + 1);
            }
            '0' => {
                if pattern.max_fraction > pattern.min_fraction {
                    return Err(invalid("`0` after `#` behind the point"));
                }
                pattern.min_fraction += 1;
                pattern.max_fraction += 1;
            }
            '#' => pattern.max_fraction += 1,
            ',' if phase == 1 => since_comma = Some(0),
            ',' => return Err(invalid("`,` belongs between the digits before the point")),
            '.' if phase < 2 => {
                phase = 2;
                point = true;
            }
            '.' => return Err(invalid("a second point")),
            'E' if phase == 1 || phase == 2 => {
                return Err(invalid("exponents are not supported"));
            }
            '%' => {
                pattern.scale = 2;
                push(&mut pattern, &mut phase, '%');
            }
            '\u{2030}' => {
                pattern.scale = 3;
                push(&mut pattern, &mut phase, character);
            }
            '\u{a4}' => push(&mut pattern, &mut phase, '$'),
            other => push(&mut pattern, &mut phase, other),
        }
    }
    if quoted {
        return Err(invalid("a quote is never closed"));
    }
    if since_comma == Some(0) {
        return Err(invalid("`,` at the end of the digits"));
    }
    pattern.grouping = since_comma.unwrap_or(0);
    // With a point and no `0`, one digit shows all the same.
    if point && pattern.min_whole == 0 && pattern.min_fraction == 0 {
        if whole_hashes > 0 {
            pattern.min_whole = 1;
        } else if pattern.max_fraction > 0 {
            pattern.min_fraction = 1;
        }
    }
    pattern.min_whole = pattern.min_whole.min(MAX_DIGITS);
    pattern.min_fraction = pattern.min_fraction.min(MAX_DIGITS);
    pattern.max_fraction = pattern.max_fraction.min(MAX_DIGITS);
    Ok(pattern)
}

fn push(pattern: &mut Pattern, phase: &mut u8, character: char) {
    if *phase == 0 {
        pattern.prefix.push(character);
    } else {
        *phase = 3;
        pattern.suffix.push(character);
    }
}

fn rounded_exactly(number: f64, places: usize) -> String {
    let shortest = format!("{number}");
    let (_, fraction) = shortest.split_once('.').unwrap_or((&shortest, ""));
    if fraction.len() <= places {
        shortest
    } else {
        format!("{number:.places$}")
    }
}

/// Rounds written decimal digits half up, as Java's `String.format` does.
pub(super) fn rounded_half_up(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = if places > 0 { "." } else { "" };
    if fraction.len() <= places {
        return format!("{whole}{point}{fraction:0<places$}");
    }
    let (kept, dropped) = fraction.split_at(places);
    let mut all: Vec<u8> = format!("0{whole}{kept}").into_bytes();
    if dropped.as_bytes()[0] >= b'5' {
        for digit in all.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    let (whole, fraction) = text.split_at(text.len() - places);
    let whole = match whole.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => rest,
        _ => whole,
    };
    format!("{whole}{point}{fraction}")
}

fn laid_out(pattern: &Pattern, whole: &str, fraction: &str) -> String {
    let mut whole = format!("{:0>1$}", whole, pattern.min_whole);
    let mut fraction = fraction.trim_end_matches('0').to_owned();
    while fraction.len() < pattern.min_fraction {
        fraction.push('0');
    }
    if whole.is_empty() && fraction.is_empty() {
        whole.push('0');
    }
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && pattern.grouping > 0 && left % pattern.grouping == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(&fraction);
    }
    text
}
