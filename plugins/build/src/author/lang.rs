//! The languages that plugins are written in, and how a project of each is recognised.

use std::path::Path;

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Rust, with the SDK.
    Rust,
    /// Python, by componentize-py.
    Python,
    /// JavaScript, by componentize-js.
    Js,
    /// Go, by the standard compiler.
    Go,
    /// C, by clang or zig.
    C,
}

impl Lang {
    /// All of them.
    pub const ALL: [Lang; 5] = [Lang::Rust, Lang::Python, Lang::Js, Lang::Go, Lang::C];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Lang::Rust => "rust",
            Lang::Python => "python",
            Lang::Js => "js",
            Lang::Go => "go",
            Lang::C => "c",
        }
    }

    /// The file that turns properties into a plan; a project that has it is one of this language.
    pub fn source(self) -> &'static str {
        match self {
            Lang::Rust => "src/lib.rs",
            Lang::Python => "plugin.py",
            Lang::Js => "plugin.js",
            Lang::Go => "plugin.go",
            Lang::C => "plugin.c",
        }
    }

    /// The language of the project in a folder; none where there is no project, or several.
    pub fn of(folder: &Path) -> Option<Lang> {
        let mut found = Lang::ALL
            .into_iter()
            .filter(|lang| folder.join(lang.source()).is_file());
        let lang = found.next()?;
        found.next().is_none().then_some(lang)
    }
}

impl std::str::FromStr for Lang {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |lang: &Lang| lang.name() == text;
        Lang::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| format!("it must be one of {}", Lang::ALL.map(Lang::name).join(", ")))
    }
}
