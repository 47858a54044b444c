//! Starting: arguments, environment, directory, standard input, and what happens when it cannot be done.

use taffrail_core::launch::ExitStatus;
use taffrail_core::plan::EnvVar;
use taffrail_engine::ports::{LaunchContext, RunnerError};

use super::subject::{Wish, folder};
use super::{Case, Subject, Verdict, list, must, same};

pub(super) const CASES: &[Case] = list![
    arguments_arrive_as_they_are,
    the_environment_is_what_was_asked_for,
    the_working_directory_is_where_it_runs,
    standard_input_is_empty,
    broken_pipe_and_termination_are_not_ignored,
    many_long_arguments_work,
    #[shared]
    a_missing_program_is_named,
    #[shared]
    a_missing_working_directory_is_named,
    #[shared]
    a_program_without_permission_is_named,
    #[shared]
    a_variable_that_is_too_long_is_named,
    a_relative_program_is_found_in_the_working_directory,
];

async fn arguments_arrive_as_they_are(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let arguments = [
        "",
        " ",
        "a b",
        "\"double\"",
        "it's",
        "two\nlines",
        "$HOME `id` $(id)",
        "*",
        "-n",
        "\\",
        "üñí 🙂",
        "tab\t",
    ];
    let mut argv = vec![
        "sh",
        "-c",
        "for argument; do printf '[%s]' \"$argument\"; done; echo",
        "zero",
    ];
    argv.extend(arguments);
    let ran = subject
        .run(&subject.spec(folder.path(), &argv), Wish::default())
        .await?;
    same(
        "arguments",
        ran.out(),
        arguments.map(|argument| format!("[{argument}]")).concat() + "\n",
    )
}

async fn the_environment_is_what_was_asked_for(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let asked = [
        ("WORKING_DIR", "/some/where"),
        ("EMPTY", ""),
        ("LINES", "one\ntwo"),
        ("UNICODE", "üñí"),
        ("QUOTES", "'\"$x"),
    ];
    let mut spec = subject.spec(folder.path(), &["env", "-0"]);
    spec.env = asked
        .iter()
        .map(|(name, value)| EnvVar {
            name: name.to_string(),
            value: value.to_string(),
        })
        .collect();
    let ran = subject.run(&spec, Wish::default()).await?;
    let text = ran.out();
    let mut found: Vec<(&str, &str)> = text
        .trim_end_matches('\n')
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .collect();
    for wanted in asked {
        must(found.contains(&wanted), || {
            format!("`{}` is not as it was asked for in {found:?}", wanted.0)
        })?;
    }
    found.retain(|(name, _)| !asked.iter().any(|(wanted, _)| wanted == name));
    found.retain(|(name, _)| !subject.own_variables.iter().any(|own| own == name));
    same("further variables", found, Vec::new())
}

async fn the_working_directory_is_where_it_runs(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let expected = subject
        .runner
        .locations(folder.path(), folder.path())
        .working_dir;
    let ran = subject
        .run(
            &subject.spec(folder.path(), &["sh", "-c", "pwd -P"]),
            Wish::default(),
        )
        .await?;
    same("working directory", ran.out(), format!("{expected}\n"))
}

async fn standard_input_is_empty(subject: &Subject) -> Verdict {
    let ran = subject.sh("cat; echo ended $?").await?;
    same("output", ran.out(), "ended 0\n".to_owned())
}

/// Others may be ignored because whoever started this host wanted it so (`nohup`, a job in the background).
async fn broken_pipe_and_termination_are_not_ignored(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("exec grep -E '^Sig(Blk|Ign):' /proc/self/status")
        .await?;
    let text = ran.out();
    let masks: Vec<u64> = text
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .collect();
    must(masks.len() == 2, || text.clone())?;
    // Those by which a terminal stops a program: some inits keep them to themselves, and there is no terminal.
    let of_terminals = 1 << 19 | 1 << 20 | 1 << 21;
    same("blocked signals", masks[0] & !of_terminals, 0)?;
    same("ignored signals", masks[1] & (1 << 12 | 1 << 14), 0)
}

async fn many_long_arguments_work(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let long = "x".repeat(100_000);
    let mut argv = vec!["sh", "-c", "echo $#", "zero"];
    argv.extend(std::iter::repeat_n(long.as_str(), 15));
    let ran = subject
        .run(&subject.spec(folder.path(), &argv), Wish::default())
        .await?;
    same("arguments", ran.out(), "15\n".to_owned())
}

/// The words of a start that fails.
async fn refusal(
    subject: &Subject,
    argv: &[&str],
    env: &[(&str, &str)],
    working_dir: Option<&str>,
) -> Result<String, String> {
    let folder = folder()?;
    let mut spec = subject.spec(folder.path(), argv);
    spec.env = env
        .iter()
        .map(|(name, value)| EnvVar {
            name: name.to_string(),
            value: value.to_string(),
        })
        .collect();
    if let Some(name) = working_dir {
        spec.working_dir.push(name);
    }
    std::fs::write(folder.path().join("plain"), "#!/bin/sh\n")
        .map_err(|error| error.to_string())?;
    match subject
        .runner
        .launch(&spec, LaunchContext::unattended())
        .await
    {
        Err(RunnerError::Start(words)) => Ok(words),
        Err(other) => Err(format!(
            "it is not said that the start failed, but: {other}"
        )),
        Ok(launched) => {
            launched
                .dispose()
                .await
                .map_err(|error| error.to_string())?;
            Err("it was started".to_owned())
        }
    }
}

async fn a_missing_program_is_named(subject: &Subject) -> Verdict {
    let words = refusal(
        subject,
        &["no-such-program-anywhere", "x"],
        &[("PATH", "/usr/bin:/bin")],
        None,
    )
    .await?;
    must(
        words.contains("no-such-program-anywhere") && words.contains("/usr/bin:/bin"),
        || words.clone(),
    )?;
    let words = refusal(subject, &["./no-such-file"], &[], None).await?;
    must(words.contains("./no-such-file"), || words.clone())
}

async fn a_missing_working_directory_is_named(subject: &Subject) -> Verdict {
    let words = refusal(subject, &["sh", "-c", "true"], &[], Some("not-there")).await?;
    must(
        words.contains("not-there") && words.contains("working directory"),
        || words.clone(),
    )
}

async fn a_program_without_permission_is_named(subject: &Subject) -> Verdict {
    let words = refusal(subject, &["./plain"], &[], None).await?;
    must(
        words.contains("./plain") && words.contains("permission"),
        || words.clone(),
    )
}

async fn a_variable_that_is_too_long_is_named(subject: &Subject) -> Verdict {
    let large = "x".repeat(200_000);
    let words = refusal(
        subject,
        &["sh", "-c", "true"],
        &[("SMALL", "1"), ("LARGE", &large)],
        None,
    )
    .await?;
    must(
        words.contains("`LARGE`") && words.contains("128 KiB") && words.len() < 500,
        || words.clone(),
    )?;
    let words = refusal(subject, &["sh", "-c", &large], &[], None).await?;
    must(
        words.contains("argument 2") && words.contains("128 KiB"),
        || words.clone(),
    )
}

async fn a_relative_program_is_found_in_the_working_directory(subject: &Subject) -> Verdict {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder()?;
    let file = folder.path().join("tool");
    std::fs::write(&file, "#!/bin/sh\necho \"$0\"; exit 4\n").map_err(|error| error.to_string())?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| error.to_string())?;
    let ran = subject
        .run(&subject.spec(folder.path(), &["./tool"]), Wish::default())
        .await?;
    same("exit", ran.status(), Some(ExitStatus::Code(4)))
}
