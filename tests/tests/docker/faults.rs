//! What goes wrong between the host and its engine: cut connections, lost replies, engines that hang, die and come back.

use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::cli::{Running, World};
use taffrail_tests::docker::engine::{Engine, Kind};
use taffrail_tests::docker::images;
use taffrail_tests::docker::proxy::{Fault, Proxy};
use taffrail_tests::docker::skipped;
use taffrail_tests::docker::tar::{Archive, Entry, Kind as EntryKind};
use taffrail_tests::flows::Ran;

use crate::support::{Yard, contained};

/// A yard behind a faulty connection.
fn faulty(yard: &Yard) -> (Yard, Proxy) {
    let proxy = Proxy::start(&yard.engine.socket());
    let yard = Yard {
        world: World::new(),
        url: proxy.url(),
        ..*yard
    };
    (yard, proxy)
}

fn numbers(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("line {number}")).collect()
}

const TALKING: &str = "echo ready\ni=1\nwhile [ $i -le 40 ]; do echo line $i; echo error $i >&2; i=$((i+1)); sleep 0.05; done\nexit 3";

#[track_caller]
fn said_all(ran: &Ran, proxy: &Proxy) {
    let lines: Vec<&str> = ran
        .lines('|')
        .into_iter()
        .filter(|line| *line != "ready")
        .collect();
    assert_eq!(lines, numbers(40), "{:#?}{}", proxy.lines(), ran.finished);
    let errors = ran.lines('!');
    assert_eq!(errors.len(), 40, "{errors:?}");
    assert_eq!(
        ran.task("one")["exit"],
        json!({ "code": 3 }),
        "{}",
        ran.finished
    );
}

fn ended(yard: &Yard, running: Running, code: i32) -> Ran {
    let finished = running.finish();
    finished.exits(code);
    yard.nothing_is_left(&finished);
    let record = finished.json();
    Ran { finished, record }
}

/// The connection breaks after so many bytes of output, also in the middle of a frame's header: no line is lost, none comes twice.
#[test]
fn a_cut_connection_loses_no_line_and_doubles_none() {
    let Some(yard) = Yard::new("a_cut_connection_loses_no_line_and_doubles_none") else {
        return;
    };
    for bytes in [0, 3, 8, 11, 100, 257, 700] {
        let (yard, proxy) = faulty(&yard);
        proxy.once("POST", "/containers/*/attach*", Fault::CutAnswer(bytes));
        let running = yard.runs(&contained("", "", TALKING), &[]).start();
        said_all(&ended(&yard, running, 4), &proxy);
    }
}

/// Every connection breaks at once, twice, while the task runs.
#[test]
fn broken_connections_are_made_again() {
    let Some(yard) = Yard::new("broken_connections_are_made_again") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    let mut running = yard.runs(&contained("", "", TALKING), &[]).start();
    running.wait_for_stderr("line 5");
    proxy.cut();
    running.wait_for_stderr("line 20");
    proxy.cut();
    said_all(&ended(&yard, running, 4), &proxy);
}

/// The socket is gone for a while, as when an engine restarts that keeps its containers.
#[test]
fn an_engine_that_is_away_for_a_while_is_waited_for() {
    let Some(yard) = Yard::new("an_engine_that_is_away_for_a_while_is_waited_for") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    let mut running = yard.runs(&contained("", "", TALKING), &[]).start();
    running.wait_for_stderr("line 5");
    proxy.go_away();
    // Whoever waits is told what for.
    running.wait_for_stderr("the engine does not answer");
    proxy.come_back();
    let back = Instant::now();
    let ran = ended(&yard, running, 4);
    said_all(&ran, &proxy);
    ran.finished.says(["it is waited for, 10 minutes at most"]);
    assert!(
        back.elapsed() < Duration::from_secs(8),
        "{:?}",
        back.elapsed()
    );
}

