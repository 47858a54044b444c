//! Files: what lies in the working directory is there for the program, and what it makes comes back where it is asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use taffrail_core::launch::ExitStatus;
use taffrail_engine::ports::{LaunchContext, RunnerError};

use super::subject::{Wish, folder};
use super::{Case, Subject, Verdict, list, must, same};

pub(super) const CASES: &[Case] = list![
    files_go_in_with_their_modes_and_folders,
    files_come_back_with_their_modes_and_folders,
    files_come_back_after_a_failure,
    a_thousand_files_go_both_ways,
    the_working_directory_can_be_written,
    a_launch_that_nobody_wants_any_more_leaves_nothing,
    a_launch_that_may_not_begin_has_no_effect,
    a_launch_that_is_disposed_of_at_once_leaves_nothing,
];

fn put(folder: &Path, name: &str, mode: u32, contents: &[u8]) -> Verdict {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(&path, contents))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
        .map_err(|error| format!("{name}: {error}"))
}

fn mode_of(path: &Path) -> Result<u32, String> {
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(metadata.permissions().mode() & 0o777)
}

fn text_of(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

async fn files_go_in_with_their_modes_and_folders(subject: &Subject) -> Verdict {
    let folder = folder()?;
    put(folder.path(), "tool.sh", 0o755, b"#!/bin/sh\ncat \"$1\"\n")?;
    put(folder.path(), "a/b/c/deep.txt", 0o640, b"deep\n")?;
    put(folder.path(), "with blank \u{fc}.txt", 0o600, b"blank\n")?;
    put(folder.path(), "empty", 0o444, b"")?;
    put(folder.path(), ".hidden", 0o644, b"hidden\n")?;
    let long = format!("long/{}.txt", "n".repeat(180));
    put(folder.path(), &long, 0o644, b"long\n")?;
    fs::create_dir(folder.path().join("empty-folder")).map_err(|error| error.to_string())?;
    let script = format!(
        "./tool.sh a/b/c/deep.txt; cat 'with blank \u{fc}.txt' .hidden {long}; wc -c < empty; ls -d empty-folder
        for file in tool.sh a/b/c/deep.txt 'with blank \u{fc}.txt' empty; do stat -c %a \"$file\"; done"
    );
    let ran = subject
        .run(
            &subject.spec(folder.path(), &["sh", "-c", &script]),
            Wish::default(),
        )
        .await?;
    same(
        "output",
        ran.out(),
        "deep\nblank\nhidden\nlong\n0\nempty-folder\n755\n640\n600\n444\n".to_owned(),
    )
}

async fn files_come_back_with_their_modes_and_folders(subject: &Subject) -> Verdict {
    let folder = folder()?;
    put(folder.path(), "in.txt", 0o644, b"in\n")?;
    let script = "mkdir -p out/deep/er; cat in.txt in.txt > out/deep/er/twice.txt; chmod 640 out/deep/er/twice.txt
        printf '#!/bin/sh\\n' > made.sh; chmod 755 made.sh; : > out/empty; printf late > 'out/bl ank'; echo changed > in.txt; echo no > unasked";
    let wish = Wish {
        fetch: &["out/**", "made.sh", "in.txt", "not-there.txt"],
        ..Wish::default()
    };
    subject
        .run(&subject.spec(folder.path(), &["sh", "-c", script]), wish)
        .await?;
    let at = |name: &str| folder.path().join(name);
    same(
        "twice",
        text_of(&at("out/deep/er/twice.txt"))?,
        "in\nin\n".to_owned(),
    )?;
    same("mode", mode_of(&at("out/deep/er/twice.txt"))?, 0o640)?;
    same("mode", mode_of(&at("made.sh"))?, 0o755)?;
    same("empty", text_of(&at("out/empty"))?, String::new())?;
    same("blank", text_of(&at("out/bl ank"))?, "late".to_owned())?;
    same("changed", text_of(&at("in.txt"))?, "changed\n".to_owned())?;
    let shares = subject.runner.capabilities().shares_files;
    must(shares || !at("unasked").exists(), || {
        "what nobody asked for came back".to_owned()
    })
}

async fn files_come_back_after_a_failure(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let wish = Wish {
        fetch: &["report.txt"],
        ..Wish::default()
    };
    let script = "echo made > report.txt; echo out; exit 5";
    let ran = subject
        .run(&subject.spec(folder.path(), &["sh", "-c", script]), wish)
        .await?;
    same("exit", ran.status(), Some(ExitStatus::Code(5)))?;
    same("output", ran.out(), "out\n".to_owned())?;
    same(
        "file",
        text_of(&folder.path().join("report.txt"))?,
        "made\n".to_owned(),
    )
}

async fn a_thousand_files_go_both_ways(subject: &Subject) -> Verdict {
    let folder = folder()?;
    for number in 0..1000 {
        let name = format!("in/{}/{number}.txt", number % 10);
        put(
            folder.path(),
            &name,
            0o644,
            format!("{number}\n").as_bytes(),
        )?;
    }
    let wish = Wish {
        fetch: &["out/**"],
        ..Wish::default()
    };
    let script = "cp -r in out; find out -type f | wc -l";
    let ran = subject
        .run(&subject.spec(folder.path(), &["sh", "-c", script]), wish)
        .await?;
    same("output", ran.out().trim().to_owned(), "1000".to_owned())?;
    for number in 0..1000 {
        let path = folder
            .path()
            .join(format!("out/{}/{number}.txt", number % 10));
        same("file", text_of(&path)?, format!("{number}\n"))?;
    }
    Ok(())
}

async fn the_working_directory_can_be_written(subject: &Subject) -> Verdict {
    let folder = folder()?;
    put(folder.path(), "given/file", 0o644, b"x")?;
    let script = "touch new && mkdir sub && touch sub/new && echo more >> given/file && touch given/new && mv given/file moved && rm moved && echo yes";
    let ran = subject
        .run(
            &subject.spec(folder.path(), &["sh", "-c", script]),
            Wish::default(),
        )
        .await?;
    same("output", ran.out(), "yes\n".to_owned())
}

async fn a_launch_that_nobody_wants_any_more_leaves_nothing(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let spec = subject.spec(folder.path(), &["sh", "-c", "sleep 60"]);
    let context = LaunchContext {
        stop: Box::pin(std::future::ready(())),
        ..LaunchContext::unattended()
    };
    match subject.runner.launch(&spec, context).await {
        Err(RunnerError::Stopped) => {}
        // It was faster than the wish.
        Ok(launched) => launched
            .dispose()
            .await
            .map_err(|error| error.to_string())?,
        Err(other) => return Err(format!("it is not said that it was stopped, but: {other}")),
    }
    subject.nothing_is_left(&spec)
}

/// As where the disk fails: what is to be launched has not been entered anywhere.
async fn a_launch_that_may_not_begin_has_no_effect(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let spec = subject.spec(folder.path(), &["sh", "-c", "sleep 60"]);
    let context = LaunchContext {
        may_begin: Box::pin(std::future::ready(Err(RunnerError::Lost(
            "no disk".to_owned(),
        )))),
        ..LaunchContext::unattended()
    };
    match subject.runner.launch(&spec, context).await {
        Err(RunnerError::Lost(words)) => same("error", words, "no disk".to_owned())?,
        Err(other) => return Err(format!("the reason is not given back, but: {other}")),
        Ok(launched) => {
            launched
                .dispose()
                .await
                .map_err(|error| error.to_string())?;
            return Err("it was started".to_owned());
        }
    }
    subject.nothing_is_left(&spec)
}

async fn a_launch_that_is_disposed_of_at_once_leaves_nothing(subject: &Subject) -> Verdict {
    let folder = folder()?;
    put(folder.path(), "file", 0o644, b"x")?;
    let spec = subject.spec(folder.path(), &["sh", "-c", "sleep 60"]);
    let launched = subject.launch(&spec).await?;
    launched
        .dispose()
        .await
        .map_err(|error| error.to_string())?;
    subject.nothing_is_left(&spec)
}
