//! Ends that are asked for: by the timeout, by Ctrl-C, while it runs and before it does. Nothing of it is left on the engine.

use std::time::{Duration, Instant};

use taffrail_tests::cli::{Finished, Running, World};
use taffrail_tests::docker::proxy::{Fault, Proxy};

use crate::support::{Yard, contained};

/// Starts a flow and waits until its script says that it is ready.
fn start(yard: &Yard, task: &str, runner: &str, script: &str) -> Running {
    let mut running = yard.runs(&contained(task, runner, script), &[]).start();
    running.wait_for_stderr("ready");
    running
}

fn ends_within(finished: &Finished, since: Instant, seconds: u64) {
    assert!(since.elapsed() < Duration::from_secs(seconds), "{finished}");
}

#[test]
fn an_interrupt_ends_the_container_and_removes_it() {
    let Some(yard) = Yard::new("an_interrupt_ends_the_container_and_removes_it") else {
        return;
    };
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let yard = Yard {
            world: World::new(),
            url: yard.url.clone(),
            ..yard
        };
        let running = start(&yard, "", "", "echo ready\nsleep 300 & sleep 300");
        let asked = Instant::now();
        running.signal(signal);
        let finished = running.finish();
        finished.exits(code);
        ends_within(&finished, asked, 10);
        yard.nothing_is_left(&finished);
    }
}

/// The program gets SIGTERM, and children too, and has its grace period for what it wants to say.
#[test]
fn the_grace_period_is_for_last_words() {
    let Some(yard) = Yard::new("the_grace_period_is_for_last_words") else {
        return;
    };
    let running = start(
        &yard,
        "outputFiles: [last.txt]",
        "killGracePeriod: PT20S",
        "trap 'echo closing; echo words > last.txt; exit 7' TERM\necho ready\nwhile :; do sleep 0.1; done",
    );
    let asked = Instant::now();
    running.signal("INT");
    let finished = running.finish();
    finished.exits(130).says(["closing"]);
    ends_within(&finished, asked, 10);
    assert!(finished.stdout.contains("last.txt"), "{finished}");
    yard.nothing_is_left(&finished);
}

/// What asks it to end is the signal that the flow names, which may be a number.
#[test]
fn the_flow_chooses_the_signal() {
    let Some(yard) = Yard::new("the_flow_chooses_the_signal") else {
        return;
    };
    for signal in ["SIGUSR1", "10"] {
        let yard = yard.fresh();
        let running = start(
            &yard,
            "",
            &format!("killGracePeriod: PT20S\nstopSignal: {signal}"),
            "trap 'echo by the signal; exit 7' USR1\ntrap 'echo by SIGTERM; exit 8' TERM\necho ready\nwhile :; do sleep 0.1; done",
        );
        let asked = Instant::now();
        running.signal("INT");
        let finished = running.finish();
        finished
            .exits(130)
            .says(["by the signal"])
            .never_prints(["by SIGTERM"]);
        ends_within(&finished, asked, 10);
        yard.nothing_is_left(&finished);
    }
}

#[test]
fn who_ignores_the_request_is_killed_after_the_grace_period() {
    let Some(yard) = Yard::new("who_ignores_the_request_is_killed_after_the_grace_period") else {
        return;
    };
    let running = start(
        &yard,
        "",
        "killGracePeriod: PT1S",
        "trap '' TERM\necho ready\nwhile :; do sleep 0.1; done",
    );
    let asked = Instant::now();
    running.signal("INT");
    let finished = running.finish();
    finished.exits(130);
    assert!(asked.elapsed() >= Duration::from_secs(1), "{finished}");
    ends_within(&finished, asked, 10);
    yard.nothing_is_left(&finished);
}

