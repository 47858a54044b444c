//! What the documents at the root of the repository and the manual in `docs` show is what happens: every fenced block is written, run or parsed.
//!
//! A `yaml` block begins with `# file: NAME` and becomes that file. A `console` block is one shell session: lines after `$ ` (and `> `
//! where one goes on) are run where those files are, and what stands below is compared with both streams as a terminal shows them; a line
//! `...` stands for any lines, `[..]` for anything within one, and `? 3` right after the command for its exit code, which is 0 otherwise.
//! `sh` holds commands that build what is under test, `json` must parse, `text` is a drawing. Anything else fails, as nobody would notice
//! that it is wrong. A comment on the line before a block says more of it: `<!-- file: NAME -->` that it becomes that file, in any language,
//! and `<!-- needs: PROGRAM... -->` that it is skipped, and said, where one of these programs or files is not on the machine.

#![expect(clippy::unwrap_used, reason = "what a helper cannot do fails the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use taffrail_tests::cli::{World, program};
use taffrail_tests::flows::{normalised, without_chance};
use taffrail_tests::registry::Registry;

/// Commands that make what is under test; running them in here would go round in a circle. Only that they are no others is checked.
const BUILDS: &[&str] = &[
    "cargo build",
    "cargo install",
    "cargo test",
    "cargo fmt",
    "cargo clippy",
    "cargo bench",
    "git clone",
    "cd taffrail",
    "tests/run.sh",
    ".ci/run",
    "rm -r schemas && cargo run -- schema --write schemas",
];
/// What a shell prints after each command of a session.
const MARK: char = '\u{1e}';

struct Block {
    line: usize,
    language: String,
    text: String,
    /// What the comment right before it says.
    note: String,
}

impl Block {
    /// What its comment says under a word, for example `needs`.
    fn noted(&self, word: &str) -> Option<&str> {
        self.note.strip_prefix(word)?.strip_prefix(": ")
    }

    /// What it needs and this machine lacks.
    fn lacks(&self) -> Option<&str> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = |name: &str| {
            Path::new(name).is_absolute() && Path::new(name).exists()
                || std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
        };
        self.noted("needs")?
            .split_whitespace()
            .find(|name| !there(name))
    }
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<String> = None;
    let mut note = String::new();
    for (index, line) in document.lines().enumerate() {
        let trimmed = line.trim_start();
        match &open {
            Some(fence) if trimmed.trim_end() == fence => open = None,
            Some(_) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None if trimmed.starts_with("```") => {
                let fence: String = trimmed
                    .chars()
                    .take_while(|character| *character == '`')
                    .collect();
                let language = trimmed[fence.len()..].trim().to_owned();
                blocks.push(Block {
                    line: index + 1,
                    language,
                    text: String::new(),
                    note: std::mem::take(&mut note),
                });
                open = Some(fence);
            }
            None => {
                let comment = trimmed
                    .strip_prefix("<!-- ")
                    .and_then(|comment| comment.trim_end().strip_suffix(" -->"));
                comment.unwrap_or_default().clone_into(&mut note);
            }
        }
    }
    assert!(open.is_none(), "the last fence is never closed");
    blocks
}

/// One command of a session, its exit code, and the output that is shown below it.
struct Step {
    command: String,
    code: String,
    shown: String,
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: format!("{command}\n"),
                code: "0".to_owned(),
                shown: String::new(),
            });
            continue;
        }
        let Some(step) = steps.last_mut() else {
            return Err(format!(
                "a session begins with a command after `$ `, not with `{line}`"
            ));
        };
        match (line.strip_prefix("> "), line.strip_prefix("? ")) {
            (Some(more), _) if step.shown.is_empty() => step.command.push_str(&format!("{more}\n")),
            (_, Some(code)) if step.shown.is_empty() => step.code = code.trim().to_owned(),
            _ => step.shown.push_str(&format!("{line}\n")),
        }
    }
    Ok(steps)
}

