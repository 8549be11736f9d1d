//! Finds the scripts that arguments name: files, directories, and suites of the built-in data or of a checkout.

pub use crate::feature_rules::FeatureRules;
use crate::head::Head;
use crate::settings::Settings;
use lanes::Features;
pub use spec_testsuite::Unreadable;

use spec_testsuite::{Checkout, CheckoutError, Script, Suite, UnknownSuite};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};
use thiserror::Error;

/// A script to run.
#[derive(Clone, Debug)]
pub struct Input {
    /// The path, by which reports name the script and [`text`] reads it.
    pub path: String,
    /// The features that the modules may use.
    pub features: Features,
    /// The settings of the script.
    pub settings: Settings,
    /// A warning for each line of the head that is not understood.
    pub warnings: Vec<String>,
    /// The length of the text in bytes. The largest scripts begin first.
    pub size: usize,
    /// True if the script is one of the official suites, so that the built-in lists of expected failures apply to it.
    pub official: bool,
    /// True if a list or a report needs the directives that passed, one by one.
    pub needs_passed: bool,
}

/// The options that say which scripts run, and how.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// An official checkout that takes the place of the built-in data.
    pub spec_dir: Option<PathBuf>,
    /// True if the user has named the checkout for this run, so that it must be one even if no suite is named.
    pub spec_dir_given: bool,
    /// The features of all scripts, whatever the scripts and their folders say.
    pub features: Option<Features>,
    /// The features of scripts by their paths, where `features` is `None`, whatever the scripts and their folders say.
    pub feature_rules: FeatureRules,
    /// The settings of all scripts.
    pub settings: Settings,
    /// A text that the paths of the scripts must contain.
    pub filter: Option<String>,
}

impl Choice {
    /// Returns the features that the user chose for a script, if any.
    fn features_of(&self, path: &str) -> Option<Features> {
        self.features.or_else(|| self.feature_rules.features_of(path))
    }
}

/// An input that cannot be used.
#[derive(Debug, Error)]
pub enum InputError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The path.
        path: String,
        /// The cause.
        error: io::Error,
    },
    /// A file is something else than a script.
    #[error("{path} is no script, but {what}")]
    NotAScript {
        /// The path.
        path: String,
        /// The kind of the file, and what can be done with it.
        what: &'static str,
    },
    /// A directory has no scripts in it.
    #[error("{0} has no *.wast file in it")]
    NoScripts(String),
    /// There is no such suite.
    #[error(transparent)]
    UnknownSuite(#[from] UnknownSuite),
    /// The directory that should take the place of the built-in data is no checkout.
    #[error("{0}; --spec-dir or the variable SPEC_TESTSUITE names it")]
    NoCheckout(CheckoutError),
    /// The checkout does not have the suite.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The filter leaves no script.
    #[error("no script's path contains `{0}`")]
    NothingMatches(String),
    /// The suite is of a proposal whose scripts are not built in.
    #[error(
        "the scripts of spec:{0} are not built in: name a directory that has them in proposals/NAME/ or in NAME/ with \
         --spec-dir or the variable SPEC_TESTSUITE"
    )]
    NotBuiltIn(Suite),
    /// There is no argument.
    #[error("no script given: name files, directories, or suites such as spec:2.0")]
    Nothing,
}

