//! Tasks that ask web servers, against one on the loopback address.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::flows::flow;
use taffrail_tests::web::{Asked, Reply, WebServer};

fn request(address: &str, more: &str) -> String {
    flow(&format!(
        "- {{id: ask, type: io.kestra.plugin.core.http.Request, uri: \"{address}\"{more}}}\n"
    ))
}

/// What the one request of a task was, and its outputs.
fn asked(more: &str) -> (Asked, serde_json::Value) {
    let server = WebServer::start(|_| {
        Reply::new(200, "{\"a\": [1, 2]}")
            .header("Content-Type", "application/json")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
    });
    let ran = World::new().run(&request(&server.address("/path?q=1"), more), 0);
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "{}", ran.finished);
    (asked[0].clone(), ran.task("ask")["outputs"].clone())
}

#[test]
fn a_request_says_what_the_task_says() {
    let (got, outputs) = asked("");
    assert_eq!((&*got.method, &*got.target), ("GET", "/path?q=1"));
    assert_eq!(outputs["code"], 200);
    assert_eq!(outputs["body"], "{\"a\": [1, 2]}");
    assert_eq!(outputs["headers"]["x-twice"], json!(["1", "2"]));
    let (got, _) = asked(
        ", method: PUT, contentType: application/json, body: '{\"x\": \"ü\"}', headers: {X-One: 1}, params: {more: [a b, c], q: 2}",
    );
    assert_eq!(
        (&*got.method, &*got.target),
        ("PUT", "/path?q=1&more=a%20b&more=c&q=2")
    );
    assert_eq!(got.text(), "{\"x\": \"ü\"}");
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-one"), Some("1"));
    let (got, _) = asked(", method: DELETE, body: gone");
    assert_eq!((&*got.method, &*got.text()), ("DELETE", "gone"));
    let (got, _) = asked(", method: POST, formData: {a: \"1 2\", b: \"&\"}");
    assert_eq!(got.text(), "a=1%202&b=%26");
    assert_eq!(
        got.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    let (got, _) = asked(
        ", method: POST, contentType: multipart/form-data, formData: {a: one, f: {name: x.txt, content: text, contentType: text/plain}}",
    );
    let kind = got.header("content-type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap_or_else(|| panic!("{kind}"));
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\ntext\r\n--{boundary}--\r\n"
    );
    assert_eq!(got.text(), expected);
}

#[test]
fn credentials_are_shown_to_the_server_and_to_nobody_else() {
    let check = |auth: &str, line: &str, secrets: &[&str]| {
        let server = WebServer::start(|asked| {
            // A server that tells them must not make them visible.
            Reply::new(
                200,
                asked.header("authorization").unwrap_or("none").to_owned(),
            )
        });
        let text = request(&server.address("/"), &format!(", options: {{{auth}}}"))
            + "  - {id: show, type: io.kestra.plugin.core.log.Log, message: \"{{ outputs.ask.body }}\"}\n";
        let world = World::new();
        let ran = world.run(&text, 0);
        assert_eq!(
            server.asked()[0].header("authorization"),
            Some(line),
            "{auth}"
        );
        let printed = format!("{}{}", ran.finished.stdout, ran.finished.stderr);
        let log = world.log();
        for secret in secrets {
            assert!(!printed.contains(secret), "{secret}: {}", ran.finished);
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    };
    check(
        "auth: {type: BASIC, username: ada, password: enigma-machine}",
        "Basic YWRhOmVuaWdtYS1tYWNoaW5l",
        &["enigma-machine", "YWRhOmVuaWdtYS1tYWNoaW5l"],
    );
    check(
        "auth: {type: BEARER, token: tok-123456}",
        "Bearer tok-123456",
        &["tok-123456"],
    );
    check(
        "basicAuthUser: ada, basicAuthPassword: enigma-machine",
        "Basic YWRhOmVuaWdtYS1tYWNoaW5l",
        &["enigma-machine"],
    );
}

#[test]
fn redirects_are_followed_and_take_no_credentials_along() {
    let other = WebServer::start(|_| Reply::new(200, "other host"));
    let there = format!("http://localhost:{}/end", other.port());
    let server = WebServer::start(move |asked| match asked.target.as_str() {
        "/near" => Reply::new(302, "").header("Location", "/end"),
        "/far" => Reply::new(302, "").header("Location", there.clone()),
        "/round" => Reply::new(302, "").header("Location", "/round"),
        _ => Reply::new(200, "same host"),
    });
    let auth = "auth: {type: BEARER, token: tok-123456}";
    let run = |path: &str, options: &str, code: i32| {
        World::new().run(
            &request(&server.address(path), &format!(", options: {{{options}}}")),
            code,
        )
    };
    let near = run("/near", auth, 0);
    assert_eq!(near.task("ask")["outputs"]["body"], "same host");
    assert_eq!(near.task("ask")["outputs"]["uri"], server.address("/end"));
    let line = |asked: &Asked| asked.header("authorization").map(str::to_owned);
    assert!(server.asked().iter().all(|asked| line(asked).is_some()));
    let far = run("/far", auth, 0);
    assert_eq!(far.task("ask")["outputs"]["body"], "other host");
    assert_eq!(line(&other.asked()[0]), None);
    let stays = run("/near", "followRedirects: false", 0);
    assert_eq!(stays.task("ask")["outputs"]["code"], 302);
    let round = run("/round", "", 5);
    assert!(
        round.finished.stderr.contains("redirect"),
        "{}",
        round.finished
    );
}

#[test]
fn a_status_that_means_failure_fails_the_task_unless_it_is_allowed() {
    let server = WebServer::start(|asked| {
        let status = asked.target.trim_start_matches('/').parse().unwrap();
        Reply::new(status, "said\n  why")
    });
    let run = |status: &str, more: &str, code: i32| {
        World::new().run(&request(&server.address(&format!("/{status}")), more), code)
    };
    let failed = run("404", "", 4);
    let message = failed.task("ask")["failure"]["message"].to_string();
    assert!(
        message.contains("the answer's status is 404: said why"),
        "{message}"
    );
    run("500", "", 4);
    let allowed = run("404", ", options: {allowFailed: true}", 0);
    assert_eq!(allowed.task("ask")["outputs"]["code"], 404);
    run("404", ", options: {allowedResponseCodes: [404]}", 0);
    run("403", ", options: {allowedResponseCodes: [404]}", 4);
}

#[test]
fn limits_of_time_and_size_hold() {
    let server = WebServer::start(|asked| {
        if asked.target == "/slow" {
            std::thread::sleep(Duration::from_secs(20));
        }
        let body = Reply::new(200, vec![b'x'; 100_000]);
        if asked.target == "/broken" {
            body.broken_off()
        } else {
            body
        }
    });
    let run = |path: &str, more: &str, code: i32, part: &str| {
        let began = Instant::now();
        let ran = World::new().run(&request(&server.address(path), more), code);
        let message = ran.task("ask")["failure"]["message"].to_string();
        assert!(message.contains(part), "{path}: {message}");
        assert!(began.elapsed().as_secs() < 15, "{path}");
    };
    run("/slow", ", timeout: PT0.3S", 7, "timed out after 300ms");
    run(
        "/slow",
        ", options: {timeout: {readIdleTimeout: PT0.3S}}",
        5,
        "timeout",
    );
    run(
        "/big",
        ", options: {maxContentLength: 1000}",
        4,
        "larger than 1000 bytes",
    );
    run("/broken", "", 5, "");
    // Nobody listens there any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let ran = World::new().run(&request(&format!("http://127.0.0.1:{port}/"), ""), 5);
    assert_eq!(ran.task("ask")["failure"]["kind"], "unreachable");
    let ran = World::new().run(&request("file:///etc/passwd", ""), 3);
    let message = ran.task("ask")["failure"]["message"].to_string();
    assert!(message.contains("no address of the web"), "{message}");
}

#[test]
fn downloads_are_stored_and_read_by_later_tasks() {
    let server = WebServer::start(|asked| match asked.target.as_str() {
        "/data/table.csv?x=1" => Reply::new(200, "a,b\n1,2\n"),
        "/named" => Reply::new(200, "x").header(
            "Content-Disposition",
            "attachment; filename=\"../../report.txt\"",
        ),
        "/big" => Reply::new(200, vec![7; 20 << 20]),
        _ => Reply::new(200, ""),
    });
    let download = |id: &str, path: &str, more: &str| {
        format!(
            "- {{id: {id}, type: io.kestra.plugin.core.http.Download, uri: \"{}\"{more}}}\n",
            server.address(path)
        )
    };
    let tasks = download("table", "/data/table.csv?x=1", "")
        + &download("named", "/named", "")
        + &download("big", "/big", "")
        + &download("empty", "/", ", failOnEmptyResponse: false")
        + "- id: use\n  type: io.kestra.plugin.scripts.shell.Commands\n  inputFiles: {t.csv: \"{{ outputs.table.uri }}\", big: \"{{ outputs.big.uri }}\"}\n  commands: [\"cat t.csv {{ outputs.table.uri }}\", \"wc -c < big\"]\n";
    let ran = World::new().run(&flow(&tasks), 0);
    let uri = |id: &str| ran.task(id)["outputs"]["uri"].as_str().unwrap().to_owned();
    assert!(uri("table").ends_with("-table.csv"), "{}", uri("table"));
    assert!(uri("named").ends_with("-report.txt"), "{}", uri("named"));
    assert_eq!(ran.task("big")["outputs"]["length"], 20 << 20);
    assert_eq!(
        ran.lines('|'),
        ["a,b", "1,2", "a,b", "1,2", &(20 << 20).to_string()]
    );
    let empty = World::new().run(&flow(&download("empty", "/", "")), 4);
    assert!(
        empty.finished.stderr.contains("the answer is empty"),
        "{}",
        empty.finished
    );
}

#[test]
fn certificates_are_looked_at_unless_the_task_trusts_everybody() {
    let world = World::new();
    let here = world.here();
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE".split(' '))
        .current_dir(&here)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no `openssl` that makes a certificate");
        return;
    }
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let mut server = Command::new("openssl")
        .args([
            "s_server", "-quiet", "-WWW", "-key", "key.pem", "-cert", "cert.pem",
        ])
        .args(["-accept", &port.to_string()])
        .current_dir(&here)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::fs::write(here.join("secret.txt"), "behind TLS\n").unwrap();
    for _ in 0..100 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let address = format!("https://localhost:{port}/secret.txt");
    let refused = world.run(&request(&address, ""), 5);
    let trusted = world.run(
        &request(
            &address,
            ", options: {ssl: {insecureTrustAllCertificates: true}}",
        ),
        0,
    );
    world.write("flow.yaml", request(&address, ""));
    let known = world
        .command(["run", "flow.yaml", "-o", "json"])
        .env("SSL_CERT_FILE", here.join("cert.pem"))
        .finish();
    server.kill().unwrap();
    server.wait().unwrap();
    let message = refused.task("ask")["failure"]["message"].to_string();
    assert!(message.to_lowercase().contains("certificate"), "{message}");
    assert_eq!(trusted.task("ask")["outputs"]["body"], "behind TLS\n");
    known.exits(0);
}

/// The server answers the question of an expression only once another task has asked it something.
#[test]
fn other_tasks_go_on_while_an_expression_asks() {
    let with = |form: &str, called: &str| {
        let world = World::new();
        let (tell, told) = std::sync::mpsc::channel();
        let (tell, told) = (Mutex::new(tell), Mutex::new(told));
        let server = WebServer::start(move |asked| {
            if asked.target == "/other" {
                tell.lock().unwrap().send(()).unwrap();
                return Reply::new(200, "other");
            }
            let waited = told.lock().unwrap().recv_timeout(Duration::from_secs(8));
            Reply::new(200, if waited.is_ok() { "true" } else { "false" })
        });
        let slow = format!("http('{}')", server.address("/slow"));
        let asks = form.replace("ASK", &slow);
        world.write("called.yaml", called.replace("ASK", &slow));
        let ran = world.run(
            &flow(&format!(
                "- id: both\n  type: io.kestra.plugin.core.flow.Parallel\n  tasks:\n    - {asks}\n    - {{id: other, type: io.kestra.plugin.core.http.Request, uri: {}}}\n",
                server.address("/other")
            )),
            0,
        );
        let ids: Vec<&str> = ran.record["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|task| task["state"] == "SUCCESS")
            .map(|task| task["task"].as_str().unwrap())
            .collect();
        assert!(ids.contains(&"well"), "{form}: {ids:?}\n{}", ran.finished);
    };
    let check = |form: &str| with(form, "");
    const LOG: &str = "type: io.kestra.plugin.core.log.Log, message: x";
    const FAIL: &str =
        "type: io.kestra.plugin.core.execution.Fail, condition: \"{{ ASK == 'false' }}\"";
    check(&format!("{{id: well, {FAIL}}}"));
    check("{id: well, type: io.kestra.plugin.scripts.shell.Commands, commands: [\"{{ ASK }}\"]}");
    check(&format!("{{id: well, {LOG}, runIf: \"{{{{ ASK }}}}\"}}"));
    check(&format!(
        "{{id: if, type: io.kestra.plugin.core.flow.If, condition: \"{{{{ ASK }}}}\", then: [{{id: well, {LOG}}}]}}"
    ));
    check(&format!(
        "{{id: well, type: io.kestra.plugin.core.flow.LoopUntil, condition: \"{{{{ ASK }}}}\", failOnMaxReached: true, checkFrequency: {{maxIterations: 1}}, tasks: [{{id: in, {LOG}}}]}}"
    ));
    // What a called flow asks before its first task, and what a batch is given.
    let called = |more: &str, answer: &str| {
        format!(
            "id: called\nnamespace: test.flows\n{more}\ntasks: [{{id: in, type: io.kestra.plugin.core.execution.Fail, condition: \"{{{{ {answer} == 'false' }}}}\"}}]\n"
        )
    };
    const CALL: &str = "{id: well, type: io.kestra.plugin.core.flow.Subflow, namespace: test.flows, flowId: called}";
    with(
        CALL,
        &called(
            "inputs: [{id: a, type: STRING, defaults: \"{{ ASK }}\"}]",
            "inputs.a",
        ),
    );
    with(CALL, &called("labels: {a: \"{{ ASK }}\"}", "labels.a"));
    with(
        "{id: seq, type: io.kestra.plugin.core.flow.Sequential, tasks: [{id: file, type: io.kestra.plugin.core.storage.Write, content: one}, {id: well, type: io.kestra.plugin.core.flow.ForEachItem, items: \"{{ outputs.file.uri }}\", namespace: test.flows, flowId: called, inputs: {a: \"{{ ASK }}\"}}]}",
        &called("inputs: [{id: a, type: STRING}]", "inputs.a"),
    );
}

/// Who waits for an answer can be cancelled, and his time can be over.
#[test]
fn a_flow_ends_though_an_expression_still_waits() {
    let world = World::new();
    let server = WebServer::start(|_| {
        std::thread::sleep(Duration::from_secs(9));
        Reply::new(200, "late")
    });
    let began = Instant::now();
    let ran = world.run(
        &flow(&format!(
            "- id: limited\n  type: io.kestra.plugin.core.flow.Sequential\n  timeout: PT0.5S\n  tasks:\n    - {{id: if, type: io.kestra.plugin.core.flow.If, condition: \"{{{{ http('{}') }}}}\", then: [{{id: never, type: io.kestra.plugin.core.log.Log, message: x}}]}}\n",
            server.address("/")
        )),
        7,
    );
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(ran.task("limited")["failure"]["kind"], "timeout");
}
