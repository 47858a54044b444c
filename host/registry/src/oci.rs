//! Components in OCI registries, in the layout of the CNCF Wasm working group: a manifest, a small configuration that says what the
//! component imports and exports, and the component as the only layer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::{Body, http};

use crate::client::{Client, Progress, SMALL, body, checked, nonsense, refused};
use crate::credentials::Secret;
use crate::digest::Digest;
use crate::error::FetchError;
use crate::reference::Reference;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";
const SIGNATURE: &str = "application/vnd.taffrail.minisign.v1+text";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The same component gives the same manifest, so no time of ours may be in it.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// Most pages of tags that are read.
const MOST_PAGES: usize = 100;

/// A component to be published.
#[derive(Debug, Clone)]
pub struct Artifact<'a> {
    /// Its bytes.
    pub component: &'a [u8],
    /// What it imports and exports.
    pub names: Names,
    /// What people may want to know, by the names of OCI: `org.opencontainers.image.title`.
    pub annotations: Vec<(String, String)>,
    /// The text of its minisign signature.
    pub signature: Option<&'a str>,
}

/// The names of what a component imports and exports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Names {
    /// What it wants.
    #[serde(default)]
    pub imports: Vec<String>,
    /// What it offers.
    #[serde(default)]
    pub exports: Vec<String>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The reference, fixed to the manifest.
    pub reference: Reference,
    /// The digest of the component.
    pub component: Digest,
}

/// What was fetched.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The reference, fixed to the manifest.
    pub reference: Reference,
    /// The component.
    pub component: Vec<u8>,
    /// Its signature, where one was published along.
    pub signature: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

impl Descriptor {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
        }
    }
}

impl Client {
    /// Fetches a component, at most so many bytes. `fits` is asked what it thinks of the names before the component itself is fetched.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn pull(
        &self,
        reference: &Reference,
        most: u64,
        fits: &dyn Fn(&Names) -> Result<(), String>,
        progress: Progress<'_>,
    ) -> Result<Pulled, FetchError> {
        let what = reference.to_string();
        let mut session = Session::new(self, reference);
        let (manifest, digest) = session.manifest(reference)?;
        let layer = match manifest.layers.as_slice() {
            [layer] if layer.media_type == COMPONENT => layer,
            layers => {
                let found: Vec<&str> = layers.iter().map(|layer| &*layer.media_type).collect();
                return Err(nonsense(
                    &what,
                    &format!(
                        "a component is one layer `{COMPONENT}`, and there are {}: {}",
                        layers.len(),
                        crate::error::excerpt(&found.join(", "))
                    ),
                ));
            }
        };
        if layer.size > most {
            return Err(FetchError::TooLarge { what, most });
        }
        if manifest.config.media_type == CONFIG {
            let text = session.blob(&manifest.config, SMALL, &mut |_, _| {})?;
            let config: Value = serde_json::from_slice(&text)
                .map_err(|error| nonsense(&what, &format!("its configuration: {error}")))?;
            let names: Option<Names> = config
                .get("component")
                .and_then(|names| serde_json::from_value(names.clone()).ok());
            if let Some(names) = names {
                fits(&names).map_err(|reason| FetchError::Unfit {
                    what: what.clone(),
                    reason,
                })?;
            }
        }
        let component = session.blob(layer, most, progress)?;
        let signature = session.signature(&Digest::of(&component))?;
        Ok(Pulled {
            reference: reference.at_digest(digest),
            component,
            signature,
        })
    }

    /// Publishes a component under a tag.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn push(
        &self,
        reference: &Reference,
        artifact: &Artifact<'_>,
    ) -> Result<Published, FetchError> {
        let mut session = Session::new(self, reference);
        let component = Digest::of(artifact.component);
        let config = serde_json::to_vec(&json!({
            "created": CREATED,
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [component.to_string()],
            "component": artifact.names,
        }))
        .map_err(|error| nonsense(&reference.to_string(), &error.to_string()))?;
        session.upload(&config)?;
        session.upload(artifact.component)?;
        let layer = Descriptor::of(COMPONENT, artifact.component);
        let manifest = session.describe(
            &reference.wanted(),
            &Descriptor::of(CONFIG, &config),
            &layer,
            &artifact.annotations,
        )?;
        if let Some(signature) = artifact.signature {
            session.upload(b"{}")?;
            session.upload(signature.as_bytes())?;
            session.describe(
                &signature_tag(&component),
                &Descriptor::of(EMPTY, b"{}"),
                &Descriptor::of(SIGNATURE, signature.as_bytes()),
                &[],
            )?;
        }
        Ok(Published {
            reference: reference.at_digest(manifest),
            component,
        })
    }

    /// The tags of a repository, in the registry's order.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn tags(&self, reference: &Reference) -> Result<Vec<String>, FetchError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let what = reference.to_string();
        let mut session = Session::new(self, reference);
        let mut tags: Vec<String> = Vec::new();
        let mut address = format!("{}/tags/list?n=1000", reference.base());
        for _ in 0..MOST_PAGES {
            let response = session.get(&address, "application/json")?;
            let more = response.headers().contains_key(header::LINK);
            let text = body(&what, response, SMALL, &mut |_, _| {})?;
            let page: Page = serde_json::from_slice(&text)
                .map_err(|error| nonsense(&what, &error.to_string()))?;
            let page = page.tags.unwrap_or_default();
            let last = page.last().cloned();
            tags.extend(page);
            match last {
                Some(last) if more => {
                    address = format!("{}/tags/list?n=1000&last={last}", reference.base());
                }
                _ => break,
            }
        }
        Ok(tags)
    }
}

