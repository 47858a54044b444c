//! Regular expressions: splitting, matching, replacing, extracting. Patterns are those of the
//! regex crate; what Java's engine has beyond it is refused with a message.

use std::borrow::Cow;

use regex::{Captures, Regex, RegexBuilder};

use super::Parameters::Named;
use super::{Filter, Invocation};
use crate::error::Fail;
use crate::limits::Budget;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "regexExtract",
        parameters: Named(&[("pattern", true), ("group", false)]),
        run: extract,
    },
    Filter {
        name: "regexMatch",
        parameters: Named(&[("pattern", true)]),
        run: matches,
    },
    Filter {
        name: "regexReplace",
        parameters: Named(&[("pattern", true), ("replacement", true)]),
        run: replace,
    },
];

fn compile(pattern: &str, budget: &mut Budget) -> Result<Regex, Fail> {
    const SIZE: usize = 1024 * 1024;
    // Compiling costs far more than the other work of an expression.
    budget.charge(500 + pattern.len() as u64)?;
    RegexBuilder::new(&java_pattern(pattern))
        .size_limit(SIZE)
        .nest_limit(50)
        .build()
        .map_err(|error| {
            let advanced = ["(?=", "(?!", "(?<=", "(?<!", "(?>"]
                .into_iter()
                .find(|construct| pattern.contains(construct));
            match (advanced, error) {
                (Some(construct), _) => Fail::value(format!(
                    "the pattern `{pattern}` uses `{construct}`: looking around and atomic groups are not supported"
                ))
                .help("match more and take the part in brackets with `regexExtract(pattern, 1)`"),
                (None, regex::Error::CompiledTooBig(_)) => {
                    Fail::limit(format!("the pattern `{pattern}` is too large"))
                }
                (None, error) => {
                    let text = error.to_string();
                    let reason = text
                        .lines()
                        .find_map(|line| line.trim().strip_prefix("error: "))
                        .unwrap_or("it cannot be read");
                    Fail::value(format!("the pattern `{pattern}` is not valid: {reason}"))
                }
            }
        })
}

/// Rewrites what Java spells differently: `\Q…\E`, `\Z`, `\h`, and `++`, `*+`, `?+` stay errors.
fn java_pattern(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains('\\') {
        return Cow::Borrowed(pattern);
    }
    let mut written = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        written.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut characters = rest.chars();
        characters.next();
        match characters.next() {
            Some('Q') => {
                let quoted = &rest[2..];
                let end = quoted.find("\\E").unwrap_or(quoted.len());
                written.push_str(&regex::escape(&quoted[..end]));
                rest = quoted[end..].strip_prefix("\\E").unwrap_or("");
                continue;
            }
            Some('Z') => written.push_str(r"\z"),
            Some('h') => written
                .push_str(r"[ \t\u{A0}\u{1680}\u{180e}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}]"),
            Some('R') => written.push_str(r"(?:\r\n|[\n\x0B\x0C\r\u{85}\u{2028}\u{2029}])"),
            Some(other) => {
                written.push('\\');
                written.push(other);
            }
            None => written.push('\\'),
        }
        rest = characters.as_str();
    }
    written.push_str(rest);
    Cow::Owned(written)
}

