//! What every command that looks at flows puts together: the plugins, the runners, the checker, the flow's text.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use taffrail_core::diagnostic::{Code, Diagnostic, Severity, Source, render_text};
use taffrail_core::flow::Flow;
use taffrail_core::resolve::Installed;
use taffrail_core::schema::host_property_names;
use taffrail_core::text::printable;
use taffrail_core::validate::Checker;
use taffrail_core::yaml::Span;
use taffrail_engine::ports::{Planner, PluginInfo, PluginKey};
use taffrail_runner::registry;
use taffrail_wasm::{Bundled, Cache, Limits, Options, Store, WasmPlugins};

use crate::args::Global;
use crate::config::Config;
use crate::document;
use crate::exit::{Exit, Failed};
use crate::folders::Folders;
use crate::locking::Locks;
use crate::report::complain;
use crate::terminal;

/// The plugins that are part of this program.
static BUNDLED: &[Bundled] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The largest flow file that is read, in bytes; the reader's own limit is below it.
const MAX_FLOW: u64 = 16 * 1024 * 1024;

/// The host as this program puts it together.
pub struct Host {
    /// Where things are kept.
    pub folders: Folders,
    /// The plugins.
    pub plugins: Arc<WasmPlugins>,
    /// Knows the schemas of all of them.
    pub checker: Arc<Checker>,
    /// What whoever runs the host has decided.
    pub config: Config,
}

impl Host {
    /// Finds the plugins. Starts no sandbox.
    ///
    /// # Errors
    /// When there is nowhere to keep things.
    pub fn open(global: &Global) -> Result<Self, Failed> {
        let folders = Folders::choose(global)?;
        let cache = Cache::new(&folders.cache.join("plugins"), &folders.state);
        let host = Self::with_cache(global, folders, cache, Vec::new())?;
        host.warn_of_broken_plugins();
        // There is one as long as the program runs, and its end frees all at once, not piece by piece.
        std::mem::forget((Arc::clone(&host.plugins), Arc::clone(&host.checker)));
        Ok(host)
    }

    /// Finds the plugins, and makes no folder: what is compiled is kept only where a run has kept something before.
    ///
    /// # Errors
    /// When there is nowhere to keep things.
    pub fn open_untouched(global: &Global) -> Result<Self, Failed> {
        let folders = Folders::choose(global)?;
        let plugins = folders.cache.join("plugins");
        let cache = if plugins.is_dir() && folders.state.is_dir() {
            Cache::new(&plugins, &folders.state)
        } else {
            Cache::off()
        };
        let host = Self::with_cache(global, folders, cache, Vec::new())?;
        host.warn_of_broken_plugins();
        Ok(host)
    }

    /// Finds the plugins and says nothing of those that are broken: the caller lists them.
    ///
    /// # Errors
    /// When there is nowhere to keep things.
    pub fn open_to_list(global: &Global) -> Result<Self, Failed> {
        let folders = Folders::choose(global)?;
        let cache = Cache::new(&folders.cache.join("plugins"), &folders.state);
        Self::with_cache(global, folders, cache, Vec::new())
    }

    /// Where anybody can get a plugin from: nothing for those of this program and for files of this machine.
    pub fn public_source(&self, plugin: &PluginInfo) -> Option<String> {
        let key = PluginKey {
            id: plugin.descriptor.id.clone(),
            version: plugin.descriptor.version.clone(),
        };
        let origin = Store::new(&self.folders.plugins).origin(&key)?;
        (origin.public && origin.digest == plugin.digest).then_some(origin.source)
    }

    fn warn_of_broken_plugins(&self) {
        for problem in self.plugins.problems() {
            tracing::warn!(
                "plugin `{}` is left out: {}",
                problem.path.display(),
                problem.reason
            );
        }
    }

    /// Finds the plugins, and takes those in these files for installed ones.
    ///
    /// # Errors
    /// When there is nowhere to keep things.
    pub fn open_with(global: &Global, files: Vec<PathBuf>) -> Result<Self, Failed> {
        let folders = Folders::choose(global)?;
        let cache = Cache::new(&folders.cache.join("plugins"), &folders.state);
        let host = Self::with_cache(global, folders, cache, files)?;
        host.warn_of_broken_plugins();
        Ok(host)
    }

    fn with_cache(
        global: &Global,
        folders: Folders,
        cache: Cache,
        files: Vec<PathBuf>,
    ) -> Result<Self, Failed> {
        let config = Config::load(global)?;
        let plugins = WasmPlugins::new(Options {
            bundled: BUNDLED,
            folders: vec![folders.plugins.clone()],
            files,
            cache,
            limits: Limits::default(),
            host_properties: host_property_names,
        });
        let installed: Vec<Installed> = plugins
            .plugins()
            .iter()
            .map(|plugin| Installed {
                descriptor: Arc::clone(&plugin.descriptor),
                digest: Some(plugin.digest.as_str().into()),
            })
            .collect();
        let checker = Checker::new(installed, registry::fragments())
            .with_host_defaults(config.plugin_defaults.clone());
        Ok(Self {
            folders,
            plugins: Arc::new(plugins),
            checker: Arc::new(checker),
            config,
        })
    }
}

