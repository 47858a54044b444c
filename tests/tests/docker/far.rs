//! Engines that are reached over a network: plain TCP, TLS with certificates of both sides, SSH, and contexts that name them.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use taffrail_tests::cli::World;
use taffrail_tests::docker::engine::{Engine, Kind};
use taffrail_tests::docker::{images, skipped};
use taffrail_tests::flows::Ran;

use crate::support::{Yard, contained};

/// Files both ways, both streams, and an exit code, so that all kinds of calls pass.
const KEYS: &str = "inputFiles: {in.txt: given}\noutputFiles: [out.txt]";
const SCRIPT: &str = "cat in.txt; echo; echo error >&2; cp in.txt out.txt; exit 3";

#[track_caller]
fn is_right(ran: &Ran) {
    assert_eq!(ran.lines('|'), ["given"], "{}", ran.finished);
    assert_eq!(ran.lines('!'), ["error"], "{}", ran.finished);
    assert_eq!(ran.files("one"), ["out.txt"], "{}", ran.finished);
    assert_eq!(
        ran.task("one")["exit"],
        json!({ "code": 3 }),
        "{}",
        ran.finished
    );
}

/// A port of this machine that leads to the engine's socket.
pub fn port_of(engine: &Engine) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = engine.socket();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(engine) = UnixStream::connect(&socket) else {
                continue;
            };
            let (to, from) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            std::thread::spawn(move || {
                pass(client, engine, |engine| {
                    engine.shutdown(std::net::Shutdown::Write)
                })
            });
            std::thread::spawn(move || {
                pass(from, to, |client: &TcpStream| {
                    client.shutdown(std::net::Shutdown::Write)
                })
            });
        }
    });
    port
}

fn pass<W: io::Write>(mut from: impl io::Read, mut to: W, end: impl Fn(&W) -> io::Result<()>) {
    let _ = io::copy(&mut from, &mut to);
    let _ = end(&to);
}

#[test]
fn an_engine_is_reached_over_tcp() {
    let Some(yard) = Yard::new("an_engine_is_reached_over_tcp") else {
        return;
    };
    let port = port_of(yard.engine);
    for scheme in ["tcp", "http"] {
        let yard = Yard {
            url: format!("{scheme}://127.0.0.1:{port}"),
            ..yard.fresh()
        };
        is_right(&yard.run(&contained(KEYS, "", SCRIPT), &[], 4));
        yard.command(["prune"]).finish().exits(0);
    }
    // It sees this machine's disk, as it is this machine's.
    let yard = Yard {
        url: format!("tcp://127.0.0.1:{port}"),
        ..yard.fresh()
    };
    is_right(&yard.run(
        &contained(KEYS, "fileHandlingStrategy: MOUNT", SCRIPT),
        &[],
        4,
    ));
}

/// An engine that does not see this machine's disk: files go there and back, and what would be mounted is refused in so many words, with
/// nothing left.
#[test]
fn an_engine_elsewhere_gets_copies_and_no_mounts() {
    let name = "an_engine_elsewhere_gets_copies_and_no_mounts";
    let world = World::new();
    let engine = match Engine::elsewhere(Kind::Docker, world.root()) {
        Ok(engine) => engine,
        Err(reason) => return skipped(name, &reason),
    };
    images::tools(&engine);
    let url = format!("tcp://127.0.0.1:{}", port_of(&engine));
    let run = |flow: &str| {
        world.write("flow.yaml", flow);
        let finished = world.command(["run", "flow.yaml", "-o", "json"]);
        finished.env("DOCKER_HOST", &url).finish()
    };
    let finished = run(&contained(KEYS, "", SCRIPT));
    finished.exits(4);
    let record = finished.json();
    is_right(&Ran { finished, record });
    let shared = "
        - id: together
          type: io.kestra.plugin.core.flow.WorkingDirectory
          tasks:
            - {id: first, type: io.kestra.plugin.scripts.shell.Commands, commands: ['echo one > a']}
            - {id: second, type: io.kestra.plugin.scripts.shell.Commands, commands: ['cat a']}
    ";
    run(&taffrail_tests::flows::flow(shared))
        .exits(0)
        .says(["second   | one"]);
    let refused = run(&contained(KEYS, "fileHandlingStrategy: MOUNT", SCRIPT));
    refused.exits(4).says([
        "`fileHandlingStrategy: MOUNT` needs an engine that sees this machine's disk",
        &format!("{url} does not"),
        "use VOLUME",
    ]);
    let left = engine.left_of("test.");
    assert!(left.is_empty(), "{left:?}{refused}");
}

