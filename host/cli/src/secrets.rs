//! Secrets from a file: dotenv or YAML. Values are never printed, not even in errors.

use std::collections::BTreeMap;
use std::path::Path;

use crate::exit::{Exit, Failed};

/// Reads a file of names and values: YAML where its name ends so, dotenv otherwise.
///
/// # Errors
/// When the file cannot be read or a line is malformed; names the line, never a value.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>, Failed> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Invalid
        };
        Failed::new(
            exit,
            format!("cannot read the secrets file `{}`: {error}", path.display()),
        )
    })?;
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let parsed = if is_yaml { yaml(&text) } else { dotenv(&text) };
    parsed.map_err(|(line, reason)| {
        Failed::new(
            Exit::Invalid,
            format!("{}:{line}: {reason}", path.display()),
        )
    })
}

type Parsed = Result<BTreeMap<String, String>, (usize, String)>;

fn yaml(text: &str) -> Parsed {
    // The reader's own message may quote a value.
    let place = |error: &serde_yaml::Error| error.location().map_or(1, |location| location.line());
    let map: BTreeMap<String, serde_yaml::Value> = serde_yaml::from_str(text).map_err(|error| {
        (
            place(&error),
            "expected a YAML map of names and values".to_owned(),
        )
    })?;
    map.into_iter()
        .map(|(name, value)| {
            let value = match value {
                serde_yaml::Value::String(text) => text,
                serde_yaml::Value::Number(number) => number.to_string(),
                serde_yaml::Value::Bool(value) => value.to_string(),
                _ => return Err((1, format!("the value of `{name}` is not a text"))),
            };
            Ok((name, value))
        })
        .collect()
}

fn dotenv(text: &str) -> Parsed {
    let mut secrets = BTreeMap::new();
    let mut lines = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err((number, "expected `NAME=value`".to_owned()));
        };
        let name = name.trim();
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err((
                number,
                format!("`{name}` is not a name: letters, digits and `_` only"),
            ));
        }
        let value = value.trim_start();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let mut body = value[1..].to_owned();
                // A quoted value may go on over lines.
                while closing(&body, quote).is_none() {
                    match lines.next() {
                        Some((_, more)) => {
                            body.push('\n');
                            body.push_str(more);
                        }
                        None => {
                            return Err((
                                number,
                                format!("the value of `{name}` has no closing {quote}"),
                            ));
                        }
                    }
                }
                let end = closing(&body, quote).unwrap_or(body.len());
                if quote == '"' {
                    unescape(&body[..end])
                } else {
                    body[..end].to_owned()
                }
            }
            _ => value
                .split(" #")
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned(),
        };
        secrets.insert(name.to_owned(), value);
    }
    Ok(secrets)
}

/// Where the closing quote stands; in double quotes a backslash protects it.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (position, character) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' && quote == '"' {
            escaped = true;
        } else if character == quote {
            return Some(position);
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(other) => plain.push(other),
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_files() {
        let text = "# comment\nPLAIN=a b # note\nexport EXPORTED=x\nSINGLE='it is $HOME \\n'\nDOUBLE=\"line\\n\\\"two\\\"\"\n\
                    MULTI=\"first\nsecond\"\nEMPTY=\n";
        let expected = [
            ("PLAIN", "a b"),
            ("EXPORTED", "x"),
            ("SINGLE", "it is $HOME \\n"),
            ("DOUBLE", "line\n\"two\""),
            ("MULTI", "first\nsecond"),
            ("EMPTY", ""),
        ];
        let expected = expected
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(dotenv(text), Ok(expected));
    }

    #[test]
    fn errors_name_the_line_and_never_a_value() {
        let cases = [
            ("A=1\nhunter2", 2, "expected `NAME=value`"),
            (
                "A B=hunter2",
                1,
                "`A B` is not a name: letters, digits and `_` only",
            ),
            ("A='hunter2", 1, "the value of `A` has no closing '"),
        ];
        for (text, line, reason) in cases {
            assert_eq!(dotenv(text), Err((line, reason.to_owned())));
        }
        assert!(!format!("{:?}", yaml("- hunter2")).contains("hunter2"));
    }

    #[test]
    fn yaml_files() {
        let map = yaml("A: text\nB: 5\nC: true\n").unwrap();
        assert_eq!(
            map.into_iter().collect::<Vec<_>>(),
            [
                ("A".to_owned(), "text".to_owned()),
                ("B".to_owned(), "5".to_owned()),
                ("C".to_owned(), "true".to_owned()),
            ]
        );
    }
}
