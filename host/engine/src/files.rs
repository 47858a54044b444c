//! Files into and out of a working directory: input files, namespace files, stored files that commands name, outputs.

use std::io::{self, Read};

use indexmap::IndexMap;
use taffrail_core::collect::{self, Patterns};
use taffrail_core::name::RelPath;
use taffrail_core::plan::{CarriedFile, KeptFile};
use taffrail_core::record::{Failure, FailureKind};
use taffrail_core::script::{IfExists, NamespaceFiles};

use crate::confined::{ConfinedDir, FileError};
use crate::local_files::{FILE, LocalFileError};
use crate::prepare::{FETCHED_DIR, input_path};
use crate::scope::{NSFILE, Services, chain};
use crate::storage::{Folder, Storage, StorageError, URI_PREFIX};
use crate::workdir::Workdir;

/// The most files and directories of a working directory that are looked at for outputs, and of a namespace.
pub(crate) const MAX_FILES: usize = 100_000;
/// The most files that one task run may keep.
const MAX_OUTPUTS: usize = 10_000;
/// The file that `executionContext` puts into the working directory; never an output.
pub(crate) const EXECUTION_CONTEXT: &str = ".kestra-execution-context.json";

/// Why files did not get where they should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// A name cannot be a file of the working directory.
    #[error("a file cannot be called so")]
    Name(#[from] taffrail_core::name::NameError),
    /// What a name stands for cannot be read.
    #[error("input file `{name}`: {reason}")]
    Source {
        /// The file's name in the working directory.
        name: String,
        /// Why not.
        reason: String,
        /// Whether the host does not let flows read it.
        refused: bool,
    },
    /// There is such a file already.
    #[error("namespace file `{0}` is in the working directory already, and `ifExists` is FAIL")]
    Exists(String),
    /// More files match than may be kept.
    #[error("`outputFiles` match more than {MAX_OUTPUTS} files")]
    TooMany,
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The storage refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl FilesError {
    /// What it means for the task: a wrong name or address is the flow's, not the host's.
    fn kind(&self) -> FailureKind {
        match self {
            Self::Source { refused: true, .. } => FailureKind::Refused,
            Self::Name(_) | Self::Source { .. } | Self::Exists(_) | Self::TooMany => {
                FailureKind::Invalid
            }
            Self::File(_) | Self::Storage(_) => FailureKind::Host,
        }
    }
}

/// Writes input files: name to content, to the address of a file, or to nothing for an empty file.
///
/// # Errors
/// The first file that cannot be written.
pub(crate) fn write_inputs(
    working: &ConfinedDir,
    services: &Services,
    files: &IndexMap<String, Option<String>>,
) -> Result<(), FilesError> {
    for (name, content) in files {
        let path = input_path(name)?;
        match content.as_deref() {
            Some(address) if is_address(address) => {
                fetch(working, services, address.trim(), &path)?
            }
            content => working.write(&path, content.unwrap_or_default().as_bytes(), 0o644)?,
        }
    }
    Ok(())
}

/// Whether a text as a whole is the address of a file.
fn is_address(text: &str) -> bool {
    let text = text.trim();
    [URI_PREFIX, NSFILE, FILE]
        .iter()
        .any(|scheme| text.starts_with(scheme))
        && !text.contains(char::is_whitespace)
}

/// Copies the file behind an address into the working directory.
///
/// # Errors
/// When it cannot be read or written.
pub(crate) fn fetch(
    working: &ConfinedDir,
    services: &Services,
    address: &str,
    path: &RelPath,
) -> Result<(), FilesError> {
    let source = services
        .open_address(address)
        .map_err(|reason| FilesError::Source {
            name: path.to_string(),
            reason,
            refused: address.starts_with(FILE)
                && matches!(
                    services.local_files.check(address),
                    Err(LocalFileError::Refused { .. })
                ),
        })?;
    copy(source, working, path)
}

/// Copies the namespace's files into the working directory. Gives what the author should know.
///
/// # Errors
/// The first file that cannot be copied, or must not be overwritten.
pub(crate) fn write_namespace_files(
    working: &ConfinedDir,
    services: &Services,
    wanted: &NamespaceFiles,
) -> Result<Vec<String>, FilesError> {
    let mut warnings = Vec::new();
    if !wanted.is_enabled() {
        return Ok(warnings);
    }
    let patterns = |texts: &Option<Vec<String>>| {
        Patterns::new(texts.as_deref().unwrap_or_default()).map_err(|error| FilesError::Source {
            name: "namespaceFiles".to_owned(),
            reason: error.to_string(),
            refused: false,
        })
    };
    let (include, exclude) = (patterns(&wanted.include)?, patterns(&wanted.exclude)?);
    let present: Vec<String> = working
        .files(MAX_FILES)?
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    let own = [services.namespace.clone()];
    for namespace in wanted.namespaces.as_deref().unwrap_or(&own) {
        let folder = match services.namespace_folder(namespace) {
            Ok(folder) => ConfinedDir::open(&folder)?,
            Err(missing) => {
                warnings.push(format!(
                    "`namespaceFiles` is on, but there are no {missing}"
                ));
                continue;
            }
        };
        for (path, _) in folder.files(MAX_FILES)? {
            let chosen = include.is_empty() || !include.matches(&path).is_empty();
            if !chosen || !exclude.matches(&path).is_empty() {
                continue;
            }
            let target = match wanted.folder_per_namespace {
                Some(true) => format!("{namespace}/{path}"),
                _ => path.clone(),
            };
            if present.contains(&target) {
                match wanted.if_exists.unwrap_or_default() {
                    IfExists::Overwrite => {}
                    IfExists::Fail => return Err(FilesError::Exists(target)),
                    IfExists::Warn => {
                        warnings.push(format!("namespace file `{target}` is in the working directory already and was left as it is"));
                        continue;
                    }
                    IfExists::Ignore => continue,
                }
            }
            copy(folder.open_found(&path)?, working, &RelPath::new(target)?)?;
        }
    }
    Ok(warnings)
}

/// Copies all files of a directory, or those that match, into another.
///
/// # Errors
/// The first file that cannot be copied.
pub(crate) fn copy_all(
    from: &ConfinedDir,
    to: &ConfinedDir,
    patterns: Option<&Patterns>,
) -> Result<(), FilesError> {
    for (path, _) in from.files(MAX_FILES)? {
        if patterns.is_none_or(|patterns| !patterns.matches(&path).is_empty()) {
            copy(from.open_found(&path)?, to, &RelPath::new(path)?)?;
        }
    }
    Ok(())
}

fn copy(
    mut source: cap_std::fs::File,
    working: &ConfinedDir,
    path: &RelPath,
) -> Result<(), FilesError> {
    use cap_std::fs::PermissionsExt;
    let mode = source.metadata().map_or(0o644, |metadata| {
        0o644 | (metadata.permissions().mode() & 0o111)
    });
    let mut target = working.create_file(path, mode)?;
    io::copy(&mut source, &mut target)
        .map_err(|error| FileError::new("write", working.path().join(path.as_str()), error))?;
    Ok(())
}

/// What was kept, and what the author should know.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Relative path to URI.
    pub files: IndexMap<String, String>,
    /// Outputs of the task's own type: name to URI.
    pub outputs: IndexMap<String, String>,
    /// Patterns that matched nothing.
    pub warnings: Vec<String>,
}

