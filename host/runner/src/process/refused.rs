//! Says in words why the system refused to start a program.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use rustix::io::Errno;

/// What one argument or one variable (name, `=` and value) may take, its end included; a limit of Linux.
const LONGEST_STRING: usize = 128 * 1024;

/// What was asked for, as far as the words need it.
pub(super) struct Asked<'a> {
    pub(super) program: &'a Path,
    pub(super) argv: &'a [String],
    pub(super) environment: &'a [(OsString, OsString)],
    pub(super) working_dir: &'a Path,
}

/// Whether the same start may work a moment later: too many processes, or a script that somebody still has open for writing.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::AGAIN | Errno::NOMEM | Errno::TXTBSY)
    )
}

/// The reason, with the program in it.
pub(super) fn explain(error: &io::Error, asked: &Asked<'_>) -> String {
    let name = asked.argv.first().map_or("", String::as_str);
    let cause = match Errno::from_io_error(error) {
        Some(_) if !asked.working_dir.is_dir() => {
            return format!(
                "`{name}` cannot be started: the working directory `{}` is not there",
                asked.working_dir.display()
            );
        }
        Some(Errno::TOOBIG) => return too_big(name, asked),
        Some(Errno::NOENT) => {
            format!(
                "`{}` or the interpreter in its first line is not there",
                asked.program.display()
            )
        }
        Some(Errno::NOEXEC) => {
            format!(
                "`{}` is not a program for this system; a script needs a first line such as `#!/bin/sh`",
                asked.program.display()
            )
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            format!(
                "permission denied for `{}`, for the interpreter in its first line, or for the working directory `{}`",
                asked.program.display(),
                asked.working_dir.display()
            )
        }
        Some(Errno::AGAIN) => "the limit of processes is reached (tried 4 times)".to_owned(),
        Some(Errno::NOMEM) => "there is not enough memory (tried 4 times)".to_owned(),
        Some(Errno::MFILE | Errno::NFILE) => "too many files are open".to_owned(),
        _ if error.kind() == io::ErrorKind::InvalidInput => {
            "an argument or a variable holds a NUL byte".to_owned()
        }
        _ => error.to_string(),
    };
    format!("`{name}` cannot be started: {cause}")
}

fn too_big(name: &str, asked: &Asked<'_>) -> String {
    let variable = asked
        .environment
        .iter()
        .max_by_key(|(name, value)| variable_size(name, value));
    let argument = asked
        .argv
        .iter()
        .enumerate()
        .max_by_key(|(_, argument)| argument.len());
    let variable = variable.map(|(name, value)| {
        (
            variable_size(name, value),
            format!("variable `{}`", name.display()),
        )
    });
    let argument =
        argument.map(|(index, argument)| (argument.len() + 1, format!("argument {index}")));
    let (size, largest) = variable
        .max(argument)
        .max(Some((0, String::new())))
        .unwrap_or_default();
    if size > LONGEST_STRING {
        return format!(
            "`{name}` cannot be started: {largest} takes {} KiB, and the system allows {} KiB for one; put the value into a file",
            size / 1024,
            LONGEST_STRING / 1024
        );
    }
    let arguments: usize = asked.argv.iter().map(|argument| argument.len() + 1).sum();
    let variables: usize = asked
        .environment
        .iter()
        .map(|(name, value)| variable_size(name, value))
        .sum();
    format!(
        "`{name}` cannot be started: its arguments ({} KiB) and variables ({} KiB) are more than the system allows; the largest is \
         {largest} with {} KiB",
        arguments / 1024,
        variables / 1024,
        size / 1024
    )
}

/// A variable as the system stores it: name, `=`, value, NUL.
fn variable_size(name: &OsStr, value: &OsStr) -> usize {
    name.len() + value.len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_words() {
        let check = |error: Errno,
                     argv: &[String],
                     environment: &[(OsString, OsString)],
                     expected: &str| {
            let asked = Asked {
                program: Path::new("/bin/tool"),
                argv,
                environment,
                working_dir: Path::new("/"),
            };
            let text = explain(&error.into(), &asked);
            assert!(text.contains(expected), "{text}");
        };
        let argv = ["tool".to_owned()];
        check(
            Errno::NOENT,
            &argv,
            &[],
            "`/bin/tool` or the interpreter in its first line",
        );
        check(
            Errno::ACCESS,
            &argv,
            &[],
            "permission denied for `/bin/tool`",
        );
        check(Errno::AGAIN, &argv, &[], "limit of processes");
        check(
            Errno::TOOBIG,
            &argv,
            &[
                ("SMALL".into(), "x".into()),
                ("LARGE".into(), "x".repeat(200_000).into()),
            ],
            "variable `LARGE` takes 195 KiB, and the system allows 128 KiB",
        );
        check(
            Errno::TOOBIG,
            &["tool".to_owned(), "x".repeat(300_000)],
            &[],
            "argument 1 takes 292 KiB",
        );
        let many = vec!["x".repeat(100_000); 40];
        check(
            Errno::TOOBIG,
            &many,
            &[],
            "its arguments (3906 KiB) and variables (0 KiB) are more than the system allows",
        );
    }
}