/// The command as it runs here: building commands are left out, and `cargo run` is the program that has been built.
fn translated(command: &str) -> String {
    let bare = command.trim();
    if BUILDS
        .iter()
        .any(|build| bare == *build || bare.starts_with(&format!("{build} ")))
    {
        return ":\n".to_owned();
    }
    match bare.strip_prefix("cargo run") {
        Some(rest) => format!(
            "taffrail {}\n",
            rest.split_once("-- ")
                .map_or("", |(_, arguments)| arguments)
        ),
        None => command.to_owned(),
    }
}

fn is_build(command: &str) -> bool {
    translated(command) == ":\n"
}

/// Runs a session and gives what each command printed, and its exit code.
fn session(
    world: &World,
    steps: &[Step],
    bin: &Path,
    registry: Option<&str>,
) -> Vec<(String, String)> {
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        script.push_str(&translated(&step.command));
        script.push_str(&format!(
            "__status=$?; printf '{MARK}%s{MARK}' $__status; (exit $__status)\n"
        ));
    }
    let mut path = bin.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(world.here())
        .env_clear()
        .env("PATH", path)
        .env("HOME", world.root().join("home"))
        .env("TAFFRAIL_STATE_DIR", world.state())
        .env("REGISTRY", registry.unwrap_or_default())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("bash starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut pieces = text.split(MARK).map(str::to_owned);
    let mut next = || {
        pieces
            .next()
            .unwrap_or_else(|| "the session had ended before".to_owned())
    };
    steps.iter().map(|_| (next(), next())).collect()
}

