//! Official checkouts on the disk, which replace the scripts of the data crate.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::folder::{features_of_path, proposal_features, walk};
use crate::read::{Unreadable, read};
use crate::suite::{AHEAD, Suite};
use crate::{Script, UnknownSuite};
use features::Features;

/// A checkout of the specification's repository, of its `test` folder, or of the testsuite repository.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The directory that holds `core/` and `proposals/`.
    root: PathBuf,
    /// The directory of the core scripts: `core/`, or the root itself in the testsuite repository.
    core: PathBuf,
}

/// The error of a checkout that cannot be opened, or whose scripts cannot be read.
#[derive(Debug)]
pub enum CheckoutError {
    /// The suite's name is unknown.
    UnknownSuite(UnknownSuite),
    /// The directory has no core scripts.
    NoCheckout(PathBuf),
    /// The directory has no scripts of a proposal.
    NoProposal {
        /// The name of the proposal.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// A script cannot be read.
    Script {
        /// The script.
        path: PathBuf,
        /// The fault, and its location in the script.
        error: Unreadable,
    },
    /// A directory cannot be read.
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
}

impl fmt::Display for CheckoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckoutError::UnknownSuite(error) => error.fmt(f),
            CheckoutError::NoCheckout(directory) => {
                let directory = directory.display();
                write!(f, "{directory} is no official checkout: no *.wast file in core/, in test/core/ or in itself")
            }
            CheckoutError::NoProposal { name, directory } => {
                let directory = directory.display();
                write!(f, "{directory} has no *.wast file in proposals/{name}/ or in {name}/")
            }
            CheckoutError::Script { path, error } => write!(f, "{}:{error}", path.display()),
            CheckoutError::Unreadable { path, error } => write!(f, "cannot read {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CheckoutError {}

impl Checkout {
    /// Opens a checkout. The core scripts are in `DIR/core`, in `DIR/test/core`, or in `DIR` itself. A directory with a
    /// folder for each of some proposals is enough for their suites.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read, or has no scripts at these places.
    pub fn open(directory: &Path) -> Result<Checkout, CheckoutError> {
        let roots = [directory.to_owned(), directory.join("test")];
        let root = roots.into_iter().find(|root| root.join("core").is_dir());
        let (root, core) = match root {
            Some(root) => (root.clone(), root.join("core")),
            None => (directory.to_owned(), directory.to_owned()),
        };
        let checkout = Checkout { root, core };
        let proposals = || AHEAD.iter().any(|name| checkout.root.join(name).is_dir());
        if checkout.find_core()?.is_empty() && !proposals() {
            return Err(CheckoutError::NoCheckout(directory.to_owned()));
        }
        Ok(checkout)
    }

    /// Returns the scripts of a suite.
    ///
    /// A checkout has the newest core scripts only. The official repositories keep `1.0` and `2.0` on branches, so
    /// these suites come from the data crate, and so do proposals that the checkout no longer lists.
    ///
    /// # Errors
    ///
    /// If the suite is unknown, or if a directory or a script cannot be read.
    pub fn resolve(&self, name: &str) -> Result<Vec<Script>, CheckoutError> {
        let suite: Suite = name.parse().map_err(CheckoutError::UnknownSuite)?;
        match suite {
            Suite::V1 | Suite::V2 => Ok(suite.scripts()),
            Suite::V3 | Suite::Latest => self.read(self.core_paths()?),
            Suite::Proposal(_) => {
                let directory = self.root.join(name);
                if directory.is_dir() { self.read(paths(&directory)?) } else { Ok(suite.scripts()) }
            }
            Suite::Ahead(proposal) => self.ahead(proposal),
            Suite::All => {
                let versions = [Suite::V1, Suite::V2].into_iter().flat_map(Suite::scripts);
                Ok(versions.chain(self.read(paths(&self.root)?)?).collect())
            }
        }
    }

    /// Returns the scripts of a proposal that the data crate does not have.
    fn ahead(&self, name: &str) -> Result<Vec<Script>, CheckoutError> {
        let folders = [self.root.join("proposals").join(name), self.root.join(name)];
        let found = match folders.iter().find(|folder| folder.is_dir()) {
            Some(folder) => paths(folder)?,
            None => Vec::new(),
        };
        if found.is_empty() {
            return Err(CheckoutError::NoProposal { name: name.to_string(), directory: self.root.clone() });
        }
        let mut scripts = self.read(found)?;
        for script in &mut scripts {
            script.features = proposal_features(name);
        }
        Ok(scripts)
    }

    /// Returns the paths of the core scripts, of which there must be some.
    fn core_paths(&self) -> Result<Vec<PathBuf>, CheckoutError> {
        let found = self.find_core()?;
        if found.is_empty() { Err(CheckoutError::NoCheckout(self.root.clone())) } else { Ok(found) }
    }

    fn find_core(&self) -> Result<Vec<PathBuf>, CheckoutError> {
        let mut found = paths(&self.core)?;
        if self.core == self.root {
            found.retain(|path| path.parent() == Some(&self.root));
        }
        Ok(found)
    }

    fn read(&self, paths: Vec<PathBuf>) -> Result<Vec<Script>, CheckoutError> {
        paths.into_iter().map(|path| self.script(path)).collect()
    }

    fn script(&self, path: PathBuf) -> Result<Script, CheckoutError> {
        let contents = match read(&path) {
            Ok(contents) => contents.into(),
            Err(error) => return Err(CheckoutError::Script { path, error }),
        };
        let within = path.strip_prefix(&self.root).unwrap_or(&path);
        let features = features_of_path(within).unwrap_or(Features::WASM_3_0);
        Ok(Script { path: path.display().to_string(), contents, features })
    }
}

/// Core scripts that every official checkout has.
const SIGNS: [&str; 4] = ["address.wast", "br_table.wast", "i32.wast", "linking.wast"];

/// Returns whether a script lies in an official checkout: some directory above it has the well-known core scripts in
/// `core/`, or in itself beside `proposals/`, or has a folder for each of the newer proposals.
pub fn is_in_checkout(script: &Path) -> bool {
    let Ok(path) = script.canonicalize() else { return false };
    path.ancestors().skip(1).any(|directory| {
        let has_signs = |core: &Path| SIGNS.iter().all(|sign| core.join(sign).is_file());
        has_signs(&directory.join("core"))
            || (directory.join("proposals").is_dir() && has_signs(directory))
            || AHEAD.iter().all(|name| directory.join(name).is_dir())
    })
}

fn paths(directory: &Path) -> Result<Vec<PathBuf>, CheckoutError> {
    walk(directory).map_err(|error| CheckoutError::Unreadable { path: directory.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_recognized_by_its_core_scripts() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let make = |path: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(&path, "(module)").expect("a script");
            path
        };
        let stray = make("mine/proposals/custom-descriptors/descriptors.wast");
        let official = make("spec/test/proposals/custom-descriptors/descriptors.wast");
        let older = make("testsuite/proposals/gc/array.wast");
        for sign in SIGNS {
            make(&format!("spec/test/core/{sign}"));
            make(&format!("testsuite/{sign}"));
        }
        assert_eq!([&stray, &official, &older].map(|path| is_in_checkout(path)), [false, true, true]);
        assert!(!is_in_checkout(Path::new("nowhere/x.wast")));
        let ahead = AHEAD.map(|name| make(&format!("ahead/{name}/x.wast")));
        assert!(ahead.iter().all(|path| is_in_checkout(path)));
    }
}
