//! The functions of expressions that reach into the world around the flow: stores, the web, the calendar, the execution itself.

mod calendar;
mod holidays;
mod sealed;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use taffrail_core::yaml::{Limits, parse};
use taffrail_expr::{Arguments, Environment, Value};

use crate::natives::http::{basic, percent};
use crate::scope::{Scope, Services, chain, text};
use crate::web::{Ask, Sent};

/// The most bytes of an answer of `http`.
const MOST: u64 = 1024 * 1024;
/// How long `http` waits for an answer, and for each piece of one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The functions here, for near misses.
pub(crate) const NAMES: &[&str] = &[
    "dayOfMonth",
    "dayOfWeek",
    "decrypt",
    "encrypt",
    "env",
    "errorLogs",
    "fetchContext",
    "hourOfDay",
    "http",
    "isDateAfter",
    "isDateBefore",
    "isDateBetween",
    "isDayWeekInMonth",
    "isLastWorkingDay",
    "isPublicHoliday",
    "isWeekend",
    "kv",
    "monthOfYear",
    "printContext",
    "randomPort",
    "tasksWithState",
    "yaml",
];

/// Calls one of the functions here; nothing where it is none.
pub(crate) fn call(
    scope: &Scope,
    name: &str,
    arguments: &Arguments,
) -> Option<Result<Value, String>> {
    let services = scope.services();
    Some(match name {
        "kv" => kv(services, arguments),
        "http" => http(services, arguments),
        "yaml" => text(arguments, "yaml").and_then(|text| yaml(&text)),
        "errorLogs" => Ok(Value::list(scope.live().errors())),
        "tasksWithState" => tasks_with_state(scope, arguments),
        "fetchContext" => Ok(Value::from_json(&context(scope))),
        "printContext" => Ok(Value::text(format!("{:#}", context(scope)))),
        "randomPort" => random_port(),
        "env" => env(services, arguments),
        "encrypt" => sealed::encrypt(arguments),
        "decrypt" => sealed::decrypt(arguments),
        "credential" | "appLink" => {
            Err("it needs a server; give secrets with `--secrets-file`".to_owned())
        }
        _ => return calendar::call(name, arguments),
    })
}

/// A variable of the host for flows; the second argument where there is none, or nothing is in it.
fn env(services: &Services, arguments: &Arguments) -> Result<Value, String> {
    let name = text(arguments, "name")?;
    let found = services.host.envs.get(&name);
    let found = found.filter(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    Ok(found
        .or_else(|| arguments.get(1, "default").cloned())
        .unwrap_or_else(Value::null))
}

fn kv(services: &Services, arguments: &Arguments) -> Result<Value, String> {
    let key = text(arguments, "key")?;
    let namespace = arguments
        .get(1, "namespace")
        .filter(|value| !value.is_null())
        .map_or_else(|| services.namespace.clone(), Value::render_text);
    let found = services
        .kv
        .get(&namespace, &key)
        .map_err(|error| chain(&error))?;
    match found {
        Some(value) => Ok(Value::from_json(&value)),
        None if arguments.get(2, "errorOnMissing").and_then(Value::as_bool) == Some(false) => {
            Ok(Value::null())
        }
        None => Err(format!(
            "there is no key `{key}` in the namespace `{namespace}`; `errorOnMissing=false` gives null instead"
        )),
    }
}

/// Asks a web server; an answer in JSON or YAML is what it says, any other its text.
fn http(services: &Services, arguments: &Arguments) -> Result<Value, String> {
    let mut address = text(arguments, "uri")?;
    let named = |name: &str| arguments.named(name).filter(|value| !value.is_null());
    let written = named("method").map(Value::render_text);
    let method = match written.as_deref().map(str::to_ascii_uppercase).as_deref() {
        None | Some("GET") => "GET",
        Some("POST") => "POST",
        Some("PUT") => "PUT",
        Some("PATCH") => "PATCH",
        Some("DELETE") => "DELETE",
        Some("HEAD") => "HEAD",
        Some(other) => return Err(format!("`method` cannot be `{other}`")),
    };
    if !(address.starts_with("http://") || address.starts_with("https://")) {
        return Err(format!("`{address}` is no address of the web"));
    }
    let mut separator = if address.contains('?') { '&' } else { '?' };
    for (name, value) in named("query").and_then(Value::as_map).into_iter().flatten() {
        let (name, value) = (percent(name), percent(&value.render_text()));
        address.push_str(&format!("{separator}{name}={value}"));
        separator = '&';
    }
    let mut headers: Vec<(String, String)> = named("headers")
        .and_then(Value::as_map)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_string(), value.render_text()))
        .collect();
    for (argument, name) in [("contentType", "Content-Type"), ("accept", "Accept")] {
        if let Some(value) = named(argument) {
            headers.push((name.to_owned(), value.render_text()));
        }
    }
    let options = named("options").map_or(Json::Null, Value::to_json);
    let of_options = |path: &str| options.pointer(path).and_then(Json::as_str);
    if let Some(token) = of_options("/auth/token") {
        services.masker.add([token]);
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    } else if let (Some(user), Some(password)) =
        (of_options("/auth/username"), of_options("/auth/password"))
    {
        let line = basic(&services.masker, user, password);
        headers.push(("Authorization".to_owned(), line));
    }
    let body = named("body").map_or(Sent::Nothing, |body| {
        let text = match body.as_map().is_some() || body.as_list().is_some() {
            true => body.to_json().to_string(),
            false => body.render_text(),
        };
        Sent::Bytes(text.into_bytes())
    });
    let mut answer = services
        .web
        .ask(Ask {
            method,
            address,
            headers,
            body,
            connect: PATIENCE,
            idle: PATIENCE,
            follow: true,
            verify: true,
            most: MOST,
            stop: Arc::new(AtomicBool::new(false)),
        })
        .map_err(|error| error.to_string())?;
    if answer.status >= 400 {
        return Err(format!("the answer's status is {}", answer.status));
    }
    let mut body = String::new();
    std::io::Read::read_to_string(&mut answer.body, &mut body)
        .map_err(|error| format!("the answer is no text: {error}"))?;
    let kind = answer
        .headers
        .iter()
        .find(|(name, _)| name == "content-type")
        .map_or("", |(_, kind)| kind.as_str());
    if kind.contains("json") {
        let json: Json = serde_json::from_str(&body)
            .map_err(|error| format!("the answer is not the JSON that it says: {error}"))?;
        return Ok(Value::from_json(&json));
    }
    if kind.contains("yaml") {
        return yaml(&body);
    }
    Ok(Value::text(body))
}

