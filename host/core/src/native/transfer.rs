//! The keys of tasks that fetch things from elsewhere: HTTP and Git.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::schema::duration;

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

fn scalar_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
}

fn params(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean", "array"] } })
}

/// The methods of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
#[expect(missing_docs, reason = "they are called so everywhere")]
pub enum HttpMethod {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
    Trace,
}

/// Keys of http.Request
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestKeys {
    /// Address to ask
    pub uri: String,
    /// Method
    #[schemars(extend("default" = "GET"))]
    #[serde(default)]
    pub method: Option<HttpMethod>,
    /// Query parameters, added to those of the address
    #[schemars(schema_with = "params")]
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// What is sent
    #[serde(default)]
    pub body: Option<String>,
    /// Fields that are sent as a form
    #[serde(default)]
    pub form_data: Option<Map<String, Value>>,
    /// Media type of what is sent
    #[serde(default)]
    pub content_type: Option<String>,
    /// Header lines
    #[schemars(schema_with = "scalar_map")]
    #[serde(default)]
    pub headers: Option<IndexMap<String, Value>>,
    /// How to ask: time limits, credentials, redirects
    #[serde(default)]
    pub options: Option<HttpOptions>,
    /// Whether the answer is hidden in logs and records
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub encrypt_body: Option<bool>,
}

/// Keys of http.Download
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DownloadKeys {
    /// Address of the file
    pub uri: String,
    /// Method
    #[schemars(extend("default" = "GET"))]
    #[serde(default)]
    pub method: Option<HttpMethod>,
    /// Query parameters, added to those of the address
    #[schemars(schema_with = "params")]
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// What is sent
    #[serde(default)]
    pub body: Option<String>,
    /// Fields that are sent as a form
    #[serde(default)]
    pub form_data: Option<Map<String, Value>>,
    /// Media type of what is sent
    #[serde(default)]
    pub content_type: Option<String>,
    /// Header lines
    #[schemars(schema_with = "scalar_map")]
    #[serde(default)]
    pub headers: Option<IndexMap<String, Value>>,
    /// How to ask: time limits, credentials, redirects
    #[serde(default)]
    pub options: Option<HttpOptions>,
    /// Whether an empty answer is a failure
    #[schemars(extend("default" = true))]
    #[serde(default)]
    pub fail_on_empty_response: Option<bool>,
    /// Name of the stored file; that of the answer or the address where absent
    #[serde(default)]
    pub save_as: Option<String>,
}

/// How a server is asked
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct HttpOptions {
    /// Time limits
    pub timeout: Option<HttpTimeouts>,
    /// Credentials
    pub auth: Option<HttpAuth>,
    /// How the server's certificate is looked at
    pub ssl: Option<HttpSsl>,
    /// Whether redirects are followed; credentials are shown to the same host only
    #[schemars(extend("default" = true))]
    pub follow_redirects: Option<bool>,
    /// Whether a status that means failure lets the task go on
    #[schemars(extend("default" = false))]
    pub allow_failed: Option<bool>,
    /// Statuses that are no failure
    pub allowed_response_codes: Option<Vec<u16>>,
    /// The most bytes that are read
    pub max_content_length: Option<u64>,
    /// Character set of the answer's text; UTF-8 where absent
    pub default_charset: Option<String>,
    /// Old form of `timeout.connectTimeout`
    #[schemars(schema_with = "duration", extend("deprecated" = true, "doNotSuggest" = true))]
    pub connect_timeout: Option<String>,
    /// Old form of `timeout.readIdleTimeout`
    #[schemars(schema_with = "duration", extend("deprecated" = true, "doNotSuggest" = true))]
    pub read_timeout: Option<String>,
    /// Old form of `auth.username`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub basic_auth_user: Option<String>,
    /// Old form of `auth.password`
    #[schemars(extend("deprecated" = true, "doNotSuggest" = true))]
    pub basic_auth_password: Option<String>,
}

/// How certificates are looked at
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct HttpSsl {
    /// Whether every certificate is good. Then nobody knows who answers
    #[schemars(extend("default" = false))]
    pub insecure_trust_all_certificates: Option<bool>,
}

/// Time limits of a request
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(inline)]
pub struct HttpTimeouts {
    /// Longest time until the connection stands
    #[schemars(schema_with = "duration")]
    pub connect_timeout: Option<String>,
    /// Longest time in which nothing comes
    #[schemars(schema_with = "duration")]
    pub read_idle_timeout: Option<String>,
}

/// Credentials of a request
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub struct HttpAuth {
    /// Kind of the credentials
    #[serde(rename = "type", default)]
    pub kind: Option<HttpAuthType>,
    /// User name, for BASIC
    #[serde(default)]
    pub username: Option<String>,
    /// Password, for BASIC
    #[serde(default)]
    pub password: Option<String>,
    /// Token, for BEARER
    #[serde(default)]
    pub token: Option<String>,
}

/// Kinds of credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum HttpAuthType {
    /// User name and password
    #[default]
    Basic,
    /// A token
    Bearer,
}

/// Keys of git.Clone
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloneKeys {
    /// Address of the repository
    pub url: String,
    /// Folder of the working directory to clone into; the working directory itself where absent
    #[serde(default)]
    pub directory: Option<String>,
    /// Branch to check out; the repository's own choice where absent
    #[serde(default)]
    pub branch: Option<String>,
    /// Commit to check out
    #[serde(default)]
    pub commit: Option<String>,
    /// Tag to check out
    #[serde(default)]
    pub tag: Option<String>,
    /// How many commits of the history are fetched
    #[schemars(extend("default" = 1))]
    #[serde(default)]
    pub depth: Option<u32>,
    /// Whether submodules are fetched, too
    #[schemars(extend("default" = false))]
    #[serde(default)]
    pub clone_submodules: Option<bool>,
    /// User name
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token
    #[serde(default)]
    pub password: Option<String>,
    /// Private key, for SSH
    #[serde(default)]
    pub private_key: Option<String>,
    /// Passphrase of the private key
    #[serde(default)]
    pub passphrase: Option<String>,
    /// Settings of Git for this clone
    #[schemars(schema_with = "anything")]
    #[serde(default)]
    pub git_config: Option<Value>,
}
