//! From a component to an installed plugin and back: files, folders, web addresses, registries, signatures, what is refused on the way.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

#[path = "../guests/mod.rs"]
mod guests;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use guests::{Guest, component, descriptor};
use taffrail_tests::cli::World;
use taffrail_tests::registry::{ACCOUNT, Registry};

fn echo(version: &str) -> Vec<u8> {
    titled(version, "Echo")
}

/// Components of one version that differ.
fn titled(version: &str, title: &str) -> Vec<u8> {
    let mut document = descriptor("echo", version);
    document["title"] = title.into();
    Guest::new("echo").descriptor(document).build()
}

fn installed(world: &World) -> Vec<String> {
    let list = world
        .taffrail(["plugin", "list", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(list["broken"], serde_json::json!([]), "{list:#}");
    list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|plugin| plugin["id"] == "echo")
        .map(|plugin| plugin["version"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn from_a_file_to_a_flow_and_away_again() {
    let world = World::new();
    world.write("echo.wasm", echo("1.0.0"));
    world.write("more/a/two.wasm", echo("2.0.0"));
    world.write("more/three.wasm", echo("2.1.0-SNAPSHOT"));
    world
        .taffrail(["plugin", "add", "echo.wasm"])
        .exits(0)
        .prints("added echo 1.0.0  reaches nothing\n");
    world
        .taffrail(["plugin", "add", "echo.wasm"])
        .exits(0)
        .prints("kept echo 1.0.0  reaches nothing\n");
    let added = world
        .taffrail(["plugin", "add", "more", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        added["plugins"].as_array().map(Vec::len),
        Some(2),
        "{added:#}"
    );
    assert_eq!(installed(&world), ["1.0.0", "2.0.0", "2.1.0-SNAPSHOT"]);
    world.write(
        "flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run, version: 1, text: hello}\n  - {id: b, type: test.echo.Run, text: hello}\n",
    );
    world
        .taffrail(["run", "flow.yaml", "--runner", "process"])
        .exits(0)
        .answers(["a | {\"text\":\"hello\"}", "b | {\"text\":\"hello\"}"]);
    world.taffrail(["plugin", "verify"]).exits(0).answers([
        "ok    echo 1.0.0  as installed from echo.wasm",
        "ok    shell 1.0.0  part of this program",
    ]);
    world
        .taffrail(["plugin", "remove", "echo"])
        .exits(2)
        .says(["`echo@1.0.0`", "`echo@2.0.0`"]);
    world
        .taffrail(["plugin", "remove", "echo@2"])
        .exits(0)
        .prints("removed echo 2.0.0\n");
    world.taffrail(["plugin", "remove", "echo@2"]).exits(8);
    world.taffrail(["plugin", "remove", "shell"]).exits(9);
    world
        .taffrail(["plugin", "remove", "ecko"])
        .exits(8)
        .says(["did you mean `echo`?"]);
    assert_eq!(installed(&world), ["1.0.0", "2.1.0-SNAPSHOT"]);
}

#[test]
fn what_this_host_cannot_run_is_not_installed() {
    let world = World::new();
    let good = echo("1.0.0");
    let mut claims = descriptor("thief", "1.0.0");
    claims["taskTypes"][0]["name"] = "io.kestra.plugin.scripts.shell.Commands".into();
    let shell = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/bundled/shell/1.0.0/plugin.wasm"),
    )
    .unwrap();
    let mut fake = descriptor("shell", "1.0.0");
    fake["taskTypes"][0]["name"] = "test.shell.Run".into();
    for (name, bytes, reason) in [
        ("empty", Vec::new(), "it is empty"),
        (
            "cut",
            good[..good.len() - 9].to_vec(),
            "it ends in the middle",
        ),
        ("text", b"(component)".to_vec(), "text form"),
        (
            "import",
            component("foreign-import"),
            "`wasi:http/types@0.2.3`",
        ),
        (
            "api",
            Guest::new("echo").api("0.9.0").build(),
            "it speaks plugin API 0.9.0",
        ),
        ("describe", component("loop-describe"), "took longer than"),
        (
            "descriptor",
            Guest::new("echo").descriptor("{}").build(),
            "its descriptor cannot be read",
        ),
        (
            "thief",
            Guest::new("echo").descriptor(claims).build(),
            "which belongs to plugin `shell`",
        ),
        (
            "fake",
            Guest::new("echo").descriptor(fake).build(),
            "is part of this program with other content",
        ),
    ] {
        let file = format!("{name}.wasm");
        world.write(&file, bytes);
        world
            .taffrail(["plugin", "add", &file])
            .exits(6)
            .prints("")
            .says([file.as_str(), reason]);
    }
    world.taffrail(["plugin", "add", "nowhere.wasm"]).exits(8);
    world
        .taffrail(["plugin", "add", "ftp://localhost/x.wasm"])
        .exits(2);
    world.write("none/readme", "");
    world.taffrail(["plugin", "add", "none"]).exits(8);
    assert_eq!(installed(&world), Vec::<String>::new());
    // The very same component as a bundled one is no harm.
    world.write("shell.wasm", shell);
    world.taffrail(["plugin", "add", "shell.wasm"]).exits(0);
}

#[test]
fn a_release_never_changes_and_a_snapshot_may() {
    let world = World::new();
    for (name, version, title) in [
        ("one", "1.0.0", "one"),
        ("two", "1.0.0", "two"),
        ("moving-one", "1.1.0-SNAPSHOT", "one"),
        ("moving-two", "1.1.0-SNAPSHOT", "two"),
    ] {
        world.write(&format!("{name}.wasm"), titled(version, title));
    }
    world.taffrail(["plugin", "add", "one.wasm"]).exits(0);
    world
        .taffrail(["plugin", "add", "two.wasm"])
        .exits(6)
        .says(["`echo 1.0.0`", "a released version never changes"]);
    world
        .taffrail(["plugin", "add", "moving-one.wasm"])
        .exits(0);
    world
        .taffrail(["plugin", "add", "moving-two.wasm"])
        .exits(0)
        .answers(["replaced echo 1.1.0-SNAPSHOT"]);
    // Somebody else's hand on a file is found.
    let file = world.root().join("plugins/echo/1.0.0/plugin.wasm");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, titled("1.0.0", "two")).unwrap();
    world
        .taffrail(["plugin", "verify", "echo@1.0.0"])
        .exits(6)
        .answers(["FAIL  echo 1.0.0: its content is sha256:", "was installed"]);
}

#[test]
fn several_may_add_the_same_at_once() {
    let world = World::new();
    world.write("echo.wasm", echo("1.0.0"));
    let running: Vec<_> = (0..4)
        .map(|_| world.command(["plugin", "add", "echo.wasm"]).start())
        .collect();
    for one in running {
        one.finish().exits(0);
    }
    assert_eq!(installed(&world), ["1.0.0"]);
    let hidden: Vec<_> = std::fs::read_dir(world.root().join("plugins/echo"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(hidden, ["1.0.0"]);
}

/// Serves one file by HTTP to everybody who asks, until the test ends.
fn serve(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let answer = if request.starts_with("GET /echo.wasm ") {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    content.len()
                );
                [head.as_bytes(), &content].concat()
            } else {
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
            };
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn a_web_address_is_taken_with_its_digest_only() {
    let world = World::new();
    let bytes = echo("1.0.0");
    world.write("echo.wasm", &bytes);
    let info = world
        .taffrail(["plugin", "info", "echo.wasm", "--format", "json"])
        .exits(0)
        .json();
    let digest = format!("sha256:{}", info["sha256"].as_str().unwrap());
    let base = serve(bytes);
    let address = format!("{base}/echo.wasm");
    world
        .taffrail(["plugin", "add", &address])
        .exits(2)
        .says(["only taken with its digest", "--digest"]);
    let wrong = format!("sha256:{}", "0".repeat(64));
    world
        .taffrail(["plugin", "add", &address, "--digest", &wrong])
        .exits(6)
        .says([digest.as_str(), wrong.as_str()]);
    world
        .taffrail([
            "plugin",
            "add",
            &format!("{base}/other.wasm"),
            "--digest",
            &digest,
        ])
        .exits(8)
        .says(["other.wasm"]);
    world
        .taffrail([
            "plugin",
            "add",
            "http://127.0.0.1:1/echo.wasm",
            "--digest",
            &digest,
        ])
        .exits(5);
    world
        .taffrail(["plugin", "add", &address, "--digest", &digest])
        .exits(0)
        .answers(["added echo 1.0.0"]);
    // Where it came from goes into the lock, so that others can get it.
    world.write(
        "flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run}\n",
    );
    world.taffrail(["lock", "flow.yaml"]).exits(0);
    let lock = std::fs::read_to_string(world.here().join("taffrail.lock")).unwrap();
    assert!(lock.contains(&format!("source = \"{address}\"")), "{lock}");
}

#[test]
fn published_found_updated() {
    let registry = match Registry::start(false) {
        Ok(registry) => registry,
        Err(reason) => {
            println!("SKIPPED published_found_updated: {reason}");
            return;
        }
    };
    let author = World::new();
    let repository = format!("oci://{}/plugins/echo", registry.host);
    author.write("one.wasm", echo("1.0.0"));
    author.write("two.wasm", echo("1.1.0"));
    author.write("changed.wasm", titled("1.0.0", "changed"));
    let published = author
        .taffrail([
            "plugin",
            "publish",
            "one.wasm",
            &repository,
            "--format",
            "json",
        ])
        .exits(0)
        .json();
    let fixed = published["reference"].as_str().unwrap().to_owned();
    assert!(
        fixed.starts_with(&format!("{repository}:1.0.0@sha256:")),
        "{fixed}"
    );
    // The layout is the one that other tools read.
    let manifest = std::fs::read(registry.blob(fixed.split_once('@').unwrap().1)).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.version"],
        "1.0.0"
    );
    let config =
        std::fs::read(registry.blob(manifest["config"]["digest"].as_str().unwrap())).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(
        config["component"]["exports"][0],
        "taffrail:plugin/language@0.1.0"
    );
    // The same once more is no change, another content is.
    author
        .taffrail(["plugin", "publish", "one.wasm", &repository])
        .exits(0)
        .prints(&format!("{fixed}\n"));
    author
        .taffrail(["plugin", "publish", "changed.wasm", &repository])
        .exits(6)
        .says(["a released version never changes"]);
    author
        .taffrail([
            "plugin",
            "publish",
            "one.wasm",
            &format!("{repository}:2.0.0"),
        ])
        .exits(3)
        .says(["version 1.0.0", "`2.0.0`"]);

    let user = World::new();
    user.taffrail(["plugin", "add", &format!("{repository}:1.0.0")])
        .exits(0)
        .answers(["added echo 1.0.0"]);
    user.taffrail(["plugin", "update"])
        .exits(0)
        .prints("")
        .says(["up to date"]);
    author
        .taffrail(["plugin", "publish", "two.wasm", &repository])
        .exits(0);
    user.taffrail(["plugin", "update", "--dry-run"])
        .exits(0)
        .answers(["echo 1.0.0 -> 1.1.0"]);
    user.taffrail(["plugin", "update", "echo"])
        .exits(0)
        .answers(["added echo 1.1.0"]);
    assert_eq!(installed(&user), ["1.0.0", "1.1.0"]);
    user.write(
        "flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run, version: 1.0.0}\n",
    );
    user.taffrail(["lock", "flow.yaml"]).exits(0);
    let lock = std::fs::read_to_string(user.here().join("taffrail.lock")).unwrap();
    assert!(lock.contains(&format!("source = \"{fixed}\"")), "{lock}");

    let other = World::new();
    other.taffrail(["plugin", "add", &fixed]).exits(0);
    other
        .taffrail(["plugin", "add", &format!("{repository}:3.0.0")])
        .exits(8)
        .says(["3.0.0"]);
    let wrong = format!("{repository}@sha256:{}", "0".repeat(64));
    other.taffrail(["plugin", "add", &wrong]).exits(8);
    // A component that is not for this host is not even fetched.
    let future = Guest::new("echo").api("0.9.0").build();
    author.write("future.wasm", future);
    author
        .taffrail(["plugin", "publish", "future.wasm", &repository])
        .exits(6);
}

#[test]
fn a_registry_that_asks_for_credentials() {
    let registry = match Registry::start(true) {
        Ok(registry) => registry,
        Err(reason) => {
            println!("SKIPPED a_registry_that_asks_for_credentials: {reason}");
            return;
        }
    };
    let world = World::new();
    world.write("echo.wasm", echo("1.0.0"));
    let repository = format!("oci://{}/echo", registry.host);
    world
        .taffrail(["plugin", "publish", "echo.wasm", &repository])
        .exits(5)
        .says(["asks for credentials", "docker login"]);
    let login = |password: &str| {
        let auth = base64(&format!("{}:{password}", ACCOUNT.0));
        let config = serde_json::json!({ "auths": { registry.host.as_str(): { "auth": auth } } });
        world.write("docker/config.json", config.to_string());
    };
    let folder = world.here().join("docker");
    let asked = |arguments: &[&str]| {
        world
            .command(arguments)
            .env("DOCKER_CONFIG", &folder)
            .finish()
    };
    login("wrong");
    asked(&["plugin", "publish", "echo.wasm", &repository])
        .exits(5)
        .says(["refuses the credentials of `ada`"])
        .never_prints(["wrong"]);
    login(ACCOUNT.1);
    asked(&["plugin", "publish", "echo.wasm", &repository]).exits(0);
    asked(&["plugin", "add", &format!("{repository}:1.0.0")]).exits(0);
    assert_eq!(installed(&world), ["1.0.0"]);
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes()
        .chunks(3)
        .map(|chunk| {
            let bits = chunk
                .iter()
                .fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..4)
                .map(|place| {
                    if place > chunk.len() {
                        '='
                    } else {
                        char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63])
                    }
                })
                .collect::<String>()
        })
        .collect()
}

/// A pair of keys of minisign, without a password: the path of the secret one and the public one.
fn keys(world: &World, name: &str) -> Option<(String, String)> {
    let (secret, public) = (
        world.here().join(format!("{name}.key")),
        world.here().join(format!("{name}.pub")),
    );
    let made = Command::new("minisign")
        .args(["-G", "-W", "-f", "-s"])
        .arg(&secret)
        .arg("-p")
        .arg(&public)
        .output()
        .ok()?;
    assert!(made.status.success(), "{made:?}");
    let text = std::fs::read_to_string(public).unwrap();
    Some((
        secret.display().to_string(),
        text.lines().nth(1).unwrap().to_owned(),
    ))
}

fn sign(world: &World, key: &str, file: &str) {
    let signed = Command::new("minisign")
        .args(["-S", "-s", key, "-m"])
        .arg(world.here().join(file))
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
}

#[test]
fn signatures_of_trusted_keys() {
    let world = World::new();
    let (Some((secret, public)), Some((_, stranger))) = (keys(&world, "one"), keys(&world, "two"))
    else {
        println!("SKIPPED signatures_of_trusted_keys: `minisign` is not installed");
        return;
    };
    world.write("echo.wasm", echo("1.0.0"));
    let add = |more: &[&str]| world.taffrail([&["plugin", "add", "echo.wasm"], more].concat());
    add(&["--require-signature", "--trusted-key", &public])
        .exits(9)
        .says(["it has no signature", "minisign -S"]);
    add(&["--require-signature"]).exits(2);
    add(&["--trusted-key", "nonsense"])
        .exits(2)
        .says(["nonsense"]);
    sign(&world, &secret, "echo.wasm");
    add(&["--trusted-key", &stranger])
        .exits(9)
        .says(["none of the 1 trusted keys"]);
    add(&[
        "--require-signature",
        "--trusted-key",
        &stranger,
        "--trusted-key",
        &public,
    ])
    .exits(0)
    .answers([public.as_str()]);
    world
        .taffrail([
            "plugin",
            "verify",
            "echo",
            "--require-signature",
            "--trusted-key",
            &public,
        ])
        .exits(0)
        .answers(["signed by"]);
    world.write("echo.wasm", titled("1.2.0", "changed after signing"));
    add(&["--trusted-key", &public]).exits(9);
    let Ok(registry) = Registry::start(false) else {
        println!("SKIPPED signatures_of_trusted_keys: `docker-registry` is not installed");
        return;
    };
    sign(&world, &secret, "echo.wasm");
    let repository = format!("oci://{}/echo", registry.host);
    world
        .taffrail(["plugin", "publish", "echo.wasm", &repository])
        .exits(0);
    let other = World::new();
    other
        .taffrail([
            "plugin",
            "add",
            &format!("{repository}:1.2.0"),
            "--require-signature",
            "--trusted-key",
            &public,
        ])
        .exits(0)
        .answers(["signed by"]);
}

#[test]
fn what_flows_use_travels_along() {
    let world = World::new();
    world.write("one.wasm", echo("1.0.0"));
    world.write("two.wasm", echo("2.0.0"));
    world
        .taffrail(["plugin", "add", "one.wasm", "two.wasm"])
        .exits(0);
    world.write(
        "flows/flow.yaml",
        "id: flow\nnamespace: test\ntasks:\n  - {id: a, type: test.echo.Run, version: 1}\n  - {id: b, type: io.kestra.plugin.scripts.shell.Commands, commands: ['true']}\n",
    );
    world.taffrail(["lock", "flows"]).exits(0);
    world
        .taffrail(["plugin", "vendor", "flows", "--to", "vendor"])
        .exits(0)
        .prints("added echo 1.0.0\nadded shell 1.0.0\n");
    std::fs::remove_dir_all(world.root().join("plugins")).unwrap();
    world.taffrail(["validate", "flows", "--locked"]).exits(6);
    world
        .taffrail([
            "run",
            "flows/flow.yaml",
            "--locked",
            "--runner",
            "process",
            "--plugin-dir",
            "vendor",
        ])
        .exits(0)
        .answers(["a | {}"]);
    world.taffrail(["plugin", "add", "vendor"]).exits(0);
    world.taffrail(["validate", "flows", "--locked"]).exits(0);
}
