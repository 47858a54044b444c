//! Tasks that ask a web server: for an answer, or for a file to keep.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use taffrail_core::native::{DownloadKeys, HttpAuthType, HttpMethod, HttpOptions, RequestKeys};
use taffrail_core::output::{LogLevel, Masker};
use taffrail_core::record::{Failure, FailureKind};

pub(crate) use super::form::percent;
use super::form::{self, Content};
use super::{Call, Done, failed};
use crate::web::{Answer, Ask, Sent, Web, WebError};

/// The most bytes of an answer that becomes an output, where the task says nothing.
const MOST_TEXT: u64 = 10 * 1024 * 1024;
/// The most bytes of a file, where the task says nothing: a bound against a server that never ends.
const MOST_FILE: u64 = 1 << 40;
/// The longest time until a connection stands, where the task says nothing.
const CONNECT: Duration = Duration::from_secs(20);
/// The longest time in which nothing comes, where the task says nothing.
const IDLE: Duration = Duration::from_secs(300);

/// What both tasks have.
struct Asked {
    uri: String,
    method: HttpMethod,
    params: Map<String, Value>,
    body: Option<String>,
    form: Option<Map<String, Value>>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    options: HttpOptions,
}

pub(super) async fn request(call: &mut Call<'_>, keys: RequestKeys) -> Result<Done, Failure> {
    let most = content_limit(keys.options.as_ref(), MOST_TEXT);
    let charset = keys
        .options
        .as_ref()
        .and_then(|options| options.default_charset.clone());
    let hides = keys.encrypt_body == Some(true);
    let method = keys.method.unwrap_or_default();
    if !matches!(
        method,
        HttpMethod::Get | HttpMethod::Head | HttpMethod::Options
    ) {
        call.once().await?;
    }
    let asked = Asked {
        uri: keys.uri,
        method,
        params: keys.params.unwrap_or_default(),
        body: keys.body,
        form: keys.form_data,
        content_type: keys.content_type,
        headers: lines(keys.headers.into_iter().flatten()),
        options: keys.options.unwrap_or_default(),
    };
    let mut answer = send(call, asked, most).await?;
    let mut bytes = Vec::new();
    answer
        .body
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    let (text, remark) = decode(bytes, header(&answer, "content-type"), charset.as_deref())?;
    if hides {
        call.execution.masker.add([text.as_str()]);
    }
    let mut done = Done::with([
        ("uri", json!(answer.address)),
        ("code", json!(answer.status)),
        ("headers", headers(&answer)),
        ("body", json!(text)),
    ]);
    done.warnings.extend(remark);
    Ok(done)
}

pub(super) async fn download(call: &mut Call<'_>, keys: DownloadKeys) -> Result<Done, Failure> {
    let most = content_limit(keys.options.as_ref(), MOST_FILE);
    let asked = Asked {
        uri: keys.uri,
        method: keys.method.unwrap_or_default(),
        params: keys.params.unwrap_or_default(),
        body: keys.body,
        form: keys.form_data,
        content_type: keys.content_type,
        headers: lines(keys.headers.into_iter().flatten()),
        options: keys.options.unwrap_or_default(),
    };
    let answer = send(call, asked, most).await?;
    if answer.length == 0 && keys.fail_on_empty_response != Some(false) {
        return Err(failed(
            "the answer is empty; `failOnEmptyResponse: false` allows that",
        ));
    }
    let name = keys.save_as.unwrap_or_else(|| file_name(&answer));
    let (status, length) = (answer.status, answer.length);
    let (address, headers) = (answer.address.clone(), headers(&answer));
    let uri = call.keep(&name, answer.body)?;
    call.log(
        LogLevel::Debug,
        &format!("{length} bytes from {address} are kept as {uri}"),
    );
    Ok(Done::with([
        ("uri", json!(uri)),
        ("code", json!(status)),
        ("length", json!(length)),
        ("headers", headers),
    ]))
}

fn content_limit(options: Option<&HttpOptions>, otherwise: u64) -> u64 {
    options
        .and_then(|options| options.max_content_length)
        .unwrap_or(otherwise)
}