/// Reads a flow's text from a file, or from standard input for `-`.
///
/// # Errors
/// When it is not there, cannot be read, is too large, or is not UTF-8.
pub fn read_source(path: &Path) -> Result<Source, Failed> {
    let standard_input = path == Path::new("-");
    let name = if standard_input {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    };
    let mut bytes = Vec::new();
    let read = if standard_input {
        std::io::stdin()
            .lock()
            .take(MAX_FLOW)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FLOW).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Invalid
        };
        Failed::new(exit, format!("cannot read `{name}`: {error}"))
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            Err(Failed::new(
                Exit::Invalid,
                format!("{name}:{line}: the file is not UTF-8 text"),
            ))
        }
    }
}

/// Reads and checks a flow, and tells what is wrong with it.
///
/// # Errors
/// When there is no flow that could be used; all has been told then.
pub fn checked_flow(global: &Global, host: &Host, flow: &str) -> Result<(Source, Flow), Failed> {
    checked_flow_locked(global, host, flow, false)
}

/// The same, and with `locked` for nothing but the plugins of the lock beside it.
///
/// # Errors
/// When there is no flow that could be used; all has been told then.
pub fn checked_flow_locked(
    global: &Global,
    host: &Host,
    flow: &str,
    locked: bool,
) -> Result<(Source, Flow), Failed> {
    let source = read_source(Path::new(flow))?;
    checked_source(global, host, source, flow, locked)
}

/// The same for a text that has been read before, from the file that `flow` names.
///
/// # Errors
/// When there is no flow that could be used; all has been told then.
pub fn checked_source(
    global: &Global,
    host: &Host,
    source: Source,
    flow: &str,
    locked: bool,
) -> Result<(Source, Flow), Failed> {
    let mut locks = Locks::new(global, locked);
    let lock = locks.of(Path::new(flow))?;
    let checked = document::check(&source, &host.checker, locks.locking(lock.as_ref()));
    let style = terminal::style(global);
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    // Old spellings change nothing in a run, and are told in a line each below.
    let is_news = |diagnostic: &Diagnostic| {
        diagnostic.severity == Severity::Warning && diagnostic.code != Code::Deprecated
    };
    let shown: Vec<Diagnostic> = checked
        .diagnostics
        .iter()
        .filter(|diagnostic| is_error(diagnostic) || (!global.quiet && is_news(diagnostic)))
        .cloned()
        .collect();
    if !shown.is_empty() {
        complain(render_text(&shown, &source, style).trim_end());
    }
    match checked.flow {
        Some(flow) if !checked.diagnostics.iter().any(is_error) => {
            if !global.quiet {
                let notes = notes(&checked.diagnostics, &source);
                notes.iter().for_each(|note| complain(note));
            }
            Ok((source, flow))
        }
        _ => Err(Failed::silent(exit_of(&checked.diagnostics))),
    }
}

/// As many notes are told one by one.
const MOST_NOTES: usize = 5;

/// A line for each old spelling that is accepted and each thing that is not run here, with the first place where it stands.
fn notes(diagnostics: &[Diagnostic], source: &Source) -> Vec<String> {
    let mut found: Vec<(String, Option<Span>, usize)> = Vec::new();
    let not_run = |diagnostic: &Diagnostic| {
        diagnostic.code == Code::NotRunHere && diagnostic.severity == Severity::Note
    };
    // What is not run need not be spelled better.
    let is_run = |span| {
        let mut others = diagnostics.iter().filter(|other| not_run(other));
        !others.any(|other| other.span == span)
    };
    let accepted = diagnostics.iter().filter(|diagnostic| {
        not_run(diagnostic) || (diagnostic.code == Code::Deprecated && is_run(diagnostic.span))
    });
    for diagnostic in accepted {
        let message = match &diagnostic.help {
            Some(help) => format!("{}; {}", diagnostic.message, help.message),
            None => diagnostic.message.clone(),
        };
        match found.iter_mut().find(|(known, ..)| *known == message) {
            Some((_, _, count)) => *count += 1,
            None => found.push((message, diagnostic.span, 1)),
        }
    }
    let name = source.name();
    let told = found.iter().take(MOST_NOTES);
    let mut told: Vec<String> = told
        .map(|(message, span, count)| {
            let place = span.map_or_else(String::new, |span| {
                let at = source.position(span.start);
                format!(":{}:{}", at.line, at.column)
            });
            let again = match count {
                1 => String::new(),
                count => format!(" ({count} times)"),
            };
            format!("note: {name}{place}: {message}{again}")
        })
        .collect();
    if found.len() > MOST_NOTES {
        let more = found.len() - MOST_NOTES;
        told.push(format!(
            "note: `taffrail validate {name}` tells {more} more"
        ));
    }
    // Names of files and what plugins say of themselves are texts of others.
    told.iter()
        .map(|line| printable(line).into_owned())
        .collect()
}

/// The exit code for what was found: 6 where plugins are missing and nothing else is wrong, 3 for every other error.
pub fn exit_of(diagnostics: &[Diagnostic]) -> Exit {
    let mut errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .peekable();
    if errors.peek().is_none() {
        return Exit::Ok;
    }
    if errors.all(|diagnostic| is_about_plugins(diagnostic.code)) {
        Exit::Plugin
    } else {
        Exit::Invalid
    }
}

/// Whether a plugin is missing, or is not the one that was wanted or locked.
pub fn is_about_plugins(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTaskType
            | Code::UnsatisfiedVersion
            | Code::DamagedLock
            | Code::NotLocked
            | Code::ChangedPlugin
    )
}

/// The folder of a flow's file, where it is a file.
pub fn flow_path(flow: &str) -> Option<PathBuf> {
    (flow != "-").then(|| PathBuf::from(flow))
}
