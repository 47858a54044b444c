//! Filters on text.

use std::sync::Arc;

use super::Parameters::{Any, Named, None as Nothing};
use super::escape::STRATEGIES;
use super::{Filter, Invocation, format};
use crate::error::Fail;
use crate::value::{Kind, Map, Value};

const SEPARATOR: super::Parameters = Named(&[("separator", true)]);
const INDENTATION: super::Parameters = Named(&[("amount", true), ("prefix", false)]);

pub(super) const FILTERS: &[Filter] = &[
    Filter {
        name: "abbreviate",
        parameters: Named(&[("length", true)]),
        run: abbreviate,
    },
    Filter {
        name: "capitalize",
        parameters: Nothing,
        run: |call| on_text(call, capitalize),
    },
    Filter {
        name: "default",
        parameters: Named(&[("default", false)]),
        run: default,
    },
    Filter {
        name: "endsWith",
        parameters: Named(&[("value", true)]),
        run: ends_with,
    },
    Filter {
        name: "escape",
        parameters: Named(&[("strategy", false)]),
        run: escape,
    },
    Filter {
        name: "escapeChar",
        parameters: Named(&[("type", true)]),
        run: escape_char,
    },
    Filter {
        name: "format",
        parameters: Any,
        run: format_text,
    },
    Filter {
        name: "indent",
        parameters: INDENTATION,
        run: indent,
    },
    Filter {
        name: "lower",
        parameters: Nothing,
        run: |call| on_printed(call, str::to_lowercase),
    },
    Filter {
        name: "nindent",
        parameters: INDENTATION,
        run: nindent,
    },
    Filter {
        name: "raw",
        parameters: Nothing,
        run: |call| Ok(call.input.clone()),
    },
    Filter {
        name: "replace",
        parameters: Named(&[("replace_pairs", true), ("regexp", false)]),
        run: replace,
    },
    Filter {
        name: "sh",
        parameters: Nothing,
        run: |call| on_printed(call, |text| text.replace('\'', "'\\''")),
    },
    Filter {
        name: "slugify",
        parameters: Nothing,
        run: |call| on_printed(call, slugify),
    },
    Filter {
        name: "startsWith",
        parameters: Named(&[("value", true)]),
        run: starts_with,
    },
    Filter {
        name: "string",
        parameters: Nothing,
        run: |call| on_printed(call, str::to_owned),
    },
    Filter {
        name: "substringAfter",
        parameters: SEPARATOR,
        run: |call| {
            part(call, |text, at| {
                text.split_once(at).map_or("", |parts| parts.1)
            })
        },
    },
    Filter {
        name: "substringAfterLast",
        parameters: SEPARATOR,
        run: |call| {
            part(call, |text, at| {
                text.rsplit_once(at).map_or("", |parts| parts.1)
            })
        },
    },
    Filter {
        name: "substringBefore",
        parameters: SEPARATOR,
        run: |call| {
            part(call, |text, at| {
                text.split_once(at).map_or(text, |parts| parts.0)
            })
        },
    },
    Filter {
        name: "substringBeforeLast",
        parameters: SEPARATOR,
        run: |call| {
            part(call, |text, at| {
                text.rsplit_once(at).map_or(text, |parts| parts.0)
            })
        },
    },
    Filter {
        name: "title",
        parameters: Nothing,
        run: |call| on_text(call, title),
    },
    // Java trims everything up to the space, and nothing beyond.
    Filter {
        name: "trim",
        parameters: Nothing,
        run: |call| {
            on_text(call, |text| {
                text.trim_matches(|character| character <= ' ').to_owned()
            })
        },
    },
    Filter {
        name: "upper",
        parameters: Nothing,
        run: |call| on_printed(call, str::to_uppercase),
    },
];

fn on_text(call: &mut Invocation<'_>, action: fn(&str) -> String) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    Ok(Value::text(action(&call.text()?)))
}

fn on_printed(call: &mut Invocation<'_>, action: fn(&str) -> String) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    Ok(Value::text(action(&call.printed())))
}

