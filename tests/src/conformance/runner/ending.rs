//! Ending: by itself, when asked, when killed, and all that descends from a program with it.

use std::time::Duration;

use taffrail_core::launch::ExitStatus;
use taffrail_engine::cancel::{Cancel, CancelLevel};
use taffrail_engine::drive::EndedBy;
use taffrail_engine::ports::{Launched, Step, Stop};

use super::subject::{Ran, Signals, Wish, folder, is_alive};
use super::{Case, Subject, Verdict, list, must, same};

pub(super) const CASES: &[Case] = list![
    exit_codes_are_what_the_program_said,
    a_signal_is_not_a_code,
    closed_output_is_not_the_end,
    a_removed_working_directory_is_no_trouble,
    #[shared]
    a_grandchild_that_holds_the_output_is_ended_and_named,
    #[shared]
    what_left_group_session_and_parent_is_ended,
    #[shared]
    what_wiped_its_environment_as_well_is_ended,
    #[shared]
    ended_orphans_are_nobodys_fault,
    who_heeds_the_request_ends_in_its_own_way,
    who_ignores_the_request_is_killed,
    // The first process of a container gets the request, and the others end with it.
    #[shared]
    the_request_reaches_the_whole_family,
    #[shared]
    a_stopped_program_is_woken_to_end,
    #[shared]
    a_stopped_program_that_ignores_the_request_is_killed,
    a_flood_can_be_killed,
    a_flood_that_nobody_takes_can_be_killed,
    stopping_twice_or_after_the_end_is_harmless,
    #[shared]
    an_early_disposal_ends_it,
];

async fn exit_codes_are_what_the_program_said(subject: &Subject) -> Verdict {
    for code in [0, 1, 3, 66, 126, 127, 137, 255] {
        let ran = subject.sh(&format!("exit {code}")).await?;
        same("exit", ran.status(), Some(ExitStatus::Code(code)))?;
        same("ended by", ran.ended_by(), EndedBy::Itself)?;
    }
    // What does not fit is cut off, as everywhere.
    let ran = subject.sh("sh -c 'exit 300'; exit $?").await?;
    same("exit", ran.status(), Some(ExitStatus::Code(44)))
}

async fn a_signal_is_not_a_code(subject: &Subject) -> Verdict {
    for signal in [9, 15, 11] {
        let script = match subject.signals {
            Signals::Told => format!("echo before; kill -{signal} $$; sleep 5"),
            // The first process of a container without an init cannot end itself so.
            Signals::AsCode => format!("sh -c 'echo before; kill -{signal} $$; sleep 5'; exit $?"),
        };
        let ran = subject.sh(&script).await?;
        same("exit", ran.status(), Some(subject.ended_by_signal(signal)))?;
        same("output", ran.out(), "before\n".to_owned())?;
    }
    Ok(())
}

async fn closed_output_is_not_the_end(subject: &Subject) -> Verdict {
    let ran = subject
        .sh("echo seen; exec >&- 2>&-; sleep 0.3; exit 5")
        .await?;
    same("exit", ran.status(), Some(ExitStatus::Code(5)))?;
    same("output", ran.out(), "seen\n".to_owned())
}

async fn a_removed_working_directory_is_no_trouble(subject: &Subject) -> Verdict {
    let ran = subject.sh("rm -rf \"$(pwd)\"; echo gone").await?;
    same("output", ran.out(), "gone\n".to_owned())
}

/// Runs a script that writes the numbers of its descendants to `pids`, and says that none of them is left.
async fn family(subject: &Subject, script: &str, wish: Wish) -> Result<Ran, String> {
    let folder = folder()?;
    let ran = subject
        .run(&subject.spec(folder.path(), &["sh", "-c", script]), wish)
        .await?;
    let pids = std::fs::read_to_string(folder.path().join("pids"))
        .map_err(|error| format!("no `pids`: {error}"))?;
    must(!pids.trim().is_empty(), || {
        "no descendant was started".to_owned()
    })?;
    for pid in pids.lines() {
        must(!is_alive(pid), || {
            format!("process {pid} is left of {pids:?}")
        })?;
    }
    Ok(ran)
}

