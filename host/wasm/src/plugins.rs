//! All plugins of this host, bundled and installed: what there is, what is broken, and their plans.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use taffrail_core::descriptor::Descriptor;
use taffrail_core::plan::{Plan, PlanRequest};
use taffrail_engine::ports::{PlanError, Planner, PluginInfo, PluginKey, PluginSource};

use crate::cache::Cache;
use crate::check;
use crate::limits::Limits;
use crate::parallel;
use crate::plugin::{CallError, Description, Plugin, kept_description};
use crate::sandbox::Sandbox;
use crate::source::{Found, PluginFile, scan, shown};

/// A plugin that is part of the program, with what its build found out.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// The component.
    pub wasm: &'static [u8],
    /// What its `describe` returns.
    pub descriptor: &'static str,
    /// SHA-256 of the component, lower case hexadecimal.
    pub digest: &'static str,
    /// The plugin API that it speaks, for example `1.0`.
    pub api: &'static str,
}

/// What plugins there are and how they run.
pub struct Options {
    /// Plugins that are part of the program.
    pub bundled: &'static [Bundled],
    /// Folders with `<id>/<version>/plugin.wasm`; one that does not exist is empty.
    pub folders: Vec<PathBuf>,
    /// Single plugin files; each stands in for one of the same version in a folder.
    pub files: Vec<PathBuf>,
    /// Gives the names of the properties that every script task has; no plugin may claim one. Asked for only where a plugin is looked at.
    pub host_properties: fn() -> Vec<String>,
    /// What a plugin may use.
    pub limits: Limits,
    /// Where compiled plugins are kept.
    pub cache: Cache,
}

/// A plugin that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file or folder.
    pub path: PathBuf,
    /// Which plugin it promises to be, where its place says so.
    pub plugin: Option<PluginKey>,
    /// What is wrong, in words that follow on the plugin's name or path.
    pub reason: String,
}

/// The plugins of this host.
pub struct WasmPlugins {
    sandbox: Arc<Sandbox>,
    cache: Cache,
    infos: Vec<PluginInfo>,
    entries: BTreeMap<PluginKey, Entry>,
    problems: Vec<Problem>,
}

/// One usable plugin. Its component is loaded when it is first asked.
struct Entry {
    origin: Origin,
    digest: String,
    size: u64,
    reproducible: OnceLock<bool>,
    loaded: OnceLock<Result<Arc<Plugin>, String>>,
}

enum Origin {
    Bundled(&'static [u8]),
    File(PathBuf),
}

/// What became known of one plugin file.
struct Known {
    found: Found,
    descriptor: Descriptor,
    digest: String,
    size: u64,
    description: Description,
    plugin: Option<Plugin>,
}

impl WasmPlugins {
    /// Finds out what there is. Bundled plugins and those that an earlier run described start no engine; others are compiled and
    /// described now, several at once. What is broken is listed in [`problems`](Self::problems) and hurts nobody else.
    pub fn new(options: Options) -> Self {
        let mut plugins = Self {
            sandbox: Arc::new(Sandbox::new(options.limits)),
            cache: options.cache,
            infos: Vec::new(),
            entries: BTreeMap::new(),
            problems: Vec::new(),
        };
        for bundled in options.bundled {
            plugins.add_bundled(bundled);
        }
        let mut found: Vec<Found> = Vec::new();
        found.extend(options.files.into_iter().map(|path| Found {
            // The user named this file, so a link to it is followed; what stands at its end is still looked at.
            path: path.canonicalize().unwrap_or(path),
            promised: None,
        }));
        for folder in &options.folders {
            let (files, odd) = scan(folder);
            found.extend(files);
            for (path, reason) in odd {
                plugins.problem(path, None, reason);
            }
        }
        let host_properties = if found.is_empty() {
            Vec::new()
        } else {
            (options.host_properties)()
        };
        let known = parallel::map(found, |found| {
            let result = plugins.look_at(&found, &host_properties);
            (found, result)
        });
        let mut named = BTreeSet::new();
        for (found, result) in known {
            let Found { path, promised } = found;
            match &promised {
                Some(key) if named.contains(key) => continue,
                Some(_) => {}
                None => named.extend(result.as_ref().ok().map(|known| key_of(&known.descriptor))),
            }
            let added = result.and_then(|known| plugins.add_file(known));
            if let Err(reason) = added {
                plugins.problem(path, promised, reason);
            }
        }
        plugins.infos.sort_by(|one, other| {
            let key =
                |info: &PluginInfo| (info.descriptor.id.clone(), info.descriptor.version.clone());
            key(one).cmp(&key(other))
        });
        plugins
    }

