//! A conversation with one repository of a registry: manifests, blobs, and the credentials that it asks for.

use serde_json::{Map, Value, json};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::{Body, http};

use super::challenge::{Challenge, encoded};
use super::{DOCKER_MANIFEST, Descriptor, MANIFEST, Manifest, signature_tag};
use crate::client::{Client, Progress, SMALL, body, checked, nonsense, refused};
use crate::credentials::Secret;
use crate::digest::Digest;
use crate::error::FetchError;
use crate::reference::Reference;

/// Talks to one repository; remembers what it had to show.
pub(super) struct Session<'a> {
    client: &'a Client,
    pub(super) what: String,
    host: String,
    pub(super) base: String,
    authorization: Option<String>,
    shown: Option<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(client: &'a Client, reference: &Reference) -> Self {
        Self {
            client,
            what: reference.to_string(),
            host: reference.host().to_owned(),
            base: reference.base(),
            authorization: None,
            shown: None,
        }
    }

    pub(super) fn manifest(
        &mut self,
        reference: &Reference,
    ) -> Result<(Manifest, Digest), FetchError> {
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

    pub(super) fn blob(
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
    pub(super) fn signature(&mut self, component: &Digest) -> Result<Option<String>, FetchError> {
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
    pub(super) fn upload(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
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
    pub(super) fn place(&self, location: &str, digest: &Digest) -> String {
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
    pub(super) fn describe(
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

    pub(super) fn get(
        &mut self,
        address: &str,
        accept: &str,
    ) -> Result<Response<Body>, FetchError> {
        let response = self.exchange("GET", address, &[(header::ACCEPT, accept)], None)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refused(&self.what, response, self.shown.as_deref()))
        }
    }

    /// One request and its answer; where the registry asks who we are, it is told and asked again.
    pub(super) fn exchange(
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

    pub(super) fn once(
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
    pub(super) fn authorize(
        &mut self,
        challenges: &[String],
    ) -> Result<Option<String>, FetchError> {
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
    pub(super) fn token(
        &self,
        challenge: &Challenge,
        secret: Option<&Secret>,
    ) -> Result<String, FetchError> {
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
