//! Images for tests, made by `import`: nothing is pulled from anywhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::api::quoted;
use super::engine::Engine;
use super::tar::{Archive, Entry};

/// Small tools in one static program: a shell and all that scripts need.
pub const TOOLS: &str = "busybox:taffrail";
/// The same under names that flows and the plugins' defaults use.
const TOOLS_ALSO: &[&str] = &[
    "ubuntu:24.04",
    "ubuntu:latest",
    "debian:latest",
    "centos:latest",
    "alpine:3.20",
    "alpine:latest",
    "busybox:latest",
];
/// With a user by number who has no name in the image.
pub const BY_NUMBER: &str = "taffrail-test/by-number:1";
/// With a user by name: `app`, 1000, group `staff`, 50.
pub const BY_NAME: &str = "taffrail-test/by-name:1";
/// With an entry point: `echo entry`.
pub const ENTRYPOINT: &str = "taffrail-test/entrypoint:1";
/// With variables, a working directory, a declared volume, a label and a command of its own.
pub const DECORATED: &str = "taffrail-test/decorated:1";
/// A Debian with Python 3 and pip.
pub const PYTHON: &str = "python:3.13-slim";
const PYTHON_ALSO: &[&str] = &[
    "python:3.11-slim",
    "ghcr.io/kestra-io/pydata:latest",
    "ghcr.io/kestra-io/kestrapy:latest",
];

/// Makes the images of tools, where the engine does not have them.
#[track_caller]
pub fn tools(engine: &Engine) {
    static DONE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut done = DONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if !done.insert(engine.url().to_owned()) {
        return;
    }
    let archive = tools_archive();
    if !has(engine, TOOLS) {
        import(engine, TOOLS, &[], &mut archive.as_slice());
    }
    for name in TOOLS_ALSO {
        if !has(engine, name) {
            tag(engine, TOOLS, name);
        }
    }
    let variants: &[(&str, &[&str])] = &[
        (BY_NUMBER, &["USER 1234:1234"]),
        (BY_NAME, &["USER app"]),
        (ENTRYPOINT, &[r#"ENTRYPOINT ["/bin/echo","entry"]"#]),
        (
            DECORATED,
            &[
                "ENV FROM_IMAGE=yes",
                "WORKDIR /srv",
                "VOLUME /declared",
                "LABEL of=image",
                r#"CMD ["echo","command of the image"]"#,
            ],
        ),
    ];
    for (name, changes) in variants {
        if !has(engine, name) {
            import(engine, name, changes, &mut archive.as_slice());
        }
    }
}

/// Makes the image with Python, where the engine does not have it.
///
/// # Errors
/// Why it cannot be made here.
pub fn python(engine: &Engine) -> Result<(), String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock();
    if !has(engine, PYTHON) {
        let archive = python_archive()?;
        let mut file = File::open(&archive).map_err(|error| error.to_string())?;
        import(engine, PYTHON, &["CMD python3"], &mut file);
    }
    for name in PYTHON_ALSO {
        if !has(engine, name) {
            tag(engine, PYTHON, name);
        }
    }
    Ok(())
}

/// Makes an image that differs from every other: the tools, and a layer of incompressible bytes of this size.
#[track_caller]
pub fn unique(engine: &Engine, name: &str, size: usize) {
    let mut noise = vec![0; size];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut noise))
        .expect("random bytes");
    let archive = tools_tree(Archive::new())
        .file("noise", 0o644, &noise)
        .file("name", 0o644, name.as_bytes())
        .finish();
    import(engine, name, &[], &mut archive.as_slice());
}

/// Whether the engine has an image.
#[track_caller]
pub fn has(engine: &Engine, name: &str) -> bool {
    let path = format!("/images/{name}/json");
    engine.api().call("GET", &path).status == 200
}

