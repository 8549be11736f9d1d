//! Engines that `ci/install-engines.sh` has installed: `v8@12`, `wasmtime-c@25/winch`. Each version has a folder
//! `engines/NAME@VERSION` beside this program or above it, with a file `installed` that says what is there. A name
//! without a version means the newest one, and a name after a `/` one of the engine's configurations.

use super::{AdapterLane, javascript};
use crate::{EngineInfo, Opened, Options};
use serde::Deserialize;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The engines that are libraries, for the list of names. Others that are installed are found, too.
pub(crate) const LIBRARIES: [&str; 2] = ["wasmtime-c", "wasmer"];

/// The parts of a lane's name: `NAME[@VERSION][/VARIANT]`.
#[derive(Clone, Copy)]
struct Name<'a> {
    engine: &'a str,
    version: &'a str,
    variant: &'a str,
}

impl<'a> Name<'a> {
    fn split(name: &'a str) -> Name<'a> {
        let (rest, variant) = name.split_once('/').unwrap_or((name, ""));
        let (engine, version) = rest.split_once('@').unwrap_or((rest, ""));
        Name { engine, version, variant }
    }
}

/// The contents of a file `installed`, which `ci/src/engines.rs` writes.
#[derive(PartialEq, Debug, Deserialize)]
struct Record {
    kind: Kind,
    backend: String,
    /// The program or library, in the folder.
    file: PathBuf,
    /// The arguments of the program, or of `touchstone adapter --library`.
    arguments: Vec<String>,
    /// The script for `sh -c` that runs a script engine, if it is not enough to run the program.
    shell: String,
    variants: Vec<Variant>,
}

/// The kinds of packages.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// An engine that JavaScript embeds.
    Npm,
    Debian,
    /// A shared library with the standard C interface.
    Library,
    Crate,
    /// A module of Python that embeds SpiderMonkey.
    Python,
    /// A program that runs whole scripts.
    Wheel,
}

/// A configuration of an engine.
#[derive(PartialEq, Debug, Deserialize)]
struct Variant {
    name: String,
    arguments: Vec<String>,
    /// The code generator, if it is another one.
    backend: String,
}

/// An installed engine in one of its configurations.
#[derive(PartialEq, Debug)]
struct Installed {
    version: String,
    kind: Kind,
    /// The program or library.
    file: PathBuf,
    backend: String,
    arguments: Vec<String>,
    shell: String,
}

/// Opens the lane of an installed engine. `None` if the name is none of such a lane.
pub(crate) fn open(name: &str, options: &Options) -> Option<Opened> {
    let parts = Name::split(name);
    let installed = match find(&folders(), parts) {
        Some(Ok(installed)) => installed,
        Some(Err(unknown)) => return Some(Err(unknown)),
        None if is_known(parts) => return Some(Err(absent(name))),
        None => return None,
    };
    Some(match installed.kind {
        Kind::Npm | Kind::Debian => {
            let engine = javascript::ENGINES.iter().find(|known| known.name == parts.engine)?;
            let Installed { file, arguments, backend, .. } = &installed;
            engine.open_program(name, file, arguments, options).map(|lane| Box::new(lane.with_backend(backend)) as _)
        }
        Kind::Python => javascript::in_python(name, &installed.file, options)
            .map(|lane| Box::new(lane.with_backend(&installed.backend)) as _),
        Kind::Library | Kind::Crate => open_library(name, parts.engine, &installed, options),
        Kind::Wheel => Err(format!("not possible: {name} runs whole scripts: `--script-engine {name}`")),
    })
}

/// Returns whether a name is that of an engine that can be installed, as far as this program knows.
fn is_known(name: Name<'_>) -> bool {
    let is_javascript = javascript::ENGINES.iter().any(|known| known.name == name.engine);
    LIBRARIES.contains(&name.engine) || is_javascript && !(name.version.is_empty() && name.variant.is_empty())
}

/// Opens the lane of a library, which this program serves to itself.
fn open_library(name: &str, engine: &str, installed: &Installed, options: &Options) -> Opened {
    if cfg!(not(feature = "library")) {
        return Err("not built in: build with `--features library`".to_string());
    }
    options.refuse_canonical_nans(name)?;
    let Installed { version, file, backend, arguments, .. } = installed;
    let program = env::current_exe().map_err(|error| format!("not possible: this program is not found: {error}"))?;
    let path = file.display().to_string();
    let words = ["adapter", "--library", &path, "--name", engine.trim_end_matches("-c"), "--version", version];
    let words = words.map(String::from).into_iter().chain(arguments.iter().cloned());
    let command = std::iter::once(program.display().to_string()).chain(words).collect();
    Ok(Box::new(AdapterLane::new(name, command, options).embedded_by(file).with_backend(backend)))
}

/// A program that runs whole scripts.
#[derive(Clone, Debug)]
pub struct ScriptProgram {
    /// The program and its arguments. The word `{}` stands for the path of the script.
    pub command: Vec<String>,
    /// The engine.
    pub info: EngineInfo,
}

