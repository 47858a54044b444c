//! Components in OCI registries, in the layout of the CNCF Wasm working group: a manifest, a small configuration that says what the
//! component imports and exports, and the component as the only layer.

mod challenge;
mod session;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::http::header;

use crate::client::{Client, Progress, SMALL, body, nonsense};
use crate::digest::Digest;
use crate::error::FetchError;
use crate::reference::Reference;
use session::Session;

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
