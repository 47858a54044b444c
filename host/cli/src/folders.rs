//! Where things are kept: the XDG folders of this user, or what the command line and `TAFFRAIL_*` say.

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::args::Global;
use crate::exit::{Exit, Failed};

/// The folders that a command uses. None is made before it is needed.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Executions, logs, stored files, keys.
    pub state: PathBuf,
    /// Compiled plugins.
    pub cache: PathBuf,
    /// Installed plugins, `<id>/<version>/plugin.wasm`.
    pub plugins: PathBuf,
}

impl Folders {
    /// Chooses the folders. Their paths are absolute: tasks run elsewhere.
    ///
    /// # Errors
    /// When the user has no home directory and not every folder is named.
    pub fn choose(global: &Global) -> Result<Self, Failed> {
        let Self {
            state,
            cache,
            plugins,
        } = Self::named(global)?;
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Ok(Self {
            state: absolute(state),
            cache: absolute(cache),
            plugins: absolute(plugins),
        })
    }

    fn named(global: &Global) -> Result<Self, Failed> {
        if let (Some(state), Some(cache), Some(plugins)) =
            (&global.state_dir, &global.cache_dir, &global.plugin_dir)
        {
            return Ok(Self {
                state: state.clone(),
                cache: cache.clone(),
                plugins: plugins.clone(),
            });
        }
        // XDG on every Unix: users of command line tools expect it on macOS, too.
        let xdg = etcetera::base_strategy::Xdg::new().map_err(|error| {
            Failed::new(
                Exit::Usage,
                format!("no home directory to keep state in: {error}"),
            )
            .hint("set HOME, or give `--state-dir`, `--cache-dir` and `--plugin-dir`")
        })?;
        let named = |given: &Option<PathBuf>, default: PathBuf| given.clone().unwrap_or(default);
        Ok(Self {
            state: named(
                &global.state_dir,
                xdg.state_dir()
                    .unwrap_or_else(|| xdg.data_dir())
                    .join("taffrail"),
            ),
            // The key of the compiled plugins is kept with the state: one cache for several states would be made again and again.
            cache: match (&global.cache_dir, &global.state_dir) {
                (None, Some(state)) => state.join("cache"),
                (given, _) => named(given, xdg.cache_dir().join("taffrail")),
            },
            plugins: named(
                &global.plugin_dir,
                xdg.data_dir().join("taffrail").join("plugins"),
            ),
        })
    }
}