/// Keeps the files that the patterns match and all of the output directory. `own` are files that the host put there itself.
///
/// # Errors
/// When a file cannot be read or kept, or there are too many.
pub(crate) fn collect(
    workdir: &Workdir,
    patterns: &Patterns,
    own: &[RelPath],
    storage: &Storage,
    folder: &Folder,
) -> Result<Collected, FilesError> {
    let mut collected = Collected::default();
    if !patterns.is_empty() {
        let mut matched = vec![false; patterns.texts().len()];
        let working = workdir.working();
        for (path, _) in working.files(MAX_FILES)? {
            if is_own(&path, own) || Workdir::is_in_output_dir(&path) {
                continue;
            }
            let hits = patterns.matches(&path);
            if hits.is_empty() {
                continue;
            }
            hits.into_iter().for_each(|index| matched[index] = true);
            keep(
                &mut collected,
                storage,
                folder,
                &path,
                working.open_found(&path)?,
            )?;
        }
        for (pattern, _) in patterns
            .texts()
            .iter()
            .zip(&matched)
            .filter(|(_, matched)| !**matched)
        {
            let what = if collect::is_literal(pattern) {
                "there is no file"
            } else {
                "no file matches"
            };
            collected
                .warnings
                .push(format!("`outputFiles`: {what} `{pattern}`"));
        }
    }
    if let Some(output) = workdir.output() {
        for (path, _) in output.files(MAX_FILES)? {
            keep(
                &mut collected,
                storage,
                folder,
                &path,
                output.open_found(&path)?,
            )?;
        }
    }
    Ok(collected)
}

