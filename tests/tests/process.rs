//! The process runner, put through what every backend must do.

use std::sync::Arc;

use taffrail_runner::host::{HostProfile, INHERITED};
use taffrail_runner::process::{ProcessRunner, ProcessSettings, Supervisors, TASK_RUN_VARIABLE};
use taffrail_tests::conformance::runner::{Signals, Subject, cases};

/// A subject whose tasks are this process's children, or those of a supervisor.
fn subject(supervised: bool) -> Subject {
    let mut environment: Vec<_> = std::env::vars_os().collect();
    // What a host may carry and no task may see.
    for name in [
        "SECRET_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "TAFFRAIL_STATE_DIR",
        "DOCKER_AUTH_CONFIG",
        "LD_PRELOAD_X",
    ] {
        environment.push((name.into(), "of the host".into()));
    }
    let inherited = INHERITED.iter().map(|entry| entry.name.to_owned());
    let own_variables = inherited
        .chain(environment.iter().filter_map(|(name, _)| {
            name.to_str()
                .filter(|name| name.starts_with("LC_"))
                .map(str::to_owned)
        }))
        .chain([TASK_RUN_VARIABLE.to_owned()])
        .collect();
    let mut host = HostProfile::new(environment);
    if supervised {
        host = host.with_supervisors(Supervisors::new(
            taffrail_tests::cli::program().to_owned(),
            Vec::new(),
        ));
    }
    Subject {
        runner: Arc::new(ProcessRunner::new(ProcessSettings::default(), host)),
        image: None,
        own_variables,
        on_this_host: true,
        signals: Signals::Told,
        left: None,
    }
}

/// One test for all cases: they look at the memory and at the children of the whole test process.
#[tokio::test]
async fn the_process_runner_does_what_every_backend_must() {
    let only = std::env::var("TAFFRAIL_CASE").ok();
    let mut failed = Vec::new();
    for supervised in [false, true] {
        let subject = subject(supervised);
        println!("{}", if supervised { "supervised" } else { "alone" });
        for case in
            cases().filter(|case| only.as_deref().is_none_or(|only| case.name.contains(only)))
        {
            assert!(case.applies_to(&subject), "{}", case.name);
            let begun = std::time::Instant::now();
            let verdict = case.check(&subject).await;
            println!(
                "{:<60} {:>8.1?} {}",
                case.name,
                begun.elapsed(),
                if verdict.is_ok() { "ok" } else { "FAILED" }
            );
            if let Err(reason) = verdict {
                failed.push(format!(
                    "{} (supervised: {supervised}): {reason}",
                    case.name
                ));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} cases failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
