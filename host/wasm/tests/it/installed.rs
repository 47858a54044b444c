//! Folders of plugins: what is found, what is passed over, and that a broken one hurts nobody.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::json;
use taffrail_core::name::PluginId;
use taffrail_core::plan::Program;
use taffrail_engine::ports::{PlanError, Planner, PluginKey, PluginSource};
use taffrail_wasm::{Bundled, Cache, Options, WasmPlugins};

use super::guests::{Guest, descriptor};
use super::{patient, request};

pub(super) fn key(id: &str, version: &str) -> PluginKey {
    PluginKey {
        id: PluginId::new(id).unwrap(),
        version: version.parse().unwrap(),
    }
}

pub(super) fn install(folder: &Path, id: &str, version: &str, component: &[u8]) -> PathBuf {
    let place = folder.join(id).join(version);
    fs::create_dir_all(&place).unwrap();
    let file = place.join("plugin.wasm");
    fs::write(&file, component).unwrap();
    file
}

pub(super) fn echo(id: &str, version: &str) -> Vec<u8> {
    Guest::new("echo")
        .descriptor(descriptor(id, version))
        .build()
}

pub(super) fn options(folder: &Path) -> Options {
    Options {
        bundled: &[],
        folders: vec![folder.to_owned()],
        files: Vec::new(),
        host_properties: || vec!["env".to_owned()],
        limits: patient(),
        cache: Cache::off(),
    }
}

fn leaked(component: Vec<u8>, descriptor: String) -> &'static [Bundled] {
    let wasm: &'static [u8] = component.leak();
    let digest = {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(wasm);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    Box::leak(Box::new([Bundled {
        wasm,
        descriptor: descriptor.leak(),
        digest: digest.leak(),
        api: "0.1",
    }]))
}

#[test]
fn several_versions_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    for (id, version) in [
        ("echo", "1.10.0"),
        ("echo", "1.9.0"),
        ("alpha", "2.0.0-rc.1"),
    ] {
        install(folder.path(), id, version, &echo(id, version));
    }
    let plugins = WasmPlugins::new(options(folder.path()));
    assert_eq!(plugins.problems(), []);
    let names: Vec<String> = plugins
        .plugins()
        .iter()
        .map(|info| {
            format!(
                "{} {} {}",
                info.descriptor.id, info.descriptor.version, info.api
            )
        })
        .collect();
    assert_eq!(
        names,
        ["alpha 2.0.0-rc.1 0.1", "echo 1.9.0 0.1", "echo 1.10.0 0.1"]
    );
    let plan = plugins
        .plan(&key("echo", "1.9.0"), &request(json!({})))
        .unwrap();
    assert_eq!(
        plan.program,
        Program::Argv(vec!["echo".to_owned(), "{}".to_owned()])
    );
    assert_eq!(plugins.is_reproducible(&key("echo", "1.9.0")), Some(true));
    assert_eq!(plugins.is_reproducible(&key("echo", "3.0.0")), None);
    let error = plugins
        .plan(&key("echo", "3.0.0"), &request(json!({})))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `echo 3.0.0` cannot be loaded: this version is not installed, only `1.9.0`, `1.10.0`"
    );
    let error = plugins
        .plan(&key("beta", "3.0.0"), &request(json!({})))
        .unwrap_err();
    assert!(
        error.to_string().ends_with("it is not installed"),
        "{error}"
    );
}