/// What is to be ended and cannot be reached: it is told what was wanted and what stood in the way.
#[test]
fn a_timeout_while_the_engine_is_away_is_told() {
    let Some(yard) = Yard::new("a_timeout_while_the_engine_is_away_is_told") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    let flow = contained("timeout: PT3S", "", "echo ready\nsleep 300");
    let mut running = yard.runs(&flow, &[]).start();
    running.wait_for_stderr("ready");
    proxy.go_away();
    let finished = running.finish();
    finished.exits(5).says([
        "timed out after 3s, and the container cannot be sent SIGKILL",
        "`taffrail prune` tries again",
    ]);
    proxy.come_back();
    yard.command(["prune", "--running"]).finish().exits(0);
    yard.nothing_is_left(&finished);
}

/// The answer to a call is lost, or the call has no answer for long: it is found out what became of it, and it happens once.
#[test]
fn lost_replies_are_found_out() {
    let Some(yard) = Yard::new("lost_replies_are_found_out") else {
        return;
    };
    // Each call in turn; which one it was is told where it fails.
    for (method, path) in [
        ("POST", "/containers/create*"),
        ("POST", "/containers/*/start*"),
        ("POST", "/containers/*/attach*"),
        ("POST", "/containers/*/wait*"),
        ("GET", "/containers/*/json*"),
        ("PUT", "/containers/*/archive*"),
        ("GET", "/containers/*/archive*"),
        ("POST", "/volumes/create*"),
        ("DELETE", "/containers/*"),
        ("DELETE", "/volumes/*"),
    ] {
        // A call that never arrived matters where the engine is to change something.
        let both = [Fault::LoseReply, Fault::Refuse];
        let faults = if method == "POST" {
            &both[..]
        } else {
            &both[..1]
        };
        for fault in faults {
            let (yard, proxy) = faulty(&yard);
            proxy.once(method, path, fault.clone());
            let flow = contained(
                "inputFiles: {in.txt: given}\noutputFiles: [out.txt]",
                "",
                "cat in.txt; echo; echo once; cat in.txt > out.txt",
            );
            let finished = yard.runs(&flow, &[]).finish();
            assert_eq!(
                finished.code(),
                Some(0),
                "{method} {path} {fault:?}: {:#?}{finished}",
                proxy.lines()
            );
            yard.nothing_is_left(&finished);
            let record = finished.json();
            let ran = Ran { finished, record };
            let what = format!(
                "{method} {path} {fault:?}: {:#?}{}",
                proxy.lines(),
                ran.finished
            );
            assert_eq!(ran.lines('|'), ["given", "once"], "{what}");
            assert_eq!(ran.files("one"), ["out.txt"], "{what}");
        }
    }
}

/// Podman says only when it makes a container that it has no init: then it is made without one, and that is told.
#[test]
fn an_engine_without_an_init_runs_the_task_all_the_same() {
    let Some(yard) = Yard::new("an_engine_without_an_init_runs_the_task_all_the_same") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    let none = Fault::Answer(
        500,
        Vec::new(),
        br#"{"message":"container create: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file or directory"}"#.to_vec(),
    );
    proxy.once("POST", "/containers/create*", none.clone());
    let ran = yard.run(&contained("", "", "cat /proc/1/comm"), &[], 0);
    assert_eq!(ran.lines('|'), ["sh"], "{}", ran.finished);
    assert!(
        ran.warnings("one").contains("`init` has no effect"),
        "{}",
        ran.record
    );

    // Where none was asked for, the answer is what it says.
    let (yard, proxy) = faulty(&yard);
    proxy.always("POST", "/containers/create*", none);
    let finished = yard
        .runs(&contained("", "init: false", "true"), &[])
        .finish();
    finished.exits(5).says(["container-init binary not found"]);
    assert_eq!(proxy.count("POST", "/containers/create*"), 1);
}

/// A removal that the engine cannot do is told; the result stands.
#[test]
fn a_removal_that_fails_is_told() {
    let Some(yard) = Yard::new("a_removal_that_fails_is_told") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    let trouble = Fault::Answer(
        500,
        Vec::new(),
        br#"{"message":"device or resource busy"}"#.to_vec(),
    );
    proxy.always("DELETE", "/containers/*", trouble);
    let finished = yard.runs(&contained("", "", "echo done"), &[]).finish();
    finished.exits(0).says(["device or resource busy", "done"]);
    assert!(!yard.left().is_empty());
    proxy.heal();
    yard.command(["prune"]).finish().exits(0);
    yard.nothing_is_left(&finished);
}

