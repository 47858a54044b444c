//! Paths that are mounted: the short form of `volumes`, and the long one of `mounts`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::pairs::Pairs;
use super::scalar::{Scalar, maybe, scalar, scalar_type};
use super::size::Size;

/// One entry of `volumes`: `source:target[:mode]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// A path of the engine's machine, or the name of a volume; an unnamed volume where absent.
    pub source: Option<String>,
    /// The path in the container.
    pub target: String,
    /// What stands behind: `ro`, `z`, `nocopy`.
    pub options: Vec<String>,
}

impl Volume {
    /// As the engine's interface has it; unnamed volumes are not among these.
    pub fn bind(&self) -> Option<String> {
        let mut text = format!("{}:{}", self.source.as_ref()?, self.target);
        if !self.options.is_empty() {
            text.push(':');
            text.push_str(&self.options.join(","));
        }
        Some(text)
    }
}

/// What may stand behind the target.
const OPTIONS: [&str; 21] = [
    "ro",
    "rw",
    "z",
    "Z",
    "nocopy",
    "copy",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "consistent",
    "cached",
    "delegated",
    "U",
    "O",
    "noexec",
    "nosuid",
    "nodev",
    "idmap",
];

impl Scalar for Volume {
    const WHAT: &'static str =
        "`source:target[:mode]`, for example `/srv/data:/data:ro` or `cache:/var/cache`";

    fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let (first, second, mode, more) = (parts.next(), parts.next(), parts.next(), parts.next());
        if more.is_some() {
            return Err(String::new());
        }
        let (source, target) = match (first, second) {
            (Some(source), Some(target)) => (Some(source), target),
            (Some(target), None) => (None, target),
            _ => return Err(String::new()),
        };
        if let Some(source) = source {
            check_source(source)?;
        }
        check_target(target)?;
        let options: Vec<String> = mode
            .into_iter()
            .flat_map(|mode| mode.split(','))
            .map(str::to_owned)
            .collect();
        if let Some(wrong) = options
            .iter()
            .find(|option| !OPTIONS.contains(&option.as_str()))
        {
            return Err(format!(
                "has the mode `{wrong}`; modes are `ro`, `rw`, `z`, `Z`, `nocopy` and the kinds of propagation such as `rslave`"
            ));
        }
        Ok(Volume {
            source: source.map(str::to_owned),
            target: target.to_owned(),
            options,
        })
    }
}

scalar_type!(
    Volume,
    "string",
    r"^([^:]+:)?/[^:]*(:[a-zA-Z,]+)?$",
    "Write source:target[:mode], for example /srv/data:/data:ro.",
    ["/srv/data:/data:ro"]
);

fn check_source(source: &str) -> Result<(), String> {
    if source.starts_with('/') {
        return Ok(());
    }
    if is_name(source) {
        return Ok(());
    }
    Err(format!(
        "has the source `{source}`, which is neither an absolute path of the engine's machine nor the name of a volume"
    ))
}

fn check_target(target: &str) -> Result<(), String> {
    if !target.starts_with('/') {
        return Err(format!(
            "has the target `{target}`, which is no absolute path of the container"
        ));
    }
    if target.trim_end_matches('/').is_empty() {
        return Err("mounts over the root of the container".to_owned());
    }
    Ok(())
}

/// Whether the engine takes this for the name of a volume.
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric())
        && text.len() > 1
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-'))
}

/// A path of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Target {
    const WHAT: &'static str = "an absolute path of the container";

    fn read(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(String::new());
        }
        check_target(text)?;
        Ok(Target(text.to_owned()))
    }
}

scalar_type!(
    Target,
    "string",
    "^/",
    "Write an absolute path of the container.",
    ["/data"]
);

/// What is mounted by an entry of `mounts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MountType {
    /// A file or folder of the engine's machine. Refused unless the host allows `volumes`
    Bind,
    /// A volume of the engine. Refused unless the host allows `volumes`
    Volume,
    /// An empty folder in memory
    Tmpfs,
    /// What an image holds, read-only; engines from API 1.48
    Image,
}

/// One mount
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// What is mounted
    #[serde(rename = "type", default = "MountType::usual")]
    pub kind: MountType,
    /// Absolute path, volume or image that is mounted, as `type` says; nothing for `tmpfs` and for a volume without a name
    #[serde(default, deserialize_with = "maybe")]
    pub source: Option<String>,
    /// Absolute path of the container
    #[serde(deserialize_with = "scalar")]
    pub target: Target,
    /// Whether nothing can be written there
    #[serde(default, deserialize_with = "scalar")]
    pub read_only: bool,
    /// Settings of `bind` mounts
    #[serde(default)]
    pub bind_options: Option<BindOptions>,
    /// Settings of `volume` mounts
    #[serde(default)]
    pub volume_options: Option<VolumeOptions>,
    /// Settings of `tmpfs` mounts
    #[serde(default)]
    pub tmpfs_options: Option<TmpfsOptions>,
    /// Settings of `image` mounts
    #[serde(default)]
    pub image_options: Option<ImageOptions>,
}