/// Splits like Java: without a limit, empty parts at the end are dropped; a positive limit bounds
/// the number of parts; a negative one keeps everything.
pub(super) fn split(
    text: &str,
    delimiter: &str,
    limit: i64,
    budget: &mut Budget,
) -> Result<Vec<String>, Fail> {
    let most = usize::try_from(limit).unwrap_or(0);
    let mut parts: Vec<String> = Vec::new();
    let mut from = 0;
    let mut add = |start: usize, end: usize, parts: &mut Vec<String>| {
        // A match without width at the start never gives an empty first part.
        if most > 0 && parts.len() + 1 >= most || end == 0 {
            return;
        }
        parts.push(text[from..start].to_owned());
        from = end;
    };
    budget.charge_bytes(text.len())?;
    let special = |character: char| "\\.[]{}()<>*+-=!?^$|".contains(character);
    if delimiter.contains(special) || delimiter.is_empty() {
        for found in compile(delimiter, budget)?.find_iter(text) {
            budget.charge(1)?;
            if !(found.is_empty() && found.start() == text.len()) {
                add(found.start(), found.end(), &mut parts);
            }
        }
    } else {
        for (start, found) in text.match_indices(delimiter) {
            budget.charge(1)?;
            add(start, start + found.len(), &mut parts);
        }
    }
    if parts.is_empty() {
        return Ok(vec![text.to_owned()]);
    }
    parts.push(text[from..].to_owned());
    if limit == 0 {
        while parts.last().is_some_and(String::is_empty) {
            parts.pop();
        }
    }
    Ok(parts)
}

/// Replaces like Java: `$1` and `${name}` stand for groups, a backslash takes the next as it is.
pub(super) fn replace_all(
    text: &str,
    pattern: &str,
    replacement: &str,
    budget: &mut Budget,
) -> Result<String, Fail> {
    let regex = compile(pattern, budget)?;
    let mut result = String::new();
    let mut from = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        let before = result.len();
        result.push_str(&text[from..whole.start()]);
        expand(&captures, replacement, &mut result)?;
        budget.charge(1)?;
        budget.charge_bytes(result.len() - before)?;
        from = whole.end();
    }
    result.push_str(&text[from..]);
    Ok(result)
}

fn expand(captures: &Captures<'_>, replacement: &str, out: &mut String) -> Result<(), Fail> {
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(next) => out.push(next),
                None => return Err(Fail::value("the replacement ends with a backslash")),
            },
            '$' => {
                if characters.next_if_eq(&'{').is_some() {
                    let name: String = characters
                        .by_ref()
                        .take_while(|next| *next != '}')
                        .collect();
                    match captures.name(&name) {
                        Some(group) => out.push_str(group.as_str()),
                        None => {
                            return Err(Fail::value(format!(
                                "the pattern has no group `{name}` with text"
                            )));
                        }
                    }
                    continue;
                }
                let Some(first) = characters.peek().and_then(|next| next.to_digit(10)) else {
                    return Err(Fail::value(
                        "`$` in a replacement must be followed by a group; write `\\$` for a dollar",
                    ));
                };
                characters.next();
                let mut group = first as usize;
                if group >= captures.len() {
                    return Err(Fail::value(format!("the pattern has no group {group}")));
                }
                // Further digits belong to the number as long as there is such a group.
                while let Some(digit) = characters.peek().and_then(|next| next.to_digit(10)) {
                    let longer = group * 10 + digit as usize;
                    if longer >= captures.len() {
                        break;
                    }
                    group = longer;
                    characters.next();
                }
                out.push_str(captures.get(group).map_or("", |group| group.as_str()));
            }
            other => out.push(other),
        }
    }
    Ok(())
}

fn matches(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::bool(false));
    }
    let pattern = call.required_text(0)?;
    let regex = compile(&pattern, call.budget)?;
    Ok(Value::bool(regex.is_match(&call.printed())))
}

fn replace(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let (pattern, replacement) = (call.required_text(0)?, call.required_text(1)?);
    let text = call.printed();
    replace_all(&text, &pattern, &replacement, call.budget).map(Value::text)
}

fn extract(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let pattern = call.required_text(0)?;
    let group = usize::try_from(call.int_argument(1)?.unwrap_or(0))
        .map_err(|_| Fail::value("a group cannot be negative"))?;
    let regex = compile(&pattern, call.budget)?;
    if group >= regex.captures_len() {
        return Err(Fail::value(format!(
            "the pattern `{pattern}` has no group {group}"
        )));
    }
    let text = call.printed();
    Ok(regex
        .captures(&text)
        .and_then(|captures| captures.get(group))
        .map_or_else(Value::null, |found| Value::text(found.as_str())))
}
