//! The engines that JavaScript embeds. One adapter serves them all. Their programs are looked for in the folder that
//! `ci/install-engines.sh` fills (`engines/bin` beside this program or above it), and then on the `PATH`.

use super::AdapterLane;
use crate::{Opened, Options};
use std::env;
use std::path::{Path, PathBuf};

/// The adapter. `lanes/adapters/javascript.js` loads the same parts. All of the engines take a program as an argument,
/// so no file is needed.
const ADAPTER: &str = concat!(
    "(function () {\n\"use strict\";\n",
    include_str!("../../adapters/javascript/engines.js"),
    include_str!("../../adapters/javascript/binaries.js"),
    include_str!("../../adapters/javascript/thunks.js"),
    include_str!("../../adapters/javascript/values.js"),
    include_str!("../../adapters/javascript/requests.js"),
    "})();\n",
);

/// The program in Python that runs the adapter in an extension module.
const PYTHON: &str = include_str!("../../adapters/pythonmonkey.py");

/// Returns the lane of SpiderMonkey in an extension module of Python.
pub(crate) fn in_python(name: &str, module: &Path, options: &Options) -> Result<AdapterLane, String> {
    options.refuse_canonical_nans(name)?;
    let module_text = module.display().to_string();
    let command = ["python3", "-c", PYTHON, &module_text, ADAPTER].map(String::from);
    Ok(AdapterLane::new(name, command.to_vec(), options).embedded_by(module))
}

/// An engine and the program that embeds it.
#[derive(Debug)]
pub struct Engine {
    /// The lane's name.
    pub name: &'static str,
    /// The names that the program may have.
    programs: &'static [&'static str],
    /// The environment variables that switch features on.
    variables: &'static [&'static str],
}

/// The engines, in the order in which lists name them.
pub const ENGINES: [Engine; 3] = [
    Engine { name: "v8", programs: &["node"], variables: &[] },
    Engine { name: "jsc", programs: &["bun"], variables: &["BUN_JSC_useWasmMemory64=1"] },
    Engine { name: "spidermonkey", programs: &["js", "js128", "js115", "js102"], variables: &[] },
];

impl Engine {
    /// Opens the lane.
    ///
    /// # Errors
    ///
    /// A text if the program is not installed, which names the program and what installs it, or if the options ask for
    /// what no JavaScript engine can do.
    pub fn open(&self, options: &Options) -> Opened {
        options.refuse_canonical_nans(self.name)?;
        let program = self.find().ok_or_else(|| {
            format!("not installed: no `{}`; `ci/install-engines.sh` installs it", self.programs.join("` or `"))
        })?;
        let variables: Vec<String> = self.variables.iter().map(ToString::to_string).collect();
        Ok(Box::new(self.lane(self.name, &program, &variables, options)))
    }

    /// Opens the lane of this name with one version of the program. Arguments `NAME=VALUE` are environment variables.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Engine::open).
    pub(crate) fn open_program(
        &self,
        name: &str,
        program: &Path,
        arguments: &[String],
        options: &Options,
    ) -> Result<AdapterLane, String> {
        options.refuse_canonical_nans(name)?;
        Ok(self.lane(name, program, arguments, options))
    }

    fn lane(&self, name: &str, program: &Path, arguments: &[String], options: &Options) -> AdapterLane {
        let is_variable = |word: &&String| !word.starts_with('-') && word.contains('=');
        let (variables, arguments): (Vec<&String>, Vec<&String>) = arguments.iter().partition(is_variable);
        let mut command: Vec<String> = variables.into_iter().cloned().collect();
        if !command.is_empty() {
            command.insert(0, "env".to_string());
        }
        command.push(program.display().to_string());
        command.extend(arguments.into_iter().cloned());
        command.extend(["-e".to_string(), ADAPTER.to_string()]);
        AdapterLane::new(name, command, options).embedded_by(program)
    }

    /// Finds the program: an installed one before one of the machine's.
    fn find(&self) -> Option<PathBuf> {
        let here = env::current_exe().unwrap_or_default();
        let installed = here.ancestors().map(|folder| folder.join("engines/bin"));
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = installed.chain(env::split_paths(&path)).collect::<Vec<_>>();
        let named = |program: &&str| folders.iter().map(|folder| folder.join(program)).find(|file| is_program(file));
        // A newer SpiderMonkey on the `PATH` must not hide an installed one: folders count before names.
        let found = self.programs.iter().filter_map(named);
        found.min_by_key(|file| folders.iter().position(|folder| file.parent() == Some(folder)))
    }
}

/// Returns whether there is such a file.
fn is_program(file: &Path) -> bool {
    file.is_file()
}
