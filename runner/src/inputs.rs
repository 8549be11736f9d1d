//! From the command line's arguments to scripts: files, directories, and suites of the data crate or of a checkout.

use crate::features;
use spec_testsuite::{Checkout, CheckoutError, Script, Suite, UnknownFeature, UnknownSuite};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};
use thiserror::Error;

/// A script to run.
#[derive(Clone, Debug)]
pub struct Input {
    /// How reports name it; [`text`] reads it.
    pub path: String,
    /// What its modules may use.
    pub features: lanes::Features,
    /// Bytes of its text: the largest scripts begin first.
    pub size: usize,
}

/// Where scripts come from.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// An official checkout that takes the data crate's place.
    pub spec_dir: Option<PathBuf>,
    /// Features that override every other way to choose them.
    pub features: Option<spec_testsuite::Features>,
    /// A part that paths must contain.
    pub filter: Option<String>,
}

/// An input that cannot be used.
#[derive(Debug, Error)]
pub enum InputError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A directory without scripts.
    #[error("{0} has no *.wast file in it")]
    NoScripts(String),
    /// No such suite.
    #[error(transparent)]
    UnknownSuite(#[from] UnknownSuite),
    /// The checkout does not give the suite.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The head of a script names a feature that does not exist.
    #[error("{path}: {error}")]
    Features {
        /// Which script.
        path: String,
        /// Why.
        error: UnknownFeature,
    },
    /// Nothing is left.
    #[error("no script's path contains `{0}`")]
    NothingMatches(String),
    /// Nothing was given.
    #[error("no script given: name files, directories, or suites such as spec:2.0")]
    Nothing,
}

/// The scripts that the arguments name, each once; and remarks for the user.
pub fn gather(arguments: &[String], choice: &Choice) -> Result<(Vec<Input>, Vec<String>), InputError> {
    let checkout = choice.spec_dir.as_deref().map(Checkout::open).transpose()?;
    let (mut inputs, mut remarks) = (Vec::new(), Vec::new());
    for argument in arguments {
        match argument.strip_prefix("spec:") {
            Some(suite) => {
                let scripts = match &checkout {
                    Some(checkout) => {
                        let scripts = checkout.resolve(suite)?;
                        remarks.extend(not_of_checkout(suite, &scripts));
                        scripts
                    }
                    None => {
                        let suite: Suite = suite.parse()?;
                        remarks.extend(missing(suite));
                        suite.scripts()
                    }
                };
                inputs.extend(scripts.into_iter().map(|script| Input {
                    path: script.path,
                    features: features::of_lanes(choice.features.unwrap_or(script.features)),
                    size: script.contents.len(),
                }));
            }
            None => inputs.extend(on_disk(argument, choice)?),
        }
    }
    if inputs.is_empty() {
        return Err(InputError::Nothing);
    }
    if let Some(filter) = &choice.filter {
        inputs.retain(|input| input.path.contains(filter.as_str()));
        if inputs.is_empty() {
            return Err(InputError::NothingMatches(filter.clone()));
        }
    }
    let mut seen = HashSet::new();
    inputs.retain(|input| seen.insert(identity(&input.path)));
    Ok((inputs, remarks))
}

/// One name for the ways to write a path. Symbolic links to scripts stay apart: each may have a snapshot beside it.
fn identity(path: &str) -> PathBuf {
    let path = Path::new(path);
    let directory =
        path.parent().map(|directory| if directory.as_os_str().is_empty() { Path::new(".") } else { directory });
    match (directory.map(Path::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// What the data crate does not have.
fn missing(suite: Suite) -> Option<String> {
    let count = suite.missing().len();
    (count != 0).then(|| {
        format!("spec:{suite} lacks {count} official scripts; give a checkout with --spec-dir to run them too")
    })
}

/// What the checkout does not have, and the data crate gives instead.
fn not_of_checkout(suite: &str, scripts: &[Script]) -> Option<String> {
    let count = scripts.iter().filter(|script| script.path.starts_with("spec:")).count();
    (count != 0).then(|| {
        format!(
            "{count} of the scripts of spec:{suite} are built-in ones: the checkout has no folder for their version"
        )
    })
}

fn on_disk(argument: &str, choice: &Choice) -> Result<Vec<Input>, InputError> {
    let unreadable = |path: &Path, error| InputError::Unreadable { path: path.display().to_string(), error };
    let path = Path::new(argument);
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.is_file() {
        return Ok(vec![file(path, choice)?]);
    }
    if !metadata.is_dir() {
        // A pipe gives its text only once, and workers read scripts themselves.
        return Err(unreadable(path, io::Error::other("not a regular file")));
    }
    let paths = spec_testsuite::walk(path).map_err(|error| unreadable(path, error))?;
    if paths.is_empty() {
        return Err(InputError::NoScripts(argument.to_string()));
    }
    // One that cannot be read must not keep the others from running: it becomes an unreadable script of the report.
    let in_directory = |path: &PathBuf| match file(path, choice) {
        Err(InputError::Unreadable { path, .. }) => Ok(Input { path, features: lanes::Features::default(), size: 0 }),
        other => other,
    };
    paths.iter().map(in_directory).collect()
}

fn file(path: &Path, choice: &Choice) -> Result<Input, InputError> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| InputError::Unreadable { path: name.clone(), error })?;
    let head = spec_testsuite::features_of_head(&text);
    let head = head.map_err(|error| InputError::Features { path: name.clone(), error })?;
    let features = choice.features.or(head).or_else(|| spec_testsuite::features_of_path(path));
    Ok(Input {
        path: name,
        features: features.map_or_else(lanes::Features::default, features::of_lanes),
        size: text.len(),
    })
}

/// The text of a script that [`gather`] named.
pub fn text(path: &str) -> io::Result<Cow<'static, str>> {
    match path.strip_prefix("spec:") {
        Some(name) => official(name),
        None => Ok(Cow::Owned(fs::read_to_string(path)?)),
    }
}

fn official(name: &str) -> io::Result<Cow<'static, str>> {
    type Scripts = HashMap<String, Cow<'static, str>>;
    static SUITES: Mutex<Option<HashMap<String, Scripts>>> = Mutex::new(None);

    let in_suite = |suite: &Suite| name.strip_prefix(&suite.to_string()).is_some_and(|rest| rest.starts_with('/'));
    let absent = || io::Error::new(io::ErrorKind::NotFound, "no such official script");
    let suite = Suite::known().find(in_suite).ok_or_else(absent)?;
    let mut suites = SUITES.lock().unwrap_or_else(PoisonError::into_inner);
    let suites = suites.get_or_insert_default();
    let scripts = suites
        .entry(suite.to_string())
        .or_insert_with(|| suite.scripts().into_iter().map(|script| (script.path, script.contents)).collect());
    scripts.get(&format!("spec:{name}")).cloned().ok_or_else(absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn official_scripts_are_found_by_their_paths() {
        let (inputs, _) = gather(&["spec:2.0".to_string()], &Choice::default()).expect("the suite is there");
        assert!(inputs.iter().all(|input| text(&input.path).is_ok_and(|text| text.len() == input.size)));
        assert!(text("spec:2.0/nothing.wast").is_err());
    }
}
