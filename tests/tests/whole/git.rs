//! Clones of repositories, from a folder, from a web server and by SSH.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use taffrail_tests::cli::World;
use taffrail_tests::flows::flow;
use taffrail_tests::web::{Asked, Reply, WebServer};

fn git(folder: &Path, arguments: &str) -> String {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments.split(' '))
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {arguments}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A bare repository of three commits, a branch and a tag; the ids of its commits.
fn repository(world: &World) -> (PathBuf, Vec<String>) {
    let work = world.root().join("origin");
    std::fs::create_dir(&work).unwrap();
    git(&work, "init -q");
    let mut commits = Vec::new();
    for number in 1..=3 {
        std::fs::write(work.join("file.txt"), format!("version {number}\n")).unwrap();
        git(&work, "add -A");
        git(&work, &format!("commit -q -m {number}"));
        commits.push(git(&work, "rev-parse HEAD"));
        if number == 2 {
            git(&work, "branch second");
            git(&work, "tag v2");
        }
    }
    let bare = world.root().join("bare.git");
    git(
        world.root(),
        &format!("clone -q --bare {} {}", work.display(), bare.display()),
    );
    git(&bare, "update-server-info");
    (bare, commits)
}

/// What the server side of Git answers.
fn backend(bare: &Path, asked: &Asked) -> Reply {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let mut program = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", bare.parent().unwrap())
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &asked.method)
        .env("CONTENT_TYPE", asked.header("content-type").unwrap_or(""))
        .env(
            "HTTP_CONTENT_ENCODING",
            asked.header("content-encoding").unwrap_or(""),
        )
        .env("GIT_PROTOCOL", asked.header("git-protocol").unwrap_or(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program
        .stdin
        .take()
        .unwrap()
        .write_all(&asked.body)
        .unwrap();
    let said = program.wait_with_output().unwrap().stdout;
    let end = said
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let mut reply = Reply::new(200, &said[end + 4..]);
    for line in String::from_utf8_lossy(&said[..end]).lines() {
        if let Some((name, value)) = line.split_once(": ") {
            reply = reply.header(name, value);
        }
    }
    reply
}

/// A clone, and a script beside it that shows what is there.
fn clone(url: &str, more: &str, shows: &str) -> String {
    flow(&format!(
        "- id: work\n  type: io.kestra.plugin.core.flow.WorkingDirectory\n  tasks:\n    - {{id: clone, type: io.kestra.plugin.git.Clone, url: \"{url}\"{more}}}\n    - id: show\n      type: io.kestra.plugin.scripts.shell.Commands\n      commands: [\"{shows}\"]\n"
    ))
}

#[test]
fn a_repository_is_cloned_into_the_directory_that_tasks_share() {
    let world = World::new();
    let (bare, commits) = repository(&world);
    let url = format!("file://{}", bare.display());
    let check = |more: &str, shows: &str, lines: &[&str]| {
        let ran = world.run(&clone(&url, more, shows), 0);
        assert_eq!(ran.lines('|'), lines, "{more}: {}", ran.finished);
    };
    let count = "cat file.txt; git rev-list --count HEAD";
    check("", count, &["version 3", "1"]);
    check(", depth: 2", count, &["version 3", "2"]);
    check(", branch: second", "cat file.txt", &["version 2"]);
    check(", tag: v2", "cat file.txt", &["version 2"]);
    check(
        &format!(", commit: {}", commits[0]),
        "cat file.txt; git rev-parse HEAD",
        &["version 1", &commits[0]],
    );
    check(
        ", directory: deep/er",
        "cat deep/er/file.txt",
        &["version 3"],
    );
    check(
        ", gitConfig: {core: {autocrlf: true}}",
        "wc -c < file.txt | tr -d ' '",
        &["11"],
    );
}

#[test]
fn what_cannot_be_cloned_fails_the_task_with_the_words_of_git() {
    let world = World::new();
    let (bare, _) = repository(&world);
    let url = format!("file://{}", bare.display());
    let check = |url: &str, more: &str, code: i32, part: &str| {
        let ran = world.run(&clone(url, more, "echo never"), code);
        let message = ran.task("clone")["failure"]["message"].to_string();
        assert!(message.contains(part), "{message}");
    };
    check(&url, ", branch: none", 4, "Remote branch none not found");
    check("file:///nowhere.git", "", 4, "nowhere.git");
    check(&url, ", directory: ../out", 3, "directory");
    check(&url, ", depth: 0", 3, "depth");
    // It is a program's option for nobody.
    check("--upload-pack=touch x", "", 4, "upload-pack");
    assert!(!world.here().join("x").exists());
}

#[test]
fn credentials_go_to_the_server_that_asks_and_into_no_log() {
    let world = World::new();
    let (bare, _) = repository(&world);
    let server = WebServer::start(move |asked| {
        if asked.header("authorization") != Some("Basic YWRhOmVuaWdtYS1tYWNoaW5l") {
            return Reply::new(401, "").header("WWW-Authenticate", "Basic realm=\"r\"");
        }
        backend(&bare, asked)
    });
    let url = server.address("/bare.git");
    let without = world.run(&clone(&url, "", "echo never"), 4);
    let message = without.task("clone")["failure"]["message"].to_string();
    assert!(
        message.contains("could not read Username") || message.contains("Authentication"),
        "{message}"
    );
    let shows = "cat file.txt; git config --list; env";
    let text = clone(
        &url,
        ", username: ada, password: \"{{ secret('PASSWORD') }}\"",
        shows,
    );
    world.write("secrets.env", "PASSWORD=enigma-machine\n");
    world.write("flow.yaml", &text);
    let ran = world.taffrail([
        "run",
        "flow.yaml",
        "--runner",
        "process",
        "--secrets-file",
        "secrets.env",
    ]);
    ran.exits(0);
    assert!(ran.stdout.contains("version 3"), "{ran}");
    assert!(!ran.stdout.contains("enigma-machine"), "{ran}");
    assert!(!ran.stderr.contains("enigma-machine"), "{ran}");
    let answered: Vec<_> = server
        .asked()
        .iter()
        .filter_map(|asked| asked.header("authorization").map(str::to_owned))
        .collect();
    assert!(!answered.is_empty(), "nobody showed the password");
}

#[test]
fn a_clone_that_takes_too_long_is_ended() {
    let world = World::new();
    let server = WebServer::start(|_| {
        std::thread::sleep(Duration::from_secs(30));
        Reply::new(500, "")
    });
    let began = Instant::now();
    let ran = world.run(
        &clone(&server.address("/x.git"), ", timeout: PT0.5S", "echo never"),
        7,
    );
    assert!(began.elapsed().as_secs() < 20);
    assert_eq!(ran.task("clone")["failure"]["kind"], "timeout");
}

/// A server of SSH on the loopback address, for this user and the keys that it is given. It ends when this is dropped.
struct Sshd {
    server: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        // Git's ssh keeps the keys of the servers that it meets, and this one is gone.
        let host = format!("[127.0.0.1]:{}", self.port);
        let _ = Command::new("ssh-keygen").args(["-R", &host]).output();
    }
}

