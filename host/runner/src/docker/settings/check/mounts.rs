//! What is mounted, and where.

use super::super::scalar::shown;
use super::super::volumes::is_name;
use super::super::{DockerSettings, MountType, WORK_DIR};

impl DockerSettings {
    /// Two mounts at one place, and mounts over the working directory.
    pub(super) fn targets_are_free(&self, wrong: &mut impl FnMut(&str, String)) {
        let volumes = self
            .volumes
            .iter()
            .enumerate()
            .map(|(index, volume)| (format!("/volumes/{index}"), volume.target.as_str()));
        let mounts = self
            .mounts
            .iter()
            .enumerate()
            .map(|(index, mount)| (format!("/mounts/{index}/target"), mount.target.as_str()));
        let tmpfs = self
            .tmpfs
            .entries()
            .map(|(key, path, _)| (format!("/tmpfs/{key}"), path));
        let mut taken: Vec<&str> = Vec::new();
        for (pointer, target) in volumes.chain(mounts).chain(tmpfs) {
            let path = target.trim_end_matches('/');
            if !path.starts_with('/') {
                wrong(
                    &pointer,
                    format!(
                        "`tmpfs` has {}, which is no absolute path of the container",
                        shown(target)
                    ),
                );
            } else if path.split('/').any(|part| part == "..") {
                wrong(&pointer, format!("`{target}` must not hold `..`"));
            } else if std::path::Path::new(WORK_DIR).starts_with(path) {
                wrong(
                    &pointer,
                    format!(
                        "`{target}` would lie over the working directory, which is `{WORK_DIR}`"
                    ),
                );
            } else if taken.contains(&path) {
                wrong(
                    &pointer,
                    format!("something else is mounted at `{target}` already"),
                );
            } else {
                taken.push(path);
            }
        }
    }

    pub(super) fn mounts_are_right(&self, wrong: &mut impl FnMut(&str, String)) {
        for (index, mount) in self.mounts.iter().enumerate() {
            let pointer = |key: &str| format!("/mounts/{index}/{key}");
            let source = mount.source.as_deref().filter(|source| !source.is_empty());
            let (name, mistake) = match (mount.kind, source) {
                (MountType::Bind, Some(path)) if path.starts_with('/') => ("bind", None),
                (MountType::Bind, Some(path)) => {
                    let shown = shown(path);
                    (
                        "bind",
                        Some(format!(
                            "the source of a `bind` mount must be an absolute path of the engine's machine, not {shown}"
                        )),
                    )
                }
                (MountType::Bind, None) => (
                    "bind",
                    Some("a `bind` mount needs the key `source`".to_owned()),
                ),
                (MountType::Volume, Some(name)) if !is_name(name) => {
                    let shown = shown(name);
                    (
                        "volume",
                        Some(format!(
                            "the source of a `volume` mount must be the name of a volume, not {shown}"
                        )),
                    )
                }
                (MountType::Volume, _) => ("volume", None),
                (MountType::Tmpfs, Some(_)) => {
                    ("tmpfs", Some("a `tmpfs` mount has no source".to_owned()))
                }
                (MountType::Tmpfs, None) => ("tmpfs", None),
                (MountType::Image, None) => (
                    "image",
                    Some("an `image` mount needs the key `source`".to_owned()),
                ),
                (MountType::Image, Some(_)) => ("image", None),
            };
            if let Some(mistake) = mistake {
                wrong(&pointer("source"), mistake);
            }
            for (key, given, owner) in [
                ("bindOptions", mount.bind_options.is_some(), MountType::Bind),
                (
                    "volumeOptions",
                    mount.volume_options.is_some(),
                    MountType::Volume,
                ),
                (
                    "tmpfsOptions",
                    mount.tmpfs_options.is_some(),
                    MountType::Tmpfs,
                ),
                (
                    "imageOptions",
                    mount.image_options.is_some(),
                    MountType::Image,
                ),
            ] {
                if given && owner != mount.kind {
                    wrong(
                        &pointer(key),
                        format!("`{key}` has no meaning for a mount of the type `{name}`"),
                    );
                }
            }
        }
    }
}