/// Whether a text is what is shown, elisions included.
fn fits(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        Some((first, rest)) => match printed.split_first() {
            Some((line, others)) => line_fits(first, line) && fits(rest, others),
            None => false,
        },
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.trim_end().split("[..]");
    let printed = printed.trim_end();
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

fn check(block: &Block, world: &World, bin: &Path) -> Result<(), String> {
    let language = block.language.as_str();
    if let Some(name) = block.noted("file") {
        world.write(name, &block.text);
        if language != "json" {
            return Ok(());
        }
    }
    match language {
        "text" => Ok(()),
        "json" => serde_json::from_str::<serde_json::Value>(&block.text)
            .map(|_| ())
            .map_err(|error| error.to_string()),
        "yaml" => {
            let first = block.text.lines().next().unwrap_or_default();
            let Some(name) = first.strip_prefix("# file: ") else {
                return Err(
                    "a `yaml` block begins with `# file: NAME`, so that it can be tried".to_owned(),
                );
            };
            world.write(name.trim(), &block.text);
            Ok(())
        }
        "console" => {
            let steps = steps(&block.text)?;
            let registry = match block.noted("needs") {
                Some(needed) if needed.contains("docker-registry") => Some(Registry::start(false)?),
                _ => None,
            };
            let host = registry.as_ref().map(|registry| registry.host.as_str());
            let printed = session(world, &steps, bin, host);
            for (step, (printed, code)) in steps.iter().zip(&printed) {
                if is_build(&step.command) {
                    continue;
                }
                let (shown, got) = (without_chance(&step.shown), normalised(printed, world));
                let lines = |text: &'_ str| {
                    text.trim_end()
                        .lines()
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                };
                if step.code != *code || !fits(&lines(&shown), &lines(&got)) {
                    let Step {
                        command,
                        code: expected,
                        ..
                    } = step;
                    return Err(format!(
                        "$ {command}--- shown (exit code {expected})\n{shown}--- printed (exit code {code})\n{got}---"
                    ));
                }
            }
            Ok(())
        }
        "sh" => match block
            .text
            .lines()
            .find(|line| !is_build(line) && !line.trim().is_empty())
        {
            Some(line) => Err(format!(
                "`{line}` is no command that builds or tests; show what it prints in a `console` block"
            )),
            None => Ok(()),
        },
        other => Err(format!(
            "nobody can tell whether a block of `{other}` is right; write `yaml` with `# file: NAME`, `console`, `sh`, `json` or `text`"
        )),
    }
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found: Vec<PathBuf> = [root.clone(), root.join("docs")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.sort();
    found
}

/// A world where `taffrail` is on the path and the repository's examples are at hand.
fn world() -> (World, PathBuf) {
    let world = World::new();
    let bin = world.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let _ = std::fs::remove_file(bin.join("taffrail"));
    std::os::unix::fs::symlink(program(), bin.join("taffrail")).unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for name in taffrail_tests::cli::listing(&examples) {
        if examples.join(&name).is_file() {
            world.write(
                &format!("examples/{name}"),
                std::fs::read(examples.join(&name)).unwrap(),
            );
        }
    }
    (world, bin)
}

#[test]
fn what_the_documents_show_is_what_happens() {
    let mut wrong = Vec::new();
    for path in documents() {
        let (world, bin) = world();
        for block in blocks(&std::fs::read_to_string(&path).unwrap()) {
            if let Some(missing) = block.lacks() {
                // Not by a macro, whose output the test harness keeps to itself.
                let name = path.display();
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED {name}:{}: {missing} is missing",
                    block.line
                );
                continue;
            }
            if let Err(reason) = check(&block, &world, &bin) {
                wrong.push(format!(
                    "{}:{}: {reason}",
                    path.file_name().unwrap_or_default().to_string_lossy(),
                    block.line
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} blocks are wrong\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn the_examples_are_valid_and_run() {
    let (world, _) = world();
    world.taffrail(["validate", "examples"]).exits(0);
    for name in taffrail_tests::cli::listing(&world.here().join("examples"))
        .iter()
        .filter(|name| name.ends_with(".yaml"))
    {
        world
            .taffrail(["run", &format!("examples/{name}")])
            .exits(0);
    }
}

/// The judge itself, on documents that are right and wrong.
#[test]
fn wrong_documents_are_caught() {
    let (world, bin) = world();
    let judge = |document: &str| {
        blocks(document)
            .iter()
            .find_map(|block| check(block, &world, &bin).err())
    };
    for right in [
        "```yaml\n# file: a.yaml\nid: x\n```\n```console\n$ cat a.yaml\n# file: a.yaml\nid: x\n$ printf 'a\\nb\\nc\\n'\na\n...\nc\n```",
        "```console\n$ taffrail eval '1 + 1'\n2\n$ false\n? 1\n$ echo one \\\n> two\none two\n```",
        "```console\n$ cargo test\nanything\n$ cargo run --quiet -- eval '1 + 2'\n3\n$ echo 'took 5 ms, id 7'\ntook [..] ms, id [..]\n```",
        "   ```text\n   drawing\n   ```\n````text\n```\n````",
    ] {
        assert_eq!(judge(right), None, "{right}");
    }
    for wrong in [
        "```console\n$ echo a\nb\n```",
        "```console\n$ echo a\n```",
        "```console\n$ true\na\n```",
        "```console\n$ false\n```",
        "```sh\nrm -rf /\n```",
        "```console\nno command\n```",
        "```yaml\nid: x\n```",
        "```rust\nfn main() {}\n```",
        "```\nwhat is this\n```",
        "```json\n{\n```",
        "```console\n$ printf 'a\\nb\\n'\n...\nc\n```",
    ] {
        assert!(judge(wrong).is_some(), "{wrong}");
    }
}

/// What users of Docker's Python library can say of a container; each has a row in the manual.
const ARGUMENTS: [&str; 88] = [
    "image",
    "command",
    "auto_remove",
    "blkio_weight_device",
    "blkio_weight",
    "cap_add",
    "cap_drop",
    "cgroup_parent",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpuset_cpus",
    "cpuset_mems",
    "detach",
    "device_cgroup_rules",
    "device_read_bps",
    "device_read_iops",
    "device_write_bps",
    "device_write_iops",
    "devices",
    "device_requests",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "init",
    "init_path",
    "ipc_mode",
    "isolation",
    "kernel_memory",
    "labels",
    "links",
    "log_config",
    "lxc_conf",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "mounts",
    "name",
    "nano_cpus",
    "network",
    "network_disabled",
    "network_mode",
    "oom_kill_disable",
    "oom_score_adj",
    "pid_mode",
    "pids_limit",
    "platform",
    "ports",
    "privileged",
    "publish_all_ports",
    "read_only",
    "remove",
    "restart_policy",
    "runtime",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stdout",
    "stderr",
    "stop_signal",
    "storage_opt",
    "stream",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "use_config_proxy",
    "user",
    "userns_mode",
    "uts_mode",
    "version",
    "volume_driver",
    "volumes",
    "volumes_from",
    "working_dir",
];

/// Properties of the runner that are not about the container.
const BESIDE: [&str; 12] = [
    "type",
    "version",
    "pluginDefaultsRef",
    "host",
    "config",
    "credentials",
    "pullPolicy",
    "fileHandlingStrategy",
    "resume",
    "killGracePeriod",
    "cpu",
    "memory",
];

#[test]
fn every_argument_has_a_row_that_tells_the_truth() {
    let world = World::cold();
    let schema = |name: &str| world.taffrail(["schema", name]).exits(0).json();
    let runner = schema("io.kestra.plugin.scripts.runner.docker.Docker");
    let task = schema("io.kestra.plugin.scripts.shell.Commands");
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/docker.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let (_, table) = manual.split_once("## Every argument").unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let inside = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let arguments: Vec<String> = rows.iter().map(|row| inside(row[0])).collect();
    assert_eq!(arguments, ARGUMENTS);

    let resolved = |property: &'_ serde_json::Value| -> serde_json::Value {
        let target = property["$ref"].as_str();
        let found = target.and_then(|target| runner.pointer(target.trim_start_matches('#')));
        found.unwrap_or(property).clone()
    };
    // What several types have in common stands in a definition that they refer to, and its name in a pattern.
    let key_of = |holder: &serde_json::Value, key: &str| -> Option<serde_json::Value> {
        if !keys(holder).iter().any(|known| known == key) {
            return None;
        }
        let rules = holder["allOf"].as_array().into_iter().flatten();
        let shared = rules
            .map(resolved)
            .find_map(|rule| rule["properties"].get(key).cloned());
        let own = || holder["properties"].get(key).cloned().unwrap_or_default();
        Some(resolved(&shared.unwrap_or_else(own)))
    };
    let mut carried: Vec<String> = BESIDE.map(str::to_owned).to_vec();
    for row in &rows {
        let name = inside(row[1]);
        // Step by step, as what occurs twice is referred to.
        let property = name
            .split('.')
            .try_fold(runner.clone(), |holder, key| key_of(&holder, key));
        // What is refused by name admits no value, and says why.
        let refused = property
            .as_ref()
            .filter(|property| property.get("not").is_some())
            .and_then(|property| property["description"].as_str());
        if row[1].starts_with("refused: ") {
            assert_eq!(refused, Some(row[2]), "{row:?}");
        } else if row[1].starts_with("task: ") {
            assert!(keys(&task).contains(&name), "{row:?}");
        } else {
            assert!(property.is_some() && refused.is_none(), "{row:?}");
            carried.push(name);
        }
    }
    for name in keys(&runner) {
        let refused = key_of(&runner, &name).is_some_and(|property| property.get("not").is_some());
        let named = carried.contains(&name) || refused;
        assert!(
            named,
            "`{name}` carries no argument and is no property of the runner itself"
        );
    }
}

/// The keys of a closed object: its own, and those that a pattern `^(a|b)$` names.
fn keys(schema: &serde_json::Value) -> Vec<String> {
    let of = |keyword: &str| schema[keyword].as_object().into_iter().flatten();
    let own = of("properties").map(|(name, _)| name.clone());
    let named = of("patternProperties").flat_map(|(pattern, _)| {
        let names = pattern.trim_matches(['^', '(', ')', '$']).split('|');
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    own.chain(named).collect()
}

#[test]
fn the_manual_names_every_power() {
    let world = World::cold();
    let help = world.taffrail(["run", "--help"]).exits(0).stdout.clone();
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/docker.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    for permission in taffrail_core::policy::Permission::ALL {
        let (name, setting) = (permission.name(), permission.setting());
        let row = format!("| `{name}` | `{setting}` | {} |", permission.description());
        assert!(manual.contains(&row), "{row}");
        assert!(help.contains(&format!("{name} ")), "`{name}` in {help}");
    }
}