    /// What cannot be used, and why.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The sandbox that they run in.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Whether the same request always gives the same plan. Loads the plugin where that is not known yet; none where there is no
    /// such plugin or it cannot be loaded.
    pub fn is_reproducible(&self, plugin: &PluginKey) -> Option<bool> {
        let entry = self.entries.get(plugin)?;
        if let Some(known) = entry.reproducible.get() {
            return Some(*known);
        }
        let known = self.load(plugin).ok()?.is_reproducible();
        Some(*entry.reproducible.get_or_init(|| known))
    }

    /// Loads plugins, several at once, so that later plans find them ready. What fails here fails again, with its reason, when a
    /// plan is asked for.
    pub fn prepare(&self, plugins: &[PluginKey]) {
        parallel::map(plugins.to_vec(), |key| drop(self.load(&key)));
    }

    /// Why a plugin cannot stand beside those that there are: its name is taken, or it claims what belongs to another.
    pub fn objection(&self, descriptor: &Descriptor, digest: &str) -> Option<String> {
        let key = key_of(descriptor);
        if let Some(entry) = self.entries.get(&key)
            && entry.digest != digest
        {
            let other = match &entry.origin {
                Origin::Bundled(_) => "is part of this program".to_owned(),
                Origin::File(path) => format!("is already at {}", shown(path)),
            };
            return Some(format!(
                "`{key}` {other} with other content; a released version never changes"
            ));
        }
        for info in &self.infos {
            if info.descriptor.id == key.id {
                continue;
            }
            for task_type in &descriptor.task_types {
                for name in std::iter::once(&task_type.name).chain(&task_type.aliases) {
                    if info.descriptor.task_type(name.as_str()).is_some() {
                        return Some(format!(
                            "it claims the task type `{name}`, which belongs to plugin `{}`",
                            info.descriptor.id
                        ));
                    }
                }
            }
        }
        None
    }

    fn problem(&mut self, path: PathBuf, plugin: Option<PluginKey>, reason: String) {
        self.problems.push(Problem {
            path,
            plugin,
            reason,
        });
    }

    fn add_bundled(&mut self, bundled: &Bundled) {
        // It was checked when the program was built; reading it is all that is left to do.
        match serde_json::from_str::<Descriptor>(bundled.descriptor) {
            Ok(descriptor) => {
                let info = PluginInfo {
                    descriptor: Arc::new(descriptor),
                    digest: bundled.digest.to_owned(),
                    api: bundled.api.to_owned(),
                    size: bundled.wasm.len() as u64,
                    source: PluginSource::Bundled,
                };
                self.add(info, Origin::Bundled(bundled.wasm), OnceLock::new(), None);
            }
            Err(error) => self.problem(
                PathBuf::from("bundled"),
                None,
                format!("its descriptor cannot be read: {error}"),
            ),
        }
    }

    fn add(
        &mut self,
        info: PluginInfo,
        origin: Origin,
        reproducible: OnceLock<bool>,
        plugin: Option<Plugin>,
    ) {
        let key = key_of(&info.descriptor);
        let loaded = OnceLock::new();
        if let Some(plugin) = plugin {
            plugin.name(key.id.as_str(), &key.version.to_string());
            loaded.get_or_init(|| Ok(Arc::new(plugin)));
        }
        let entry = Entry {
            origin,
            digest: info.digest.clone(),
            size: info.size,
            reproducible,
            loaded,
        };
        self.entries.insert(key, entry);
        self.infos.push(info);
    }

    /// Finds out what a file is, from the cache or by running it.
    fn look_at(&self, found: &Found, host_properties: &[String]) -> Result<Known, String> {
        let mut file = PluginFile::open(&found.path, self.sandbox.limits().largest_file())?;
        let size = file.size();
        let kept = file.kept_digest(&self.cache).and_then(|digest| {
            let description = kept_description(&self.cache, &digest)?;
            Some((digest, description))
        });
        let (digest, description, plugin) = match kept {
            Some((digest, description)) => (digest, description, None),
            None => {
                let content = file.read()?;
                let digest = file.digest(&self.cache, &content);
                let size = content.len() as u64;
                let content = || Ok(Cow::Owned(content));
                match kept_description(&self.cache, &digest) {
                    Some(description) => (digest, description, None),
                    None => {
                        let plugin =
                            Plugin::obtain(&self.sandbox, &self.cache, size, &digest, content)?;
                        let description = plugin.description(&self.cache)?;
                        (digest, description, Some(plugin))
                    }
                }
            }
        };
        let descriptor = check::descriptor(&description.descriptor, host_properties)
            .map_err(|reason| format!("its descriptor {reason}"))?;
        Ok(Known {
            found: found.clone(),
            descriptor,
            digest,
            size,
            description,
            plugin,
        })
    }