impl MountType {
    /// What the engine's command line takes where nothing is said.
    fn usual() -> Self {
        MountType::Volume
    }
}

/// How changes of mounts below spread between the container and the engine's machine
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    /// Not at all, nor below
    Rprivate,
    /// Not at all
    Private,
    /// Both ways, also below
    Rshared,
    /// Both ways
    Shared,
    /// From the machine to the container, also below
    Rslave,
    /// From the machine to the container
    Slave,
}

/// Settings of `bind` mounts
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindOptions {
    /// How changes of mounts below spread; `rprivate` where absent
    #[serde(default)]
    pub propagation: Option<Propagation>,
    /// Whether mounts below the source are left out
    #[serde(default, deserialize_with = "scalar")]
    pub non_recursive: bool,
    /// Whether a missing source is made as a folder; otherwise it is an error
    #[serde(default, deserialize_with = "scalar")]
    pub create_mountpoint: bool,
}

/// Settings of `volume` mounts
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeOptions {
    /// Whether a new volume stays empty instead of taking what the image has at the target
    #[serde(default, deserialize_with = "scalar")]
    pub no_copy: bool,
    /// Labels of a new volume
    #[serde(default)]
    pub labels: Pairs<'='>,
    /// Folder of the volume that is mounted instead of the whole; engines from API 1.45
    #[serde(default, deserialize_with = "maybe")]
    pub subpath: Option<String>,
    /// Driver of a new volume
    #[serde(default)]
    pub driver_config: Option<DriverConfig>,
}

/// Driver of a new volume
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriverConfig {
    /// Name of the driver; `local` where absent
    #[serde(default, deserialize_with = "maybe")]
    pub name: Option<String>,
    /// Options of the driver
    #[serde(default)]
    pub options: Pairs<'='>,
}

/// Settings of `tmpfs` mounts
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TmpfsOptions {
    /// The most it may hold, for example `64MB`; no limit where absent
    #[serde(default)]
    pub size_bytes: Option<Size>,
    /// Permissions of the folder in octal, for example `1777`
    #[serde(default)]
    pub mode: Option<FileMode>,
}

/// Settings of `image` mounts
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageOptions {
    /// Folder of the image that is mounted instead of the whole
    #[serde(default, deserialize_with = "maybe")]
    pub subpath: Option<String>,
}

/// Permissions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(u16);

impl FileMode {
    /// The bits.
    pub fn bits(self) -> u16 {
        self.0
    }
}

impl Scalar for FileMode {
    const WHAT: &'static str = "permissions in octal such as `1777` or `0700`";

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u16::from_str_radix(digits, 8) {
            Ok(bits) if bits <= 0o7777 && !digits.starts_with('+') => Ok(FileMode(bits)),
            _ => Err(String::new()),
        }
    }
}

scalar_type!(
    FileMode,
    ["string", "integer"],
    "^\\s*(0o)?[0-7]{1,5}\\s*$",
    "Write permissions in octal, for example 1777.",
    ["1777"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_a_source_a_target_and_a_mode() {
        let check = |text: &str, source: Option<&str>, target: &str, bind: Option<&str>| {
            let volume = Volume::read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(volume.source.as_deref(), source, "{text}");
            assert_eq!(volume.target, target, "{text}");
            assert_eq!(volume.bind().as_deref(), bind, "{text}");
        };
        check("/a:/b", Some("/a"), "/b", Some("/a:/b"));
        check("/a:/b:ro,z", Some("/a"), "/b", Some("/a:/b:ro,z"));
        check("cache-1:/b", Some("cache-1"), "/b", Some("cache-1:/b"));
        check("/b", None, "/b", None);
    }

    #[test]
    fn wrong_volumes_say_what_is_wrong() {
        let check = |text: &str, expected: &str| {
            let why = Volume::read(text).unwrap_err();
            assert!(why.contains(expected), "{text}: {why:?}");
        };
        check("", "no absolute path");
        check("a:b", "has the source `a`");
        check("ab:b", "target `b`, which is no absolute path");
        check("./a:/b", "neither an absolute path");
        check("~/a:/b", "neither an absolute path");
        check("a b:/b", "neither an absolute path");
        check(":/b", "neither an absolute path");
        check("/a:/", "over the root");
        check("/a:/b:readonly", "the mode `readonly`");
        check("/a:/b:", "the mode ``");
        check("/a:/b:ro:z", "");
    }

    #[test]
    fn permissions_are_octal() {
        let check = |text: &str, bits: Option<u16>| {
            assert_eq!(
                FileMode::read(text).ok().map(FileMode::bits),
                bits,
                "{text}"
            );
        };
        check("1777", Some(0o1777));
        check("0700", Some(0o700));
        check("0o700", Some(0o700));
        check("0", Some(0));
        check("8", None);
        check("17777", None);
        check("+7", None);
        check("rwx", None);
    }
}
