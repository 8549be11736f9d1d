//! From the command line's arguments to scripts: files, directories, and suites of the data crate or of a checkout.

use lanes::Features;
pub use spec_testsuite::Unreadable;

use spec_testsuite::{Checkout, CheckoutError, Script, Suite, UnknownSuite};
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
    pub features: Features,
    /// Bytes of its text: the largest scripts begin first.
    pub size: usize,
}

/// Where scripts come from.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// An official checkout that takes the data crate's place.
    pub spec_dir: Option<PathBuf>,
    /// Features that override every other way to choose them.
    pub features: Option<Features>,
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
    /// What is to take the data crate's place is no checkout.
    #[error("{0}; --spec-dir or the variable SPEC_TESTSUITE names it")]
    NoCheckout(CheckoutError),
    /// The checkout does not give the suite.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// Nothing is left.
    #[error("no script's path contains `{0}`")]
    NothingMatches(String),
    /// Nothing was given.
    #[error("no script given: name files, directories, or suites such as spec:2.0")]
    Nothing,
}

/// The scripts that the arguments name, each once; and remarks for the user.
pub fn gather(arguments: &[String], choice: &Choice) -> Result<(Vec<Input>, Vec<String>), InputError> {
    // Who names no suite needs no checkout.
    let wanted = choice.spec_dir.as_deref().filter(|_| arguments.iter().any(|argument| argument.starts_with("spec:")));
    let checkout = wanted.map(Checkout::open).transpose().map_err(InputError::NoCheckout)?;
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
                    features: choice.features.unwrap_or(script.features),
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
        return Ok(vec![file(path, choice)]);
    }
    if !metadata.is_dir() {
        // A pipe gives its text only once, and workers read scripts themselves.
        return Err(unreadable(path, io::Error::other("not a regular file")));
    }
    let paths = spec_testsuite::walk(path).map_err(|error| unreadable(path, error))?;
    if paths.is_empty() {
        return Err(InputError::NoScripts(argument.to_string()));
    }
    Ok(paths.iter().map(|path| file(path, choice)).collect())
}

fn file(path: &Path, choice: &Choice) -> Input {
    // A script that cannot be read must not keep the others from running: the report has it as unreadable.
    let (size, head) = read(path).map_or((0, None), |(text, head)| (text.len(), head));
    let features = choice.features.or(head).or_else(|| spec_testsuite::features_of_path(path));
    Input { path: path.display().to_string(), features: features.unwrap_or_default(), size }
}

/// The text of a script on the disk, and the features that its head asks for.
fn read(path: &Path) -> Result<(String, Option<Features>), Unreadable> {
    let text = spec_testsuite::read(path)?;
    let head = spec_testsuite::features_of_head(&text)?;
    Ok((text, head))
}

/// The text of a script that [`gather`] named.
pub fn text(path: &str) -> Result<Cow<'static, str>, Unreadable> {
    match path.strip_prefix("spec:") {
        Some(name) => official(name).ok_or_else(|| Unreadable::whole("no such official script")),
        // The path is text: it has this character where the name has bytes that are none.
        None if path.contains(char::REPLACEMENT_CHARACTER) && !Path::new(path).exists() => {
            Err(Unreadable::whole("the name of the file is not UTF-8: rename it"))
        }
        None => read(Path::new(path)).map(|(text, _)| Cow::Owned(text)),
    }
}

fn official(name: &str) -> Option<Cow<'static, str>> {
    type Scripts = HashMap<String, Cow<'static, str>>;
    static SUITES: Mutex<Option<HashMap<String, Scripts>>> = Mutex::new(None);

    let in_suite = |suite: &Suite| name.strip_prefix(&suite.to_string()).is_some_and(|rest| rest.starts_with('/'));
    let suite = Suite::known().find(in_suite)?;
    let mut suites = SUITES.lock().unwrap_or_else(PoisonError::into_inner);
    let suites = suites.get_or_insert_default();
    let scripts = suites
        .entry(suite.to_string())
        .or_insert_with(|| suite.scripts().into_iter().map(|script| (script.path, script.contents)).collect());
    scripts.get(&format!("spec:{name}")).cloned()
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