/// A position counted in UTF-16 units, as Java counts, moved to a character's border.
pub(super) fn utf16_index(text: &str, units: usize) -> usize {
    if text.is_ascii() {
        return units.min(text.len());
    }
    let mut seen = 0;
    for (index, character) in text.char_indices() {
        if seen >= units {
            return index;
        }
        seen += character.len_utf16();
    }
    text.len()
}

/// The length that Java gives.
pub(super) fn utf16_length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().map(char::len_utf16).sum()
    }
}

fn abbreviate(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let text = call.text()?;
    let wanted = usize::try_from(call.required_int(0)?)
        .map_err(|_| Fail::value("argument `length` of `abbreviate` cannot be negative"))?;
    let length = utf16_length(&text);
    if length < wanted || length <= 3 {
        return Ok(call.input.clone());
    }
    Ok(Value::text(if wanted <= 3 {
        text[..utf16_index(&text, wanted)].to_owned()
    } else {
        format!("{}...", &text[..utf16_index(&text, wanted - 3)])
    }))
}

fn capitalize(text: &str) -> String {
    let start = text
        .find(|character: char| !character.is_whitespace())
        .unwrap_or(text.len());
    let mut characters = text[start..].chars();
    let mut result = text[..start].to_owned();
    result.extend(characters.next().map(title_case));
    result.push_str(characters.as_str());
    result
}

fn title(text: &str) -> String {
    let mut at_start = true;
    text.chars()
        .map(|character| {
            if character.is_whitespace() {
                at_start = true;
                character
            } else if std::mem::take(&mut at_start) {
                title_case(character)
            } else {
                character
            }
        })
        .collect()
}

/// One character to one, as Java does it; `ß` stays.
fn title_case(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

fn default(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if super::tests::is_empty(&call.input) {
        return Ok(call
            .arguments
            .first()
            .cloned()
            .flatten()
            .unwrap_or_else(Value::null));
    }
    Ok(call.input.clone())
}

fn affix(call: &Invocation<'_>) -> Result<(Arc<str>, String), Fail> {
    if call.input.is_null() {
        return Err(call.input_must_be("text"));
    }
    match call.argument(0) {
        Some(value) => Ok((call.printed(), value.render_text())),
        None => Err(Fail::kind(format!(
            "argument `value` of `{}` must be text, not null",
            call.filter.name
        ))),
    }
}

fn starts_with(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let (text, affix) = affix(call)?;
    Ok(Value::bool(text.starts_with(&affix)))
}

fn ends_with(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let (text, affix) = affix(call)?;
    Ok(Value::bool(text.ends_with(&affix)))
}

fn part(
    call: &mut Invocation<'_>,
    action: for<'a> fn(&'a str, &str) -> &'a str,
) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let separator = call.required_text(0)?;
    Ok(Value::text(action(&call.printed(), &separator)))
}

fn escape(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let strategy = call.text_argument(0)?;
    let wanted = strategy.as_deref().unwrap_or("html");
    match STRATEGIES.iter().find(|(name, _)| *name == wanted) {
        Some((_, run)) => Ok(Value::text(run(&call.printed()))),
        None => {
            let names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
            let fail = Fail::value(format!("`escape` does not know the strategy `{wanted}`"));
            Err(match super::names::nearest(wanted, names.iter().copied()) {
                Some(near) => fail.help(format!("did you mean `{near}`?")),
                None => fail.help(format!(
                    "the strategies are {}",
                    super::functions::listed(&names)
                )),
            })
        }
    }
}

fn escape_char(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let kind = call.required_text(0)?;
    let (from, to) = match kind.to_lowercase().as_str() {
        "shell" => ("'", "'\\''"),
        "single" => ("'", "\\'"),
        "double" => ("\"", "\\\""),
        _ => {
            return Err(Fail::value(format!(
                "`escapeChar` takes `single`, `double` or `shell`, not `{kind}`"
            )));
        }
    };
    deep(&call.input.clone(), &mut |text| Ok(text.replace(from, to)))
}

/// Applies a change to every text inside, printing numbers and booleans.
fn deep(
    value: &Value,
    change: &mut dyn FnMut(&str) -> Result<String, Fail>,
) -> Result<Value, Fail> {
    let changed = match &value.kind {
        Kind::Null => Value::null(),
        Kind::List(items) => Value::list(
            items
                .iter()
                .map(|item| deep(item, change))
                .collect::<Result<_, _>>()?,
        ),
        Kind::Map(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for (key, item) in entries.iter() {
                map.insert(key.clone(), deep(item, change)?);
            }
            Value::map(map)
        }
        Kind::Text(text) => Value::text(change(text)?),
        _ => Value::text(change(&value.render_text())?),
    };
    Ok(changed.with_taint(value.taint()))
}