/// Inputs that did not arrive whole: the task must not start. Half an output is an error and not half a file.
#[test]
fn torn_archives_are_errors() {
    let Some(yard) = Yard::new("torn_archives_are_errors") else {
        return;
    };
    let large = "x".repeat(300_000);
    let (first, proxy) = faulty(&yard);
    first.world.write("large.txt", &large);
    proxy.always("PUT", "/containers/*/archive*", Fault::CutRequest(100_000));
    let flow = contained(
        "inputFiles: {large.txt: \"{{ read('large.txt') }}\"}",
        "",
        "echo started",
    );
    let flow = flow.replace("\"{{ read('large.txt') }}\"", &json!(large).to_string());
    let finished = first.runs(&flow, &[]).finish();
    assert_ne!(finished.code(), Some(0), "{finished}");
    finished.never_prints(["one | started"]);
    first.nothing_is_left(&finished);

    let (second, proxy) = faulty(&yard);
    proxy.always("GET", "/containers/*/archive*", Fault::CutAnswer(100_000));
    let flow = contained(
        "outputFiles: [out.txt]",
        "",
        "head -c 300000 /dev/zero | tr '\\0' x > out.txt\necho made",
    );
    let finished = second.runs(&flow, &[]).finish();
    assert_ne!(finished.code(), Some(0), "{finished}");
    finished.says(["made"]);
    second.nothing_is_left(&finished);
    assert!(
        !finished.json()["tasks"][0]["outputs"]["outputFiles"]
            .to_string()
            .contains("out.txt")
    );
}

/// What a container's archive may hold that no honest one does: nothing of it gets outside or becomes anything but a file.
#[test]
fn hostile_archives_do_no_harm() {
    let Some(yard) = Yard::new("hostile_archives_do_no_harm") else {
        return;
    };
    let file = |path: &'static str| Entry {
        path,
        contents: b"bad",
        ..Entry::default()
    };
    let of = |kind: EntryKind, path: &'static str, target: &'static str| Entry {
        path,
        kind,
        target,
        ..Entry::default()
    };
    let endless = Entry {
        path: "work/out.txt",
        claimed: Some(8 << 40),
        contents: b"bad",
        ..Entry::default()
    };
    let archives: Vec<(&str, Vec<u8>)> = vec![
        (
            "above",
            Archive::new()
                .entry(file("work/../../../above.txt"))
                .finish(),
        ),
        (
            "above at once",
            Archive::new().entry(file("../above.txt")).finish(),
        ),
        (
            "absolute",
            Archive::new()
                .entry(file("/tmp/taffrail-absolute.txt"))
                .finish(),
        ),
        (
            "symlink out",
            Archive::new()
                .symlink("work/out", "/tmp")
                .entry(file("work/out/inside.txt"))
                .finish(),
        ),
        (
            "symlink",
            Archive::new()
                .symlink("work/out.txt", "/etc/passwd")
                .finish(),
        ),
        (
            "hard link",
            Archive::new()
                .entry(of(EntryKind::Link, "work/out.txt", "/etc/passwd"))
                .finish(),
        ),
        (
            "device",
            Archive::new()
                .entry(of(EntryKind::Device, "work/out.txt", ""))
                .finish(),
        ),
        (
            "pipe",
            Archive::new()
                .entry(of(EntryKind::Pipe, "work/out.txt", ""))
                .finish(),
        ),
        (
            "file and folder",
            Archive::new()
                .entry(file("work/out.txt"))
                .entry(file("work/out.txt/below"))
                .finish(),
        ),
        ("claims more", Archive::new().entry(endless).unfinished()),
        ("noise", vec![0xa5; 4096]),
        (
            "control bytes",
            Archive::new()
                .entry(file("work/\u{1b}[31mred.txt"))
                .finish(),
        ),
    ];
    let stat = STAT.replace('\n', "");
    for (what, archive) in archives {
        let (yard, proxy) = faulty(&yard);
        let headers = vec![
            ("Content-Type".to_owned(), "application/x-tar".to_owned()),
            ("X-Docker-Container-Path-Stat".to_owned(), stat.clone()),
        ];
        proxy.always(
            "GET",
            "/containers/*/archive*",
            Fault::Answer(200, headers, archive),
        );
        let flow = contained("outputFiles: ['**']", "", "echo made > out.txt");
        let finished = yard.runs(&flow, &[]).finish();
        let shown = format!("{what}: {finished}");
        assert!(matches!(finished.code(), Some(0 | 1 | 4)), "{shown}");
        assert!(
            !std::path::Path::new("/tmp/taffrail-absolute.txt").exists(),
            "{shown}"
        );
        for name in taffrail_tests::cli::listing(yard.world.root()) {
            assert!(
                !name.ends_with("above.txt") && !name.ends_with("below"),
                "{name}: {shown}"
            );
        }
        assert!(!finished.stdout.contains("root:x:0"), "{shown}");
        assert!(!finished.stderr.contains('\u{1b}'), "{shown}");
        yard.nothing_is_left(&finished);
    }
}