/// Returns the scripts that the arguments name, each once, and remarks for the user.
///
/// # Errors
///
/// An argument names nothing that can be run. A script that cannot be read is no error: its report says so.
pub fn gather(arguments: &[String], choice: &Choice) -> Result<(Vec<Input>, Vec<String>), InputError> {
    // The checkout of the environment is opened only if a suite is named: other runs must not fail for it.
    let is_suite = |argument: &String| argument.starts_with("spec:");
    let wanted = choice.spec_dir.as_deref().filter(|_| choice.spec_dir_given || arguments.iter().any(is_suite));
    let checkout = wanted.map(Checkout::open).transpose().map_err(InputError::NoCheckout)?;
    let (mut inputs, mut remarks) = (Vec::new(), Vec::new());
    for argument in arguments {
        match argument.strip_prefix("spec:") {
            Some(suite) => {
                let scripts = match &checkout {
                    Some(checkout) => {
                        let scripts = checkout.resolve(suite)?;
                        remarks.extend(remark_on_built_in(suite, &scripts));
                        scripts
                    }
                    None => {
                        let suite: Suite = suite.parse()?;
                        if let Suite::Ahead(_) = suite {
                            return Err(InputError::NotBuiltIn(suite));
                        }
                        remarks.extend(remark_on_missing(suite));
                        suite.scripts()
                    }
                };
                inputs.extend(scripts.into_iter().map(|script| Input {
                    features: choice.features_of(&script.path).unwrap_or(script.features),
                    path: script.path,
                    settings: choice.settings,
                    warnings: Vec::new(),
                    size: script.contents.len(),
                    official: true,
                    needs_passed: false,
                }));
            }
            None => inputs.extend(find_on_disk(argument, choice)?),
        }
    }
    if inputs.is_empty() {
        return Err(InputError::Nothing);
    }
    remarks.extend(choice.feature_rules.remarks_on_unused(inputs.iter().map(|input| input.path.as_str())));
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

/// Returns one name for all ways to write a path. Symbolic links to a script keep their own names: each may have a trap
/// snapshot beside it.
fn identity(path: &str) -> PathBuf {
    let path = Path::new(path);
    let directory =
        path.parent().map(|directory| if directory.as_os_str().is_empty() { Path::new(".") } else { directory });
    match (directory.map(Path::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// Returns a remark on the official scripts that the built-in data lacks.
fn remark_on_missing(suite: Suite) -> Option<String> {
    match suite.missing().len() {
        0 => None,
        count => Some(format!(
            "spec:{suite} lacks {count} official scripts; give a checkout with --spec-dir to run them too"
        )),
    }
}

/// Returns a remark on the scripts that the checkout lacks, so that built-in ones run.
fn remark_on_built_in(suite: &str, scripts: &[Script]) -> Option<String> {
    match scripts.iter().filter(|script| script.path.starts_with("spec:")).count() {
        0 => None,
        count => Some(format!(
            "{count} of the scripts of spec:{suite} are built-in ones: the checkout has no folder for their version"
        )),
    }
}

/// Returns the script of a file, or the scripts in a directory.
fn find_on_disk(argument: &str, choice: &Choice) -> Result<Vec<Input>, InputError> {
    let unreadable = |path: &Path, error| InputError::Unreadable { path: path.display().to_string(), error };
    let path = Path::new(argument);
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.is_file() {
        if let Some(what) = not_a_script(path) {
            return Err(InputError::NotAScript { path: argument.to_string(), what });
        }
        return Ok(vec![file(path, choice)]);
    }
    if !metadata.is_dir() {
        // A pipe can be read only once, and this process and a worker would both read it.
        return Err(unreadable(path, io::Error::other("not a regular file")));
    }
    let paths = spec_testsuite::walk(path).map_err(|error| unreadable(path, error))?;
    if paths.is_empty() {
        return Err(InputError::NoScripts(argument.to_string()));
    }
    Ok(paths.iter().map(|path| file(path, choice)).collect())
}

/// The kind of a binary file, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BinaryFile {
    /// An artifact, or another ELF file.
    Artifact,
    /// A component.
    Component,
    /// A module.
    Module,
}

impl BinaryFile {
    /// Returns the kind of a file that begins with these bytes; `None` if it is none of these.
    pub(crate) fn of(bytes: &[u8]) -> Option<BinaryFile> {
        if bytes.starts_with(b"\x7fELF") {
            Some(BinaryFile::Artifact)
        } else if bytes.starts_with(b"\0asm\x0d\0\x01\0") {
            Some(BinaryFile::Component)
        } else {
            bytes.starts_with(b"\0asm").then_some(BinaryFile::Module)
        }
    }
}

/// Returns what a file is instead of a script, and what can be done with it, if its first bytes tell.
fn not_a_script(path: &Path) -> Option<&'static str> {
    let mut head = [0; 8];
    let length = fs::File::open(path).ok()?.read(&mut head).ok()?;
    Some(match BinaryFile::of(&head[..length])? {
        BinaryFile::Artifact => "an artifact or another ELF file; `touchstone inspect` shows it",
        BinaryFile::Component => "a component; components are not supported",
        BinaryFile::Module => "a binary module; `touchstone compile` compiles it",
    })
}

fn file(path: &Path, choice: &Choice) -> Input {
    // A script that cannot be read must not keep the others from running: the report shows it as unreadable.
    let (size, head) = read(path).map_or((0, Head::default()), |(text, head)| (text.len(), head));
    let name = path.display().to_string();
    let features = choice.features_of(&name).or(head.features).or_else(|| spec_testsuite::features_of_path(path));
    Input {
        features: features.unwrap_or_default(),
        settings: choice.settings.or(head.settings),
        warnings: head.warnings.iter().map(|warning| format!("{name}:{warning}")).collect(),
        path: name,
        size,
        official: spec_testsuite::is_in_checkout(path),
        needs_passed: false,
    }
}

/// Reads a script from the disk. Returns its text and its head.
fn read(path: &Path) -> Result<(String, Head), Unreadable> {
    let text = spec_testsuite::read(path)?;
    let head = Head::of(&text)?;
    Ok((text, head))
}

/// Returns the text of a script that [`gather`] has found.
///
/// # Errors
///
/// Says where and why the file cannot be read.
pub fn text(path: &str) -> Result<Cow<'static, str>, Unreadable> {
    match path.strip_prefix("spec:") {
        Some(name) => official(name).ok_or_else(|| Unreadable::whole("no such official script")),
        // Paths are UTF-8 here. Where the name of a file is not, its path has this character.
        None if path.contains(char::REPLACEMENT_CHARACTER) && !Path::new(path).exists() => {
            Err(Unreadable::whole("the name of the file is not UTF-8: rename it"))
        }
        None => read(Path::new(path)).map(|(text, _)| Cow::Owned(text)),
    }
}

/// Returns the text of a built-in script. Suites are unpacked once.
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
