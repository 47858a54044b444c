//! The names of images: which registry, and which tag where none was written.

/// A name as the engine is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// Without tag and digest, as written.
    pub repository: String,
    /// The tag; `latest` where there was neither tag nor digest.
    pub tag: Option<String>,
    /// `sha256:...`, where the name is pinned.
    pub digest: Option<String>,
}

impl ImageName {
    /// Takes a name apart. An engine that is asked for a name without tag and digest pulls every tag there is, so `latest` is added.
    ///
    /// # Errors
    /// When it is empty or has characters that no image name has.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is no image name: {why}");
        if text.is_empty() {
            return Err("the image name is empty".to_owned());
        }
        if let Some(character) = text.chars().find(|character| {
            !(character.is_ascii_alphanumeric() || "._-/:@+".contains(*character))
        }) {
            return Err(wrong(&format!("it has the character {character:?}")));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) if digest.contains(':') => (name, Some(digest.to_owned())),
            Some(_) => return Err(wrong("what follows `@` is a digest such as `sha256:...`")),
            None => (text, None),
        };
        // A colon before the last slash is that of a port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        if repository.is_empty() || repository.ends_with('/') || repository.starts_with('/') {
            return Err(wrong("there is no name before the tag"));
        }
        if tag == Some("") {
            return Err(wrong("the tag is empty"));
        }
        let path = match repository.split_once('/') {
            Some((first, rest)) if is_registry(first) => rest,
            _ => repository,
        };
        if path.chars().any(|character| character.is_ascii_uppercase()) {
            return Err(wrong("repositories are written in lower case"));
        }
        let tag = tag
            .map(str::to_owned)
            .or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(ImageName {
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }

    /// The registry as it is written; none where the name has none.
    pub fn registry(&self) -> Option<&str> {
        let (first, _) = self.repository.split_once('/')?;
        is_registry(first).then_some(first)
    }

    /// What the pull call names as the tag: the digest where there is one.
    pub fn tag_or_digest(&self) -> &str {
        self.digest
            .as_deref()
            .or(self.tag.as_deref())
            .unwrap_or("latest")
    }
}

fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let check = |text: &str, full: &str, registry: &str| {
            let name = ImageName::parse(text).expect("a name");
            assert_eq!(
                (name.to_string().as_str(), name.registry()),
                (full, (!registry.is_empty()).then_some(registry)),
                "{text}"
            );
        };
        check("ubuntu", "ubuntu:latest", "");
        check("library/ubuntu:24.04", "library/ubuntu:24.04", "");
        check("docker.io/a/b", "docker.io/a/b:latest", "docker.io");
        check("ghcr.io/a/b:1", "ghcr.io/a/b:1", "ghcr.io");
        check("localhost/a", "localhost/a:latest", "localhost");
        check(
            "127.0.0.1:5000/a",
            "127.0.0.1:5000/a:latest",
            "127.0.0.1:5000",
        );
        check("h:5000/a/b@sha256:00ff", "h:5000/a/b@sha256:00ff", "h:5000");
        check("a:1@sha256:00ff", "a:1@sha256:00ff", "");
        let pinned = ImageName::parse("a:1@sha256:00ff").expect("a name");
        assert_eq!(pinned.tag_or_digest(), "sha256:00ff");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("a b", "' '"),
            ("a@b", "digest"),
            ("a:", "tag is empty"),
            (":1", "no name"),
            ("h:5000/", "no name"),
            ("Ubuntu", "lower case"),
            ("ubuntu\n", "'\\n'"),
        ] {
            let error = ImageName::parse(text).expect_err("no name");
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
