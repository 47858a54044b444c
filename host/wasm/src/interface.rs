//! Decides from names alone what a component may import and which plugin API it speaks.

use semver::Version;

use crate::anatomy::Anatomy;
use crate::text::{harmless, listed};

/// What a component wants and offers, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    /// The plugin API that it speaks.
    pub(crate) api: Api,
    /// Whether it imports WASI 0.2, and so gets the empty world.
    pub(crate) wasi: bool,
    /// Whether the same request may give another plan, since it can ask for the time or for random numbers.
    pub(crate) reproducible: bool,
    /// What it reaches, in words.
    pub(crate) reach: String,
}

/// The versions of the plugin API that this host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// `taffrail:plugin@0.1.x`.
    V0_1,
    /// `taffrail:plugin@1.x.y`: what is built against any 1.x runs, as the linker compares functions and types by themselves.
    V1_0,
}

impl Api {
    /// Every version, oldest first.
    const ALL: &'static [Api] = &[Api::V0_1, Api::V1_0];

    /// The version as messages and lists write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Api::V0_1 => "0.1",
            Api::V1_0 => "1.0",
        }
    }

    /// The versions that it covers, as messages write them.
    fn track(self) -> &'static str {
        match self {
            Api::V0_1 => "0.1.x",
            Api::V1_0 => "1.x",
        }
    }

    /// Whether a released version lies on this track.
    fn covers(self, version: &Version) -> bool {
        version.pre.is_empty()
            && match self {
                Api::V0_1 => version.major == 0 && version.minor == 1,
                Api::V1_0 => version.major == 1,
            }
    }

    fn of(version: &Version) -> Option<Api> {
        Self::ALL.iter().copied().find(|api| api.covers(version))
    }
}

/// Why a component cannot be a plugin of this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InterfaceError {
    /// It exports no language.
    #[error(
        "it is not a taffrail plugin: it exports no `taffrail:plugin/language`{}",
        if .exports.is_empty() { " and nothing else".to_owned() } else { format!(", only {}", listed(.exports.iter().map(String::as_str))) }
    )]
    NoLanguage {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// It speaks another version of the plugin API.
    #[error(
        "it speaks plugin API {plugin}, and taffrail {host} speaks {spoken}: {way_out}",
        host = env!("CARGO_PKG_VERSION")
    )]
    UnknownApi {
        /// The plugin's version, or what it wrote in its place.
        plugin: String,
        /// The host's versions.
        spoken: String,
        /// What the user and the author can do.
        way_out: &'static str,
    },
    /// It imports what no plugin gets.
    #[error(
        "it imports {}, which no plugin gets; allowed are `taffrail:plugin/logging` of the version that it exports and the empty world of WASI 0.2 (cli, clocks, filesystem, io, random, sockets)",
        listed(.0.iter().map(String::as_str))
    )]
    ForbiddenImports(Vec<String>),
}

impl Interface {
    /// Judges the names of a component.
    pub(crate) fn of(anatomy: &Anatomy) -> Result<Self, InterfaceError> {
        let api = api_of(&anatomy.exports)?;
        let forbidden: Vec<String> = anatomy
            .imports
            .iter()
            .filter(|name| !is_allowed(name, api))
            .cloned()
            .collect();
        if !forbidden.is_empty() {
            return Err(InterfaceError::ForbiddenImports(forbidden));
        }
        let wasi: Vec<&str> = anatomy
            .imports
            .iter()
            .filter_map(|name| ExternName::parse(name))
            .filter(|name| name.namespace == "wasi")
            .map(|name| name.package)
            .collect();
        let touches = |package: &str| wasi.contains(&package);
        Ok(Self {
            api,
            wasi: !wasi.is_empty(),
            reproducible: !touches("clocks") && !touches("random"),
            reach: reach(&wasi),
        })
    }
}

/// What a component reaches, in words: `nothing`, or `clock, random (WASI 0.2, empty)`.
fn reach(wasi: &[&str]) -> String {
    if wasi.is_empty() {
        return "nothing".to_owned();
    }
    let words: Vec<&str> = [
        ("clocks", "clock"),
        ("random", "random"),
        ("cli", "arguments, environment, standard streams"),
        ("filesystem", "files"),
        ("sockets", "network"),
    ]
    .into_iter()
    .filter(|(package, _)| wasi.contains(package))
    .map(|(_, word)| word)
    .collect();
    match words.as_slice() {
        [] => "streams (WASI 0.2, empty)".to_owned(),
        words => format!("{} (WASI 0.2, empty)", words.join(", ")),
    }
}

fn api_of(exports: &[String]) -> Result<Api, InterfaceError> {
    let languages: Vec<&str> = exports
        .iter()
        .filter_map(|name| {
            let rest = name.strip_prefix("taffrail:plugin/language")?;
            (rest.is_empty() || rest.starts_with('@')).then(|| rest.trim_start_matches('@'))
        })
        .collect();
    if languages.is_empty() {
        return Err(InterfaceError::NoLanguage {
            exports: exports.to_vec(),
        });
    }
    let versions: Vec<Version> = languages
        .iter()
        .filter_map(|text| Version::parse(text).ok())
        .collect();
    let newest_spoken = versions
        .iter()
        .filter_map(|version| Some((version, Api::of(version)?)))
        .max_by_key(|(version, _)| *version);
    if let Some((_, api)) = newest_spoken {
        return Ok(api);
    }
    let newest = versions.iter().max();
    let way_out = match newest {
        Some(version) if !version.pre.is_empty() => {
            "a draft of the API matches only itself; ask the plugin's author for a build against a released API"
        }
        Some(version) if *version < Version::new(0, 1, 0) => {
            "take a newer version of the plugin, or ask its author for a build against a newer API"
        }
        _ => "take a newer taffrail, or a version of the plugin that was built for an older API",
    };
    Err(InterfaceError::UnknownApi {
        plugin: newest.map_or_else(
            || format!("`{}`", harmless(languages[0])),
            |version| harmless(&version.to_string()),
        ),
        spoken: Api::ALL
            .iter()
            .map(|api| api.track())
            .collect::<Vec<_>>()
            .join(", "),
        way_out,
    })
}