/// Makes an authority, and certificates of an engine on the loopback address and of a client: `ca.pem`, `cert.pem`, `key.pem` and the
/// engine's own. What `openssl` says where it does not.
fn certificates(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let script = "set -e\n\
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=tests\n\
        sign() { openssl req -newkey rsa:2048 -nodes -keyout $1key.pem -out req.pem -subj /CN=$2; \
        printf \"extendedKeyUsage=$3\\nsubjectAltName=IP:127.0.0.1\\n\" > ext; \
        openssl x509 -req -in req.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile ext -out $1cert.pem; }\n\
        sign '' client clientAuth\n\
        sign engine- engine serverAuth\n";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The process of a private engine, by its command line.
fn process_of(engine: &Engine) -> Option<u32> {
    let socket = engine.url().to_owned();
    let all = std::fs::read_dir("/proc").ok()?;
    let mut ids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.starts_with(b"dockerd") && String::from_utf8_lossy(&line).contains(&socket)
    })
}

#[test]
fn an_engine_is_reached_over_tls() {
    let name = "an_engine_is_reached_over_tls";
    let keys = tempfile::tempdir().unwrap();
    let [ours, others] = ["ours", "others"].map(|folder| keys.path().join(folder));
    if let Err(reason) = certificates(&ours).and_then(|()| certificates(&others)) {
        return skipped(name, &format!("no certificates: {reason}"));
    }
    let file = |name: &str| ours.join(name).display().to_string();
    let options = [
        "--host",
        "tcp://127.0.0.1:2376",
        "--tlsverify",
        "--tlscacert",
        &file("ca.pem"),
        "--tlscert",
        &file("engine-cert.pem"),
        "--tlskey",
        &file("engine-key.pem"),
    ];
    let engine = match Engine::private(Kind::Docker, &options) {
        Ok(engine) => engine,
        Err(reason) => return skipped(name, &reason),
    };
    images::tools(&engine);
    let process = process_of(&engine).expect("the engine runs");
    let run = |world: &World, flow: &str, environment: &[(&str, &Path)]| {
        world.write("flow.yaml", flow);
        // The engine listens on a loopback address of its own.
        let line = format!(
            "exec nsenter --net=/proc/{process}/ns/net \"$TAFFRAIL\" run flow.yaml -o json"
        );
        let mut invocation = world.sh(&line).without("DOCKER_HOST");
        for (name, value) in environment {
            invocation = invocation.env(name, value.display().to_string());
        }
        invocation.finish()
    };
    let (address, yes) = (PathBuf::from("tcp://127.0.0.1:2376"), PathBuf::from("1"));
    let flow = contained(KEYS, "", SCRIPT);

    // By the variables.
    let by_variables = [
        ("DOCKER_HOST", address.as_path()),
        ("DOCKER_TLS_VERIFY", yes.as_path()),
        ("DOCKER_CERT_PATH", ours.as_path()),
    ];
    let finished = run(&World::new(), &flow, &by_variables);
    finished.exits(4);
    let record = finished.json();
    is_right(&Ran { finished, record });

    // By the runner's `host`, with the user's keys.
    let host = contained(KEYS, "host: tcp://127.0.0.1:2376", SCRIPT);
    run(&World::new(), &host, &by_variables[1..]).exits(4);

    // By a context, which has keys of its own.
    let world = World::new();
    let digest = crate::reach::digest("far");
    let meta = json!({ "Name": "far", "Endpoints": { "docker": { "Host": "tcp://127.0.0.1:2376", "SkipTLSVerify": false } } });
    world.write(
        &format!("client/contexts/meta/{digest}/meta.json"),
        meta.to_string(),
    );
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        let bytes = std::fs::read(ours.join(name)).unwrap();
        world.write(
            &format!("client/contexts/tls/{digest}/docker/{name}"),
            bytes,
        );
    }
    world.write(
        "client/config.json",
        json!({ "currentContext": "far" }).to_string(),
    );
    let client = world.here().join("client");
    run(&world, &flow, &[("DOCKER_CONFIG", &client)]).exits(4);

    // Without a certificate, with one of another authority, without TLS: nobody is trusted, and it is told.
    let wrong = |environment: &[(&str, &Path)], part: &str| {
        let finished = run(&World::new(), &flow, environment);
        finished.exits(5).says(["tcp://127.0.0.1:2376", part]);
        finished.never_prints(["panicked", "PRIVATE KEY"]);
    };
    wrong(&by_variables[..1], "TLS");
    wrong(
        &[
            by_variables[0],
            by_variables[1],
            ("DOCKER_CERT_PATH", &others),
        ],
        "its certificate is not one for this address that `ca.pem` signed",
    );
    wrong(
        &[
            by_variables[0],
            by_variables[1],
            ("DOCKER_CERT_PATH", Path::new("/nowhere")),
        ],
        "/nowhere/ca.pem",
    );
}