fn lines(headers: impl Iterator<Item = (String, Value)>) -> Vec<(String, String)> {
    headers.map(|(name, value)| (name, text(&value))).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Asks, and looks at the status.
async fn send(call: &mut Call<'_>, asked: Asked, most: u64) -> Result<Answer, Failure> {
    let options = &asked.options;
    let stop = Stop(Arc::new(AtomicBool::new(false)));
    let mut headers = asked.headers;
    let has = |headers: &[(String, String)], name: &str| {
        headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    if let Some(line) = authorization(call, options)? {
        headers.push(("Authorization".to_owned(), line));
    }
    let body = match (&asked.form, asked.body) {
        (Some(form), _) => {
            let Content { kind, body } = form::encode(call, form, asked.content_type.as_deref())?;
            if !has(&headers, "content-type") {
                headers.push(("Content-Type".to_owned(), kind));
            }
            body
        }
        (None, body) => {
            if let Some(kind) = asked.content_type
                && !has(&headers, "content-type")
            {
                headers.push(("Content-Type".to_owned(), kind));
            }
            body.map_or(Sent::Nothing, |body| Sent::Bytes(body.into_bytes()))
        }
    };
    let time = |written: Option<&String>, otherwise: Duration| match written {
        None => Ok(otherwise),
        Some(text) => {
            taffrail_core::duration::parse(text).map_err(|error| invalid(error.to_string()))
        }
    };
    let timeouts = options.timeout.clone().unwrap_or_default();
    let ask = Ask {
        method: method(asked.method),
        address: with_params(&asked.uri, &asked.params)?,
        headers,
        body,
        connect: time(
            timeouts
                .connect_timeout
                .as_ref()
                .or(options.connect_timeout.as_ref()),
            CONNECT,
        )?,
        idle: time(
            timeouts
                .read_idle_timeout
                .as_ref()
                .or(options.read_timeout.as_ref()),
            IDLE,
        )?,
        follow: options.follow_redirects.unwrap_or(true),
        verify: !options
            .ssl
            .as_ref()
            .and_then(|ssl| ssl.insecure_trust_all_certificates)
            .unwrap_or(false),
        most,
        stop: Arc::clone(&stop.0),
    };
    let what = format!("{} {}", ask.method, without_credentials(&ask.address));
    let web: Arc<dyn Web> = Arc::clone(&call.scope.services().web);
    // It blocks for as long as the server takes, and others work meanwhile.
    let asked = tokio::task::spawn_blocking(move || web.ask(ask)).await;
    let answer = match asked {
        Ok(answer) => answer.map_err(|error| failure(&what, &error))?,
        Err(panic) => return Err(failed(format!("{what}: the host panicked: {panic}"))),
    };
    judge(call, &what, answer, options)
}

/// Whether a status lets the task go on.
fn judge(
    call: &mut Call<'_>,
    what: &str,
    mut answer: Answer,
    options: &HttpOptions,
) -> Result<Answer, Failure> {
    let status = answer.status;
    let allowed = options.allowed_response_codes.as_ref();
    let good = match allowed {
        Some(codes) if !codes.is_empty() => codes.contains(&status) || status < 400,
        _ => status < 400,
    };
    if good {
        return Ok(answer);
    }
    if options.allow_failed == Some(true) {
        call.log(
            LogLevel::Warn,
            &format!("{what}: the answer's status is {status}, which is allowed"),
        );
        return Ok(answer);
    }
    let mut said = Vec::new();
    let _ = (&mut answer.body).take(400).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let behind = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    Err(failed(format!(
        "{what}: the answer's status is {status}{behind}"
    )))
}

fn failure(what: &str, error: &WebError) -> Failure {
    let kind = match error {
        WebError::Invalid(_) => FailureKind::Invalid,
        WebError::Unreachable(_) => FailureKind::Unreachable,
        WebError::TooLarge(_) => FailureKind::Exit,
        WebError::Stopped => FailureKind::Cancelled,
    };
    let more = match error {
        WebError::TooLarge(_) => "; `options.maxContentLength` says how many are taken",
        _ => "",
    };
    Failure {
        kind,
        message: format!("{what}: {error}{more}"),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure {
        kind: FailureKind::Invalid,
        message: message.into(),
    }
}

/// Ends a request that nobody waits for any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn method(method: HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Head => "HEAD",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Trace => "TRACE",
    }
}

/// The line that shows who asks. What is secret in it is hidden from here on.
fn authorization(call: &Call<'_>, options: &HttpOptions) -> Result<Option<String>, Failure> {
    let masker = &call.execution.masker;
    let basic = |user: &str, password: &str| Some(basic(masker, user, password));
    let Some(auth) = &options.auth else {
        return Ok(
            match (&options.basic_auth_user, &options.basic_auth_password) {
                (None, None) => None,
                (user, password) => basic(
                    user.as_deref().unwrap_or_default(),
                    password.as_deref().unwrap_or_default(),
                ),
            },
        );
    };
    let kind = auth.kind.unwrap_or(match auth.token {
        Some(_) => HttpAuthType::Bearer,
        None => HttpAuthType::Basic,
    });
    match kind {
        HttpAuthType::Basic => Ok(basic(
            auth.username.as_deref().unwrap_or_default(),
            auth.password.as_deref().unwrap_or_default(),
        )),
        HttpAuthType::Bearer => match &auth.token {
            Some(token) => {
                masker.add([token.as_str()]);
                Ok(Some(format!("Bearer {token}")))
            }
            None => Err(invalid(
                "`options.auth` is of type BEARER and has no `token`",
            )),
        },
    }
}

/// The line that shows a user and a password, both of which are hidden from here on.
pub(crate) fn basic(masker: &Masker, user: &str, password: &str) -> String {
    let line = form::base64(format!("{user}:{password}").as_bytes());
    masker.add([password, line.as_str()]);
    format!("Basic {line}")
}

/// The address with parameters added to its query. A list gives one parameter for each of its items.
fn with_params(uri: &str, params: &Map<String, Value>) -> Result<String, Failure> {
    let uri = uri.trim();
    if !(uri.starts_with("http://") || uri.starts_with("https://")) {
        return Err(invalid(format!(
            "`{}` is no address of the web: it begins with neither `http://` nor `https://`",
            without_credentials(uri)
        )));
    }
    let (rest, fragment) = match uri.split_once('#') {
        Some((rest, _)) => (rest, true),
        None => (uri, false),
    };
    let _ = fragment;
    // What people write and no server may see as it is.
    let mut address: String = rest
        .chars()
        .map(|letter| match letter {
            ' ' => "%20".to_owned(),
            other if other.is_ascii() => other.to_string(),
            other => percent(other.encode_utf8(&mut [0; 4])),
        })
        .collect();
    let mut separator = if address.contains('?') { '&' } else { '?' };
    for (name, value) in params {
        let values = match value {
            Value::Array(items) => items.iter().map(text).collect(),
            other => vec![text(other)],
        };
        for value in values {
            address.push(separator);
            address.push_str(&percent(name));
            address.push('=');
            address.push_str(&percent(&value));
            separator = '&';
        }
    }
    Ok(address)
}

/// An address as it may be shown.
pub(super) fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn headers(answer: &Answer) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in &answer.headers {
        if let Some(list) = map
            .entry(name.clone())
            .or_insert_with(|| json!([]))
            .as_array_mut()
        {
            list.push(json!(value));
        }
    }
    Value::Object(map)
}