fn is_allowed(name: &str, api: Api) -> bool {
    let Some(name) = ExternName::parse(name) else {
        return false;
    };
    match (name.namespace, name.package) {
        ("taffrail", "plugin") => {
            matches!(name.interface, "types" | "logging") && api.covers(&name.version)
        }
        ("wasi", "cli" | "clocks" | "filesystem" | "io" | "random" | "sockets") => {
            name.version.major == 0 && name.version.minor == 2 && name.version.pre.is_empty()
        }
        _ => false,
    }
}

/// `namespace:package/interface@version`, in parts.
struct ExternName<'a> {
    namespace: &'a str,
    package: &'a str,
    interface: &'a str,
    version: Version,
}

impl<'a> ExternName<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (namespace, rest) = name.split_once(':')?;
        let (package, rest) = rest.split_once('/')?;
        let (interface, version) = rest.split_once('@')?;
        Some(Self {
            namespace,
            package,
            interface,
            version: Version::parse(version).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(imports: &[&str], exports: &[&str]) -> Result<Interface, String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Interface::of(&Anatomy {
            imports: owned(imports),
            exports: owned(exports),
        })
        .map_err(|error| error.to_string())
    }

    const LANGUAGE: &str = "taffrail:plugin/language@0.1.0";

    #[test]
    fn reach_in_words() {
        for (imports, reach, reproducible) in [
            (&[][..], "nothing", true),
            (
                &[
                    "taffrail:plugin/types@0.1.0",
                    "taffrail:plugin/logging@0.1.7",
                ],
                "nothing",
                true,
            ),
            (
                &["wasi:random/random@0.2.3", "wasi:clocks/wall-clock@0.2.0"],
                "clock, random (WASI 0.2, empty)",
                false,
            ),
            (
                &["wasi:cli/environment@0.2.12", "wasi:io/error@0.2.6"],
                "arguments, environment, standard streams (WASI 0.2, empty)",
                true,
            ),
            (&["wasi:io/poll@0.2.6"], "streams (WASI 0.2, empty)", true),
        ] {
            let interface = judged(imports, &[LANGUAGE]).unwrap();
            assert_eq!(interface.reach, reach);
            assert_eq!(interface.reproducible, reproducible);
        }
    }

    #[test]
    fn every_unwanted_import_is_named() {
        let error = judged(
            &[
                "wasi:http/types@0.2.0",
                "taffrail:plugin/logging@0.1.0",
                "wasi:clocks/wall-clock@0.3.0",
                "taffrail:plugin/secrets@0.1.0",
                "taffrail:plugin/logging@0.2.0",
                "wasi:cli/exit@0.2.0-rc-2023-11-05",
                "plain",
                "other:world/thing@1.0.0\x1b[31m",
            ],
            &[LANGUAGE],
        )
        .unwrap_err();
        for wanted in [
            "`wasi:http/types@0.2.0`",
            "`wasi:clocks/wall-clock@0.3.0`",
            "`taffrail:plugin/secrets@0.1.0`",
            "`taffrail:plugin/logging@0.2.0`",
            "`wasi:cli/exit@0.2.0-rc-2023-11-05`",
            "`plain`",
            "`other:world/thing@1.0.0\\u{1b}[31m`",
        ] {
            assert!(error.contains(wanted), "{wanted} in {error}");
        }
        assert!(!error.contains("logging@0.1.0`"), "{error}");
    }

    #[test]
    fn the_exported_version_picks_the_api() {
        for (exports, expected) in [
            (&[LANGUAGE][..], Ok(Api::V0_1)),
            (&["taffrail:plugin/language@0.1.42"], Ok(Api::V0_1)),
            (
                &["exports", LANGUAGE, "taffrail:plugin/language@0.9.0"],
                Ok(Api::V0_1),
            ),
            (&[], Err("it is not a taffrail plugin")),
            (&["run"], Err("only `run`")),
            (
                &["taffrail:plugin/languages@0.1.0"],
                Err("it is not a taffrail plugin"),
            ),
            (
                &["taffrail:plugin/language@0.9.0"],
                Err(
                    "it speaks plugin API 0.9.0, and taffrail 0.1.0 speaks 0.1.x, 1.x: take a newer taffrail",
                ),
            ),
            (&["taffrail:plugin/language@1.0.0"], Ok(Api::V1_0)),
            (&["taffrail:plugin/language@1.9.3"], Ok(Api::V1_0)),
            (&["taffrail:plugin/language@1.0.0", LANGUAGE], Ok(Api::V1_0)),
            (
                &["taffrail:plugin/language@2.0.0"],
                Err("take a newer taffrail"),
            ),
            (
                &["taffrail:plugin/language@1.1.0-rc.1"],
                Err("a draft of the API"),
            ),
            (
                &["taffrail:plugin/language@0.0.1"],
                Err("take a newer version of the plugin"),
            ),
            (
                &["taffrail:plugin/language@0.1.0-draft.2"],
                Err("a draft of the API"),
            ),
            (
                &["taffrail:plugin/language"],
                Err("it speaks plugin API ``"),
            ),
        ] {
            match (judged(&[], exports), expected) {
                (Ok(interface), Ok(api)) => assert_eq!(interface.api, api),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (found, _) => panic!("{exports:?}: {found:?}"),
            }
        }
    }
}
