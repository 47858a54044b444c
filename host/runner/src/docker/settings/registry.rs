//! What proves to a registry who is asking: credentials, and the configuration of the engine's client. Neither is ever shown.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::scalar::maybe;

/// Credentials for a private registry
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// Address of the registry, for example `ghcr.io`; taken from the image's name where absent
    #[serde(default, deserialize_with = "maybe")]
    pub registry: Option<String>,
    /// User name
    #[serde(default, deserialize_with = "maybe")]
    pub username: Option<String>,
    /// Password; best a secret: `{{ secret('TOKEN') }}`
    #[serde(default, deserialize_with = "maybe")]
    pub password: Option<String>,
    /// Bearer token that is sent to the registry as it is
    #[serde(default, deserialize_with = "maybe")]
    pub registry_token: Option<String>,
    /// Identity token, which the registry exchanges for one that it accepts
    #[serde(default, deserialize_with = "maybe")]
    pub identity_token: Option<String>,
    /// Base64 of `user:password`, in place of `username` and `password`
    #[serde(default, deserialize_with = "maybe")]
    pub auth: Option<String>,
}

impl Credentials {
    /// Whether nothing is given that would prove anything.
    pub fn is_empty(&self) -> bool {
        [
            &self.username,
            &self.password,
            &self.registry_token,
            &self.identity_token,
            &self.auth,
        ]
        .iter()
        .all(|value| value.as_deref().is_none_or(str::is_empty))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("registry", &self.registry)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The configuration of the engine's client, as `~/.docker/config.json` holds it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClientConfig(Map<String, Value>);

impl ClientConfig {
    /// The keys and values.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Reads it from a file's text.
    ///
    /// # Errors
    /// Says what is wrong; never what it holds.
    pub fn from_json(text: &str) -> Result<Self, String> {
        // A message of the parser may quote the text, and that may hold passwords.
        let value: Value = serde_json::from_str(text).map_err(|error| {
            format!(
                "is no JSON: see line {}, column {} of it",
                error.line(),
                error.column()
            )
        })?;
        match value {
            Value::Object(map) => ClientConfig::from_map(map),
            _ => Err("is no JSON object".to_owned()),
        }
    }

    fn from_map(map: Map<String, Value>) -> Result<Self, String> {
        for key in ["auths", "credHelpers", "HttpHeaders", "proxies"] {
            if map.get(key).is_some_and(|value| !value.is_object()) {
                return Err(format!("has the key `{key}`, which must be a map"));
            }
        }
        let store = map.get("credsStore").into_iter();
        let helpers = map
            .get("credHelpers")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::values);
        // The name becomes that of a program: `docker-credential-<name>`.
        for helper in store.chain(helpers) {
            let is_plain = helper.as_str().is_some_and(|name| {
                name.chars().all(|letter| {
                    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
                })
            });
            if !is_plain {
                return Err(
                    "names a credential helper with other characters than letters, digits, `-`, `_` and `.`"
                        .to_owned(),
                );
            }
        }
        Ok(ClientConfig(map))
    }

    /// The variables by which programs find the proxy that the configuration has for this engine: those of its host, or the default ones.
    pub fn proxy_variables(&self, engine: Option<&str>) -> Vec<(String, String)> {
        let Some(Value::Object(proxies)) = self.0.get("proxies") else {
            return Vec::new();
        };
        let chosen = engine
            .and_then(|engine| proxies.get(engine))
            .or_else(|| proxies.get("default"));
        let mut variables = Vec::new();
        for (key, name) in [
            ("httpProxy", "HTTP_PROXY"),
            ("httpsProxy", "HTTPS_PROXY"),
            ("ftpProxy", "FTP_PROXY"),
            ("noProxy", "NO_PROXY"),
            ("allProxy", "ALL_PROXY"),
        ] {
            let value = chosen
                .and_then(|proxy| proxy.get(key))
                .and_then(Value::as_str)
                .filter(|value| !value.is_empty());
            if let Some(value) = value {
                variables.push((name.to_owned(), value.to_owned()));
                variables.push((name.to_lowercase(), value.to_owned()));
            }
        }
        variables
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientConfig(..)")
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = ClientConfig;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map, or the JSON text of one")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClientConfig, E> {
        ClientConfig::from_json(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClientConfig, A::Error> {
        let map = Map::deserialize(de::value::MapAccessDeserializer::new(map))?;
        ClientConfig::from_map(map).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ClientConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConfigVisitor)
    }
}

impl JsonSchema for ClientConfig {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientConfig".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "object"] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn configuration_is_text_or_a_map() {
        let map = json!({"auths": {"a.example": {"auth": "eDp5"}}, "insecure-registries": ["a"]});
        let from_map: ClientConfig = serde_json::from_value(map.clone()).unwrap();
        let from_text: ClientConfig = serde_json::from_value(json!(map.to_string())).unwrap();
        assert_eq!(from_map, from_text);
        assert_eq!(Value::Object(from_map.as_map().clone()), map);
    }

    #[test]
    fn wrong_configuration_is_told_without_its_content() {
        let check = |value: Value, expected: &str| {
            let error = serde_json::from_value::<ClientConfig>(value.clone()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(expected), "{value}: {text}");
            assert!(!text.contains("hunter2"), "{text}");
        };
        check(json!("{\"auths\": \"hunter2\""), "is no JSON: see line 1");
        check(json!("hunter2"), "is no JSON");
        check(json!("[\"hunter2\"]"), "no JSON object");
        check(
            json!({"auths": ["hunter2"]}),
            "`auths`, which must be a map",
        );
        check(
            json!({"credsStore": "../../tmp/hunter2"}),
            "credential helper",
        );
        check(json!({"credHelpers": {"a": "x y"}}), "credential helper");
        check(json!({"credHelpers": {"a": 5}}), "credential helper");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let credentials: Credentials = serde_json::from_value(
            json!({"username": "ada", "password": "hunter2", "auth": "hunter2"}),
        )
        .unwrap();
        let config = ClientConfig::from_json(r#"{"auths": {"hunter2": {}}}"#).unwrap();
        let text = format!("{credentials:?} {config:?}");
        assert!(text.contains("ada") && !text.contains("hunter2"), "{text}");
        assert!(!credentials.is_empty());
        assert!(Credentials::default().is_empty());
    }

    #[test]
    fn proxies_become_variables_in_both_cases() {
        let config = ClientConfig::from_json(
            r#"{"proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "a,b"}, "tcp://e:2375": {"httpsProxy": "http://q:1"}}}"#,
        )
        .unwrap();
        let names = |engine| {
            let variables = config.proxy_variables(engine);
            let texts: Vec<String> = variables
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            texts.join(" ")
        };
        assert_eq!(
            names(None),
            "HTTP_PROXY=http://p:1 http_proxy=http://p:1 NO_PROXY=a,b no_proxy=a,b"
        );
        assert_eq!(names(Some("unix:///x")), names(None));
        assert_eq!(
            names(Some("tcp://e:2375")),
            "HTTPS_PROXY=http://q:1 https_proxy=http://q:1"
        );
        assert_eq!(ClientConfig::default().proxy_variables(None), []);
    }
}
