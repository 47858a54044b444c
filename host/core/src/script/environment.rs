//! The variables that a script task gets from its language, its author and the host, each name once.

use indexmap::IndexMap;

use crate::plan::EnvVar;

/// A name or value that no operating system takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// The name is empty, or holds `=` or NUL.
    #[error(
        "`{0}` is not a name for an environment variable: it must not be empty and not hold `=` or NUL"
    )]
    Name(String),
    /// The value holds NUL.
    #[error("the value of the environment variable `{0}` holds a NUL character")]
    Value(String),
}

/// Puts the variables together: the language's defaults, over them what the author set, over them what the host knows.
///
/// The order is that of first mention; `WORKING_DIR` and `OUTPUT_DIR` come last.
///
/// # Errors
/// All names and values that cannot be.
pub fn environment(
    language_defaults: &[EnvVar],
    author: &IndexMap<String, String>,
    working_dir: &str,
    output_dir: Option<&str>,
) -> Result<Vec<EnvVar>, Vec<EnvError>> {
    let mut variables: IndexMap<&str, &str> = IndexMap::new();
    for variable in language_defaults {
        variables.insert(&variable.name, &variable.value);
    }
    for (name, value) in author {
        variables.insert(name, value);
    }
    let host = [
        ("WORKING_DIR", Some(working_dir)),
        ("OUTPUT_DIR", output_dir),
    ];
    for (name, value) in host {
        if let Some(value) = value {
            variables.shift_remove(name);
            variables.insert(name, value);
        }
    }
    let errors: Vec<EnvError> = variables
        .iter()
        .filter_map(|(name, value)| check(name, value))
        .collect();
    if errors.is_empty() {
        Ok(variables
            .into_iter()
            .map(|(name, value)| EnvVar {
                name: name.to_owned(),
                value: value.to_owned(),
            })
            .collect())
    } else {
        Err(errors)
    }
}

fn check(name: &str, value: &str) -> Option<EnvError> {
    if name.is_empty() || name.contains(['=', '\0']) {
        Some(EnvError::Name(name.replace('\0', "\\0")))
    } else if value.contains('\0') {
        Some(EnvError::Value(name.to_owned()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<EnvVar> {
        pairs
            .iter()
            .map(|(name, value)| EnvVar {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_author_beats_the_language_and_the_host_beats_both() {
        let check = |defaults: &[(&str, &str)],
                     author: &[(&str, &str)],
                     output_dir: Option<&str>,
                     expected: &[(&str, &str)]| {
            let author = author
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(
                environment(&variables(defaults), &author, "/w", output_dir),
                Ok(variables(expected))
            );
        };
        check(&[], &[], None, &[("WORKING_DIR", "/w")]);
        check(
            &[("PYTHONUNBUFFERED", "true"), ("A", "1")],
            &[("B", "2"), ("A", "author")],
            Some("/o"),
            &[
                ("PYTHONUNBUFFERED", "true"),
                ("A", "author"),
                ("B", "2"),
                ("WORKING_DIR", "/w"),
                ("OUTPUT_DIR", "/o"),
            ],
        );
        check(
            &[],
            &[("WORKING_DIR", "mine"), ("OUTPUT_DIR", "mine"), ("Z", "")],
            None,
            &[("OUTPUT_DIR", "mine"), ("Z", ""), ("WORKING_DIR", "/w")],
        );
    }

    #[test]
    fn what_no_system_takes_is_refused_all_at_once() {
        let author = [("", "x"), ("A=B", "x"), ("C", "a\0b"), ("D", "fine")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let errors = environment(&[], &author, "/w", None).expect_err("three errors");
        assert_eq!(errors.len(), 3, "{errors:?}");
    }
}
