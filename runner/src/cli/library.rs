//! The options of `touchstone adapter` that serve an engine in a shared library.

use clap::Args;
use lanes::Options;
use lanes::c_library::{self, CLibrary, Setting};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct LibraryArgs {
    /// Serve the engine in this shared library, which exports the standard C interface of WebAssembly (wasm.h).
    #[arg(long, value_name = "PATH")]
    pub(super) library: Option<PathBuf>,
    /// The engine's name [default: from the library's file name].
    #[arg(long, requires = "library")]
    name: Option<String>,
    /// The engine's version.
    #[arg(long, requires = "library", default_value = "", hide_default_value = true)]
    version: String,
    /// Configure the engine by functions of its own, such as compiler=winch. Repeatable.
    #[arg(long, requires = "library", value_name = "OPTION=VALUE")]
    set: Vec<Setting>,
    /// Only try what the engine can do. The process may end meanwhile.
    #[arg(long = "try", requires = "library", hide = true, value_name = "NAME", num_args = 1..)]
    trials: Vec<String>,
}

impl LibraryArgs {
    /// Serves the library at `path`.
    pub(super) fn serve(&self, path: &Path) -> Result<u8, String> {
        if !self.trials.is_empty() {
            c_library::attempt(path, &self.set, &self.trials, |answer| println!("{answer}"))?;
            return Ok(0);
        }
        // A bare file name would be looked for where the system keeps its libraries.
        let path = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        let program = std::env::current_exe().map_err(|error| format!("this program is not found: {error}"))?;
        let words = [program.as_path(), Path::new("adapter"), Path::new("--library"), &path];
        let words = words.iter().map(|word| word.display().to_string());
        let settings = self.set.iter().map(|setting| format!("--set={setting}"));
        let command: Vec<String> = words.chain(settings).chain(["--try".to_string()]).collect();
        let abilities = c_library::try_all(&command, &path)?;
        let name = self.name.clone().unwrap_or_else(|| name_of(&path));
        // Scripts run in parallel and keep the cores busy already.
        let options = Options { compile_threads: Some(1), ..Options::default() };
        let lane = CLibrary::open(&path, (&name, &self.version), abilities, &self.set, &options)?;
        super::adapter::serve_lane(&lane)
    }
}

/// Returns the name of the engine in a library: `wasmtime` for `libwasmtime.so`.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.trim_start_matches('_').trim_start_matches("lib");
    name.split('.').next().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_holds_the_engines() {
        for (path, name) in [("/x/libwasmtime.so", "wasmtime"), ("_libwasmtime.so", "wasmtime"), ("y.so.1.2", "y")] {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }
}