fn replace(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let pairs = match call.argument(0).map(|value| &value.kind) {
        Some(Kind::Map(pairs)) => pairs.clone(),
        Some(kind) => {
            return Err(Fail::kind(format!(
                "`replace` takes a map of old and new texts, not {}",
                kind.name()
            ))
            .help("write `replace({'old': 'new'})`"));
        }
        None => {
            return Err(Fail::kind(
                "argument `replace_pairs` of `replace` cannot be null",
            ));
        }
    };
    let regexp = call.bool_argument(1)?;
    let input = call.input.clone();
    let budget = &mut *call.budget;
    let mut change = |text: &str| {
        let mut text = text.to_owned();
        for (from, to) in pairs.iter() {
            let to = match &to.kind {
                Kind::Null => {
                    return Err(Fail::kind(format!(
                        "`replace`: the new text for `{from}` is null"
                    )));
                }
                _ => to.render_text(),
            };
            text = if regexp {
                super::regexes::replace_all(&text, from, &to, budget)?
            } else {
                let matches = if from.is_empty() {
                    text.chars().count() + 1
                } else {
                    text.matches(from.as_ref()).count()
                };
                budget.charge_bytes(text.len() + matches.saturating_mul(to.len()))?;
                text.replace(from.as_ref(), &to)
            };
        }
        Ok(text)
    };
    deep(&input, &mut change)
}

/// The kind of line break a text uses.
fn line_break(text: &str) -> &'static str {
    ["\r\n", "\n\r", "\n", "\r"]
        .into_iter()
        .find(|kind| text.contains(kind))
        .unwrap_or("\n")
}

fn indentation(call: &mut Invocation<'_>) -> Result<Option<(Arc<str>, String)>, Fail> {
    let text = call.printed();
    if call.input.is_null() || text.is_empty() {
        return Ok(None);
    }
    let amount = usize::try_from(call.required_int(0)?).map_err(|_| {
        Fail::value(format!(
            "argument `amount` of `{}` cannot be negative",
            call.filter.name
        ))
    })?;
    let prefix = call.text_argument(1)?.unwrap_or_else(|| Arc::from(" "));
    let lines = text.matches(line_break(&text)).count() + 1;
    let size = prefix.len().saturating_mul(amount).saturating_mul(lines);
    call.budget.charge_bytes(size.saturating_add(text.len()))?;
    Ok(Some((text, prefix.repeat(amount))))
}

fn indent(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    Ok(match indentation(call)? {
        None => call.input.clone(),
        Some((text, prefix)) => {
            let line = line_break(&text);
            Value::text(text.replace(line, &format!("{line}{prefix}")))
        }
    })
}

fn nindent(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    Ok(match indentation(call)? {
        None => call.input.clone(),
        Some((text, prefix)) => {
            let line = line_break(&text);
            Value::text(format!("{line}{text}").replace(line, &format!("{line}{prefix}")))
        }
    })
}

fn format_text(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    if call.input.is_null() {
        return Ok(Value::null());
    }
    let arguments: Vec<Value> = call
        .arguments
        .iter()
        .map(|value| value.clone().unwrap_or_else(Value::null))
        .collect();
    format::java(&call.printed(), &arguments, call.budget).map(Value::text)
}

/// Lower case letters and digits with single dashes between.
fn slugify(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        let plain = without_accent(character);
        if plain.is_empty() {
            let separates = character.is_whitespace() || "-_.,;:/\\".contains(character);
            if separates && !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        } else {
            slug.push_str(plain.as_str());
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The plain form of a Latin letter or a digit; nothing for other characters.
fn without_accent(character: char) -> String {
    let plain = match character {
        'a'..='z' | '0'..='9' => return character.to_string(),
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'ď' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ō' | 'ŏ' | 'ő' => "o",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ţ' | 'ť' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    };
    plain.to_owned()
}
