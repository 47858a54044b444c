//! Where components come from: files, folders, web addresses and registries.

use std::path::{Path, PathBuf};

use taffrail_registry::{Client, Credentials, Digest, FetchError, PublicKeys, Reference};
use taffrail_wasm::{Limits, fits};

use crate::args::{Global, TrustArgs};
use crate::config::Config;
use crate::exit::{Exit, Failed};
use crate::progress::{Progress, size};

/// Where a component is to be had, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A web address.
    Web(String),
    /// A registry.
    Registry(Reference),
}

/// A component that was fetched.
#[derive(Debug)]
pub struct Component {
    /// What people call its source.
    pub source: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of it.
    pub digest: Digest,
    /// Whether others can get it from there, too.
    pub public: bool,
    /// The text of its signature, where there is one.
    pub signature: Option<String>,
}

impl Source {
    /// Reads what the user wrote; a folder stands for all components below it.
    ///
    /// # Errors
    /// When it is none of these, or there is nothing there.
    pub fn parse(text: &str) -> Result<Vec<Self>, Failed> {
        if Reference::is_meant(text) {
            let reference = Reference::parse(text)
                .map_err(|error| Failed::new(Exit::Usage, error.to_string()))?;
            return Ok(vec![Self::Registry(reference)]);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(vec![Self::Web(text.to_owned())]);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(Failed::new(
                Exit::Usage,
                format!("there is no way to fetch `{scheme}://`"),
            )
            .hint("give a file, a folder, `https://...` or `oci://host/repository:tag`"));
        }
        let path = Path::new(text);
        if path.is_dir() {
            let mut files = Vec::new();
            components_below(path, &mut files)?;
            if files.is_empty() {
                return Err(Failed::new(
                    Exit::NotFound,
                    format!("there is no `.wasm` file below `{text}`"),
                ));
            }
            return Ok(files.into_iter().map(Self::File).collect());
        }
        Ok(vec![Self::File(path.to_owned())])
    }

    /// Gets the component. `digest` is what it must have.
    ///
    /// # Errors
    /// When it cannot be had, is too large, or is another one.
    pub fn fetch(&self, global: &Global, digest: Option<&Digest>) -> Result<Component, Failed> {
        let most = Limits::default().largest_file();
        let mut progress = Progress::new(global);
        let mut told = |name: &str, bytes: u64, of: Option<u64>| {
            let of = of.map_or(String::new(), |of| format!(" of {}", size(of)));
            progress.say(&format!("fetching {name}: {}{of}", size(bytes)));
        };
        let component = match self {
            Self::File(path) => from_file(path, most)?,
            Self::Web(address) => {
                let Some(digest) = digest else {
                    return Err(Failed::new(
                        Exit::Usage,
                        format!("what lies at `{address}` may change, so it is only taken with its digest"),
                    )
                    .hint("give `--digest sha256:...`, as its author tells it"));
                };
                let client = Client::new(Credentials::none());
                let bytes = client
                    .download(address, Some(digest), most, &mut |bytes, of| {
                        told(address, bytes, of);
                    })
                    .map_err(failed)?;
                let signature = client
                    .download(
                        &format!("{address}.minisig"),
                        None,
                        64 << 10,
                        &mut |_, _| {},
                    )
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok());
                Component {
                    source: address.clone(),
                    digest: Digest::of(&bytes),
                    bytes,
                    public: true,
                    signature,
                }
            }
            Self::Registry(reference) => {
                let name = reference.to_string();
                let pulled = client()
                    .pull(
                        reference,
                        most,
                        &|names| fits(&names.imports, &names.exports),
                        &mut |bytes, of| told(&name, bytes, of),
                    )
                    .map_err(failed)?;
                Component {
                    source: pulled.reference.to_string(),
                    digest: Digest::of(&pulled.component),
                    bytes: pulled.component,
                    public: true,
                    signature: pulled.signature,
                }
            }
        };
        match digest {
            Some(wanted) if *wanted != component.digest => Err(Failed::new(
                Exit::Plugin,
                format!(
                    "`{}` has the digest {}, and {wanted} was asked for",
                    component.source, component.digest
                ),
            )),
            _ => Ok(component),
        }
    }
}