fn yaml(written: &str) -> Result<Value, String> {
    if written.trim().is_empty() {
        return Ok(Value::null());
    }
    let parsed = parse(written, &Limits::default());
    if let Some(diagnostic) = parsed.diagnostics.first() {
        return Err(format!("it is no YAML: {}", diagnostic.message));
    }
    Ok(parsed
        .root
        .map_or_else(Value::null, |root| Value::from_json(&root.to_json())))
}

/// The task runs that ended in a state: task, value of the loop where it stood in one, state.
fn tasks_with_state(scope: &Scope, arguments: &Arguments) -> Result<Value, String> {
    let wanted = text(arguments, "state")?.to_uppercase();
    let mut found = Vec::new();
    let tasks = scope
        .live()
        .get("tasks")
        .map_or(Json::Null, |tasks| tasks.to_json());
    for (id, below) in tasks.as_object().into_iter().flatten() {
        states(id, None, below, &wanted, &mut found);
    }
    Ok(Value::from_json(&Json::Array(found)))
}

fn states(id: &str, value: Option<&str>, below: &Json, wanted: &str, found: &mut Vec<Json>) {
    let Some(map) = below.as_object() else { return };
    for (key, inner) in map {
        match inner.as_str().filter(|_| key == "state") {
            Some(state) if state == wanted => {
                let mut entry = json!({ "taskId": id, "state": state });
                if let Some(value) = value {
                    entry["value"] = json!(value);
                }
                found.push(entry);
            }
            Some(_) => {}
            None => states(id, Some(key), inner, wanted, found),
        }
    }
}

/// Every variable that expressions see here.
fn context(scope: &Scope) -> Json {
    let names: BTreeSet<String> = scope.names().into_iter().collect();
    let variables = names.into_iter().filter_map(|name| {
        let value = scope.variable(&name)?.to_json();
        Some((name, value))
    });
    Json::Object(variables.collect::<Map<_, _>>())
}

fn random_port() -> Result<Value, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let port = listener.and_then(|listener| listener.local_addr());
    port.map(|address| Value::int(i64::from(address.port())))
        .map_err(|error| format!("there is no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_read() {
        let check = |written: &str, expected: Json| {
            assert_eq!(yaml(written).unwrap().to_json(), expected, "{written}");
        };
        check(
            "a: [1, x]\nb: {c: true}\n",
            json!({"a": [1, "x"], "b": {"c": true}}),
        );
        check("", Json::Null);
        assert!(yaml("a: [").unwrap_err().contains("no YAML"));
    }
}