/// Under which tag the signature of a component lies: registries of before the referrers API have nothing better.
fn signature_tag(component: &Digest) -> String {
    format!("sha256-{}.minisig", component.hex())
}

/// Talks to one repository; remembers what it had to show.
struct Session<'a> {
    client: &'a Client,
    what: String,
    host: String,
    base: String,
    authorization: Option<String>,
    shown: Option<String>,
}

impl<'a> Session<'a> {
    fn new(client: &'a Client, reference: &Reference) -> Self {
        Self {
            client,
            what: reference.to_string(),
            host: reference.host().to_owned(),
            base: reference.base(),
            authorization: None,
            shown: None,
        }
    }

    fn manifest(&mut self, reference: &Reference) -> Result<(Manifest, Digest), FetchError> {
        let address = format!("{}/manifests/{}", self.base, reference.wanted());
        let response = self.get(&address, &format!("{MANIFEST}, {DOCKER_MANIFEST}"))?;
        let bytes = body(&self.what, response, SMALL, &mut |_, _| {})?;
        let digest = Digest::of(&bytes);
        let bytes = match reference.digest() {
            Some(wanted) => checked(&self.what, bytes, wanted)?,
            None => bytes,
        };
        let manifest = serde_json::from_slice(&bytes).map_err(|error| {
            nonsense(
                &self.what,
                &format!("it is no manifest of one artifact ({error})"),
            )
        })?;
        Ok((manifest, digest))
    }

    fn blob(
        &mut self,
        descriptor: &Descriptor,
        most: u64,
        progress: Progress<'_>,
    ) -> Result<Vec<u8>, FetchError> {
        let digest = Digest::parse(&descriptor.digest)
            .map_err(|error| nonsense(&self.what, &error.to_string()))?;
        let address = format!("{}/blobs/{digest}", self.base);
        let response = self.get(&address, "*/*")?;
        let bytes = body(&self.what, response, most, progress)?;
        checked(&self.what, bytes, &digest)
    }

