//! `taffrail validate`: checks flows without network, engine or sandbox, and corrects what is certain.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::Value;
use taffrail_core::diagnostic::{
    Code, Diagnostic, Severity, Source, fix, render_text, summary, to_github, to_json, to_sarif,
};
use taffrail_core::flow::Flow;
use taffrail_core::lint::{self, Strictness, lint};
use taffrail_core::resolve::Locking;
use taffrail_core::validate::{Checked, Checker};
use taffrail_engine::reads;

use crate::args::{Deny, Global, ReportFormat, ValidateArgs};
use crate::diff::unified;
use crate::document;
use crate::exit::{Exit, Failed};
use crate::flow_folder::FlowFolder;
use crate::load::{Host, exit_of, read_source};
use crate::locking::{Locks, folder_of};
use crate::report::complain;
use crate::secrets;
use crate::terminal;

/// Runs the command.
///
/// # Errors
/// When a path cannot be read or written.
pub fn validate(global: &Global, args: &ValidateArgs) -> Result<Exit, Failed> {
    let host = Host::open(global)?;
    let mut paths = Vec::new();
    let mut roots = Vec::new();
    for path in &args.paths {
        flow_files(path, &mut paths)?;
        let root = if path.is_dir() {
            path.clone()
        } else {
            folder_of(path)
        };
        roots.resize(paths.len(), root);
    }
    if paths.is_empty() {
        return Err(Failed::new(
            Exit::NotFound,
            "there is no `.yaml` or `.yml` file in what was named",
        ));
    }
    let given = match &args.secrets_file {
        Some(path) => Some(Given {
            name: path.display().to_string(),
            names: secrets::read(path)?.into_keys().collect(),
        }),
        None => None,
    };
    let judge = Judge {
        checker: &host.checker,
        strictness: Strictness {
            strict: args.strict,
        },
        given: given.as_ref(),
    };
    let mut files: Vec<(Source, Vec<Diagnostic>)> = Vec::with_capacity(paths.len());
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut changes = Changes::default();
    let mut locks = Locks::new(global, args.locking.locked);
    let mut folders: HashMap<&PathBuf, FlowFolder> = HashMap::new();
    for (path, root) in paths.iter().zip(&roots) {
        let flows = folders.entry(root).or_insert_with(|| {
            let locked = args.locking.locked;
            FlowFolder::new(global, locked, &host.checker, root, &host.folders.state)
        });
        let mut source = match read_source(path) {
            Ok(source) => source,
            Err(failed) if paths.len() == 1 => return Err(failed),
            // One that cannot be read keeps nobody from hearing of the others.
            Err(failed) => {
                files.push(unread(path, failed.message));
                continue;
            }
        };
        let lock = locks.of(path)?;
        let locking = locks.locking(lock.as_ref());
        // What is corrected is written in YAML.
        if (args.fix || args.diff) && !document::is_hcl(&source) {
            source = changes.correct(path, source, args.diff, &judge, locking)?;
        }
        let (mut diagnostics, asked, flow) = judge.all(&source, locking);
        if let Some(flow) = flow {
            diagnostics.extend(flows.check(&flow, Severity::Warning));
            diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        }
        named.extend(asked);
        files.push((source, diagnostics));
    }
    if let Some(given) = &given
        && let Some(file) = given.unused(&named)
    {
        files.push(file);
    }
    report(global, args, &files, paths.len())?;
    changes.tell(global, args.diff);
    Ok(verdict(args, &files, &changes))
}

/// A file of several that cannot be read.
fn unread(path: &Path, message: String) -> (Source, Vec<Diagnostic>) {
    let source = Source::new(path.display().to_string(), "");
    let told = Diagnostic::new(Code::YamlSyntax, Severity::Error, None, message);
    (source, vec![told])
}

/// The secrets that are given.
struct Given {
    name: String,
    names: BTreeSet<String>,
}

impl Given {
    /// What is said of the secrets that no flow names.
    fn unused(&self, named: &BTreeSet<String>) -> Option<(Source, Vec<Diagnostic>)> {
        let found: Vec<Diagnostic> = self
            .names
            .difference(named)
            .map(|name| {
                Diagnostic::new(
                    Code::UnusedSecret,
                    Severity::Note,
                    None,
                    format!("no flow names the secret `{name}`"),
                )
            })
            .collect();
        (!found.is_empty()).then(|| (Source::new(self.name.clone(), ""), found))
    }
}

/// Everything that is looked for in a flow.
struct Judge<'a> {
    checker: &'a Checker,
    strictness: Strictness,
    given: Option<&'a Given>,
}

impl Judge<'_> {
    /// What is wrong or worth knowing, the secrets that the flow names, and the flow, where there is one.
    fn all(
        &self,
        source: &Source,
        locking: Locking<'_>,
    ) -> (Vec<Diagnostic>, Vec<String>, Option<Flow>) {
        let Checked {
            flow,
            mut diagnostics,
        } = document::check(source, self.checker, locking);
        let Some(flow) = flow else {
            return (diagnostics, Vec::new(), None);
        };
        diagnostics.extend(lint(&flow, source.text(), self.strictness));
        let named = match self.given {
            Some(given) => {
                let named = reads::secrets(&flow, source.text());
                diagnostics.extend(lint::secrets(&named, &given.names, &given.name));
                named.into_keys().collect()
            }
            None => Vec::new(),
        };
        (diagnostics, named, Some(flow))
    }
}