async fn a_grandchild_that_holds_the_output_is_ended_and_named(subject: &Subject) -> Verdict {
    let ran = family(
        subject,
        "sleep 300 & echo $! > pids; echo done; exit 4",
        Wish::default(),
    )
    .await?;
    same("exit", ran.status(), Some(ExitStatus::Code(4)))?;
    same("output", ran.out(), "done\n".to_owned())?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })?;
    let left_behind = ran.left_behind();
    must(
        left_behind.len() == 1 && left_behind[0].contains("sleep"),
        || format!("left behind: {left_behind:?}"),
    )
}

async fn what_left_group_session_and_parent_is_ended(subject: &Subject) -> Verdict {
    let script = "(setsid sh -c 'echo $$ >> pids; exec sleep 300' >/dev/null 2>&1 &)
        while [ ! -s pids ]; do sleep 0.01; done; echo done";
    let ran = family(subject, script, Wish::default()).await?;
    same("exit", ran.status(), Some(ExitStatus::Code(0)))?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })?;
    same("left behind", ran.left_behind().len(), 1)
}

async fn what_wiped_its_environment_as_well_is_ended(subject: &Subject) -> Verdict {
    let script =
        "(env -i PATH=\"$PATH\" setsid sh -c 'echo $$ >> pids; exec sleep 300' >/dev/null 2>&1 &)
        while [ ! -s pids ]; do sleep 0.01; done; echo done";
    let ran = family(subject, script, Wish::default()).await?;
    same("left behind", ran.left_behind().len(), 1)
}

async fn ended_orphans_are_nobodys_fault(subject: &Subject) -> Verdict {
    let script =
        "for i in 1 2 3 4 5; do (setsid true &); (true &); done; sleep 0.2; echo $$ > pids";
    let ran = family(subject, script, Wish::default()).await?;
    same("left behind", ran.left_behind(), Vec::new())
}

fn within(timeout: f64, grace: f64) -> Wish {
    Wish {
        timeout: Some(Duration::from_secs_f64(timeout)),
        grace: Duration::from_secs_f64(grace),
        ..Wish::default()
    }
}

async fn who_heeds_the_request_ends_in_its_own_way(subject: &Subject) -> Verdict {
    let script = "trap 'echo closing; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let ran = subject.sh_with(script, within(1.0, 20.0)).await?;
    same("exit", ran.status(), Some(ExitStatus::Code(7)))?;
    same("output", ran.out(), "ready\nclosing\n".to_owned())?;
    same("ended by", ran.ended_by(), EndedBy::Timeout)?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })
}

async fn who_ignores_the_request_is_killed(subject: &Subject) -> Verdict {
    let ran = subject
        .sh_with(
            "trap '' TERM; echo ready; while :; do sleep 0.05; done",
            within(0.5, 0.5),
        )
        .await?;
    same("exit", ran.status(), Some(ExitStatus::Signal(9)))?;
    same("output", ran.out(), "ready\n".to_owned())?;
    must(ran.took > Duration::from_secs(1), || {
        "there was no grace".to_owned()
    })?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })
}

async fn the_request_reaches_the_whole_family(subject: &Subject) -> Verdict {
    let script = "trap 'wait; exit 0' TERM
        sh -c 'trap \"echo child; exit 0\" TERM; echo ready; while :; do sleep 0.05; done' & wait";
    let ran = subject.sh_with(script, within(1.0, 20.0)).await?;
    same("output", ran.out(), "ready\nchild\n".to_owned())?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })
}

async fn a_stopped_program_is_woken_to_end(subject: &Subject) -> Verdict {
    let script = "echo $$ > pids; trap 'echo closing; exit 7' TERM; kill -STOP $$; while :; do sleep 0.05; done";
    let ran = family(subject, script, within(0.5, 20.0)).await?;
    same("exit", ran.status(), Some(ExitStatus::Code(7)))?;
    must(ran.took < Duration::from_secs(10), || {
        format!("it took {:?}", ran.took)
    })
}