    /// The signature that was published for a component; most have none.
    fn signature(&mut self, component: &Digest) -> Result<Option<String>, FetchError> {
        let address = format!("{}/manifests/{}", self.base, signature_tag(component));
        let response = self.exchange("GET", &address, &[(header::ACCEPT, MANIFEST)], None)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(refused(&self.what, response, self.shown.as_deref()));
        }
        let bytes = body(&self.what, response, SMALL, &mut |_, _| {})?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| nonsense(&self.what, &format!("its signature: {error}")))?;
        let Some(layer) = manifest.layers.first() else {
            return Ok(None);
        };
        let bytes = self.blob(layer, SMALL, &mut |_, _| {})?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// Puts bytes into the repository unless they are there.
    fn upload(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let digest = Digest::of(bytes);
        let address = format!("{}/blobs/{digest}", self.base);
        if self
            .exchange("HEAD", &address, &[], None)?
            .status()
            .is_success()
        {
            return Ok(());
        }
        let begun = self.exchange(
            "POST",
            &format!("{}/blobs/uploads/", self.base),
            &[],
            Some(&[]),
        )?;
        if begun.status() != StatusCode::ACCEPTED {
            return Err(refused(&self.what, begun, self.shown.as_deref()));
        }
        let location = begun
            .headers()
            .get(header::LOCATION)
            .and_then(|location| location.to_str().ok())
            .ok_or_else(|| nonsense(&self.what, "it names no place to upload to"))?;
        let address = self.place(location, &digest);
        let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
        let done = self.exchange("PUT", &address, &headers, Some(bytes))?;
        if done.status() != StatusCode::CREATED {
            return Err(refused(&self.what, done, self.shown.as_deref()));
        }
        Ok(())
    }

    /// The address to upload to; registries give whole ones, or only a path.
    fn place(&self, location: &str, digest: &Digest) -> String {
        let whole = if location.starts_with('/') {
            let root = self.base.split_inclusive('/').take(3).collect::<String>();
            format!("{}{location}", root.trim_end_matches('/'))
        } else {
            location.to_owned()
        };
        let joint = if whole.contains('?') { '&' } else { '?' };
        format!("{whole}{joint}digest={digest}")
    }

    /// Puts a manifest under a tag.
    fn describe(
        &mut self,
        tag: &str,
        config: &Descriptor,
        layer: &Descriptor,
        annotations: &[(String, String)],
    ) -> Result<Digest, FetchError> {
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": [layer],
        });
        if !annotations.is_empty() {
            let annotations: Map<String, Value> = annotations
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect();
            manifest["annotations"] = annotations.into();
        }
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| nonsense(&self.what, &error.to_string()))?;
        let address = format!("{}/manifests/{tag}", self.base);
        let headers = [(header::CONTENT_TYPE, MANIFEST)];
        let done = self.exchange("PUT", &address, &headers, Some(&bytes))?;
        if done.status() != StatusCode::CREATED {
            return Err(refused(&self.what, done, self.shown.as_deref()));
        }
        Ok(Digest::of(&bytes))
    }

    fn get(&mut self, address: &str, accept: &str) -> Result<Response<Body>, FetchError> {
        let response = self.exchange("GET", address, &[(header::ACCEPT, accept)], None)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refused(&self.what, response, self.shown.as_deref()))
        }
    }

    /// One request and its answer; where the registry asks who we are, it is told and asked again.
    fn exchange(
        &mut self,
        method: &str,
        address: &str,
        headers: &[(header::HeaderName, &str)],
        content: Option<&[u8]>,
    ) -> Result<Response<Body>, FetchError> {
        let response = self.once(method, address, headers, content)?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let challenges: Vec<String> = response
            .headers()
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        match self.authorize(&challenges)? {
            Some(authorization) if self.authorization.as_ref() != Some(&authorization) => {
                self.authorization = Some(authorization);
                self.once(method, address, headers, content)
            }
            _ => Ok(response),
        }
    }

    fn once(
        &self,
        method: &str,
        address: &str,
        headers: &[(header::HeaderName, &str)],
        content: Option<&[u8]>,
    ) -> Result<Response<Body>, FetchError> {
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        // An upload may be sent to another machine, which has no business with our name.
        if let Some(authorization) = &self.authorization
            && same_origin(address, &self.base)
        {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let broken = |error: http::Error| nonsense(&self.what, &error.to_string());
        match content {
            Some(content) => self
                .client
                .send(&self.what, request.body(content).map_err(broken)?),
            None => self
                .client
                .send(&self.what, request.body(()).map_err(broken)?),
        }
    }

    /// What to show, from the challenges of an answer; nothing where there is nothing to show.
    fn authorize(&mut self, challenges: &[String]) -> Result<Option<String>, FetchError> {
        let denied = |reason: String| FetchError::Denied {
            what: self.what.clone(),
            reason,
        };
        let secret = self
            .client
            .credentials
            .find(&self.host)
            .map_err(|error| denied(error.to_string()))?;
        self.shown = secret.as_ref().map(Secret::shown);
        let bearer = challenges.iter().find_map(|text| Challenge::bearer(text));
        if let Some(challenge) = bearer {
            return self.token(&challenge, secret.as_ref()).map(Some);
        }
        let basic = challenges.iter().any(|text| {
            text.get(..5)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
        });
        Ok(secret.filter(|_| basic).and_then(|secret| secret.basic()))
    }

    /// Gets a token from the server that the challenge names.
    fn token(&self, challenge: &Challenge, secret: Option<&Secret>) -> Result<String, FetchError> {
        if self.base.starts_with("https://") && !challenge.realm.starts_with("https://") {
            return Err(nonsense(
                &self.what,
                "it sends us for a token to a place without encryption",
            ));
        }
        let mut query: Vec<(&str, String)> = Vec::new();
        if let Some(service) = &challenge.service {
            query.push(("service", service.clone()));
        }
        if let Some(scope) = &challenge.scope {
            query.push(("scope", scope.clone()));
        }
        let response = match secret {
            Some(Secret::Identity(token)) => {
                query.push(("grant_type", "refresh_token".to_owned()));
                query.push(("client_id", "taffrail".to_owned()));
                query.push(("refresh_token", token.clone()));
                let form = encoded(&query);
                let request = Request::post(&challenge.realm)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form.as_bytes())
                    .map_err(|error| nonsense(&self.what, &error.to_string()))?;
                self.client.send(&self.what, request)?
            }
            secret => {
                let joint = if challenge.realm.contains('?') {
                    '&'
                } else {
                    '?'
                };
                let address = format!("{}{joint}{}", challenge.realm, encoded(&query));
                let mut request = Request::get(address);
                if let Some(basic) = secret.and_then(Secret::basic) {
                    request = request.header(header::AUTHORIZATION, basic);
                }
                let request = request
                    .body(())
                    .map_err(|error| nonsense(&self.what, &error.to_string()))?;
                self.client.send(&self.what, request)?
            }
        };
        if !response.status().is_success() {
            return Err(refused(&self.what, response, self.shown.as_deref()));
        }
        let text = body(&self.what, response, SMALL, &mut |_, _| {})?;
        let document: Value = serde_json::from_slice(&text)
            .map_err(|_| nonsense(&self.what, "its token server gives no JSON"))?;
        let token = ["token", "access_token"]
            .iter()
            .find_map(|key| document.get(*key)?.as_str())
            .ok_or_else(|| nonsense(&self.what, "its token server gives no token"))?;
        Ok(format!("Bearer {token}"))
    }
}