/// A real server of SSH on the loopback address, for this user and one key. It ends when this is dropped.
struct Sshd {
    server: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Sshd {
    fn start() -> Result<Self, String> {
        let program = images::which("sshd").ok_or("`sshd` is not installed")?;
        images::which("docker").ok_or("there is no `docker` on the search path")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| error.to_string())?.port();
        let place = folder.path().display();
        let keys = format!(
            "set -e; cd {place}; mkdir -p bin /run/sshd\n\
             for key in host user other; do ssh-keygen -q -t ed25519 -N '' -f $key; done\n\
             cp user.pub authorized\n\
             printf '#!/bin/sh\\nexec {} -F {place}/config \"$@\"\\n' > bin/ssh; chmod +x bin/ssh\n\
             printf 'IdentityFile {place}/user\\nIdentitiesOnly yes\\nStrictHostKeyChecking accept-new\\nUserKnownHostsFile {place}/known\\n' > config\n",
            images::which("ssh")
                .ok_or("`ssh` is not installed")?
                .display(),
        );
        let made = Command::new("sh")
            .args(["-c", &keys])
            .output()
            .map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized\nStrictModes no\n\
             UsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
        );
        std::fs::write(folder.path().join("sshd_config"), config)
            .map_err(|error| error.to_string())?;
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let sshd = Sshd {
            server,
            folder,
            port,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(sshd);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("sshd does not listen".to_owned())
    }
}

#[test]
fn an_engine_is_reached_over_ssh() {
    let name = "an_engine_is_reached_over_ssh";
    let Some(yard) = Yard::new(name) else {
        return;
    };
    let sshd = match Sshd::start() {
        Ok(sshd) => sshd,
        Err(reason) => return skipped(name, &reason),
    };
    let socket = yard.engine.socket();
    let address = format!("ssh://127.0.0.1:{}{}", sshd.port, socket.display());
    let run = |flow: &str, address: &str| {
        let world = World::new();
        world.write("flow.yaml", flow);
        let invocation = world
            .command(["run", "flow.yaml", "-o", "json"])
            .env("DOCKER_HOST", address);
        let running = invocation
            .path_first(&sshd.folder.path().join("bin"))
            .start();
        let process = running.id();
        let finished = running.finish();
        // Nothing of it stays; a program that was told to end takes a moment.
        let begun = Instant::now();
        loop {
            let left = left_of(process);
            if left.is_empty() {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{left:?} {finished}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        finished
    };
    let finished = run(&contained(KEYS, "", SCRIPT), &address);
    finished.exits(4);
    let record = finished.json();
    is_right(&Ran { finished, record });
    // By the runner's `host`.
    let host = contained(KEYS, &format!("host: {address}"), SCRIPT);
    run(&host, "unix:///nowhere/docker.sock").exits(4);

    let wrong = |address: &str, part: &str| {
        let finished = run(&contained(KEYS, "", SCRIPT), address);
        finished.exits(5).says([part]).never_prints(["panicked"]);
    };
    wrong(
        &format!("ssh://127.0.0.1:{}/nowhere/engine.sock", sshd.port),
        "/nowhere/engine.sock",
    );
    wrong("ssh://-oProxyCommand=touch", "ssh://[user@]host[:port]");
    std::fs::write(sshd.folder.path().join("authorized"), "").unwrap();
    wrong(&address, "Permission denied");
}

/// The programs and the folder of a relay that a process made.
fn left_of(process: u32) -> Vec<String> {
    let mark = format!("taffrail-ssh-{process}-");
    let names = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let folders = names(&std::env::temp_dir());
    let folders = folders.into_iter().map(|path| path.display().to_string());
    let programs = names(Path::new("/proc")).into_iter().map(|path| {
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    });
    folders
        .chain(programs)
        .filter(|text| text.contains(&mark))
        .collect()
}