#[test]
fn odd_entries_are_named_and_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("plugins");
    let good = install(&folder, "echo", "1.0.0", &echo("echo", "1.0.0"));
    // One that works, beside everything that does not.
    fs::write(folder.join("README.md"), "text").unwrap();
    fs::create_dir(folder.join(".hidden")).unwrap();
    fs::create_dir(folder.join("Bad_Name")).unwrap();
    fs::create_dir_all(folder.join("echo/latest")).unwrap();
    fs::create_dir_all(folder.join("echo/2.0.0+build")).unwrap();
    fs::create_dir_all(folder.join("empty/1.0.0")).unwrap();
    fs::create_dir_all(folder.join("pipe/1.0.0")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.join("pipe/1.0.0/plugin.wasm"))
        .status()
        .unwrap();
    assert!(made.success());
    fs::create_dir_all(folder.join("device/1.0.0")).unwrap();
    symlink("/dev/zero", folder.join("device/1.0.0/plugin.wasm")).unwrap();
    fs::create_dir_all(folder.join("loop")).unwrap();
    symlink("1.0.0", folder.join("loop/1.0.0")).unwrap();
    fs::create_dir_all(folder.join("folder/1.0.0/plugin.wasm")).unwrap();
    symlink(&good, folder.join("linked")).unwrap();
    install(&folder, "elf", "1.0.0", b"\x7fELF\x02\x01\x01");
    install(&folder, "liar", "1.0.0", &echo("other", "1.0.0"));
    install(&folder, "old", "1.0.0", &echo("old", "1.0.1"));
    install(&folder, "thief", "1.0.0", &{
        let mut claims = descriptor("thief", "1.0.0");
        claims["taskTypes"][0]["name"] = json!("test.echo.Run");
        Guest::new("echo").descriptor(claims).build()
    });
    let big = install(&folder, "big", "1.0.0", b"");
    fs::File::options()
        .write(true)
        .open(&big)
        .unwrap()
        .set_len(65 << 20)
        .unwrap();

    let plugins = WasmPlugins::new(options(&folder));
    let names: Vec<&str> = plugins
        .plugins()
        .iter()
        .map(|info| info.descriptor.id.as_str())
        .collect();
    assert_eq!(names, ["echo"]);
    assert!(
        plugins
            .plan(&key("echo", "1.0.0"), &request(json!({})))
            .is_ok()
    );
    for (path, reason) in [
        ("README.md", "it is not a folder"),
        ("Bad_Name", "its name is not a plugin id"),
        ("echo/latest", "its name is not a version"),
        ("echo/2.0.0+build", "its name is not a version"),
        ("empty/1.0.0/plugin.wasm", "No such file"),
        ("pipe/1.0.0/plugin.wasm", "it is not a regular file"),
        ("device/1.0.0/plugin.wasm", "it is a symbolic link"),
        ("loop/1.0.0", "it is not a folder"),
        ("folder/1.0.0/plugin.wasm", "it is not a regular file"),
        ("linked", "it is not a folder"),
        ("elf/1.0.0/plugin.wasm", "native program"),
        (
            "liar/1.0.0/plugin.wasm",
            "it says that it is `other 1.0.0`, but its folder says `liar 1.0.0`",
        ),
        ("old/1.0.0/plugin.wasm", "it says that it is `old 1.0.1`"),
        (
            "thief/1.0.0/plugin.wasm",
            "it claims the task type `test.echo.Run`, which belongs to plugin `echo`",
        ),
        (
            "big/1.0.0/plugin.wasm",
            "it has 65 MiB, and at most 64 MiB are allowed",
        ),
    ] {
        let problem = plugins
            .problems()
            .iter()
            .find(|problem| problem.path == folder.join(path))
            .unwrap_or_else(|| panic!("{path} in {:#?}", plugins.problems()));
        assert!(
            problem.reason.contains(reason),
            "{path}: {}",
            problem.reason
        );
    }
    assert_eq!(plugins.problems().len(), 15, "{:#?}", plugins.problems());
    let error = plugins
        .plan(&key("elf", "1.0.0"), &request(json!({})))
        .unwrap_err();
    assert!(
        matches!(&error, PlanError::Unavailable { reason, .. } if reason.contains("ELF")),
        "{error}"
    );
}

#[test]
fn a_bundled_plugin_starts_no_engine_before_its_first_plan() {
    let text = descriptor("echo", "1.0.0").to_string();
    let bundled = leaked(echo("echo", "1.0.0"), text);
    let nowhere = tempfile::tempdir().unwrap();
    let plugins = WasmPlugins::new(Options {
        bundled,
        ..options(&nowhere.path().join("absent"))
    });
    assert_eq!(plugins.problems(), []);
    assert_eq!(plugins.plugins()[0].source, PluginSource::Bundled);
    assert!(!plugins.sandbox().is_running());
    plugins.prepare(&[key("echo", "1.0.0"), key("absent", "1.0.0")]);
    assert!(plugins.sandbox().is_running());
    assert!(
        plugins
            .plan(&key("echo", "1.0.0"), &request(json!({})))
            .is_ok()
    );
}

#[test]
fn a_bundled_version_cannot_be_replaced() {
    let bundled = leaked(
        echo("echo", "1.0.0"),
        descriptor("echo", "1.0.0").to_string(),
    );
    let folder = tempfile::tempdir().unwrap();
    let same = install(folder.path(), "echo", "1.0.0", bundled[0].wasm);
    let plugins = WasmPlugins::new(Options {
        bundled,
        ..options(folder.path())
    });
    assert_eq!(plugins.problems(), []);
    assert_eq!(plugins.plugins().len(), 1);

    let other = Guest::new("trap")
        .descriptor(descriptor("echo", "1.0.0"))
        .build();
    fs::write(same, other).unwrap();
    let plugins = WasmPlugins::new(Options {
        bundled,
        ..options(folder.path())
    });
    assert_eq!(plugins.problems().len(), 1);
    assert_eq!(
        plugins.problems()[0].reason,
        "`echo 1.0.0` is part of this program with other content; a released version never changes"
    );
    assert!(
        plugins
            .plan(&key("echo", "1.0.0"), &request(json!({})))
            .is_ok()
    );
}

#[test]
fn a_single_file_needs_no_folder_and_may_be_a_link() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine.wasm"), echo("mine", "0.1.0")).unwrap();
    symlink("mine.wasm", directory.path().join("link.wasm")).unwrap();
    let plugins = WasmPlugins::new(Options {
        files: vec![
            directory.path().join("link.wasm"),
            directory.path().join("absent.wasm"),
        ],
        ..options(&directory.path().join("absent"))
    });
    assert_eq!(plugins.plugins().len(), 1);
    assert_eq!(plugins.problems().len(), 1);
    assert!(plugins.problems()[0].reason.contains("No such file"));
}

#[test]
fn a_fault_names_plugin_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let trap = Guest::new("trap")
        .descriptor(descriptor("trap", "1.2.3"))
        .build();
    install(folder.path(), "trap", "1.2.3", &trap);
    let plugins = WasmPlugins::new(options(folder.path()));
    let error = plugins
        .plan(&key("trap", "1.2.3"), &request(json!({})))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `trap 1.2.3` failed: it panicked: index out of bounds\\u{1b}[31m"
    );
}
