//! The time zone of this machine, found without looking through the whole zone database, which takes longer than a short task.

use std::path::Path;

use jiff::tz::TimeZone;

/// Where the system says what its zone is.
const LOCAL: &str = "/etc/localtime";

/// The zone that dates are shown in: that of `TZ` where it is set, else the system's, else UTC.
pub fn local() -> TimeZone {
    if std::env::var_os("TZ").is_some() {
        return TimeZone::system();
    }
    let Ok(bytes) = std::fs::read(LOCAL) else {
        return TimeZone::UTC;
    };
    let target = std::fs::read_link(LOCAL).ok();
    let name = target.as_deref().and_then(name).unwrap_or("Local");
    TimeZone::tzif(name, &bytes).unwrap_or_else(|_| TimeZone::system())
}

/// The zone's name in the path of its file: `Europe/Berlin`.
fn name(path: &Path) -> Option<&str> {
    path.to_str()?.split_once("zoneinfo/").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_stands_behind_the_folder() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(name(Path::new(path)), expected, "{path}")
        };
        check("/usr/share/zoneinfo/Europe/Berlin", Some("Europe/Berlin"));
        check("../usr/share/zoneinfo/Etc/UTC", Some("Etc/UTC"));
        check("/etc/own-zone", None);
    }
}
