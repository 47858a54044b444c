//! A text as the words that a shell would make of it, without anything that a shell expands.

use super::Parameters::None as Nothing;
use super::{Filter, Invocation};
use crate::error::Fail;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[Filter {
    name: "shWords",
    parameters: Nothing,
    run: words,
}];

fn words(call: &mut Invocation<'_>) -> Result<Value, Fail> {
    let text = call.printed();
    call.budget.charge_bytes(text.len())?;
    let words = shell_words(&text).map_err(Fail::value)?;
    call.budget.charge_items(words.len())?;
    Ok(Value::list(words.into_iter().map(Value::text).collect()))
}

/// Cuts a text at its white space. Single quotes keep what is between them as it is; between double quotes a backslash takes a quote or a
/// backslash along, outside of quotes any character. Nothing is expanded: `$`, `*` and `~` are letters like others.
///
/// # Errors
/// When a quote is never closed, or a backslash is the last character.
pub fn shell_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    // None between words: `''` is a word, too.
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some(end) if end == character => break,
                        Some('\\') if character == '"' => match rest.next() {
                            Some(taken @ ('"' | '\\')) => quoted.push(taken),
                            Some(other) => quoted.extend(['\\', other]),
                            None => return Err(unclosed(character)),
                        },
                        Some(inside) => quoted.push(inside),
                        None => return Err(unclosed(character)),
                    }
                }
            }
            '\\' => match rest.next() {
                Some(taken) => word.get_or_insert_default().push(taken),
                None => return Err("the backslash at the end takes nothing along".to_owned()),
            },
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn unclosed(quote: char) -> String {
    format!("a quote `{quote}` is never closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(shell_words(text).unwrap(), expected, "{text:?}");
        };
        check("", &[]);
        check("  echo\thello \n world ", &["echo", "hello", "world"]);
        check("/bin/bash -c 'exit 1'", &["/bin/bash", "-c", "exit 1"]);
        check(r#"a "b \"c\" \\ \n" d"#, &["a", r#"b "c" \ \n"#, "d"]);
        check("x'y z'\"w\" ''", &["xy zw", ""]);
        check(r"a\ b \$HOME $X *", &["a b", "$HOME", "$X", "*"]);
        check(r"'a\b'", &[r"a\b"]);
    }

    #[test]
    fn what_is_never_closed_is_told() {
        for (text, part) in [
            ("a 'b", "`'`"),
            ("a \"b", "`\"`"),
            ("a \"b\\", "`\"`"),
            ("a \\", "backslash"),
        ] {
            let error = shell_words(text).unwrap_err();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
