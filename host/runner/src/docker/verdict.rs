//! How a container ended, from what the engine says of it and what we know ourselves. Pure.

use std::time::Duration;

use bollard::models::{ContainerState, ContainerStateStatusEnum};
use taffrail_core::launch::ExitStatus;
use taffrail_engine::ports::{Exit, RunnerError, Stop};

/// The exit code of a process that SIGKILL ended, as the container's first process hands it on.
const KILLED: i64 = 128 + 9;
const TERMINATED: i64 = 128 + 15;

/// What Docker enters, as it comes up, for a container that ended while it was down, and so without its knowledge. Programs end with it, too.
pub(super) const UNSEEN: i64 = 255;

/// What this host knows beside the engine's word.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// How it was told to end, if it was.
    pub(super) asked: Option<Stop>,
    /// Whether the engine was away while the container ran.
    pub(super) engine_was_away: bool,
    /// Whether the engine has not seen the end that it tells.
    pub(super) end_unseen: bool,
    /// The memory limit, in words.
    pub(super) memory_limit: Option<String>,
}

/// Whether the container has run at all. One that was only created reports exit code 0.
pub(super) fn has_started(state: &ContainerState) -> bool {
    state
        .started_at
        .as_deref()
        .is_some_and(|at| !at.is_empty() && !at.starts_with("0001-01-01"))
}

/// How long it has run, by the clock of the engine's machine and this one's.
pub(super) fn running_for(state: &ContainerState) -> Option<Duration> {
    let started: jiff::Timestamp = state.started_at.as_deref()?.parse().ok()?;
    Duration::try_from(jiff::Timestamp::now().duration_since(started)).ok()
}

/// Whether it runs, or is on its way to it.
pub(super) fn is_running(state: &ContainerState) -> bool {
    state.running == Some(true) || state.paused == Some(true) || state.restarting == Some(true)
}

/// Whether it ended by a signal that this host did not send, as one does that somebody removes while it runs.
pub(super) fn was_ended_from_outside(state: &ContainerState, asked: Option<Stop>) -> bool {
    let by_signal = matches!(state.exit_code, Some(KILLED | TERMINATED));
    by_signal && asked.is_none() && state.oom_killed != Some(true)
}

/// The end of a container that does not run any more.
///
/// # Errors
/// [`RunnerError::Interrupted`] where the engine ended it, [`RunnerError::Lost`] where it never started or nothing is known.
pub(super) fn of(state: &ContainerState, known: &Known) -> Result<Exit, RunnerError> {
    if !has_started(state) {
        let why = state.error.as_deref().filter(|error| !error.is_empty());
        return Err(RunnerError::Lost(format!(
            "the container was never started{}",
            why.map_or(String::new(), |why| format!(": {why}"))
        )));
    }
    let Some(code) = state.exit_code else {
        return Err(RunnerError::Lost(
            "the engine does not say how the container ended".to_owned(),
        ));
    };
    let out_of_memory = state.oom_killed == Some(true);
    let limit = || match &known.memory_limit {
        Some(limit) => format!("the memory limit of {limit}"),
        None => "the engine's lack of memory".to_owned(),
    };
    let exit = |status, note: Option<String>| Exit {
        status,
        left_behind: Vec::new(),
        note,
        timed_out: false,
    };
    Ok(match (code, known.asked) {
        (KILLED, Some(_)) => exit(ExitStatus::Signal(9), None),
        // Podman, where it did not see the end that it was told to make.
        (..=-1, Some(Stop::Kill)) => exit(ExitStatus::Signal(9), None),
        (..=-1, _) => {
            return Err(RunnerError::Lost(
                "the engine does not know how the container ended".to_owned(),
            ));
        }
        (TERMINATED, Some(_)) => exit(ExitStatus::Signal(15), None),
        (KILLED, None) if out_of_memory => exit(
            ExitStatus::Signal(9),
            Some(format!("killed by {}", limit())),
        ),
        // Nothing ran any more when the engine came up, whoever had been told what.
        (UNSEEN, asked) if known.end_unseen && asked != Some(Stop::Kill) => {
            return Err(RunnerError::Interrupted(
                "the engine went down with the container, so how it ended is not known".to_owned(),
            ));
        }
        (UNSEEN, Some(Stop::Kill)) if known.end_unseen => exit(ExitStatus::Signal(9), None),
        (KILLED, None) if state.status == Some(ContainerStateStatusEnum::REMOVING) => {
            return Err(RunnerError::Interrupted(
                "the container is gone: somebody removed it while it ran".to_owned(),
            ));
        }
        // On its way up an engine ends what ran without it, asking first.
        (KILLED | TERMINATED, None) if known.engine_was_away => {
            return Err(RunnerError::Interrupted(
                "the engine was restarted and ended the container".to_owned(),
            ));
        }
        _ => {
            let note = out_of_memory.then(|| format!("a process of it was killed by {}", limit()));
            let code = i32::try_from(code).unwrap_or(i32::MAX);
            exit(ExitStatus::Code(code), note)
        }
    })
}

