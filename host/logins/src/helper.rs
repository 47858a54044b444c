//! Docker's credential helpers: programs that are asked for one registry at a time.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Login, LoginsError};

/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How much of what a helper says in its defence is told.
const EXCERPT: usize = 200;

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks `docker-credential-NAME get`: the registry on standard input, JSON on standard output.
pub(super) fn ask(
    helper: &str,
    registry: &str,
    path: Option<&str>,
) -> Result<Option<Login>, LoginsError> {
    let program = format!("docker-credential-{helper}");
    let failed = |reason: String| LoginsError::Helper {
        program: program.clone(),
        registry: registry.to_owned(),
        reason,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if helper.is_empty() || !helper.bytes().all(plain) {
        return Err(failed("it is no name of a program".to_owned()));
    }
    let mut command = Command::new(&program);
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that reads nothing says so by its answer.
        let _ = input.write_all(registry.as_bytes());
    }
    let reader = child.stdout.take().map(|mut output| {
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            let _ = output.read_to_end(&mut answer);
            answer
        })
    });
    let begun = Instant::now();
    let status = loop {
        match child
            .try_wait()
            .map_err(|error| failed(error.to_string()))?
        {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                let seconds = PATIENCE.as_secs();
                return Err(failed(format!("no answer within {seconds} s")));
            }
            None => std::thread::sleep(LOOK),
        }
    };
    let answer = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    if !status.success() {
        let text = String::from_utf8_lossy(&answer);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        let text: String = text.trim().chars().take(EXCERPT).collect();
        return Err(failed(format!("{status}: {text}")));
    }
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|_| failed("its answer is not JSON".to_owned()))?;
    Ok(Some(if answer.user == "<token>" {
        Login {
            identity_token: Some(answer.secret),
            ..Login::default()
        }
    } else {
        Login {
            user: Some(answer.user),
            password: Some(answer.secret),
            ..Login::default()
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::{DOCKER_HUB, Logins};

    #[test]
    fn helpers_are_asked_as_docker_asks_them() {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("docker-credential-mine");
        std::fs::write(
            &helper,
            "#!/bin/sh\nread registry || [ -n \"$registry\" ]\ncase $registry in\n\
             r.example) echo '{\"Username\":\"me\",\"Secret\":\"?>~s\"}';;\n\
             t.example) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';;\n\
             https://index.docker.io/v1/) echo '{\"Username\":\"hub\",\"Secret\":\"h\"}';;\n\
             bad.example) echo broken; exit 3;;\n\
             odd.example) echo secret;;\n\
             *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n",
        )
        .unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let logins = Logins::parse(
            br#"{"credsStore":"mine","auths":{"file.example":{"username":"f","password":"p"}}}"#,
        )
        .unwrap();
        let find = |registry: &str| logins.find(registry, Some(&path));
        let user = |registry: &str| find(registry).unwrap().and_then(|login| login.user);
        assert_eq!(user("r.example").as_deref(), Some("me"));
        assert_eq!(
            find("r.example").unwrap().unwrap().password.as_deref(),
            Some("?>~s")
        );
        let token = find("t.example").unwrap().unwrap();
        assert_eq!(
            (token.user, token.identity_token.as_deref()),
            (None, Some("tok"))
        );
        assert_eq!(user("docker.io").as_deref(), Some("hub"));
        assert_eq!(user(DOCKER_HUB).as_deref(), Some("hub"));
        assert_eq!(find("other.example").unwrap(), None);
        // What the store does not know, the file may.
        assert_eq!(user("file.example").as_deref(), Some("f"));
        let error = find("bad.example").unwrap_err().to_string();
        assert!(
            error.contains("docker-credential-mine") && error.contains("broken"),
            "{error}"
        );
        let error = find("odd.example").unwrap_err().to_string();
        assert!(
            error.contains("not JSON") && !error.contains("secret"),
            "{error}"
        );
    }
}