impl Sshd {
    /// Nothing where there is no such server on this machine.
    fn start() -> Option<Self> {
        let program = Path::new("/usr/sbin/sshd");
        if !program.exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let keys = format!(
            "set -e; cd {place}\n\
             for key in host plain other; do ssh-keygen -q -t ed25519 -N '' -f $key; done\n\
             ssh-keygen -q -t ed25519 -N enigma-phrase -f locked\n\
             cat plain.pub locked.pub > authorized; mkdir -p /run/sshd 2> /dev/null || true\n"
        );
        let made = Command::new("sh").args(["-c", &keys]).status().unwrap();
        assert!(made.success());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized\nStrictModes no\n\
             UsePAM no\nPidFile none\nPermitRootLogin prohibit-password\n"
        );
        let path = folder.path().join("sshd_config");
        std::fs::write(&path, config).unwrap();
        let server = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sshd = Self {
            server,
            port,
            folder,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(sshd);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("sshd does not listen");
    }

    fn key(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

#[test]
fn a_private_key_opens_a_server_of_ssh() {
    let Some(sshd) = Sshd::start() else {
        eprintln!("skipped: no sshd here");
        return;
    };
    let world = World::new();
    let (bare, commits) = repository(&world);
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap();
    let url = format!(
        "ssh://{}@127.0.0.1:{}{}",
        user.trim(),
        sshd.port,
        bare.display()
    );
    let check = |key: &str, more: &str, code: i32| {
        let text = clone(
            &url,
            &format!(", privateKey: \"{{{{ secret('KEY') }}}}\"{more}"),
            "cat file.txt; git rev-parse HEAD; ls -a; env",
        );
        let secrets = serde_json::json!({ "KEY": sshd.key(key), "PHRASE": "enigma-phrase" });
        world.write("secrets.yaml", secrets.to_string());
        let ran = world.run_with(&text, &["--secrets-file", "secrets.yaml"], code);
        let lines = sshd.key(key);
        let inside = lines.lines().nth(2).unwrap();
        ran.finished.never_prints([inside, "enigma-phrase"]);
        ran
    };
    let ran = check("plain", "", 0);
    assert_eq!(ran.lines('|')[..2], ["version 3", commits[2].as_str()]);
    let ran = check("locked", ", passphrase: \"{{ secret('PHRASE') }}\"", 0);
    assert_eq!(ran.lines('|')[0], "version 3");
    for (key, more) in [
        ("other", ""),
        ("locked", ""),
        ("locked", ", passphrase: wrong"),
    ] {
        let ran = check(key, more, 4);
        let message = ran.task("clone")["failure"]["message"].to_string();
        assert!(message.contains("git clone"), "{message}");
        ran.finished.says(["Permission denied"]);
    }
}

#[test]
fn submodules_are_cloned_where_they_are_asked_for() {
    let world = World::new();
    let (bare, _) = repository(&world);
    let work = world.root().join("outer");
    std::fs::create_dir(&work).unwrap();
    git(&work, "init -q");
    std::fs::write(work.join("own.txt"), "outer\n").unwrap();
    // An address that is relative to that of the repository itself.
    std::fs::write(
        work.join(".gitmodules"),
        "[submodule \"inner\"]\n\tpath = inner\n\turl = ../bare.git\n",
    )
    .unwrap();
    let commit = git(&bare, "rev-parse main");
    git(&work, "add -A");
    git(
        &work,
        &format!("update-index --add --cacheinfo 160000,{commit},inner"),
    );
    git(&work, "commit -q -m outer");
    let outer = world.root().join("outer.git");
    git(
        world.root(),
        &format!("clone -q --bare {} {}", work.display(), outer.display()),
    );
    let first = git(&outer, "rev-parse HEAD");
    let server = WebServer::start(move |asked| backend(&bare, asked));
    let url = server.address("/outer.git");
    let shows = "cat own.txt; cat inner/file.txt || true";
    let lines = |more: &str| {
        let ran = world.run(&clone(&url, more, shows), 0);
        // Git says what it checks out, too.
        ran.lines('|')
            .into_iter()
            .filter(|line| !line.starts_with("Submodule"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(""), ["outer"]);
    assert_eq!(lines(", cloneSubmodules: true"), ["outer", "version 3"]);
    let of_commit = format!(", cloneSubmodules: true, commit: {first}");
    assert_eq!(lines(&of_commit), ["outer", "version 3"]);
}
