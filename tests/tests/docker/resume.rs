//! A host that dies while its container runs: the container goes on, and the next host follows it to its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use taffrail_tests::cli::Finished;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::flows::Ran;

use crate::support::{Yard, contained};

/// Says forty lines on each stream, and keeps count of how often it began.
const TALKING: &str = "echo begun >> begun.txt\necho ready\ni=1\nwhile [ $i -le 40 ]; do echo line $i; echo error $i >&2; \
                       i=$((i+1)); sleep 0.1; done\nexit 3";

/// Starts the flow, and kills the host once the task has said `after`.
fn killed(yard: &Yard, flow: &str, after: &str) -> String {
    let mut running = yard.runs(flow, &[]).start();
    running.wait_for_stderr(after);
    running.signal("KILL");
    running.finish();
    yard.execution()
}

fn resumed(yard: &Yard, execution: &str, code: i32) -> Ran {
    let finished = yard.command(["resume", execution, "-o", "json"]).finish();
    finished.exits(code);
    let record = finished.json();
    Ran { finished, record }
}

#[track_caller]
fn whole(yard: &Yard, ran: &Ran) {
    let expect = |word: &str| {
        (1..=40)
            .map(|number| format!("{word} {number}"))
            .collect::<Vec<_>>()
    };
    let said: Vec<&str> = ran
        .lines('|')
        .into_iter()
        .filter(|line| *line != "ready")
        .collect();
    assert_eq!(said, expect("line"), "{}", ran.finished);
    assert_eq!(ran.lines('!'), expect("error"), "{}", ran.finished);
    assert_eq!(
        ran.task("one")["exit"],
        json!({ "code": 3 }),
        "{}",
        ran.finished
    );
    assert_eq!(ran.task("one")["stdoutLines"], 41, "{}", ran.record);
    // What is on disk is what one undisturbed run would have left.
    let log = yard.world.log();
    assert_eq!(log.lines().count(), 81, "{log}");
    yard.nothing_is_left(&ran.finished);
}

#[test]
fn a_container_is_followed_to_its_end_after_its_host_died() {
    let Some(yard) = Yard::new("a_container_is_followed_to_its_end_after_its_host_died") else {
        return;
    };
    for strategy in ["VOLUME", "MOUNT"] {
        let yard = yard.fresh();
        let flow = contained(
            "inputFiles: {in.txt: given}\noutputFiles: [begun.txt, in.txt]",
            &format!("fileHandlingStrategy: {strategy}"),
            &TALKING.replace("exit 3", "echo changed >> in.txt\nexit 3"),
        );
        let execution = killed(&yard, &flow, "line 10");
        let before = yard.containers();
        assert_eq!(before[0]["State"]["Running"], true);
        let dry = yard.command(["prune", "--dry-run"]).finish();
        dry.exits(0)
            .says([format!("taffrail resume {execution}").as_str()]);
        let ran = resumed(&yard, &execution, 4);
        whole(&yard, &ran);
        assert!(
            ran.warnings("one").contains("took up the container"),
            "{}",
            ran.record
        );
        assert_eq!(ran.record["id"], execution.as_str());
        assert_eq!(
            yard.stored(&ran, "one", "begun.txt"),
            "begun\n",
            "{strategy}"
        );
        assert_eq!(
            yard.stored(&ran, "one", "in.txt"),
            "givenchanged\n",
            "{strategy}"
        );
        // Once it has its end, there is nothing to go on with.
        let again = yard.command(["resume", &execution]).finish();
        again.exits(2).says(["has ended"]);
    }
}

#[test]
fn the_time_that_nobody_followed_it_counts() {
    let Some(yard) = Yard::new("the_time_that_nobody_followed_it_counts") else {
        return;
    };
    let flow = contained(
        "timeout: PT8S",
        "killGracePeriod: PT0S",
        "echo ready; sleep 60",
    );
    let execution = killed(&yard, &flow, "ready");
    std::thread::sleep(Duration::from_secs(5));
    let begun = Instant::now();
    let ran = resumed(&yard, &execution, 7);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}: {}", ran.finished);
    yard.nothing_is_left(&ran.finished);
}

/// The host dies more than once, and comes back when the container has ended by itself.
#[test]
fn an_end_that_nobody_saw_is_told_later() {
    let Some(yard) = Yard::new("an_end_that_nobody_saw_is_told_later") else {
        return;
    };
    let flow = contained("", "", TALKING);
    let execution = killed(&yard, &flow, "line 3");
    let mut second = yard.command(["resume", &execution, "-o", "json"]).start();
    second.wait_for_stderr("line 12");
    second.signal("KILL");
    second.finish();
    let begun = Instant::now();
    while yard.containers()[0]["State"]["Running"] == true {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_millis(100));
    }
    whole(&yard, &resumed(&yard, &execution, 4));
}

#[test]
fn with_resume_false_it_runs_anew() {
    let Some(yard) = Yard::new("with_resume_false_it_runs_anew") else {
        return;
    };
    let flow = contained("outputFiles: [begun.txt]", "resume: false", TALKING);
    let execution = killed(&yard, &flow, "line 10");
    let first = yard.containers()[0]["Id"].clone();
    let mut running = yard.command(["resume", &execution, "-o", "json"]).start();
    running.wait_for_stderr("line 1");
    let containers = yard.containers();
    assert_eq!(containers.len(), 1, "{containers:?}");
    assert_ne!(containers[0]["Id"], first);
    let finished = running.finish();
    finished.exits(4);
    let record = finished.json();
    let ran = Ran { finished, record };
    whole(&yard, &ran);
    // In a volume of its own.
    assert_eq!(yard.stored(&ran, "one", "begun.txt"), "begun\n");
}