/// A number of bytes in the largest unit that it is a whole number of.
pub(super) fn bytes_in_words(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{} {unit}", bytes >> shift);
        }
    }
    if bytes >= 1 << 20 {
        return format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(code: i64, oom: bool) -> ContainerState {
        ContainerState {
            exit_code: Some(code),
            oom_killed: Some(oom),
            started_at: Some("2026-11-25T10:00:00Z".to_owned()),
            ..ContainerState::default()
        }
    }

    #[test]
    fn every_end_has_its_own_words() {
        let limited = Known {
            memory_limit: Some("512 MiB".to_owned()),
            ..Known::default()
        };
        let asked = |stop| Known {
            asked: Some(stop),
            ..Known::default()
        };
        let away = Known {
            engine_was_away: true,
            ..Known::default()
        };
        let check =
            |state: &ContainerState, known: &Known, status: ExitStatus, note: Option<&str>| {
                let exit = of(state, known).unwrap();
                assert_eq!(
                    (exit.status, exit.note.as_deref()),
                    (status, note),
                    "{state:?}"
                );
            };
        let (code, signal) = (ExitStatus::Code, ExitStatus::Signal);
        check(&state(0, false), &Known::default(), code(0), None);
        check(&state(3, false), &away, code(3), None);
        check(&state(137, false), &Known::default(), code(137), None);
        check(&state(137, false), &asked(Stop::Kill), signal(9), None);
        check(&state(143, false), &asked(Stop::Ask), signal(15), None);
        check(&state(-1, false), &asked(Stop::Kill), signal(9), None);
        assert!(of(&state(-1, false), &Known::default()).is_err());
        check(&state(143, false), &Known::default(), code(143), None);
        check(&state(0, false), &asked(Stop::Ask), code(0), None);
        check(
            &state(137, true),
            &limited,
            signal(9),
            Some("killed by the memory limit of 512 MiB"),
        );
        check(
            &state(0, true),
            &limited,
            code(0),
            Some("a process of it was killed by the memory limit of 512 MiB"),
        );
        assert!(matches!(
            of(&state(137, false), &away),
            Err(RunnerError::Interrupted(_))
        ));
        assert!(matches!(
            of(&state(143, false), &away),
            Err(RunnerError::Interrupted(_))
        ));
        let unseen = |asked| Known {
            asked,
            end_unseen: true,
            ..Known::default()
        };
        check(&state(255, false), &away, code(255), None);
        check(&state(3, false), &unseen(None), code(3), None);
        check(
            &state(255, false),
            &unseen(Some(Stop::Kill)),
            signal(9),
            None,
        );
        for asked in [None, Some(Stop::Ask)] {
            let found = of(&state(255, false), &unseen(asked));
            assert!(matches!(found, Err(RunnerError::Interrupted(_))));
        }
        let removed = ContainerState {
            status: Some(ContainerStateStatusEnum::REMOVING),
            ..state(137, false)
        };
        let found = of(&removed, &Known::default());
        assert!(matches!(found, Err(RunnerError::Interrupted(_))));
        assert!(of(&removed, &asked(Stop::Kill)).is_ok());
    }

    #[test]
    fn what_was_never_started_is_no_success() {
        for started in [None, Some("0001-01-01T00:00:00Z"), Some("")] {
            let state = ContainerState {
                started_at: started.map(str::to_owned),
                ..state(0, false)
            };
            assert!(matches!(
                of(&state, &Known::default()),
                Err(RunnerError::Lost(_))
            ));
        }
    }

    #[test]
    fn sizes_in_words() {
        for (bytes, words) in [
            (512 << 20, "512 MiB"),
            (1 << 30, "1 GiB"),
            (1536 << 10, "1536 KiB"),
            (5_000_000, "4.8 MiB"),
            (100, "100 bytes"),
        ] {
            assert_eq!(bytes_in_words(bytes), words);
        }
    }
}
