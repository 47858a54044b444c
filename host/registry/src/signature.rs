//! Detached signatures in the format of minisign: Ed25519, checked offline against keys that the user trusts.

use minisign_verify::{PublicKey, Signature};

/// The keys whose signatures count.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys {
    keys: Vec<(String, PublicKey)>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key, as it was written.
    pub key: String,
    /// The comment that was signed along.
    pub comment: String,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A key is none.
    #[error(
        "`{key}` is not a public key of minisign, which is one line of 56 characters: {reason}"
    )]
    Key {
        /// What was given.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The text is no signature.
    #[error("it is not a signature of minisign: {0}")]
    Form(String),
    /// No trusted key made it, or it is for other content.
    #[error("none of the {0} trusted keys made this signature for this content")]
    Untrusted(usize),
}

impl PublicKeys {
    /// Reads keys, each the second line of a `.pub` file.
    ///
    /// # Errors
    /// When one is no key.
    pub fn parse<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Self, SignatureError> {
        let read = |text: &str| {
            let key = text.trim();
            PublicKey::from_base64(key)
                .map(|public| (key.to_owned(), public))
                .map_err(|error| SignatureError::Key {
                    key: key.to_owned(),
                    reason: error.to_string(),
                })
        };
        Ok(Self {
            keys: keys.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks a signature of some content.
    ///
    /// # Errors
    /// When no trusted key made it for this content.
    pub fn verify(&self, content: &[u8], signature: &str) -> Result<Verified, SignatureError> {
        let signature = Signature::decode(signature)
            .map_err(|error| SignatureError::Form(error.to_string()))?;
        // The older form signs the content itself instead of its hash; it is as good.
        let found = self
            .keys
            .iter()
            .find(|(_, key)| key.verify(content, &signature, true).is_ok());
        match found {
            Some((key, _)) => Ok(Verified {
                key: key.clone(),
                comment: signature.trusted_comment().to_owned(),
            }),
            None => Err(SignatureError::Untrusted(self.keys.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with minisign 0.11, of a file that holds the word `content`; nobody has the secret keys any more.
    const KEY: &str = "RWSwaJygbuNJeTx/KuXsdl95mTweOp6Eva5af55fBw+XhiLVItHSegWz";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
     RUSwaJygbuNJeZ2dND7K4K2Ag7ctaT0+Kao3luyYflVZ1P5EgYUkUFXu1NgwISLBmuQK5QZf1cAAdZItFvGpfKst4u6lj5OexQs=\n\
     trusted comment: for a test\n\
     AnSq5nFb/NzZz5wvq5cLkkgTjvApozVFTqgbzjVa11EbngLuw+1/aY74P2O7HyAou0XXshE/L2K0dBipCzzUCg==\n";
    const OF_A_STRANGER: &str = "untrusted comment: signature from minisign secret key\n\
     RURDnwBqxqZBizWWjS5pRfrty7I5MTHkkXd5OWBvgpF3pouHDXqzQA4XiXdDSE8UytPSSrZHxaZRm3W72AFvCbPJPcit3n+/ew0=\n\
     trusted comment: for a test\n\
     1GIPv4gICcd7FC3A6z9yml4BRgGLi/TafnDLfNbJ1FFfsQ99cRTOOM7nuytJd3e3oMFNWJ+76lQe24nASLX2Bg==\n";

    #[test]
    fn only_a_trusted_key_and_the_same_content_count() {
        let keys = PublicKeys::parse([KEY]).expect("a key");
        let verified = keys
            .verify(b"content", SIGNATURE)
            .expect("a good signature");
        assert_eq!(verified.comment, "for a test");
        assert_eq!(verified.key, KEY);
        for (content, signature) in [
            (&b"contents"[..], SIGNATURE),
            (b"content", OF_A_STRANGER),
            (b"content", &SIGNATURE.replace("for a test", "for anybody")),
        ] {
            assert_eq!(
                keys.verify(content, signature),
                Err(SignatureError::Untrusted(1))
            );
        }
        assert!(matches!(
            keys.verify(b"content", "text"),
            Err(SignatureError::Form(_))
        ));
        assert!(matches!(
            PublicKeys::parse(["text"]),
            Err(SignatureError::Key { .. })
        ));
    }
}