impl Component {
    /// Checks the signature: who made it, where a trusted key did; nothing where nobody asks for one.
    ///
    /// # Errors
    /// When keys are trusted and the component has a signature of none of them, or has none although it must.
    pub fn verified(&self, trust: &Trust) -> Result<Option<String>, Failed> {
        let refused = |reason: String| {
            Failed::new(
                Exit::Policy,
                format!("`{}` is not trusted: {reason}", self.source),
            )
        };
        match &self.signature {
            None if trust.required => Err(refused("it has no signature".to_owned())
                .hint("its author makes one with `minisign -S`, and `taffrail plugin publish --signature` publishes it along")),
            Some(signature) if !trust.keys.is_empty() => trust
                .keys
                .verify(&self.bytes, signature)
                .map(|verified| Some(verified.key))
                .map_err(|error| refused(error.to_string())),
            _ => Ok(None),
        }
    }
}

/// Whose signatures count, and whether there has to be one.
#[derive(Debug, Default)]
pub struct Trust {
    /// The keys.
    pub keys: PublicKeys,
    /// Whether a component without a signature is refused.
    pub required: bool,
}

impl Trust {
    /// Reads the keys of the configuration and of the command line.
    ///
    /// # Errors
    /// When one is no key.
    pub fn new(config: &Config, args: &TrustArgs) -> Result<Self, Failed> {
        let required = config.requires_signatures || args.require_signature;
        let keys = config.trusted_keys.iter().chain(&args.trusted_keys);
        let keys = PublicKeys::parse(keys.map(String::as_str))
            .map_err(|error| Failed::new(Exit::Usage, error.to_string()))?;
        if required && keys.is_empty() {
            return Err(Failed::new(
                Exit::Usage,
                "signatures are required, and no key is trusted",
            ));
        }
        Ok(Self { keys, required })
    }
}

/// A client with the credentials that `docker login` keeps.
pub fn client() -> Client {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")));
    Client::new(folder.map_or_else(Credentials::none, |folder| {
        Credentials::of(folder.join("config.json"))
    }))
}

/// The exit code of what went wrong on the way.
pub fn failed(error: FetchError) -> Failed {
    let exit = match &error {
        FetchError::Unreachable { .. } | FetchError::Denied { .. } => Exit::Unreachable,
        FetchError::NotFound { .. } => Exit::NotFound,
        FetchError::TooLarge { .. }
        | FetchError::WrongDigest { .. }
        | FetchError::Nonsense { .. }
        | FetchError::Unfit { .. } => Exit::Plugin,
    };
    let denied = matches!(error, FetchError::Denied { .. });
    let failed = Failed::new(exit, error.to_string());
    if denied {
        failed.hint("`docker login` keeps credentials where taffrail looks for them")
    } else {
        failed
    }
}

fn from_file(path: &Path, most: u64) -> Result<Component, Failed> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Invalid
        };
        Failed::new(exit, format!("cannot read `{name}`: {error}"))
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Failed::new(Exit::Plugin, format!("`{name}` is not a file")));
    }
    if metadata.len() > most {
        return Err(Failed::new(
            Exit::Plugin,
            format!(
                "`{name}` has {}, and at most {} are allowed for a plugin",
                size(metadata.len()),
                size(most)
            ),
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let mut signature = path.as_os_str().to_owned();
    signature.push(".minisig");
    Ok(Component {
        source: name,
        digest: Digest::of(&bytes),
        bytes,
        public: false,
        signature: std::fs::read_to_string(&signature).ok(),
    })
}

/// The components below a folder, in order; hidden folders are left out.
fn components_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failed> {
    let unreadable = |error: std::io::Error| {
        Failed::new(
            Exit::Invalid,
            format!("cannot look into `{}`: {error}", folder.display()),
        )
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            components_below(&path, found)?;
        } else if kind.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension == "wasm")
        {
            found.push(path);
        }
    }
    Ok(())
}
