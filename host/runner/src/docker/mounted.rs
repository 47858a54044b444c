//! What a mounted working directory needs: that the engine sees it at all, and that the container's user may write there.

use std::path::{Path, PathBuf};

use bollard::query_parameters::ContainerArchiveInfoOptionsBuilder;
use taffrail_core::launch::LaunchSpec;
use taffrail_engine::confined::Found;
use taffrail_engine::ports::RunnerError;

use super::engine::{CALL, Engine, call};
use super::launched::Belongings;
use super::settings::WORK_DIR;

/// Lets every user of a container write to a working directory that it mounts. Its parents are the host's alone, so nobody else on
/// this machine gets in.
pub(super) fn open_to_all(working_dir: &Path, found: &[Found]) -> Result<(), RunnerError> {
    use std::os::unix::fs::PermissionsExt;
    let open = |path: &Path, mode: u32| {
        match std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)) {
            // The user of a container before this one made it, and gave it the mode that it has.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
            other => other.map_err(|error| {
                RunnerError::Lost(format!(
                    "cannot open `{}` to the container's user: {error}",
                    path.display()
                ))
            }),
        }
    };
    open(working_dir, 0o777)?;
    for entry in found {
        let mode = if entry.is_dir {
            0o777
        } else {
            entry.mode | 0o666
        };
        open(&working_dir.join(&entry.path), mode)?;
    }
    Ok(())
}

/// A file in the working directory by which the engine can show that it sees the same disk.
pub(super) struct Probe {
    name: String,
    path: PathBuf,
}

impl Probe {
    /// Writes one into the working directory that is to be mounted.
    pub(super) fn write(spec: &LaunchSpec) -> Result<Self, RunnerError> {
        let random = blake3::hash(
            format!("{:?}{:?}", spec.identity, std::time::SystemTime::now()).as_bytes(),
        );
        let name = format!(".taffrail-probe-{}", &random.to_hex().as_str()[..16]);
        let path = spec.working_dir.join(&name);
        std::fs::File::create_new(&path).map_err(|error| {
            RunnerError::Lost(format!("cannot write `{}`: {error}", path.display()))
        })?;
        Ok(Probe { name, path })
    }

    pub(super) async fn check(self, belongings: &Belongings) -> Result<(), RunnerError> {
        let path = format!("{WORK_DIR}/{}", self.name);
        let options = ContainerArchiveInfoOptionsBuilder::default()
            .path(&path)
            .build();
        let engine = &belongings.engine;
        let look = engine
            .client
            .get_container_archive_info(&belongings.container, Some(options));
        match call(CALL, look).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(404) => Err(not_the_same_disk(
                engine,
                "a file written there is not seen in the container",
            )),
            Err(error) => Err(error.into_runner("look at the mounted working directory")),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It is one more empty file in a directory that goes away anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(super) fn not_the_same_disk(engine: &Engine, why: &str) -> RunnerError {
    RunnerError::Start(format!(
        "`fileHandlingStrategy: MOUNT` needs an engine that sees this machine's disk, and {} does not ({why}); use VOLUME",
        engine.describe()
    ))
}
