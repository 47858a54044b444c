//! Secrets from a file: dotenv or YAML. Values are never printed, not even in errors.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::ValueEnum;

use crate::exit::{Exit, Failed};

/// What secrets in environment variables are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// As they are
    Plain,
    /// In base 64, as servers want them
    Base64,
}

/// The secrets in the variables `SECRET_NAME` of an environment.
///
/// # Errors
/// When a value is no base 64 of a text; names the variable, never the value.
pub fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
    encoding: Encoding,
) -> Result<BTreeMap<String, String>, Failed> {
    variables
        .filter_map(|(name, value)| Some((name.strip_prefix("SECRET_")?.to_owned(), value)))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| match encoding {
            Encoding::Plain => Ok((name, value)),
            Encoding::Base64 => {
                let decoded = BASE64.decode(value.trim()).ok();
                match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
                    Some(text) => Ok((name, text)),
                    None => Err(Failed::new(
                        Exit::Invalid,
                        format!("the variable `SECRET_{name}` is not the base 64 of a text"),
                    )),
                }
            }
        })
        .collect()
}

/// Reads a folder: each file is a secret, its name that of the file. Hidden files are none.
fn folder(path: &Path) -> Result<BTreeMap<String, String>, Failed> {
    let failed = |path: &Path, error: std::io::Error| {
        Failed::new(
            Exit::Invalid,
            format!("cannot read the secrets in `{}`: {error}", path.display()),
        )
    };
    let mut secrets = BTreeMap::new();
    for entry in std::fs::read_dir(path).map_err(|error| failed(path, error))? {
        let file = entry.map_err(|error| failed(path, error))?.path();
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.starts_with('.') || !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file).map_err(|error| failed(&file, error))?;
        // Editors end a file with a line end that is no part of the secret.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        secrets.insert(name.to_owned(), text.to_owned());
    }
    Ok(secrets)
}

/// Reads a file of names and values: YAML where its name ends so, dotenv otherwise. Of a folder each file is a secret.
///
/// # Errors
/// When the file cannot be read or a line is malformed; names the line, never a value.
pub fn read(path: &Path) -> Result<BTreeMap<String, String>, Failed> {
    if path.is_dir() {
        return folder(path);
    }
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
    fn secrets_of_the_environment_and_of_a_folder() {
        let variables = || {
            [("SECRET_A", "eA=="), ("OTHER", "y"), ("SECRET_", "z")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
        };
        let of = |encoding| from_environment(variables(), encoding).unwrap();
        assert_eq!(
            of(Encoding::Plain),
            BTreeMap::from([("A".to_owned(), "eA==".to_owned())])
        );
        assert_eq!(
            of(Encoding::Base64),
            BTreeMap::from([("A".to_owned(), "x".to_owned())])
        );
        let wrong = [("SECRET_B".to_owned(), "not base 64".to_owned())].into_iter();
        let error = from_environment(wrong, Encoding::Base64).unwrap_err();
        assert!(error.message.contains("`SECRET_B`") && !error.message.contains("not base 64 "));
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("TOKEN"), "two\nlines\n").unwrap();
        std::fs::write(temp.path().join(".hidden"), "x").unwrap();
        let read = read(temp.path()).unwrap();
        assert_eq!(
            read,
            BTreeMap::from([("TOKEN".to_owned(), "two\nlines".to_owned())])
        );
    }

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