/// Keeps the files that the plan named and the program left. One that is not there is no output.
///
/// # Errors
/// When a file cannot be read or kept, or there are too many.
pub(crate) fn keep_planned(
    collected: &mut Collected,
    workdir: &Workdir,
    planned: &[KeptFile],
    storage: &Storage,
    folder: &Folder,
) -> Result<(), FilesError> {
    for planned in planned {
        let Some(mut file) = left(workdir, &planned.path)? else {
            continue;
        };
        let name = planned.file.as_ref().unwrap_or(&planned.path);
        let uri = storage.put(folder, name, &mut file)?;
        if let Some(output) = &planned.output {
            collected.outputs.insert(output.clone(), uri.clone());
        }
        if planned.file.is_some() {
            if collected.files.len() == MAX_OUTPUTS {
                return Err(FilesError::TooMany);
            }
            collected.files.insert(name.as_str().to_owned(), uri);
        }
    }
    Ok(())
}

/// Puts what an earlier execution left into the working directory.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn bring(
    workdir: &Workdir,
    carried: &[CarriedFile],
    storage: &Storage,
    folder: &Folder,
) -> Result<(), FilesError> {
    for carried in carried {
        if let Some(mut file) = storage.find(folder, &carried.name)? {
            let mut target = workdir.working().create_file(&carried.path, 0o600)?;
            io::copy(&mut file, &mut target).map_err(|error| {
                FileError::new(
                    "write",
                    workdir.working().path().join(carried.path.as_str()),
                    error,
                )
            })?;
        }
    }
    Ok(())
}

/// Leaves files for the next execution.
///
/// # Errors
/// When a file cannot be read or kept.
pub(crate) fn leave(
    workdir: &Workdir,
    carried: &[CarriedFile],
    storage: &Storage,
    folder: &Folder,
) -> Result<(), FilesError> {
    for carried in carried {
        if let Some(mut file) = left(workdir, &carried.path)? {
            storage.put(folder, &carried.name, &mut file)?;
        }
    }
    Ok(())
}

/// A regular file of the working directory, none where there is no such file.
fn left(workdir: &Workdir, path: &RelPath) -> Result<Option<cap_std::fs::File>, FilesError> {
    match workdir.working().open_file(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_own(path: &str, own: &[RelPath]) -> bool {
    path == EXECUTION_CONTEXT
        || path
            .strip_prefix(FETCHED_DIR)
            .is_some_and(|rest| rest.starts_with('/'))
        || own.iter().any(|known| known.as_str() == path)
}

fn keep(
    collected: &mut Collected,
    storage: &Storage,
    folder: &Folder,
    path: &str,
    mut file: impl Read,
) -> Result<(), FilesError> {
    if collected.files.len() == MAX_OUTPUTS {
        return Err(FilesError::TooMany);
    }
    let uri = storage.put(folder, &RelPath::new(path)?, &mut file)?;
    collected.files.insert(path.to_owned(), uri);
    Ok(())
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Failure {
        Failure {
            kind: error.kind(),
            message: chain(&error),
        }
    }
}

impl From<FilesError> for String {
    fn from(error: FilesError) -> String {
        chain(&error)
    }
}
