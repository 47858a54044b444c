//! The id of the store: what tells the containers of one state folder from those of another on the same engine.

use std::io::{self, Write};
use std::path::Path;

use taffrail_engine::confined::create_private_dir;
use taffrail_engine::scope::chain;

/// The file in the state folder.
const FILE: &str = "store-id";

/// Reads the id, or makes one; several processes that do so at once get the same.
///
/// # Errors
/// When it can be neither read nor made; names the path.
pub fn read_or_make(state: &Path) -> Result<String, String> {
    let path = state.join(FILE);
    let failed = |error: io::Error| {
        format!(
            "cannot keep the id of the store in `{}`: {error}",
            path.display()
        )
    };
    for _ in 0..2 {
        match std::fs::read_to_string(&path) {
            Ok(text) if is_id(text.trim()) => return Ok(text.trim().to_owned()),
            Ok(_) => {
                return Err(format!(
                    "`{}` does not hold the id of a store; remove it, and what older runs left on engines is not found any more",
                    path.display()
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        create_private_dir(state).map_err(|error| chain(&error))?;
        let id = ulid::Ulid::generate().to_string().to_lowercase();
        // Written whole under another name first: whoever reads it never sees half of it, and the first one stays.
        let own = state.join(format!("{FILE}.{id}"));
        let made = std::fs::File::create_new(&own)
            .and_then(|mut file| writeln!(file, "{id}"))
            .and_then(|()| std::fs::hard_link(&own, &path));
        let _ = std::fs::remove_file(&own);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Err(failed(io::Error::other("it comes and goes")))
}

fn is_id(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_the_same_id() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| read_or_make(&state).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_holds_no_id_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "x\n").unwrap();
        assert!(
            read_or_make(folder.path())
                .unwrap_err()
                .contains("store-id")
        );
    }
}
