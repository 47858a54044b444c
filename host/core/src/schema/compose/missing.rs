//! Asks for a key in such a way that one slip of the pen gives one message: who writes `comands` is told that there is no such key, and
//! not also that `commands` is missing.

use serde_json::{Map, Value, json};

use super::union::escape;

/// Turns `required` into rules that keep still where a key looks like the wanted one. What is in `hard` stays as it is, and what is in
/// `elsewhere` is left to whoever asks for it already.
///
/// A closed object refuses the misspelt key itself, so that nothing becomes valid by this.
pub(super) fn soften(schema: &mut Map<String, Value>, hard: &[&str], elsewhere: &[&str]) {
    let Some(Value::Array(required)) = schema.shift_remove("required") else {
        return;
    };
    let known: Vec<String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys().cloned())
        .collect();
    let (kept, softened): (Vec<&str>, Vec<&str>) = required
        .iter()
        .filter_map(Value::as_str)
        .filter(|key| !elsewhere.contains(key))
        .partition(|key| hard.contains(key));
    let rules: Vec<Value> = softened
        .into_iter()
        .map(|key| {
            json!({
                "if": { "type": "object", "propertyNames": { "not": { "pattern": slips(key, &known) } } },
                "then": { "type": "object", "properties": { key: true }, "required": [key] },
            })
        })
        .collect();
    if !kept.is_empty() {
        schema.insert("required".to_owned(), json!(kept));
    }
    if rules.is_empty() {
        return;
    }
    match schema.get_mut("allOf") {
        Some(Value::Array(list)) => list.extend(rules),
        _ => {
            schema.insert("allOf".to_owned(), Value::Array(rules));
        }
    }
}

/// A pattern for names that are one slip away from a key: a letter too many, too few, wrong or exchanged with its neighbour. Parts of it
/// that would also match a key that is known are left out.
fn slips(key: &str, known: &[String]) -> String {
    let letters: Vec<char> = key.chars().collect();
    let text = |range: &[char]| range.iter().collect::<String>();
    let others = || known.iter().filter(|name| *name != key);
    let mut found: Vec<String> = Vec::new();
    let width = if letters.len() > 3 { 2 } else { 1 };
    for start in (0..letters.len()).step_by(width) {
        let end = (start + width).min(letters.len());
        let (before, after) = (text(&letters[..start]), text(&letters[end..]));
        let most = end - start + 1;
        let harmful = others().any(|name| {
            name.strip_prefix(&*before)
                .and_then(|rest| rest.strip_suffix(&*after))
                .is_some_and(|middle| middle.chars().count() <= most)
        });
        if !harmful {
            found.push(format!(
                "{}.{{0,{most}}}{}",
                escape(&before),
                escape(&after)
            ));
        }
    }
    for start in 0..letters.len().saturating_sub(1) {
        let mut exchanged = letters.clone();
        exchanged.swap(start, start + 1);
        let exchanged = text(&exchanged);
        // Inside a pair it is matched already.
        if (width == 1 || start % 2 == 1) && others().all(|name| *name != exchanged) {
            found.push(escape(&exchanged));
        }
    }
    format!("^({})$", found.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_slip_is_recognised() {
        let known = ["id", "type", "commands", "script", "env"].map(str::to_owned);
        let check = |key: &str, written: &str, expected: bool| {
            let pattern = regex::Regex::new(&slips(key, &known)).expect("a pattern");
            assert_eq!(pattern.is_match(written), expected, "{key} {written}");
        };
        for key in ["commands", "script", "id", "namespace"] {
            let letters: Vec<char> = key.chars().collect();
            for at in 0..letters.len() {
                let mut fewer = letters.clone();
                fewer.remove(at);
                let mut wrong = letters.clone();
                wrong[at] = 'q';
                let mut more = letters.clone();
                more.insert(at, 'q');
                let mut exchanged = letters.clone();
                if at + 1 < letters.len() {
                    exchanged.swap(at, at + 1);
                }
                for slip in [fewer, wrong, more, exchanged] {
                    check(key, &slip.into_iter().collect::<String>(), true);
                }
            }
            check(key, &format!("{key}q"), true);
        }
        check("commands", "script", false);
        check("commands", "command_line", false);
        check("id", "env", false);
        check("id", "type", false);
    }
}
