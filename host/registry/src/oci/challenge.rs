//! What a registry asks for before it answers, and where it sends its callers for that.

/// `Bearer realm="...",service="...",scope="..."`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: Option<String>,
}

impl Challenge {
    pub(super) fn bearer(text: &str) -> Option<Self> {
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

/// The query of a web address.
pub(super) fn encoded(query: &[(&str, String)]) -> String {
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
}