/// What `--fix` did, or would do.
#[derive(Default)]
struct Changes {
    count: usize,
    files: usize,
}

impl Changes {
    /// Corrects a file, or shows how it would be corrected. What comes back is what is to be judged.
    fn correct(
        &mut self,
        path: &Path,
        source: Source,
        only_show: bool,
        judge: &Judge<'_>,
        locking: Locking<'_>,
    ) -> Result<Source, Failed> {
        let fixed = fix(source.text(), &|text| {
            judge.all(&Source::new(source.name(), text), locking).0
        });
        let standard_input = path == Path::new("-");
        if only_show {
            terminal::answer(&unified(source.name(), source.text(), &fixed.text))?;
        } else if standard_input {
            terminal::answer(&fixed.text)?;
        } else if fixed.count > 0 {
            std::fs::write(path, &fixed.text).map_err(|error| {
                Failed::new(
                    Exit::Internal,
                    format!("cannot write `{}`: {error}", path.display()),
                )
            })?;
        }
        if fixed.count == 0 {
            return Ok(source);
        }
        self.count += fixed.count;
        self.files += 1;
        Ok(if only_show {
            source
        } else {
            Source::new(source.name().to_owned(), fixed.text)
        })
    }

    fn tell(&self, global: &Global, only_show: bool) {
        if self.count > 0 && !global.quiet {
            let verb = if only_show {
                "would correct"
            } else {
                "corrected"
            };
            let noun = |count: usize, noun: &str| {
                let plural = if count == 1 { "" } else { "s" };
                format!("{count} {noun}{plural}")
            };
            complain(&format!(
                "{verb} {} in {}",
                noun(self.count, "mistake"),
                noun(self.files, "file")
            ));
        }
    }
}

fn report(
    global: &Global,
    args: &ValidateArgs,
    files: &[(Source, Vec<Diagnostic>)],
    checked: usize,
) -> Result<(), Failed> {
    let is_bad = |diagnostics: &[Diagnostic]| {
        diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    };
    let bad = files.iter().filter(|(_, found)| is_bad(found)).count();
    match args.format {
        ReportFormat::Text => {
            for (source, diagnostics) in files {
                print(global, source, diagnostics);
            }
            if !global.quiet {
                let noun = if checked == 1 { "file" } else { "files" };
                let verdict = if bad == 0 {
                    "all valid".to_owned()
                } else {
                    format!("{bad} invalid")
                };
                complain(&format!("{checked} {noun} checked, {verdict}"));
            }
        }
        ReportFormat::Json => {
            let mut found = Vec::new();
            for (source, diagnostics) in files {
                if let Value::Array(items) = to_json(diagnostics, source) {
                    found.extend(items);
                }
            }
            let report = serde_json::json!({ "v": 1, "files": checked, "invalid": bad, "diagnostics": found });
            terminal::answer(&format!("{report:#}\n"))?;
        }
        ReportFormat::Sarif => {
            let files: Vec<(&Source, &[Diagnostic])> = files
                .iter()
                .map(|(source, diagnostics)| (source, diagnostics.as_slice()))
                .collect();
            let log = to_sarif(&files, env!("CARGO_PKG_VERSION"));
            terminal::answer(&format!("{log:#}\n"))?;
        }
        ReportFormat::Github => {
            for (source, diagnostics) in files {
                terminal::answer(&to_github(diagnostics, source))?;
            }
        }
    }
    Ok(())
}

fn verdict(args: &ValidateArgs, files: &[(Source, Vec<Diagnostic>)], changes: &Changes) -> Exit {
    let all: Vec<Diagnostic> = files
        .iter()
        .flat_map(|(_, diagnostics)| diagnostics.iter().cloned())
        .collect();
    let warned = all
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Warning);
    let denied = args.deny == Some(Deny::Warnings) && warned;
    match exit_of(&all) {
        Exit::Ok if denied || (args.diff && changes.count > 0) => Exit::Invalid,
        exit => exit,
    }
}

fn print(global: &Global, source: &Source, diagnostics: &[Diagnostic]) {
    let shown: Vec<Diagnostic> = diagnostics
        .iter()
        .filter(|diagnostic| !global.quiet || diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    if shown.is_empty() {
        return;
    }
    complain(&render_text(&shown, source, terminal::style(global)));
    if shown.len() > 1 {
        complain(&format!("{}\n", summary(&shown, source.name())));
    }
}

/// The flow files that a path stands for: itself, or every YAML file below a folder, in order. Hidden folders are left out.
///
/// # Errors
/// When a folder cannot be read.
pub fn flow_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failed> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let unreadable = |error: std::io::Error| {
        Failed::new(
            Exit::Invalid,
            format!("cannot look into `{}`: {error}", path.display()),
        )
    };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = entry
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        // A link to a folder above would go round for ever.
        let folder = entry.is_dir() && !entry.is_symlink();
        if !hidden && folder {
            flow_files(&entry, files)?;
        } else if yaml && entry.is_file() {
            files.push(entry);
        }
    }
    Ok(())
}
