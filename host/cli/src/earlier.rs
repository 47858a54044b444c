//! An execution that an earlier taffrail began and did not see to its end, for `run --resume`.

use std::io;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failed};
use crate::owner::{self, Owner};

/// One that this process owns now.
pub struct Earlier {
    /// Its id.
    pub id: String,
    directory: PathBuf,
    owner: Owner,
}

impl Earlier {
    /// Finds the execution and becomes its owner.
    ///
    /// # Errors
    /// When there is none of this id, it has ended, another process runs it, or it ran another flow.
    pub fn find(executions: &Path, id: &str, flow: &str) -> Result<Self, Failed> {
        let id = id.to_lowercase();
        let directory = executions.join(&id);
        // It becomes a path.
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id || !directory.is_dir() {
            return Err(Failed::new(
                Exit::NotFound,
                format!("there is no execution `{id}` in `{}`", executions.display()),
            ));
        }
        let (owner, begun_with) =
            owner::inherit(&directory).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Failed::new(
                    Exit::Usage,
                    format!("the execution `{id}` has ended; there is nothing to go on with"),
                ),
                io::ErrorKind::ResourceBusy => Failed::new(
                    Exit::Usage,
                    format!("the execution `{id}` is run by another taffrail"),
                ),
                _ => Failed::new(
                    Exit::Internal,
                    format!("cannot own `{}`: {error}", directory.display()),
                ),
            })?;
        if begun_with != flow {
            return Err(Failed::new(
                Exit::Invalid,
                format!(
                    "the execution `{id}` began with another flow, or another version of this one"
                ),
            ));
        }
        Ok(Earlier {
            id,
            directory,
            owner,
        })
    }

    /// Puts aside what the earlier taffrail wrote: all lines of its tasks come again.
    ///
    /// # Errors
    /// When a file cannot be moved; names it.
    pub fn begin_again(self) -> Result<Owner, String> {
        for name in ["log", "record"] {
            let extension = if name == "log" { "txt" } else { "json" };
            let path = self.directory.join(format!("{name}.{extension}"));
            let free = (1..).find_map(|number| {
                let other = self.directory.join(format!("{name}.{number}.{extension}"));
                (!other.exists()).then_some(other)
            });
            match free.map(|free| std::fs::rename(&path, free)) {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(format!("cannot move `{}`: {error}", path.display()));
                }
                _ => {}
            }
        }
        Ok(self.owner.goes_on())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_execution_without_an_end_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("01k");
        std::fs::create_dir(&directory).unwrap();
        let find = |id: &str, flow: &str| Earlier::find(folder.path(), id, flow);
        let says = |id: &str, flow: &str, exit: Exit, part: &str| {
            let error = find(id, flow).err().expect("it is refused");
            assert_eq!(error.exit, exit, "{id}");
            assert!(error.message.contains(part), "{}", error.message);
        };
        says("01x", "a", Exit::NotFound, "no execution `01x`");
        says("../01k", "a", Exit::NotFound, "no execution");
        says("01k", "a", Exit::Usage, "has ended");
        let living = owner::own(&directory, "a").unwrap();
        says("01k", "a", Exit::Usage, "another taffrail");
        drop(living);
        std::fs::write(directory.join("lock"), "a").unwrap();
        std::fs::write(directory.join("log.txt"), "old").unwrap();
        std::fs::write(directory.join("log.1.txt"), "older").unwrap();
        says("01k", "b", Exit::Invalid, "another flow");
        assert!(directory.join("lock").exists());
        let Ok(found) = find("01K", "a") else {
            panic!("the same flow is gone on with");
        };
        let owner = found.begin_again();
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        assert_eq!(
            (read("log.txt"), read("log.2.txt")),
            (String::new(), "old".to_owned())
        );
        drop(owner);
        assert!(!directory.join("lock").exists());
    }
}