/// What nobody listened to and nobody kept is lost; the verdict is not, and it is said that something may be missing.
#[test]
fn without_a_log_the_verdict_is_still_right() {
    let Some(yard) = Yard::new("without_a_log_the_verdict_is_still_right") else {
        return;
    };
    let quiet = TALKING.replace("exit 3", "exit 0");
    let flow = contained("", "logConfig: {driver: none}", &quiet);
    let execution = killed(&yard, &flow, "line 10");
    let ran = resumed(&yard, &execution, 0);
    assert!(
        ran.warnings("one").contains("output may be missing"),
        "{}",
        ran.record
    );
    let mut lines = ran.lines('|');
    let all = lines.len();
    lines.dedup();
    assert_eq!(lines.len(), all, "{}", ran.finished);
    yard.nothing_is_left(&ran.finished);

    // The same when only the connection breaks.
    let proxy = Proxy::start(&yard.engine.socket());
    let yard = yard.behind(&proxy);
    let mut running = yard
        .runs(&contained("", "logConfig: {driver: none}", TALKING), &[])
        .start();
    running.wait_for_stderr("line 5");
    proxy.cut();
    let finished = running.finish();
    finished.exits(4).says(["output may be missing"]);
    let record = finished.json();
    let ran = Ran { finished, record };
    assert_eq!(ran.task("one")["exit"], json!({ "code": 3 }));
    let lines: Vec<&str> = ran.lines('|').into_iter().skip(1).collect();
    let expected: Vec<String> = (1..=lines.len())
        .map(|number| format!("line {number}"))
        .collect();
    assert_eq!(lines, expected, "{}", ran.finished);
    yard.nothing_is_left(&ran.finished);
}

/// One that was made and never started is no success: it runs.
#[test]
fn a_container_that_was_never_started_is_started() {
    let Some(yard) = Yard::new("a_container_that_was_never_started_is_started") else {
        return;
    };
    let proxy = Proxy::start(&yard.engine.socket());
    let yard = yard.behind(&proxy);
    proxy.once("POST", "/containers/*/start*", Fault::Stall);
    let running = yard
        .runs(&contained("", "", "echo ran\nexit 3"), &[])
        .start();
    proxy.wait_for("POST", "/containers/*/start*", 1);
    running.signal("KILL");
    running.finish();
    assert_eq!(yard.containers()[0]["State"]["Status"], "created");
    let ran = resumed(&yard, &yard.execution(), 4);
    assert_eq!(ran.lines('|'), ["ran"], "{}", ran.finished);
    assert_eq!(ran.task("one")["exit"], json!({ "code": 3 }));
    yard.nothing_is_left(&ran.finished);
}

#[track_caller]
fn refused(finished: &Finished, code: i32, part: &str, yard: &Yard, container: &Value) {
    finished.exits(code).says([part]);
    let there = yard.containers();
    assert_eq!(there.len(), 1, "{finished}");
    assert_eq!(there[0]["Id"], *container, "{finished}");
}

/// Another secret, another host at the same time: refused, and the container is left alone.
#[test]
fn only_the_very_same_is_taken_up() {
    let Some(yard) = Yard::new("only_the_very_same_is_taken_up") else {
        return;
    };
    let flow = contained("", "", "echo ready {{ secret('WORD') }}\nsleep 300");
    yard.world.write("secrets.env", "WORD=first-word\n");
    let secrets = ["--secrets-file", "secrets.env"];
    let mut running = yard.runs(&flow, &secrets).start();
    running.wait_for_stderr("ready");
    let execution = yard.execution();
    let container = yard.containers()[0]["Id"].clone();
    let resume = || yard.command(["resume", &execution]).finish();
    refused(&resume(), 2, "is run by the process", &yard, &container);
    running.signal("KILL");
    running.finish();

    yard.world.write("secrets.env", "WORD=another-word\n");
    refused(&resume(), 4, "made for something else", &yard, &container);
    // That was an end of this execution.
    refused(&resume(), 2, "has ended", &yard, &container);
    let unknown = yard.command(["resume", "01nosuch"]).finish();
    refused(&unknown, 8, "no execution", &yard, &container);
    let pruned = yard.command(["prune", "--running"]).finish();
    pruned.exits(0);
    assert!(yard.left().is_empty(), "{pruned}");
}

/// The flow runs on as it began, whatever became of its file; one that somebody removed was interrupted, and is not run again.
#[test]
fn a_container_that_is_gone_was_interrupted() {
    let Some(yard) = Yard::new("a_container_that_is_gone_was_interrupted") else {
        return;
    };
    let flow = contained("", "", "echo ready\nsleep 300");
    let execution = killed(&yard, &flow, "ready");
    yard.world.write("flow.yaml", "id: changed\n");
    let pruned = yard.command(["prune", "--running"]).finish();
    pruned.exits(0);
    let ran = resumed(&yard, &execution, 5);
    assert_eq!(
        ran.task("one")["failure"]["kind"],
        "interrupted",
        "{}",
        ran.record
    );
    yard.nothing_is_left(&ran.finished);
}
