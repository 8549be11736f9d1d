//! `touchstone cache`: the cache of compiled programs.

use super::output::{say_visible, tell};
use super::program::parse_size;
use clap::{Args, ValueEnum};
use engine::{Cache, CacheSettings};
use std::fmt::Display;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    /// The folder of the cache [default: touchstone in the user's folder for caches].
    #[arg(long, value_name = "DIR", help_heading = "Cache")]
    cache_dir: Option<PathBuf>,
    /// The key that seals the cache: a file of 32 bytes that only its user can read, which is made if it is missing
    /// [default: touchstone/cache.key in the user's folder for configurations].
    #[arg(long, value_name = "FILE", help_heading = "Cache")]
    cache_key: Option<PathBuf>,
    /// The size of the cache past which those modules are removed that were used the longest ago [default: 1GiB].
    #[arg(long, value_name = "SIZE", help_heading = "Cache", value_parser = parse_size)]
    cache_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct CacheCommand {
    /// The action.
    #[arg(value_enum)]
    action: Action,
    #[command(flatten)]
    cache: CacheArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Action {
    /// Show where the cache is, and how large.
    Status,
    /// Remove all compiled modules.
    Clear,
    /// Check the seals of all compiled modules, and remove those that are damaged or foreign.
    Verify,
}

impl CacheArgs {
    pub(super) fn settings(&self) -> CacheSettings {
        CacheSettings { folder: self.cache_dir.clone(), secret: self.cache_key.clone(), limit: self.cache_size }
    }
}

/// Runs the command. Returns exit code 1 if a compiled module was damaged or foreign.
pub(super) fn run(arguments: &CacheCommand) -> Result<u8, String> {
    let remark = |text: &dyn Display| tell(&format_args!("note: {text}"));
    let cache = Cache::open(&arguments.cache.settings(), remark).map_err(|why| format!("there is no cache: {why}"))?;
    let folder = cache.folder().display().to_string();
    let failed = |error: std::io::Error| format!("{folder}: {error}");
    match arguments.action {
        Action::Status => {
            let entries = cache.list().map_err(failed)?;
            let size: u64 = entries.iter().map(|entry| entry.size).sum();
            let (key, limit) = (cache.secret_path().display(), cache.limit());
            say_visible(&format_args!(
                "folder   {folder}\nkey      {key}\nmodules  {}\nbytes    {size} of {limit}\n",
                entries.len()
            ))?;
            Ok(0)
        }
        Action::Clear => {
            let removed = cache.clear().map_err(failed)?;
            say_visible(&format_args!("removed {removed} modules\n"))?;
            Ok(0)
        }
        Action::Verify => {
            let (bad, good) = cache.verify().map_err(failed)?;
            for name in &bad {
                say_visible(&format_args!("removed {name}: it is damaged, or was not made by this user\n"))?;
            }
            say_visible(&format_args!("{good} modules are sound, {} were not\n", bad.len()))?;
            Ok(u8::from(!bad.is_empty()))
        }
    }
}