#[test]
fn a_timeout_ends_the_container_and_its_children() {
    let Some(yard) = Yard::new("a_timeout_ends_the_container_and_its_children") else {
        return;
    };
    let ran = yard.run(
        &contained(
            "timeout: PT15S",
            "",
            "echo ready\n(setsid sleep 300 &)\nsleep 300",
        ),
        &[],
        7,
    );
    assert!(
        ran.finished.took < Duration::from_secs(45),
        "{}",
        ran.finished
    );
    assert_eq!(ran.lines('|'), ["ready"]);
}

/// Paused from outside, a container can still be ended.
#[test]
fn a_paused_container_can_be_ended() {
    let Some(yard) = Yard::new("a_paused_container_can_be_ended") else {
        return;
    };
    let running = start(&yard, "", "", "echo ready\nsleep 300");
    let container = yard.containers()[0]["Id"].as_str().unwrap().to_owned();
    yard.engine
        .api()
        .call("POST", &format!("/containers/{container}/pause"))
        .done();
    running.signal("INT");
    let finished = running.finish();
    finished.exits(130);
    yard.nothing_is_left(&finished);
}

/// Somebody else removes the container: that is no failure of the script, and it is not run again.
#[test]
fn a_container_that_somebody_removes_is_told_as_gone() {
    if let Some(yard) = Yard::new("a_container_that_somebody_removes_is_told_as_gone") {
        remove_while_it_runs(yard);
    }
}

/// Podman ends it first, and asks it to.
#[test]
fn a_container_that_somebody_removes_on_podman_is_told_as_gone() {
    if let Some(yard) = Yard::podman("a_container_that_somebody_removes_on_podman_is_told_as_gone")
    {
        remove_while_it_runs(yard);
    }
}

fn remove_while_it_runs(yard: Yard) {
    let running = start(
        &yard,
        "",
        "networkMode: host",
        "trap 'exit 143' TERM\necho ready\nsleep 300 & wait",
    );
    let container = yard.containers()[0]["Id"].as_str().unwrap().to_owned();
    yard.engine.remove(&container);
    let finished = running.finish();
    finished.exits(5).says(["removed"]);
    assert_eq!(
        finished.json()["tasks"][0]["failure"]["kind"],
        "interrupted"
    );
    yard.nothing_is_left(&finished);
}

/// Ctrl-C while the image is being pulled ends the wait at once; there is no container yet and there never will be.
#[test]
fn an_interrupt_during_the_pull_leaves_nothing() {
    let Some(mut yard) = Yard::new("an_interrupt_during_the_pull_leaves_nothing") else {
        return;
    };
    let proxy = Proxy::start(&yard.engine.socket());
    yard.url = proxy.url();
    proxy.always("POST", "/images/create*", Fault::Stall);
    let flow = contained("containerImage: registry.invalid/slow:1", "", "true");
    let running = yard.runs(&flow, &[]).start();
    proxy.wait_for("POST", "/images/create*", 1);
    let asked = Instant::now();
    running.signal("INT");
    let finished = running.finish();
    finished.exits(130);
    ends_within(&finished, asked, 5);
    yard.nothing_is_left(&finished);
    assert_eq!(
        proxy.count("POST", "/containers/create*"),
        0,
        "{:#?}",
        proxy.lines()
    );
}

/// The same while the container is being made, whose reply is slow.
#[test]
fn an_interrupt_during_the_start_leaves_nothing() {
    let Some(yard) = Yard::new("an_interrupt_during_the_start_leaves_nothing") else {
        return;
    };
    for path in ["/containers/create*", "/containers/*/start*"] {
        let proxy = Proxy::start(&yard.engine.socket());
        let yard = Yard {
            world: World::new(),
            url: proxy.url(),
            ..yard
        };
        proxy.once("POST", path, Fault::Delay(Duration::from_secs(2)));
        let running = yard.runs(&contained("", "", "sleep 300"), &[]).start();
        proxy.wait_for("POST", path, 1);
        running.signal("INT");
        let finished = running.finish();
        finished.exits(130);
        yard.nothing_is_left(&finished);
    }
}
