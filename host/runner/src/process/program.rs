//! Finds the program that an argument vector names, the way a shell would, and says where it looked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Where programs are looked for when there is no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The file of a program: what has a slash is relative to the working directory, anything else is looked for in `path`.
///
/// # Errors
/// In words, when there is no such program or it may not be executed.
pub(super) fn find(
    name: &str,
    path: Option<&OsStr>,
    working_dir: &Path,
) -> Result<PathBuf, String> {
    if name.is_empty() {
        return Err("the name of the program is empty".to_owned());
    }
    if name.contains('/') {
        let file = working_dir.join(name);
        return match access(&file, Access::EXEC_OK) {
            Ok(()) if file.is_dir() => Err(format!("`{name}` is a directory, not a program")),
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Err(format!(
                "there is no program `{name}` (in the working directory `{}`)",
                working_dir.display()
            )),
            Err(_) => Err(format!("permission denied: `{name}` may not be executed")),
        };
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut forbidden = None;
    for folder in path.as_bytes().split(|&byte| byte == b':') {
        let file = working_dir.join(OsStr::from_bytes(folder)).join(name);
        if access(&file, Access::EXEC_OK).is_ok() {
            if !file.is_dir() {
                return Ok(file);
            }
        } else if forbidden.is_none() && file.is_file() {
            forbidden = Some(file);
        }
    }
    match forbidden {
        Some(file) => Err(format!(
            "permission denied: `{}` may not be executed",
            file.display()
        )),
        None => Err(format!(
            "program `{name}` is not found in `PATH` (`{}`)",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn programs_are_found_like_a_shell_does() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        for (name, mode) in [("tool", 0o755), ("plain.txt", 0o644)] {
            std::fs::write(here.join(name), "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(here.join(name), std::fs::Permissions::from_mode(mode))
                .unwrap();
        }
        std::fs::create_dir(here.join("folder")).unwrap();
        let check = |name: &str, path: Option<&str>, expected: Result<&str, &str>| {
            let found = find(name, path.map(OsStr::new), here);
            match expected {
                Ok(file) => assert_eq!(found, Ok(here.join(file)), "{name}"),
                Err(words) => {
                    let error = found.unwrap_err();
                    assert!(error.contains(words), "{name}: {error}");
                }
            }
        };
        let path = format!("/nowhere:{}", here.display());
        check("tool", Some(&path), Ok("tool"));
        check("tool", Some(""), Ok("tool"));
        check("./tool", Some("/nowhere"), Ok("./tool"));
        check(
            "tool",
            Some("/nowhere"),
            Err("program `tool` is not found in `PATH` (`/nowhere`)"),
        );
        check("folder", Some(&path), Err("not found in `PATH`"));
        check("./folder", None, Err("is a directory"));
        check("./missing", None, Err("there is no program `./missing`"));
        check("./tool/x", None, Err("there is no program `./tool/x`"));
        check("./plain.txt", None, Err("permission denied"));
        check("plain.txt", Some(&path), Err("permission denied"));
        check("", None, Err("empty"));
        assert_eq!(
            find("sh", None, here).map(|file| file.ends_with("sh")),
            Ok(true)
        );
    }
}
