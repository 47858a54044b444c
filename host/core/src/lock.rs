//! `taffrail.lock`: which plugins, to the byte, the flows beside it run with. Text in and text out; where the file lies is not known here.
//!
//! The text is TOML of a fixed form: sorted, one block a plugin version, one value a line. So two branches that lock different plugins merge
//! without help, and the same plugins always give the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use semver::Version;

use crate::diagnostic::{Code, Diagnostic};
use crate::name::PluginId;
use crate::suggest::did_you_mean;
use crate::yaml::Span;

/// The name of the file.
pub const LOCK_FILE: &str = "taffrail.lock";

const HEADER: &str = "\
# The plugins that the flows beside this file run with. `taffrail lock` writes it; commit it.
version = 1
";

const KEYS: [&str; 5] = ["id", "version", "digest", "api", "source"];

/// The plugins that were locked, by id and version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    entries: BTreeMap<(PluginId, Version), Locked>,
}

/// One locked plugin version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the component, lower case hexadecimal.
    pub digest: String,
    /// The plugin API that it speaks.
    pub api: String,
    /// Where others can get it from, where that is known.
    pub source: Option<String>,
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its place.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader {
            lock: Self::default(),
            block: None,
            found: Vec::new(),
            has_version: false,
        };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            reader.line(line.trim_end_matches(['\n', '\r']), start);
            start += line.len();
        }
        reader.close();
        if !reader.has_version && reader.found.is_empty() {
            reader.complain(0, 0, "the lock file does not begin with `version = 1`");
        }
        if reader.found.is_empty() {
            Ok(reader.lock)
        } else {
            Err(reader.found)
        }
    }

    /// Locks a plugin version, in place of what was locked under the same name.
    pub fn insert(&mut self, locked: Locked) {
        self.entries
            .insert((locked.id.clone(), locked.version.clone()), locked);
    }

    /// All of them, sorted by id and version.
    pub fn entries(&self) -> impl Iterator<Item = &Locked> {
        self.entries.values()
    }

    /// The locked versions of one plugin, lowest first.
    pub fn of<'a, 'id>(
        &'a self,
        id: &'id PluginId,
    ) -> impl DoubleEndedIterator<Item = &'a Locked> + use<'a, 'id> {
        self.entries.values().filter(move |locked| locked.id == *id)
    }

    /// What was locked under this name.
    pub fn get(&self, id: &PluginId, version: &Version) -> Option<&Locked> {
        self.entries
            .values()
            .find(|locked| locked.id == *id && locked.version == *version)
    }
}

/// The file's text. The same plugins give the same bytes.
impl std::fmt::Display for Lock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(HEADER)?;
        for locked in self.entries() {
            write!(
                formatter,
                "\n[[plugin]]\nid = \"{}\"\nversion = \"{}\"\ndigest = \"sha256:{}\"\napi = {}\n",
                locked.id,
                locked.version,
                locked.digest,
                quoted(&locked.api)
            )?;
            if let Some(source) = &locked.source {
                writeln!(formatter, "source = {}", quoted(source))?;
            }
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(control)).unwrap_or_default();
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

struct Reader {
    lock: Lock,
    block: Option<Block>,
    found: Vec<Diagnostic>,
    has_version: bool,
}

struct Block {
    span: (usize, usize),
    values: BTreeMap<&'static str, (String, usize, usize)>,
    bad: bool,
}

impl Reader {
    fn line(&mut self, line: &str, start: usize) {
        let end = start + line.len();
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"]
            .iter()
            .any(|mark| line.starts_with(mark))
        {
            self.complain(start, end, "a merge was not finished here");
            return;
        }
        if text == "[[plugin]]" {
            self.close();
            self.block = Some(Block {
                span: (start, end),
                values: BTreeMap::new(),
                bad: false,
            });
            return;
        }
        let Some((key, value)) = text.split_once('=') else {
            self.complain(start, end, "this is no line of a lock file");
            return;
        };
        let (key, value) = (key.trim(), value.trim());
        if self.block.is_none() {
            match (key, value) {
                ("version", "1") => self.has_version = true,
                ("version", other) => {
                    let message = format!(
                        "the lock file has version `{other}`, and this taffrail reads version 1"
                    );
                    self.complain(start, end, &message);
                }
                _ => self.complain(start, end, "only `version` may stand before the plugins"),
            }
            return;
        }
        let Some(known) = KEYS.iter().find(|known| **known == key) else {
            self.complain(start, end, &format!("a locked plugin has no key `{key}`"));
            if let (Some(near), Some(last)) = (did_you_mean(key, KEYS), self.found.last_mut()) {
                *last = last.clone().help(format!("did you mean `{near}`?"));
            }
            return;
        };
        let Some(value) = unquoted(value) else {
            self.complain(
                start,
                end,
                &format!("the value of `{key}` is no text in double quotes"),
            );
            return;
        };
        let Some(block) = &mut self.block else { return };
        if block.values.insert(known, (value, start, end)).is_some() {
            self.complain(start, end, &format!("`{key}` stands twice in one block"));
        }
    }

    fn complain(&mut self, start: usize, end: usize, message: &str) {
        if let Some(block) = &mut self.block {
            block.bad = true;
        }
        self.found.push(
            Diagnostic::error(Code::DamagedLock, span(start, end), message)
                .help("`taffrail lock` writes the file anew once it is deleted"),
        );
    }