/// The text of an answer, and what the author should know of it.
fn decode(
    bytes: Vec<u8>,
    kind: Option<&str>,
    otherwise: Option<&str>,
) -> Result<(String, Option<String>), Failure> {
    let written = kind.and_then(|kind| {
        let (_, rest) = kind.split_once("charset=")?;
        Some(rest.split(';').next()?.trim().trim_matches('"').to_owned())
    });
    let charset = written
        .or_else(|| otherwise.map(str::to_owned))
        .unwrap_or_else(|| "UTF-8".to_owned());
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Ok(match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => (
                String::from_utf8_lossy(error.as_bytes()).into_owned(),
                Some("the answer is not UTF-8 text; `http.Download` keeps it as it is".to_owned()),
            ),
        }),
        "iso-8859-1" | "latin1" | "us-ascii" | "ascii" => {
            Ok((bytes.into_iter().map(char::from).collect(), None))
        }
        _ => Err(failed(format!(
            "the answer is in the character set `{charset}`; UTF-8, ISO-8859-1 and US-ASCII can be read, and `http.Download` keeps it as it is"
        ))),
    }
}

/// What the file of an answer is called: as the server says, or as the address ends.
fn file_name(answer: &Answer) -> String {
    let said = header(answer, "content-disposition").and_then(|line| {
        let (_, rest) = line.split_once("filename=")?;
        let name = rest.split(';').next()?.trim().trim_matches('"');
        // A server does not choose folders.
        let last = name.rsplit(['/', '\\']).next()?.trim();
        (!last.is_empty() && last != ".." && last != ".").then(|| last.to_owned())
    });
    said.unwrap_or_else(|| {
        let path = answer.address.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        match path.split_once('/').map(|(_, path)| path) {
            Some(path) if !path.trim_end_matches('/').is_empty() => path
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or("download")
                .to_owned(),
            _ => "download".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |uri: &str, params: Value, expected: &str| {
            let found = with_params(uri, params.as_object().unwrap()).unwrap();
            assert_eq!(found, expected);
        };
        check("http://h/a b", json!({}), "http://h/a%20b");
        check("http://h/ü#top", json!({}), "http://h/%C3%BC");
        check(
            "http://h/?x=1",
            json!({"y": "a&b", "z": [1, "ü"]}),
            "http://h/?x=1&y=a%26b&z=1&z=%C3%BC",
        );
        for bad in ["ftp://h/", "h/x", "file:///etc/passwd"] {
            assert!(with_params(bad, &Map::new()).is_err(), "{bad}");
        }
        assert_eq!(
            without_credentials("https://u:p@h:1/x?a=@b"),
            "https://h:1/x?a=@b"
        );
        assert_eq!(without_credentials("https://h/@x"), "https://h/@x");
    }

    #[test]
    fn texts_in_other_character_sets() {
        let check = |bytes: &[u8], kind: Option<&str>, otherwise: Option<&str>, expected: &str| {
            let (text, _) = decode(bytes.to_vec(), kind, otherwise).unwrap();
            assert_eq!(text, expected);
        };
        check("ü".as_bytes(), None, None, "ü");
        check(b"\xfc", Some("text/plain; charset=ISO-8859-1"), None, "ü");
        check(b"\xfc", Some("text/plain"), Some("latin1"), "ü");
        check(b"\xfc", None, None, "\u{FFFD}");
        assert!(decode(Vec::new(), Some("text/plain; charset=ebcdic"), None).is_err());
    }
}
