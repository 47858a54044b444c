//! What a task that the host itself does asks of the machine: files that it names, and what Git is told. Whether it may have that is the
//! host's to say, where every other task runs in a container. Pure.

use serde_json::Value;
use taffrail_core::flow::{Task, TaskKind};
use taffrail_core::native::CoreKind;

/// That a task asks for something of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The key of the task that does.
    pub(crate) key: &'static str,
    /// What asks for what, in words.
    pub(crate) what: String,
}

/// Settings of Git that name no file and start no program, in small letters; those after a subsection, such as `http.<address>.proxy`, too.
const HARMLESS: &[&str] = &[
    "advice.detachedhead",
    "checkout.workers",
    "core.autocrlf",
    "core.bigfilethreshold",
    "core.compression",
    "core.eol",
    "core.filemode",
    "core.ignorecase",
    "core.longpaths",
    "core.precomposeunicode",
    "core.quotepath",
    "core.safecrlf",
    "core.symlinks",
    "fetch.fsckobjects",
    "fetch.parallel",
    "fetch.prune",
    "fetch.prunetags",
    "fetch.recursesubmodules",
    "http.emptyauth",
    "http.extraheader",
    "http.followredirects",
    "http.lowspeedlimit",
    "http.lowspeedtime",
    "http.maxrequests",
    "http.postbuffer",
    "http.proxy",
    "http.proxyauthmethod",
    "http.sslverify",
    "http.sslversion",
    "http.useragent",
    "http.version",
    "init.defaultbranch",
    "pack.threads",
    "protocol.version",
    "submodule.fetchjobs",
    "submodule.recurse",
    "transfer.fsckobjects",
    "user.email",
    "user.name",
];

/// What a task asks for as it is written; what an expression gives is known when the task runs.
pub(crate) fn of(task: &Task) -> Vec<Reach> {
    let text = |key: &str| {
        let scalar = task.node.get(key).and_then(|node| node.scalar());
        let text = scalar.map_or("", |scalar| &*scalar.text);
        (!text.contains("{{")).then_some(text)
    };
    match task.kind {
        TaskKind::Core(CoreKind::FileRead | CoreKind::FileWrite) => {
            let path = text("path");
            path.and_then(|path| of_file(task, path))
                .into_iter()
                .collect()
        }
        TaskKind::Core(CoreKind::Clone) => {
            let settings = task.node.get("gitConfig").map(|node| node.to_json());
            of_clone(task, text("url"), settings.as_ref())
        }
        _ => Vec::new(),
    }
}

/// What reading or writing at a path asks for; two paths stand for what the task prints.
pub(crate) fn of_file(task: &Task, path: &str) -> Option<Reach> {
    let is_stream = matches!(path, "/dev/stdout" | "/dev/stderr");
    (!is_stream).then(|| Reach {
        key: "path",
        what: format!("`{}` names `{path}`", task.type_name.value),
    })
}

/// What a clone asks for beyond a server.
pub(crate) fn of_clone(task: &Task, url: Option<&str>, settings: Option<&Value>) -> Vec<Reach> {
    let mut found = Vec::new();
    if let Some(url) = url.filter(|url| !is_on_a_server(url.trim())) {
        found.push(Reach {
            key: "url",
            what: format!(
                "`{}` clones `{url}`, which is not on a server",
                task.type_name.value
            ),
        });
    }
    let mut names = Vec::new();
    if let Some(settings) = settings {
        flat_names("", settings, &mut names);
    }
    for name in names.into_iter().filter(|name| !is_harmless(name)) {
        found.push(Reach {
            key: "gitConfig",
            what: format!(
                "`{}` sets `{name}`, with which Git may use files or start programs",
                task.type_name.value
            ),
        });
    }
    found
}

/// Whether Git goes to a server for it: by one of the schemes that do, or by SSH as in `user@host:path`.
fn is_on_a_server(url: &str) -> bool {
    if let Some((scheme, _)) = url.split_once("://") {
        return matches!(scheme, "https" | "http" | "ssh" | "git");
    }
    let host = url.split('/').next().unwrap_or_default();
    host.contains(':') && !host.contains("::")
}

fn flat_names(prefix: &str, value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = match prefix {
                    "" => key.clone(),
                    prefix => format!("{prefix}.{key}"),
                };
                flat_names(&name, value, names);
            }
        }
        Value::Null => {}
        _ => names.push(prefix.to_owned()),
    }
}

fn is_harmless(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let (Some((section, _)), Some((_, last))) = (name.split_once('.'), name.rsplit_once('.'))
    else {
        return false;
    };
    HARMLESS.contains(&format!("{section}.{last}").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn servers_are_told_from_folders_and_programs() {
        for url in [
            "https://example.com/a.git",
            "ssh://git@example.com:22/a",
            "git@example.com:team/a.git",
            "git://example.com/a",
        ] {
            assert!(is_on_a_server(url), "{url}");
        }
        for url in [
            "",
            "/srv/a",
            "../a",
            "./a:b",
            "file:///srv/a",
            "ext::sh -c id",
            "ext::https://x",
            "foo://x",
        ] {
            assert!(!is_on_a_server(url), "{url}");
        }
    }

    #[test]
    fn settings_that_name_files_or_programs_are_found() {
        let found = |settings: Value| {
            let mut names = Vec::new();
            flat_names("", &settings, &mut names);
            names.retain(|name| !is_harmless(name));
            names
        };
        let harmless = json!({
            "core": { "autoCrlf": true }, "http.sslVerify": false,
            "http.https://example.com.proxy": "http://p:1", "core.sshCommand": null,
        });
        assert_eq!(found(harmless), Vec::<String>::new());
        for name in [
            "core.sshCommand",
            "core.hooksPath",
            "http.sslCAInfo",
            "filter.x.smudge",
            "url.file:///.insteadOf",
            "protocol.ext.allow",
            "submodule.x.update",
            "credential.helper",
            "core",
        ] {
            assert_eq!(found(json!({ name: "x" })), [name]);
        }
        let nested = json!({ "core": { "sshCommand": "x" } });
        assert_eq!(found(nested), ["core.sshCommand"]);
    }
}
