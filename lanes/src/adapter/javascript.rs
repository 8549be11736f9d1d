//! The engines that JavaScript embeds, which one adapter serves. They are found in the folder that
//! `ci/install-engines.sh` fills (`engines/bin` beside this program or above it), or else on the `PATH`.

use super::ChildLane;
use crate::{Opened, Options};
use std::env;
use std::path::{Path, PathBuf};

/// The adapter: what `lanes/adapters/javascript.js` loads. Every one of the engines takes a program as an argument, so
/// that it needs no file.
const ADAPTER: &str = concat!(
    "(function () {\n\"use strict\";\n",
    include_str!("../../adapters/javascript/engines.js"),
    include_str!("../../adapters/javascript/binaries.js"),
    include_str!("../../adapters/javascript/thunks.js"),
    include_str!("../../adapters/javascript/values.js"),
    include_str!("../../adapters/javascript/requests.js"),
    "})();\n",
);

/// An engine and the program that embeds it.
#[derive(Debug)]
pub struct Engine {
    /// The lane's name.
    pub name: &'static str,
    /// Names that the program has.
    programs: &'static [&'static str],
    /// Variables that switch features on.
    variables: &'static [&'static str],
}

/// The engines.
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
    /// A text if the program is not installed: it names the program, and what installs it.
    pub fn open(&self, options: &Options) -> Opened {
        let program = self.find().ok_or_else(|| {
            format!("not installed: no `{}`; `ci/install-engines.sh` installs it", self.programs.join("` or `"))
        })?;
        let mut command: Vec<String> = Vec::new();
        if !self.variables.is_empty() {
            command.push("env".to_string());
            command.extend(self.variables.iter().map(ToString::to_string));
        }
        command.extend([program.display().to_string(), "-e".to_string(), ADAPTER.to_string()]);
        Ok(Box::new(ChildLane::new(self.name, command, options)))
    }

    /// The program: what was installed for this, before what the machine has.
    fn find(&self) -> Option<PathBuf> {
        let here = env::current_exe().unwrap_or_default();
        let installed = here.ancestors().map(|folder| folder.join("engines/bin"));
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = installed.chain(env::split_paths(&path)).collect::<Vec<_>>();
        let named = |program: &&str| folders.iter().map(|folder| folder.join(program)).find(|file| is_program(file));
        // The newest SpiderMonkey of the `PATH` must not hide an installed one: folders count before names.
        let found = self.programs.iter().filter_map(named);
        found.min_by_key(|file| folders.iter().position(|folder| file.parent() == Some(folder)))
    }
}

fn is_program(file: &Path) -> bool {
    file.is_file()
}
