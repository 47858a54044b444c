//! The internal storage of files behind `kestra:///…` URIs, below the state directory. What is stored lies once by its digest, in the folder
//! `.content` of its namespace; its names, in a tree of namespaces, flows, executions and task runs, are hard links to that.

mod content;
mod durable;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::File;
use sha2::{Digest, Sha256};
use taffrail_core::name::RelPath;

use crate::confined::{ConfinedDir, FileError};

/// The scheme and empty authority of every storage URI.
pub const URI_PREFIX: &str = "kestra:///";

/// Where files of executions are kept.
#[derive(Debug)]
pub struct Storage {
    /// None where nothing is stored yet.
    root: Option<ConfinedDir>,
    /// What was stored and is perhaps not on the disk, by its path.
    fresh: Mutex<BTreeSet<String>>,
}

/// Why a URI gives no file.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It is not a URI of this storage.
    #[error("`{0}` is not a file of the internal storage; such URIs start with `kestra:///`")]
    NotAUri(String),
    /// It belongs to another namespace.
    #[error("`{uri}` belongs to another namespace than `{namespace}`")]
    Foreign {
        /// The URI.
        uri: String,
        /// The namespace that asked.
        namespace: String,
    },
    /// Nothing is stored before a run.
    #[error("stored files are there during a run only")]
    Absent,
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Storage {
    /// Opens the storage below a directory, which is made when it is not there.
    ///
    /// # Errors
    /// When the directory cannot be made or opened.
    pub fn open(root: &Path) -> Result<Self, FileError> {
        Ok(Self {
            root: Some(ConfinedDir::create(root)?),
            fresh: Mutex::default(),
        })
    }

    /// A storage in which there is nothing and into which nothing goes, for looking at flows without a run.
    pub fn absent() -> Self {
        Self {
            root: None,
            fresh: Mutex::default(),
        }
    }

    /// Keeps what a reader gives under a URI made of a folder and a name.
    ///
    /// The URI's last part is a hash of the relative name and its last part, so that `a/x.txt` and `b/x.txt` differ and people
    /// still recognise the file.
    ///
    /// # Errors
    /// When reading or writing fails; names the path.
    pub fn put(
        &self,
        folder: &Folder,
        name: &RelPath,
        source: &mut impl Read,
    ) -> Result<String, StorageError> {
        let path = place(folder, name)?;
        let root = self.root.as_ref().ok_or(StorageError::Absent)?;
        content::put(root, &folder.namespace, &path, source)?;
        self.fresh().insert(path.as_str().to_owned());
        Ok(format!("{URI_PREFIX}{}", encode(path.as_str())))
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all that was stored before is on the disk; the thread waits with it. No end of a task run may be entered before that
    /// names a stored file.
    ///
    /// # Errors
    /// When the disk refuses; names the path.
    pub fn settle(&self) -> Result<(), StorageError> {
        let fresh = std::mem::take(&mut *self.fresh());
        match &self.root {
            Some(root) if !fresh.is_empty() => Ok(durable::sync(root.path(), &fresh)?),
            _ => Ok(()),
        }
    }

    /// The same, while others go on.
    ///
    /// # Errors
    /// As above.
    pub async fn settled(self: &Arc<Self>) -> Result<(), StorageError> {
        if self.fresh().is_empty() {
            return Ok(());
        }
        let storage = Arc::clone(self);
        let settled = tokio::task::spawn_blocking(move || storage.settle()).await;
        settled.unwrap_or_else(|panic| {
            let error = std::io::Error::other(panic);
            Err(FileError::new("sync", "stored files", error).into())
        })
    }

    /// Opens what was kept in a folder under this name; none where nothing was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn find(&self, folder: &Folder, name: &RelPath) -> Result<Option<File>, StorageError> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        match root.open_file(&place(folder, name)?) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the file behind a URI for a flow of a namespace. Says whether it was there.
    ///
    /// # Errors
    /// When the text is no such URI, belongs to another namespace, or the file cannot be removed.
    pub fn delete(&self, namespace: &str, uri: &str) -> Result<bool, StorageError> {
        let (root, path) = self.locate(namespace, uri)?;
        let known = root.open_file(&path).is_ok();
        content::remove(root, &namespace_of(path.as_str(), namespace), &path)?;
        Ok(known)
    }

    /// Removes all files of a folder. Gives the URIs that they had.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not removed.
    pub fn delete_folder(&self, folder: &Folder) -> Result<Vec<String>, StorageError> {
        let root = self.root.as_ref().ok_or(StorageError::Absent)?;
        let Ok(found) = ConfinedDir::open(&root.path().join(&folder.path)) else {
            return Ok(Vec::new());
        };
        let files = found.files(1_000_000)?;
        for (path, _) in &files {
            found.remove_file(&confined(path)?)?;
        }
        if !files.is_empty() {
            content::sweep(root, &folder.namespace)?;
        }
        let uri =
            |path: &str| format!("{URI_PREFIX}{}", encode(&format!("{}/{path}", folder.path)));
        Ok(files.iter().map(|(path, _)| uri(path)).collect())
    }

    /// Opens the file behind a URI for a flow of a namespace.
    ///
    /// # Errors
    /// When the text is no such URI, belongs to another namespace, or the file cannot be read.
    pub fn get(&self, namespace: &str, uri: &str) -> Result<File, StorageError> {
        let (root, path) = self.locate(namespace, uri)?;
        Ok(root.open_file(&path)?)
    }

    fn locate(&self, namespace: &str, uri: &str) -> Result<(&ConfinedDir, RelPath), StorageError> {
        let path = uri
            .strip_prefix(URI_PREFIX)
            .and_then(decode)
            .ok_or_else(|| StorageError::NotAUri(uri.to_owned()))?;
        let path = RelPath::new(path).map_err(|_| StorageError::NotAUri(uri.to_owned()))?;
        let own = namespace.replace('.', "/");
        let owner = owner(path.as_str());
        let is_own = owner.is_some_and(|owner| {
            let rest = owner.strip_prefix(own.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !is_own {
            return Err(StorageError::Foreign {
                uri: uri.to_owned(),
                namespace: namespace.to_owned(),
            });
        }
        let root = self.root.as_ref().ok_or(StorageError::Absent)?;
        Ok((root, path))
    }
}

/// The namespace of a stored file, as a path: what stands before the flow, behind which its executions are. A namespace may itself have a
/// part `executions`, but none behind which an id of an execution stands.
fn owner(path: &str) -> Option<&str> {
    let mut starts = vec![0];
    starts.extend(path.match_indices('/').map(|(at, _)| at + 1));
    let part = |index: usize| {
        let start = *starts.get(index)?;
        path[start..].split('/').next()
    };
    let is_id =
        |text: &str| text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_flow = |index: &usize| part(index + 1) == Some("executions");
    let flow = (1..starts.len())
        .filter(is_flow)
        .find(|index| part(index + 2).is_some_and(is_id))
        .or_else(|| (1..starts.len()).find(is_flow))?;
    Some(&path[..starts[flow] - 1])
}

/// The folder of the namespace that a stored file is of; it was found to be the asking one, or one below it.
fn namespace_of(path: &str, asking: &str) -> String {
    owner(path).map_or_else(|| asking.replace('.', "/"), str::to_owned)
}

/// A folder of the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: String,
    /// The folder of the flow, which this one is in.
    flow: String,
    /// The folder of the namespace, which that one is in.
    namespace: String,
}

impl Folder {
    /// Where the files of one execution go.
    pub fn execution(namespace: &str, flow: &str, execution: &str) -> Self {
        let namespace = namespace.replace('.', "/");
        let flow = format!("{namespace}/{flow}");
        Self {
            path: format!("{flow}/executions/{execution}"),
            flow,
            namespace,
        }
    }

    /// What tasks of the flow leave for its next execution.
    #[must_use]
    pub fn carried(&self) -> Self {
        Self {
            path: format!("{}/carried", self.flow),
            flow: self.flow.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// Where the output files of one task run go.
    #[must_use]
    pub fn task_run(&self, task: &str, task_run: &str) -> Self {
        Self {
            path: format!("{}/tasks/{task}/{task_run}", self.path),
            flow: self.flow.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// The folder of the flow whose execution this is, relative to anything that is kept by flow.
    pub fn of_flow(&self) -> &str {
        self.path
            .split_once("/executions/")
            .map_or(self.path.as_str(), |(flow, _)| flow)
    }

    /// Where the files of one input go.
    #[must_use]
    pub fn input(&self, id: &str) -> Self {
        Self {
            path: format!("{}/inputs/{id}", self.path),
            flow: self.flow.clone(),
            namespace: self.namespace.clone(),
        }
    }
}

/// Where a file of a name is in a folder.
fn place(folder: &Folder, name: &RelPath) -> Result<RelPath, StorageError> {
    let hash = Sha256::digest(name.as_str().as_bytes());
    let short: String = hash[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    let base = name.parts().last().unwrap_or_default();
    confined(&format!("{}/{short}-{base}", folder.path))
}

fn confined(path: &str) -> Result<RelPath, StorageError> {
    RelPath::new(path).map_err(|_| StorageError::NotAUri(path.to_owned()))
}

/// Escapes what a URI's path, or a shell word without quotes, does not carry as it is.
fn encode(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The places of all storage URIs in a text, as byte ranges. A URI ends at what no URI of ours holds unescaped.
pub fn uris(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(position) = text[from..].find(URI_PREFIX) {
        let start = from + position;
        let body = start + URI_PREFIX.len();
        let length = text[body..]
            .bytes()
            .take_while(|byte| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b'%')
            })
            .count();
        if length > 0 {
            found.push(start..body + length);
        }
        from = body + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXECUTION: &str = "01kb0000000000000000000000";

    fn folder() -> Folder {
        Folder::execution("company.team", "flow", EXECUTION).task_run("task", "run")
    }

    #[test]
    fn what_is_put_can_be_got_by_its_own_namespace() {
        let temp = tempfile::tempdir().unwrap();
        let storage = Storage::open(temp.path()).unwrap();
        let uri = storage
            .put(
                &folder(),
                &RelPath::new("dir/a b ü.txt").unwrap(),
                &mut &b"hello"[..],
            )
            .unwrap();
        assert!(
            uri.starts_with(&format!(
                "kestra:///company/team/flow/executions/{EXECUTION}/tasks/task/run/"
            )),
            "{uri}"
        );
        assert!(uri.ends_with("-a%20b%20%C3%BC.txt"), "{uri}");
        let mut text = String::new();
        storage
            .get("company.team", &uri)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "hello");
        assert!(
            storage.get("company", &uri).is_ok(),
            "a parent namespace may read its children"
        );
        assert!(matches!(
            storage.get("company.tea", &uri),
            Err(StorageError::Foreign { .. })
        ));
        assert!(matches!(
            storage.get("other", &uri),
            Err(StorageError::Foreign { .. })
        ));
    }

    #[test]
    fn nothing_of_another_namespace_is_had_by_a_flow_of_its_name() {
        let temp = tempfile::tempdir().unwrap();
        let storage = Storage::open(temp.path()).unwrap();
        let name = RelPath::new("a.txt").unwrap();
        let put = |namespace: &str, flow: &str| {
            let folder =
                Folder::execution(namespace, flow, EXECUTION).task_run("executions", "run");
            storage.put(&folder, &name, &mut &b"x"[..]).unwrap()
        };
        // The path of a flow `team` looks like that of a namespace below.
        let uri = put("company", "team");
        assert!(storage.get("company", &uri).is_ok());
        assert!(storage.get("company.team", &uri).is_err());
        let uri = put("a.executions", "flow");
        assert!(storage.get("a.executions", &uri).is_ok());
        assert!(storage.get("a.executions.flow", &uri).is_err());
        let inside = storage.get("company", "kestra:///company/.content/ab/cd");
        assert!(matches!(inside, Err(StorageError::Foreign { .. })));
    }

    /// The number of files below a folder that are not names of others, with their lengths.
    fn contents(root: &Path, namespace: &str) -> usize {
        let found = ConfinedDir::open(&root.join(namespace).join(".content"));
        found.map_or(0, |found| found.files(1000).unwrap().len())
    }

    #[test]
    fn the_same_content_lies_once_in_each_namespace() {
        let temp = tempfile::tempdir().unwrap();
        let storage = Storage::open(temp.path()).unwrap();
        let put = |namespace: &str, run: &str, text: &str| {
            let folder = Folder::execution(namespace, "flow", EXECUTION).task_run("t", run);
            let name = RelPath::new("a.txt").unwrap();
            storage.put(&folder, &name, &mut text.as_bytes()).unwrap()
        };
        let read = |namespace: &str, uri: &str| {
            let mut text = String::new();
            let mut file = storage.get(namespace, uri).unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        let one = put("one", "1", "same");
        let two = put("one", "2", "same");
        assert_ne!(one, two);
        assert_eq!(contents(temp.path(), "one"), 1);
        put("two", "1", "same");
        assert_eq!(contents(temp.path(), "two"), 1);
        // What is written over a name leaves the other name as it is.
        assert_eq!(put("one", "1", "other"), one);
        assert_eq!(
            (read("one", &one), read("one", &two)),
            ("other".to_owned(), "same".to_owned())
        );
        assert_eq!(put("one", "1", "other"), one);
        assert_eq!(contents(temp.path(), "one"), 2);
        assert!(storage.delete("one", &one).unwrap());
        assert_eq!(contents(temp.path(), "one"), 1);
        assert!(!storage.delete("one", &one).unwrap());
        assert_eq!(read("one", &two), "same");
        let folder = Folder::execution("one", "flow", EXECUTION);
        let removed = storage.delete_folder(&folder).unwrap();
        assert_eq!(removed.len(), 1, "{removed:?}");
        assert!(removed[0].starts_with(URI_PREFIX), "{removed:?}");
        assert_eq!(contents(temp.path(), "one"), 0);
        assert_eq!(contents(temp.path(), "two"), 1);
    }

    #[test]
    fn content_that_was_cut_off_is_written_anew() {
        let temp = tempfile::tempdir().unwrap();
        let storage = Storage::open(temp.path()).unwrap();
        let put = |run: &str| {
            let folder = Folder::execution("one", "flow", EXECUTION).task_run("t", run);
            let name = RelPath::new("a.txt").unwrap();
            storage.put(&folder, &name, &mut &b"whole"[..]).unwrap()
        };
        put("1");
        let folder = ConfinedDir::open(&temp.path().join("one/.content")).unwrap();
        let (path, _) = folder.files(10).unwrap().remove(0);
        std::fs::write(folder.path().join(path), "wh").unwrap();
        let mut text = String::new();
        let mut file = storage.get("one", &put("2")).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole");
    }

    #[test]
    fn what_is_carried_is_found_by_its_name_in_every_execution_of_the_flow() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::open(directory.path()).unwrap();
        let name = RelPath::new("states/one").unwrap();
        let execution =
            |flow: &str, id: &str| Folder::execution("company.team", flow, id).carried();
        let read = |folder: &Folder| {
            let mut text = String::new();
            let found = storage.find(folder, &name).unwrap()?;
            { found }.read_to_string(&mut text).unwrap();
            Some(text)
        };
        assert_eq!(read(&execution("flow", "1")), None);
        for text in ["a longer text", "short"] {
            storage
                .put(&execution("flow", "1"), &name, &mut text.as_bytes())
                .unwrap();
            assert_eq!(read(&execution("flow", "2")).as_deref(), Some(text));
        }
        assert_eq!(read(&execution("other", "1")), None);
        assert!(
            Storage::absent()
                .find(&execution("flow", "1"), &name)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn uris_cannot_leave_the_storage() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("outside"), "x").unwrap();
        let storage = Storage::open(&temp.path().join("s")).unwrap();
        for uri in [
            "kestra:///company/../../outside",
            "kestra:///company/%2e%2e/%2e%2e/outside",
            "kestra:////etc/passwd",
            "file:///etc/passwd",
            "kestra:///%zz",
        ] {
            assert!(storage.get("company", uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn uris_are_found_in_text() {
        let text = "cat kestra:///a/b-c.txt 'kestra:///d/e%20f' kestra:/// end";
        let found: Vec<_> = uris(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["kestra:///a/b-c.txt", "kestra:///d/e%20f"]);
    }
}
