//! Whose files they must be: the user that the container's program runs as, as numbers.

use std::collections::BTreeSet;
use std::io::Read;

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::TryStreamExt;

use super::engine::{CALL, Engine};
use super::launched::Belongings;

/// The largest user table that is read, in bytes.
const MAX_TABLE: usize = 4 * 1024 * 1024;

/// Owner of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

impl Owner {
    /// Whether it is the user that containers run as unless told otherwise.
    pub(super) fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// The owner that a `user[:group]` means, where the numbers alone say so.
pub(super) fn by_numbers(user: &str) -> Option<Owner> {
    let (user, group) = split(user);
    let uid = match user {
        "" | "root" => 0,
        number => number.parse().ok()?,
    };
    let gid = match group {
        None | Some("" | "root") => 0,
        Some(number) => number.parse().ok()?,
    };
    Some(Owner { uid, gid })
}

/// The owner that a `user[:group]` with names means in a container that was created: its own tables are asked. A name that is not
/// there is left to the engine, which refuses to start.
pub(super) async fn by_names(engine: &Engine, container: &str, user: &str) -> Option<Owner> {
    let (name, group) = split(user);
    let users = table(engine, container, "/etc/passwd").await?;
    let (uid, own_gid) = find_user(&users, name)?;
    let gid = match group {
        None => own_gid,
        Some(group) => match group.parse() {
            Ok(number) => number,
            Err(_) => find_group(&table(engine, container, "/etc/group").await?, group)?,
        },
    };
    Some(Owner { uid, gid })
}

/// The names in one of a container's tables; none where it has no such table.
pub(super) async fn names(belongings: &Belongings, path: &str) -> BTreeSet<String> {
    let table = table(&belongings.engine, &belongings.container, path).await;
    let table = table.unwrap_or_default();
    let names = table
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0));
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn split(user: &str) -> (&str, Option<&str>) {
    match user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (user, None),
    }
}

fn find_user(table: &str, wanted: &str) -> Option<(u64, u64)> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?);
        let gid = fields.next()?;
        (name == wanted || uid == wanted).then_some(())?;
        Some((uid.parse().ok()?, gid.parse().ok()?))
    })
}

fn find_group(table: &str, wanted: &str) -> Option<u64> {
    table.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, gid) = (fields.next()?, fields.nth(1)?);
        (name == wanted).then(|| gid.parse().ok())?
    })
}

/// One file of the container, by the archive that the engine makes of it.
async fn table(engine: &Engine, container: &str, path: &str) -> Option<String> {
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(path)
        .build();
    let stream = engine
        .client
        .download_from_container(container, Some(options));
    let read = stream.try_fold(Vec::new(), |mut bytes, chunk| async move {
        if bytes.len() < MAX_TABLE {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    });
    let bytes = tokio::time::timeout(CALL, read).await.ok()?.ok()?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    let entry = archive.entries().ok()?.next()?.ok()?;
    let mut text = String::new();
    entry
        .take(MAX_TABLE as u64)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_table() {
        let check = |user: &str, expected: Option<(u64, u64)>| {
            let owner = by_numbers(user).map(|owner| (owner.uid, owner.gid));
            assert_eq!(owner, expected, "{user:?}");
        };
        check("", Some((0, 0)));
        check("root", Some((0, 0)));
        check("0:0", Some((0, 0)));
        check("1000", Some((1000, 0)));
        check("1000:50", Some((1000, 50)));
        check("app", None);
        check("1000:staff", None);
        check("-1", None);
    }

    #[test]
    fn tables_are_searched() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\napp:x:1000:1001::/:/bin/sh\n";
        assert_eq!(find_user(users, "app"), Some((1000, 1001)));
        assert_eq!(find_user(users, "1000"), Some((1000, 1001)));
        assert_eq!(find_user(users, "broken"), None);
        assert_eq!(find_group("staff:x:50:app\n", "staff"), Some(50));
        assert_eq!(find_group("staff:x:50:app\n", "app"), None);
    }
}