/// Finds an installed engine that runs whole scripts.
///
/// # Errors
///
/// There is none of this name; says what installs it.
pub fn script_program(name: &str) -> Result<ScriptProgram, String> {
    let parts = Name::split(name);
    let Installed { version, kind, file, arguments, shell, .. } =
        find(&folders(), parts).ok_or_else(|| absent(name))??;
    if kind != Kind::Wheel {
        return Err(format!("{name} is a lane, and no program that runs whole scripts: `--lanes {name}`"));
    }
    let file = file.display().to_string();
    let start = if shell.is_empty() { vec![] } else { vec!["sh".to_string(), "-c".to_string(), shell] };
    let command = start.into_iter().chain([file.clone()]).chain(arguments).chain(["{}".to_string()]).collect();
    let info = EngineInfo { engine: parts.engine.to_string(), version, path: file };
    Ok(ScriptProgram { command, info })
}

fn absent(name: &str) -> String {
    let package = name.split('/').next().unwrap_or(name);
    format!("not installed: `ci/install-engines.sh {package}` installs it")
}

/// The folders in which engines may be.
fn folders() -> Vec<PathBuf> {
    let here = env::current_exe().unwrap_or_default();
    here.ancestors().map(|folder| folder.join("engines")).collect()
}

/// Finds the newest version of an engine that begins with that of the name, in the first folder that has one. An error
/// is a configuration that the engine does not have.
fn find(folders: &[PathBuf], name: Name<'_>) -> Option<Result<Installed, String>> {
    folders.iter().find_map(|folder| {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let installed = entries.filter_map(|entry| read(&entry.path(), name));
        let (version, folder, record) = installed.max_by_key(|(version, ..)| numbers(version))?;
        Some(configure(version, &folder, record, name))
    })
}

/// Reads the folder of an engine, if it is one of this name and version.
fn read(folder: &Path, wanted: Name<'_>) -> Option<(String, PathBuf, Record)> {
    let (name, version) = folder.file_name()?.to_str()?.split_once('@')?;
    let rest = version.strip_prefix(wanted.version)?;
    let fits = wanted.version.is_empty() || rest.is_empty() || rest.starts_with('.');
    if name != wanted.engine || !fits {
        return None;
    }
    let text = fs::read_to_string(folder.join("installed")).ok()?;
    Some((version.to_string(), folder.to_path_buf(), serde_json::from_str(&text).ok()?))
}

/// Returns the engine in the configuration that the name asks for.
fn configure(version: String, folder: &Path, record: Record, name: Name<'_>) -> Result<Installed, String> {
    let Record { kind, mut backend, file, mut arguments, shell, variants } = record;
    if !name.variant.is_empty() {
        let known = variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", ");
        let variant = variants.into_iter().find(|variant| variant.name == name.variant).ok_or_else(|| {
            format!("not possible: {} has no configuration `{}`, but {known}", name.engine, name.variant)
        })?;
        arguments.extend(variant.arguments);
        if !variant.backend.is_empty() {
            backend = variant.backend;
        }
    }
    Ok(Installed { version, kind, file: folder.join(file), backend, arguments, shell })
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

    const RECORD: &str = r#"{"kind":"library","backend":"cranelift","file":"lib/x.so","sha256":"00","arguments":["-a"],
        "shell":"","variants":[{"name":"winch","arguments":["-b"],"backend":"winch"}]}"#;

    #[test]
    fn a_version_is_found_by_its_beginning() {
        let scratch = Scratch(env::temp_dir().join(format!("touchstone-installed-{}", std::process::id())));
        for name in ["x@9.1.0", "x@10.0.0", "x@10.2.0", "y@10.9.0", "x@11.0.0"] {
            fs::create_dir_all(scratch.0.join(name)).expect("a folder");
            if name != "x@11.0.0" {
                fs::write(scratch.0.join(name).join("installed"), RECORD).expect("a file");
            }
        }
        let find = |name| find(std::slice::from_ref(&scratch.0), Name::split(name));
        let found = |name| find(name).map(|found| found.expect("no other configuration").version);
        assert_eq!(found("x@10"), Some("10.2.0".to_string()));
        assert_eq!(found("x@10.0.0"), Some("10.0.0".to_string()));
        assert_eq!(found("x@9"), Some("9.1.0".to_string()));
        assert_eq!(found("x@1"), None, "10 is another version than 1");
        // An interrupted installation has no file that says what is there.
        assert_eq!(found("x@11"), None);
        assert_eq!(found("x"), Some("10.2.0".to_string()), "the newest");
        let plain = find("y").expect("it is there").expect("no other configuration");
        assert_eq!((plain.backend.as_str(), plain.file.ends_with("y@10.9.0/lib/x.so")), ("cranelift", true));
        let winch = find("y@10/winch").expect("it is there").expect("a configuration");
        assert_eq!((winch.backend.as_str(), winch.arguments), ("winch", vec!["-a".to_string(), "-b".to_string()]));
        assert!(find("y/other").expect("it is there").is_err_and(|error| error.contains("but winch")));
    }

    #[test]
    fn what_is_not_installed_says_what_helps() {
        for name in ["v8@1.2.3.4", "v8@1.2.3.4/liftoff"] {
            let opened = open(name, &Options::default()).expect("a name of such a lane");
            assert!(opened.is_err_and(|reason| reason.contains("ci/install-engines.sh v8@1.2.3.4`")));
        }
        assert!(open("x@1", &Options::default()).is_none());
        assert!(script_program("x@1").is_err_and(|reason| reason.contains("ci/install-engines.sh x@1`")));
    }
}