    fn close(&mut self) {
        let Some(block) = self.block.take() else {
            return;
        };
        if block.bad {
            return;
        }
        let (start, end) = block.span;
        let mut take = |key: &str| match block.values.get(key) {
            Some((value, from, to)) => Some((value.clone(), *from, *to)),
            None => {
                self.found.push(Diagnostic::error(
                    Code::DamagedLock,
                    span(start, end),
                    format!("this block lacks `{key}`"),
                ));
                None
            }
        };
        let (Some(id), Some(version), Some(digest), Some(api)) =
            (take("id"), take("version"), take("digest"), take("api"))
        else {
            return;
        };
        let parsed_id = match PluginId::new(id.0) {
            Ok(id) => Some(id),
            Err(error) => {
                self.complain(id.1, id.2, &error.to_string());
                None
            }
        };
        let parsed_version = match Version::parse(&version.0) {
            Ok(version) => Some(version),
            Err(error) => {
                let message = format!("`{}` is not a whole version: {error}", version.0);
                self.complain(version.1, version.2, &message);
                None
            }
        };
        let parsed_digest = match digest.0.strip_prefix("sha256:") {
            Some(hex) if is_digest(hex) => Some(hex.to_owned()),
            _ => {
                self.complain(
                    digest.1,
                    digest.2,
                    "a digest is `sha256:` and 64 hexadecimal digits in lower case",
                );
                None
            }
        };
        let (Some(id), Some(version), Some(digest)) = (parsed_id, parsed_version, parsed_digest)
        else {
            return;
        };
        if self.lock.get(&id, &version).is_some() {
            self.complain(start, end, &format!("`{id} {version}` is locked twice"));
            return;
        }
        self.lock.insert(Locked {
            id,
            version,
            digest,
            api: api.0,
            source: block
                .values
                .get("source")
                .map(|(source, _, _)| source.clone()),
        });
    }
}

/// Whether a text is a SHA-256 as lock files write it.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn span(start: usize, end: usize) -> Span {
    let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
    Span {
        start: offset(start),
        end: offset(end),
    }
}

/// The text of a double-quoted value; the escapes are those that [`quoted`] writes.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut decoded = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => match characters.next()? {
                plain @ ('"' | '\\') => decoded.push(plain),
                'u' => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok()?;
                    decoded.push(char::from_u32(code)?);
                }
                _ => return None,
            },
            other => decoded.push(other),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(id: &str, version: &str, source: Option<&str>) -> Locked {
        Locked {
            id: PluginId::new(id).expect(id),
            version: Version::parse(version).expect(version),
            digest: "0123456789abcdef".repeat(4),
            api: "0.1".to_owned(),
            source: source.map(str::to_owned),
        }
    }

    #[test]
    fn the_order_of_locking_does_not_show() {
        let entries = [
            locked("shell", "1.10.0", None),
            locked("shell", "1.9.0", Some("oci://localhost/shell:1.9.0")),
            locked("python", "2.0.0-rc.1", Some("odd \"text\" \\ \u{7}")),
        ];
        let mut texts = Vec::new();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let mut lock = Lock::default();
            for index in order {
                lock.insert(entries[index].clone());
            }
            let text = lock.to_string();
            assert_eq!(Lock::parse(&text), Ok(lock));
            texts.push(text);
        }
        assert!(texts.iter().all(|text| *text == texts[0]));
        let ids: Vec<&str> = texts[0]
            .lines()
            .filter(|line| line.starts_with("id") || line.starts_with("version = \""))
            .collect();
        assert_eq!(
            ids,
            [
                "id = \"python\"",
                "version = \"2.0.0-rc.1\"",
                "id = \"shell\"",
                "version = \"1.9.0\"",
                "id = \"shell\"",
                "version = \"1.10.0\"",
            ]
        );
    }

    #[test]
    fn each_mistake_has_its_place() {
        let good = {
            let mut lock = Lock::default();
            lock.insert(locked("shell", "1.0.0", None));
            lock.to_string()
        };
        let block = good.split_once("\n\n").expect("a block").1.to_owned();
        for (from, to, line, part) in [
            ("version = 1", "version = 2", 2, "reads version 1"),
            ("version = 1\n", "", 1, "does not begin with"),
            ("[[plugin]]", "<<<<<<< HEAD\n[[plugin]]", 4, "a merge"),
            ("[[plugin]]", "[plugin]", 4, "no line of a lock file"),
            ("id = ", "ident = ", 5, "has no key `ident`"),
            ("\"shell\"", "\"Shell\"", 5, "is not a plugin id"),
            ("\"shell\"", "shell", 5, "no text in double quotes"),
            ("\"1.0.0\"", "\"1.0\"", 6, "is not a whole version"),
            ("sha256:0", "sha256:X", 7, "64 hexadecimal digits"),
            ("sha256:", "md5:", 7, "64 hexadecimal digits"),
            ("api = \"0.1\"\n", "", 4, "lacks `api`"),
            ("id =", "id = \"a\"\nid =", 6, "stands twice"),
            (
                &*block,
                &*format!("{block}\n{block}"),
                10,
                "is locked twice",
            ),
        ] {
            let text = good.replacen(from, to, 1);
            let found = Lock::parse(&text).expect_err(&text);
            let at = found[0].span.expect("a place").start as usize;
            assert!(found[0].message.contains(part), "{part}: {found:?}\n{text}");
            assert_eq!(1 + text[..at].matches('\n').count(), line, "{part}\n{text}");
        }
        assert_eq!(
            Lock::parse(&good.replace('\n', "\r\n")).map(|lock| lock.to_string()),
            Ok(good)
        );
    }
}