async fn a_stopped_program_that_ignores_the_request_is_killed(subject: &Subject) -> Verdict {
    let script = "echo $$ > pids; trap '' TERM; while :; do kill -STOP $$; done";
    let ran = family(subject, script, within(0.5, 0.3)).await?;
    same("exit", ran.status(), Some(ExitStatus::Signal(9)))
}

async fn a_flood_can_be_killed(subject: &Subject) -> Verdict {
    let cancel = Cancel::new();
    let raiser = cancel.clone();
    let wish = Wish {
        cancel,
        ..Wish::default()
    };
    let run = subject.sh_with("trap '' TERM; yes 'trap is set' & yes more >&2", wish);
    let raise = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        raiser.raise(CancelLevel::Kill);
    };
    let (ran, ()) = tokio::join!(run, raise);
    let ran = ran?;
    same("exit", ran.status(), Some(ExitStatus::Signal(9)))?;
    same("ended by", ran.ended_by(), EndedBy::Cancel)?;
    // An engine between them has its own load to see to.
    let patience = if subject.on_this_host { 5 } else { 40 };
    must(ran.took < Duration::from_secs(patience), || {
        format!("it took {:?}", ran.took)
    })?;
    must(!ran.stdout.is_empty() && !ran.stderr.is_empty(), || {
        "nothing was read".to_owned()
    })
}

/// Waits for the end.
async fn end_of(launched: &mut Box<dyn Launched>) -> Result<ExitStatus, String> {
    let mut buffer = Vec::new();
    loop {
        match launched.next(&mut buffer).await {
            Ok(Step::Output(_) | Step::Told(_)) => {}
            Ok(Step::Exited(exit)) => return Ok(exit.status),
            Err(error) => return Err(error.to_string()),
        }
    }
}

async fn a_flood_that_nobody_takes_can_be_killed(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let mut launched = subject
        .launch(&subject.spec(folder.path(), &["yes", "nobody takes this"]))
        .await?;
    // By then all is full that lies in between.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let killed = tokio::time::timeout(Duration::from_secs(40), launched.stop(Stop::Kill));
    killed
        .await
        .map_err(|_| "it is not killed within 40 s".to_owned())?
        .map_err(|error| error.to_string())?;
    let status = end_of(&mut launched).await?;
    must(matches!(status, ExitStatus::Signal(9)), || {
        format!("{status}")
    })?;
    launched.dispose().await.map_err(|error| error.to_string())
}

async fn stopping_twice_or_after_the_end_is_harmless(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let mut launched = subject
        .launch(&subject.spec(folder.path(), &["sleep", "300"]))
        .await?;
    for how in [Stop::Ask, Stop::Ask, Stop::Kill, Stop::Ask, Stop::Kill] {
        launched
            .stop(how)
            .await
            .map_err(|error| error.to_string())?;
    }
    let status = end_of(&mut launched).await?;
    must(matches!(status, ExitStatus::Signal(9 | 15)), || {
        format!("{status}")
    })?;
    for how in [Stop::Ask, Stop::Kill] {
        launched
            .stop(how)
            .await
            .map_err(|error| format!("after the end: {error}"))?;
    }
    launched.dispose().await.map_err(|error| error.to_string())
}

async fn an_early_disposal_ends_it(subject: &Subject) -> Verdict {
    let folder = folder()?;
    let script = "(setsid sleep 300 >/dev/null 2>&1 & echo $! >> pids); echo $$ >> pids; echo ready; sleep 300";
    let mut launched = subject
        .launch(&subject.spec(folder.path(), &["sh", "-c", script]))
        .await?;
    let mut buffer = Vec::new();
    launched
        .next(&mut buffer)
        .await
        .map_err(|error| error.to_string())?;
    launched
        .dispose()
        .await
        .map_err(|error| error.to_string())?;
    let pids =
        std::fs::read_to_string(folder.path().join("pids")).map_err(|error| error.to_string())?;
    same("descendants", pids.lines().count(), 2)?;
    for pid in pids.lines() {
        must(!is_alive(pid), || format!("process {pid} is left"))?;
    }
    Ok(())
}
