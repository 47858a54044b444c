//! The floor of a task in a container: the bare calls to the engine, in the order that loses nothing, by no client library.

use std::io::{self, Read};

use serde_json::{Value, json};
use taffrail_tests::docker::api::{Api, Pending};
use taffrail_tests::docker::tar::Archive;

/// How files travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    None,
    Bind,
    Volume,
}

/// Runs so many containers, so many at once: `URL IMAGE COUNT AT-ONCE none|bind|volume FOLDER COMMAND`.
pub fn play(arguments: &[String]) -> io::Result<()> {
    let [url, image, count, at_once, files, folder, command] = arguments else {
        return Err(io::Error::other("seven arguments are needed"));
    };
    let api = Api::new(url).map_err(io::Error::other)?;
    let number = |text: &str| text.parse::<usize>().unwrap_or(1);
    let files = match files.as_str() {
        "bind" => Files::Bind,
        "volume" => Files::Volume,
        _ => Files::None,
    };
    let left = std::sync::atomic::AtomicUsize::new(number(count));
    let take = || {
        let order = std::sync::atomic::Ordering::Relaxed;
        left.fetch_update(order, order, |left| left.checked_sub(1))
            .is_ok()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..number(at_once))
            .map(|_| {
                scope.spawn(|| {
                    while take() {
                        one(&api, image, files, folder, command)?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker failed")))
        })
    })
}

fn good(answer: io::Result<Pending>) -> io::Result<Pending> {
    let answer = answer?;
    if answer.status < 400 {
        return Ok(answer);
    }
    let status = answer.status;
    Err(io::Error::other(format!(
        "{status} {}",
        answer.finish()?.text()
    )))
}

fn post(api: &Api, path: &str, body: &Value) -> io::Result<Value> {
    let text = body.to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = good(api.begin("POST", path, &headers, &mut text.as_bytes()))?.finish()?;
    serde_json::from_slice(&answer.body).map_err(io::Error::other)
}

fn one(api: &Api, image: &str, files: Files, folder: &str, command: &str) -> io::Result<()> {
    let mut host = json!({
        "NetworkMode": "none", "Init": true,
        "LogConfig": { "Type": "local", "Config": { "max-size": "1000g", "compress": "false" } },
    });
    let mut volume = String::new();
    match files {
        Files::None => {}
        Files::Bind => host["Binds"] = json!([format!("{folder}:/task")]),
        Files::Volume => {
            let made = post(api, "/volumes/create", &json!({}))?;
            volume = made["Name"].as_str().unwrap_or_default().to_owned();
            host["Binds"] = json!([format!("{volume}:/task")]);
        }
    }
    let body = json!({
        "Image": image, "Entrypoint": [], "Cmd": ["sh", "-c", command], "WorkingDir": "/task",
        "AttachStdout": true, "AttachStderr": true, "HostConfig": host,
    });
    let created = post(api, "/containers/create", &body)?;
    let id = created["Id"].as_str().unwrap_or_default();
    if files == Files::Volume {
        let archive = Archive::new()
            .file("task/in.txt", 0o644, b"given\n")
            .finish();
        let path = format!("/containers/{id}/archive?path=/");
        good(api.begin("PUT", &path, &[], &mut archive.as_slice()))?.finish()?;
    }
    let upgrade = [("Connection", "Upgrade"), ("Upgrade", "tcp")];
    let path = format!("/containers/{id}/attach?stream=1&stdout=1&stderr=1");
    let mut attached = good(api.begin("POST", &path, &upgrade, &mut io::empty()))?;
    let path = format!("/containers/{id}/wait?condition=next-exit");
    let waiting = good(api.begin("POST", &path, &[], &mut io::empty()))?;
    let path = format!("/containers/{id}/start");
    good(api.begin("POST", &path, &[], &mut io::empty()))?;
    let mut buffer = vec![0; 64 * 1024];
    while attached.read(&mut buffer)? > 0 {}
    let ended = waiting.finish()?.json();
    if ended["StatusCode"] != 0 {
        return Err(io::Error::other(format!("it ended so: {ended}")));
    }
    if files == Files::Volume {
        let path = format!("/containers/{id}/archive?path=/task/out.txt");
        good(api.begin("GET", &path, &[], &mut io::empty()))?.finish()?;
    }
    let path = format!("/containers/{id}?force=1&v=1");
    good(api.begin("DELETE", &path, &[], &mut io::empty()))?;
    if !volume.is_empty() {
        let path = format!("/volumes/{volume}");
        good(api.begin("DELETE", &path, &[], &mut io::empty()))?;
    }
    Ok(())
}