    fn add_file(&mut self, known: Known) -> Result<(), String> {
        let key = key_of(&known.descriptor);
        if let Some(promised) = &known.found.promised
            && *promised != key
        {
            return Err(format!(
                "it says that it is `{key}`, but its folder says `{promised}`"
            ));
        }
        if self
            .entries
            .get(&key)
            .is_some_and(|entry| entry.digest == known.digest)
        {
            return Ok(());
        }
        if let Some(objection) = self.objection(&known.descriptor, &known.digest) {
            return Err(objection);
        }
        let info = PluginInfo {
            descriptor: Arc::new(known.descriptor),
            digest: known.digest,
            api: known.description.api,
            size: known.size,
            source: PluginSource::File(known.found.path.clone()),
        };
        let reproducible = OnceLock::from(known.description.reproducible);
        self.add(
            info,
            Origin::File(known.found.path),
            reproducible,
            known.plugin,
        );
        Ok(())
    }

    /// The bytes of a plugin's component.
    ///
    /// # Errors
    /// When there is no such plugin, or its file changed since it was found.
    pub fn component(&self, key: &PluginKey) -> Result<Cow<'static, [u8]>, String> {
        let entry = self.entries.get(key).ok_or_else(|| self.absent(key))?;
        match &entry.origin {
            Origin::Bundled(wasm) => Ok(Cow::Borrowed(*wasm)),
            Origin::File(path) => self.read_again(path, entry).map(Cow::Owned),
        }
    }

    /// The loaded component; several callers at once wait for one to load it.
    fn load(&self, key: &PluginKey) -> Result<&Arc<Plugin>, String> {
        let entry = self.entries.get(key).ok_or_else(|| self.absent(key))?;
        entry
            .loaded
            .get_or_init(|| {
                let content = || match &entry.origin {
                    Origin::Bundled(wasm) => Ok(Cow::Borrowed(*wasm)),
                    Origin::File(path) => self.read_again(path, entry).map(Cow::Owned),
                };
                let plugin = Plugin::obtain(
                    &self.sandbox,
                    &self.cache,
                    entry.size,
                    &entry.digest,
                    content,
                )?;
                plugin.name(key.id.as_str(), &key.version.to_string());
                Ok(Arc::new(plugin))
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    fn read_again(&self, path: &std::path::Path, entry: &Entry) -> Result<Vec<u8>, String> {
        let largest = self.sandbox.limits().largest_file();
        let content = PluginFile::open(path, largest)?.read()?;
        if crate::plugin::digest(&content) != entry.digest {
            return Err("its file changed while taffrail was running".to_owned());
        }
        Ok(content)
    }

    /// Says why a plugin is not there.
    fn absent(&self, key: &PluginKey) -> String {
        if let Some(problem) = self
            .problems
            .iter()
            .find(|problem| problem.plugin.as_ref() == Some(key))
        {
            return problem.reason.clone();
        }
        let versions: Vec<String> = self
            .entries
            .keys()
            .filter(|candidate| candidate.id == key.id)
            .map(|candidate| format!("`{}`", candidate.version))
            .collect();
        if versions.is_empty() {
            "it is not installed".to_owned()
        } else {
            format!(
                "this version is not installed, only {}",
                versions.join(", ")
            )
        }
    }
}

impl Planner for WasmPlugins {
    fn plugins(&self) -> &[PluginInfo] {
        &self.infos
    }

    fn plan(&self, plugin: &PluginKey, request: &PlanRequest) -> Result<Plan, PlanError> {
        let loaded = self.load(plugin).map_err(|reason| PlanError::Unavailable {
            plugin: plugin.clone(),
            reason,
        })?;
        loaded.plan(request).map_err(|error| told(plugin, error))
    }

    fn plan_in_a_moment(
        &self,
        plugin: &PluginKey,
        request: &PlanRequest,
    ) -> Option<Result<Plan, PlanError>> {
        let loaded = self.entries.get(plugin)?.loaded.get()?.as_ref().ok()?;
        let answer = loaded.plan_in_a_moment(&self.cache, request)?;
        Some(answer.map_err(|error| told(plugin, error)))
    }
}

fn told(plugin: &PluginKey, error: CallError) -> PlanError {
    match error {
        CallError::Refused(refusal) => PlanError::Refused {
            plugin: plugin.clone(),
            refusal,
        },
        CallError::Faulty(reason) => PlanError::Faulty {
            plugin: plugin.clone(),
            reason: format!("it {reason}"),
        },
    }
}

fn key_of(descriptor: &Descriptor) -> PluginKey {
    PluginKey {
        id: descriptor.id.clone(),
        version: descriptor.version.clone(),
    }
}
