//! Writing lines for `/bin/sh`: what every plugin needs that puts a path or a text of the author into a command.

use crate::types::{PlanError, TargetOs};

/// The text as one word of a POSIX shell, whatever it holds: nothing in it is expanded.
pub fn quote(text: &str) -> String {
    ["'", &text.replace('\'', "'\\''"), "'"].concat()
}

/// The text as one word of a POSIX shell, bare where no character of it means anything to a shell: for options, which people read.
pub fn word(text: &str) -> String {
    if is_plain(text, b"-_./:=,+@%") {
        text.to_owned()
    } else {
        quote(text)
    }
}

/// A path as one word of the target's shell. Double quotes cannot stand in a Windows path, and both of its shells take them off.
pub fn quote_path(path: &str, target_os: TargetOs) -> String {
    match target_os {
        TargetOs::Linux | TargetOs::Macos => quote(path),
        TargetOs::Windows if is_plain(path, b"\\:._-/") => path.to_owned(),
        TargetOs::Windows => ["\"", path, "\""].concat(),
    }
}

fn is_plain(text: &str, harmless: &[u8]) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || harmless.contains(&byte))
}

/// Refuses a NUL, which no program can be given, with the pointer to its property.
///
/// # Errors
/// [`PlanError::InvalidProperties`] with the code `<plugin>/nul`.
pub fn refuse_nul(plugin: &str, pointer: &str, text: &str) -> Result<(), PlanError> {
    if text.contains('\0') {
        return Err(PlanError::property(
            [plugin, "/nul"].concat(),
            pointer,
            "a NUL character cannot be given to a program",
        ));
    }
    Ok(())
}

/// Refuses what no list of `commands` may be: empty, or with a NUL in a line.
///
/// # Errors
/// [`PlanError::InvalidProperties`] with the code `<plugin>/empty-commands` or `<plugin>/nul` and the pointer to the list or the line.
pub fn check_commands(plugin: &str, commands: &[String]) -> Result<(), PlanError> {
    if commands.is_empty() {
        let message = "`commands` is empty, at least one line is needed";
        return Err(PlanError::property(
            [plugin, "/empty-commands"].concat(),
            "/commands",
            message,
        ));
    }
    for (index, command) in commands.iter().enumerate() {
        refuse_nul(
            plugin,
            &["/commands/", &index.to_string()].concat(),
            command,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_word() {
        let check = |text: &str, expected: &str| assert_eq!(quote(text), expected);
        check("", "''");
        check("/job/a b", "'/job/a b'");
        check("it's $HOME `x` \"y\" \\", "'it'\\''s $HOME `x` \"y\" \\'");
    }

    #[test]
    fn what_needs_no_quotes_gets_none() {
        let check = |text: &str, expected: &str| assert_eq!(word(text), expected);
        check("--allow-net=a.org:80,b.org", "--allow-net=a.org:80,b.org");
        check("", "''");
        check("a b", "'a b'");
        check("~/x", "'~/x'");
        check("$HOME", "'$HOME'");
        check("ü", "'ü'");
    }

    #[test]
    fn paths_are_one_word_on_every_system() {
        let check = |target_os, path: &str, expected: &str| {
            assert_eq!(quote_path(path, target_os), expected);
        };
        check(TargetOs::Linux, "/a", "'/a'");
        check(TargetOs::Macos, "/it's", r"'/it'\''s'");
        check(TargetOs::Windows, r"C:\a\b", r"C:\a\b");
        check(TargetOs::Windows, r"C:\a b", "\"C:\\a b\"");
    }

    #[test]
    fn nul_is_refused_with_its_place() {
        assert_eq!(refuse_nul("shell", "/script", "a\u{1}b"), Ok(()));
        let error = refuse_nul("shell", "/commands/3", "a\0b").unwrap_err();
        let PlanError::InvalidProperties(diagnostics) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            (
                diagnostics[0].code.as_str(),
                diagnostics[0].pointer.as_str()
            ),
            ("shell/nul", "/commands/3")
        );
    }

    #[test]
    fn commands_are_some_lines() {
        let check = |commands: &[&str], expected: Result<(), (&str, &str)>| {
            let commands: Vec<String> = commands.iter().map(|line| (*line).to_owned()).collect();
            let verdict = check_commands("p", &commands).map_err(|error| match error {
                PlanError::InvalidProperties(mut diagnostics) => diagnostics.remove(0),
                other => panic!("{other:?}"),
            });
            let verdict = verdict
                .as_ref()
                .map_err(|one| (one.code.as_str(), one.pointer.as_str()));
            assert_eq!(verdict.copied(), expected, "{commands:?}");
        };
        check(&[""], Ok(()));
        check(&[], Err(("p/empty-commands", "/commands")));
        check(&["a", "b\0"], Err(("p/nul", "/commands/1")));
    }
}
