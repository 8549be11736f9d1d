//! Engines of one version that `ci/install-engines.sh` has installed: `v8@12`, `wasmtime-c@25`. Each has a folder
//! `engines/NAME@VERSION` beside this program or above it, with a file `installed` that says what is there.

use super::{AdapterLane, javascript};
use crate::{Opened, Options};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The engines that are installed as shared libraries. Without a version, the newest one is meant.
pub(crate) const LIBRARIES: [&str; 1] = ["wasmtime-c"];

/// An installed engine.
#[derive(PartialEq, Debug)]
struct Installed {
    version: String,
    /// The program or library.
    file: PathBuf,
    backend: String,
}

/// Opens the lane of an engine by its name and, after an `@`, its version or the beginning of it. `None` if the name is
/// none of such a lane.
pub(crate) fn open(name: &str, options: &Options) -> Option<Opened> {
    let (engine, version) = name.split_once('@').unwrap_or((name, ""));
    if LIBRARIES.contains(&engine) {
        return Some(open_library(name, engine, version, options));
    }
    let script_engine = javascript::ENGINES.iter().find(|known| known.name == engine && !version.is_empty())?;
    let installed = find(&folders(), engine, version).ok_or_else(|| absent(name));
    Some(installed.and_then(|installed| script_engine.open_program(name, &installed.file, options)))
}

/// Opens the lane of a library, which this program serves to itself.
fn open_library(name: &str, engine: &str, version: &str, options: &Options) -> Opened {
    if cfg!(not(feature = "library")) {
        return Err("not built in: build with `--features library`".to_string());
    }
    options.refuse_canonical_nans(name)?;
    let Installed { version, file, backend } = find(&folders(), engine, version).ok_or_else(|| absent(name))?;
    let program = env::current_exe().map_err(|error| format!("not possible: this program is not found: {error}"))?;
    let path = file.display().to_string();
    let words = ["adapter", "--library", &path, "--name", engine.trim_end_matches("-c"), "--version", &version];
    let words = words.map(String::from);
    let command = std::iter::once(program.display().to_string()).chain(words).collect();
    Ok(Box::new(AdapterLane::new(name, command, options).embedded_by(&file).with_backend(&backend)))
}

fn absent(name: &str) -> String {
    format!("not installed: `ci/install-engines.sh {name}` installs it")
}

/// The folders in which engines may be.
fn folders() -> Vec<PathBuf> {
    let here = env::current_exe().unwrap_or_default();
    here.ancestors().map(|folder| folder.join("engines")).collect()
}

/// Finds the newest version of an engine that begins with `version`, in the first folder that has one.
fn find(folders: &[PathBuf], engine: &str, version: &str) -> Option<Installed> {
    folders.iter().find_map(|folder| {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let installed = entries.filter_map(|entry| read(&entry.path(), engine, version));
        installed.max_by_key(|installed| numbers(&installed.version))
    })
}

/// Reads the folder of an engine, if it is one of this name and version.
fn read(folder: &Path, engine: &str, wanted: &str) -> Option<Installed> {
    let (name, version) = folder.file_name()?.to_str()?.split_once('@')?;
    let rest = version.strip_prefix(wanted)?;
    let fits = wanted.is_empty() || rest.is_empty() || rest.starts_with('.');
    if name != engine || !fits {
        return None;
    }
    let text = fs::read_to_string(folder.join("installed")).ok()?;
    let [_kind, backend, file, _digest] = text.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
    Some(Installed { version: version.to_string(), file: folder.join(file), backend: backend.to_string() })
}

/// Returns the numbers of a version, by which versions are ordered.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of a test, which is removed when it is dropped.
    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_version_is_found_by_its_beginning() {
        let scratch = Scratch(env::temp_dir().join(format!("touchstone-installed-{}", std::process::id())));
        for name in ["x@9.1.0", "x@10.0.0", "x@10.2.0", "y@10.9.0", "x@11.0.0"] {
            fs::create_dir_all(scratch.0.join(name)).expect("a folder");
            if name != "x@11.0.0" {
                fs::write(scratch.0.join(name).join("installed"), "library cranelift lib/x.so 00\n").expect("a file");
            }
        }
        let found = |version: &str| find(std::slice::from_ref(&scratch.0), "x", version).map(|found| found.version);
        assert_eq!(found("10"), Some("10.2.0".to_string()));
        assert_eq!(found("10.0.0"), Some("10.0.0".to_string()));
        assert_eq!(found("9"), Some("9.1.0".to_string()));
        assert_eq!(found("1"), None, "10 is another version than 1");
        // An interrupted installation has no file that says what is there.
        assert_eq!(found("11"), None);
        assert_eq!(found(""), Some("10.2.0".to_string()), "the newest");
        let installed = find(std::slice::from_ref(&scratch.0), "y", "").expect("it is there");
        assert_eq!((installed.backend.as_str(), installed.file.ends_with("y@10.9.0/lib/x.so")), ("cranelift", true));
    }

    #[test]
    fn what_is_not_installed_says_what_helps() {
        let opened = open("v8@1.2.3.4", &Options::default()).expect("a name of such a lane");
        assert!(opened.is_err_and(|reason| reason.contains("ci/install-engines.sh v8@1.2.3.4")));
        assert!(open("v8", &Options::default()).is_none() && open("x@1", &Options::default()).is_none());
    }
}