/// What the engine says of a folder, as base64 of JSON.
const STAT: &str = "eyJuYW1lIjoid29yayIsInNpemUiOjQwOTYsIm1vZGUiOjIxNDc0ODQxNDEsIm10aW1lIjoi
MjAyNi0wMS0wMVQwMDowMDowMFoiLCJsaW5rVGFyZ2V0IjoiIn0=";

/// An engine that takes a call and says nothing is given up in bounded time.
#[test]
fn an_engine_that_hangs_is_given_up() {
    let Some(yard) = Yard::new("an_engine_that_hangs_is_given_up") else {
        return;
    };
    let (yard, proxy) = faulty(&yard);
    proxy.always("GET", "/images/*/json*", Fault::Stall);
    let finished = yard.runs(&contained("", "", "true"), &[]).finish();
    finished.exits(5);
    assert!(finished.took < Duration::from_secs(45), "{finished}");
    yard.nothing_is_left(&finished);
}

pub fn private(what: &str, options: &[&str]) -> Option<&'static Engine> {
    match Engine::private(Kind::Docker, options) {
        Ok(engine) => {
            images::tools(&engine);
            // It ends with this process at the latest, and is stopped by its test.
            Some(Box::leak(Box::new(engine)))
        }
        Err(reason) => {
            skipped(what, &reason);
            None
        }
    }
}

/// The engine dies and comes back. Without live restore it ends the container on its way up: that is an interruption and not the script's
/// fault. With it, the task never notices.
#[test]
fn an_engine_that_dies_and_comes_back() {
    for live in [false, true] {
        let options: &[&str] = if live { &["--live-restore"] } else { &[] };
        let Some(engine) = private("an_engine_that_dies_and_comes_back", options) else {
            return;
        };
        let yard = Yard {
            world: World::new(),
            engine,
            url: engine.url().to_owned(),
        };
        let script = "echo ready\ni=1\nwhile [ $i -le 80 ]; do echo line $i; i=$((i+1)); sleep 0.1; done\nexit 3";
        let mut running = yard.runs(&contained("", "", script), &[]).start();
        running.wait_for_stderr("line 10");
        engine.kill();
        engine.start();
        let finished = running.finish();
        let record = finished.json();
        let ran = Ran { finished, record };
        if live {
            ran.finished.exits(4);
            let lines: Vec<&str> = ran.lines('|').into_iter().skip(1).collect();
            assert_eq!(lines, numbers(80), "{}", ran.finished);
            assert_eq!(ran.task("one")["exit"], json!({ "code": 3 }));
        } else {
            ran.finished.exits(5).says(["line 10", "restart"]);
            assert_eq!(
                ran.task("one")["failure"]["kind"],
                "interrupted",
                "{}",
                ran.finished
            );
        }
        yard.nothing_is_left(&ran.finished);
        engine.stop();
    }
}