/// Makes an image of one layer.
#[track_caller]
pub fn import(engine: &Engine, name: &str, changes: &[&str], archive: &mut dyn Read) {
    let mut path = "/images/create?fromSrc=-".to_owned();
    for change in changes {
        path.push_str(&format!("&changes={}", quoted(change)));
    }
    let answer = engine.api().upload("POST", &path, archive).done();
    let id = answer
        .text()
        .split('"')
        .find(|part| part.starts_with("sha256:"))
        .unwrap_or_else(|| panic!("{name} was not imported: {answer:?}"))
        .to_owned();
    tag(engine, &id, name);
}

/// Gives an image a further name.
#[track_caller]
pub fn tag(engine: &Engine, image: &str, name: &str) {
    let (repository, tag) = name.rsplit_once(':').expect("a name with a tag");
    let path = format!(
        "/images/{image}/tag?repo={}&tag={}",
        quoted(repository),
        quoted(tag)
    );
    engine.api().call("POST", &path).done();
}

/// Takes a name from an image, and removes it with its last name.
pub fn untag(engine: &Engine, name: &str) {
    let path = format!("/images/{name}?force=1");
    let _ = engine
        .api()
        .send("DELETE", &path, &[], &mut std::io::empty());
}

fn tools_archive() -> Vec<u8> {
    tools_tree(Archive::new()).finish()
}

fn tools_tree(mut archive: Archive) -> Archive {
    let busybox = which("busybox").expect("busybox is installed (Debian: busybox-static)");
    let program = std::fs::read(&busybox).expect("busybox can be read");
    for (name, mode) in [
        ("bin", 0o755),
        ("usr", 0o755),
        ("usr/bin", 0o755),
        ("etc", 0o755),
        ("home", 0o755),
        ("root", 0o700),
        ("srv", 0o755),
        ("tmp", 0o1777),
        ("var", 0o755),
    ] {
        archive = archive.folder(name, mode);
    }
    archive = archive
        .file("bin/busybox", 0o755, &program)
        .symlink("usr/bin/env", "/bin/busybox")
        .file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:50:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
        )
        .file(
            "etc/group",
            0o644,
            b"root:x:0:\nstaff:x:50:\nextra:x:77:\nnogroup:x:65534:\n",
        )
        .entry(Entry {
            path: "home/app/",
            kind: super::tar::Kind::Folder,
            mode: 0o755,
            owner: (1000, 50),
            ..Entry::default()
        });
    let listed = Command::new(&busybox)
        .arg("--list")
        .output()
        .expect("busybox runs");
    for applet in String::from_utf8_lossy(&listed.stdout).lines() {
        if applet != "busybox" {
            archive = archive.symlink(&format!("bin/{applet}"), "busybox");
        }
    }
    archive
}

/// The file of a program on the search path.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The folder where costly parts are kept from run to run.
fn cache() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => Path::new(&std::env::var_os("HOME")?).join(".cache"),
    };
    Some(base.join("taffrail-tests"))
}

/// The release of Debian that this machine runs, whose keys it has.
fn suite() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .filter(|_| release.contains("\nID=debian"));
    name.unwrap_or("stable").to_owned()
}

/// A small Debian with Python, as an archive; made once on this machine.
fn python_archive() -> Result<PathBuf, String> {
    let folder = cache().ok_or("there is no home for a cache")?;
    // Another recipe gets another name.
    let kept = folder.join("debian-python-2.tar");
    if kept.is_file() {
        return Ok(kept);
    }
    if which("mmdebstrap").is_none() {
        return Err("`mmdebstrap` is missing, and no image with Python was made before".to_owned());
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let making = folder.join(format!("debian-python-2.{}.tar", std::process::id()));
    let made = Command::new("mmdebstrap")
        .args([
            "--quiet",
            "--variant=essential",
            "--include=python3,python3-pip",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--customize-hook=ln -sf python3 $1/usr/bin/python",
            "--customize-hook=rm -rf $1/var/lib/apt/lists/* $1/var/cache/apt/*",
        ])
        .arg(suite())
        .arg(&making)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !made.status.success() {
        let _ = std::fs::remove_file(&making);
        return Err(format!(
            "mmdebstrap: {}",
            String::from_utf8_lossy(&made.stderr)
        ));
    }
    std::fs::rename(&making, &kept).map_err(|error| error.to_string())?;
    Ok(kept)
}