/// `Bearer realm="...",service="...",scope="..."`.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    fn bearer(text: &str) -> Option<Self> {
        let scheme = text.get(..7)?;
        if !scheme.eq_ignore_ascii_case("bearer ") {
            return None;
        }
        let value = |name: &str| {
            let start = text.find(&format!("{name}=\""))? + name.len() + 2;
            let rest = &text[start..];
            Some(rest[..rest.find('"')?].to_owned())
        };
        Some(Self {
            realm: value("realm")?,
            service: value("service"),
            scope: value("scope"),
        })
    }
}

fn encoded(query: &[(&str, String)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    query
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Whether two addresses have the same scheme, host and port.
fn same_origin(left: &str, right: &str) -> bool {
    let origin = |address: &str| {
        address
            .split('/')
            .take(3)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    origin(left) == origin(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_understood() {
        let text = r#"Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a/b:pull,push""#;
        let challenge = Challenge::bearer(text).expect("a challenge");
        assert_eq!(challenge.realm, "https://auth.example.org/token");
        assert_eq!(challenge.scope.as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(Challenge::bearer("Basic realm=\"x\""), None);
        assert_eq!(Challenge::bearer("Bearer service=\"x\""), None);
        assert_eq!(Challenge::bearer(""), None);
        assert_eq!(
            encoded(&[("scope", "a b/c:d".to_owned())]),
            "scope=a%20b%2Fc%3Ad"
        );
    }

    #[test]
    fn credentials_go_only_to_where_they_belong() {
        let base = "https://example.org:5000/v2/a";
        assert!(same_origin(
            "https://example.org:5000/v2/a/blobs/uploads/",
            base
        ));
        for other in [
            "http://example.org:5000/v2/a",
            "https://example.org/v2/a",
            "https://storage.example.org:5000/x",
        ] {
            assert!(!same_origin(other, base), "{other}");
        }
    }
}
