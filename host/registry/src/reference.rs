//! `oci://host/repository:tag@sha256:...`, read and written.

use std::fmt;

use crate::digest::Digest;

/// Where an artifact lies in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a registry reference: {reason}")]
pub struct ReferenceError {
    /// What was written.
    pub text: String,
    /// The rule that it breaks.
    pub reason: String,
}

/// What a reference begins with.
const SCHEME: &str = "oci://";

impl Reference {
    /// Whether a text means to be a reference.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// Reads a reference.
    ///
    /// # Errors
    /// When a part of it is missing or breaks the rules of registries.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |reason: &str| ReferenceError {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| wrong("it does not begin with `oci://`"))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                let digest = Digest::parse(digest).map_err(|error| wrong(&error.to_string()))?;
                (rest, Some(digest))
            }
            None => (rest, None),
        };
        let (host, path) = rest.split_once('/').ok_or_else(|| {
            wrong("a host and a repository are wanted, `oci://host/repository:tag`")
        })?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if host.is_empty() || !host.bytes().all(is_host_byte) {
            return Err(wrong(
                "the host may hold letters, digits, `.`, `-` and a port",
            ));
        }
        if !repository.split('/').all(is_repository_part) {
            return Err(wrong(
                "a repository is lower case letters and digits in parts joined by `/`, each with `.`, `_` or `-` only inside",
            ));
        }
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(wrong(if tag.contains('+') {
                "a tag cannot hold `+`, so build metadata cannot be published"
            } else {
                "a tag is up to 128 letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`"
            }));
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// The registry's host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is named.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, where one is named.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository at another tag, and no digest.
    ///
    /// # Errors
    /// When it is no tag.
    pub fn at_tag(&self, tag: &str) -> Result<Self, ReferenceError> {
        let written = format!("{SCHEME}{}/{}:{tag}", self.host, self.repository);
        Self::parse(&written)
    }

    /// The same, fixed to a manifest.
    #[must_use]
    pub fn at_digest(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// What stands in a request: the digest, the tag, or `latest`.
    pub(crate) fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The address of the registry's API. This machine is asked without encryption, everybody else with.
    pub(crate) fn base(&self) -> String {
        let name = self.host.split(':').next().unwrap_or_default();
        let loopback = name == "localhost" || name.starts_with("127.");
        let scheme = if loopback { "http" } else { "https" };
        let host = match self.host.as_str() {
            // The name that people write is not the one that answers.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        format!("{scheme}://{host}/v2/{}", self.repository)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':')
}

fn is_repository_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (part.bytes().next(), part.bytes().next_back()) else {
        return false;
    };
    plain(first)
        && plain(last)
        && part
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written() {
        let digest = Digest::of(b"");
        for (text, host, repository, wanted) in [
            (
                "oci://localhost:5000/a/b-c:1.2.3",
                "localhost:5000",
                "a/b-c",
                "1.2.3",
            ),
            ("oci://example.org/a", "example.org", "a", "latest"),
            (
                "oci://example.org/a:1.0.0-rc.1",
                "example.org",
                "a",
                "1.0.0-rc.1",
            ),
        ] {
            let reference = Reference::parse(text).expect(text);
            assert_eq!(reference.host(), host);
            assert_eq!(reference.repository(), repository);
            assert_eq!(reference.wanted(), wanted);
            assert_eq!(reference.to_string(), text);
            let fixed = reference.at_digest(digest.clone());
            assert_eq!(fixed.wanted(), digest.to_string());
            assert_eq!(Reference::parse(&fixed.to_string()), Ok(fixed));
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_encryption() {
        for (text, base) in [
            ("oci://localhost:5000/a", "http://localhost:5000/v2/a"),
            ("oci://127.0.0.1:5000/a", "http://127.0.0.1:5000/v2/a"),
            (
                "oci://localhost.example.org/a",
                "https://localhost.example.org/v2/a",
            ),
            ("oci://docker.io/a/b", "https://registry-1.docker.io/v2/a/b"),
        ] {
            assert_eq!(Reference::parse(text).expect(text).base(), base);
        }
    }

    #[test]
    fn what_is_no_reference_says_why() {
        for (text, part) in [
            ("localhost/a", "begin with"),
            ("oci://localhost", "host and a repository"),
            ("oci:///a:1", "the host"),
            ("oci://host name/a:1", "the host"),
            ("oci://h/A:1", "lower case"),
            ("oci://h/../a:1", "lower case"),
            ("oci://h/a//b:1", "lower case"),
            ("oci://h/a:1.0.0+b1", "`+`"),
            ("oci://h/a:-1", "a tag is"),
            ("oci://h/a:", "a tag is"),
            ("oci://h/a@sha256:12", "not a digest"),
        ] {
            let error = Reference::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
