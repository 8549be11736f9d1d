//! The imports that the host provides: WASI, where it is built in.

use super::machine::{Import, Machine};
use super::{Program, Stopped};

/// The module name of WASI preview 1.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// The host, with what it grants to one program.
pub(super) struct Host {
    #[cfg(feature = "wasi")]
    wasi: wasi::Wasi,
}

impl Host {
    /// A host that grants what the program may use.
    #[cfg(feature = "wasi")]
    pub(super) fn new(program: &Program) -> Result<Host, Stopped> {
        use wasi::{Config, Input, Output};
        let refused = |error: wasi::Error| Stopped::Refused(error.to_string());
        let name = program.path.file_name().unwrap_or_default().to_string_lossy();
        let mut config = Config::new().clocks().random().arg(&name).map_err(refused)?;
        config = config.stdin(Input::Inherit).stdout(Output::Inherit).stderr(Output::Inherit);
        // The arguments of a function are its own.
        let arguments = if program.invoke.is_none() { program.arguments.as_slice() } else { &[] };
        for argument in arguments {
            config = config.arg(argument).map_err(refused)?;
        }
        for (name, value) in &program.env {
            config = config.env(name, value).map_err(refused)?;
        }
        for (host, guest) in &program.dirs {
            config = config.dir(host, guest).map_err(refused)?;
        }
        Ok(Host { wasi: config.build().map_err(refused)? })
    }

    /// A host that has nothing to grant.
    #[cfg(not(feature = "wasi"))]
    pub(super) fn new(program: &Program) -> Result<Host, Stopped> {
        if program.dirs.is_empty() && program.env.is_empty() {
            return Ok(Host {});
        }
        Err(Stopped::Refused(format!("--dir and --env are of WASI, {HOW_TO_BUILD}")))
    }

    /// Provides an import, or says why nothing does.
    pub(super) fn provide(&self, machine: &mut impl Machine, import: &Import) -> Result<(), Stopped> {
        let Import { module, name } = import;
        let why = match module.as_str() {
            PREVIEW1 => return self.provide_wasi(machine, name),
            "wasi_unstable" => "an older WASI. Compile the program again, for the target wasm32-wasip1".to_owned(),
            "wasi" => "WASI threads, which are not supported".to_owned(),
            _ => format!("nothing that is there. --preload {module}=FILE provides the exports of a module"),
        };
        Err(Stopped::Refused(format!("the module imports `{module}.{name}`, which is of {why}")))
    }

    #[cfg(feature = "wasi")]
    fn provide_wasi(&self, machine: &mut impl Machine, name: &str) -> Result<(), Stopped> {
        match wasi::Function::named(name) {
            Some(function) => machine.provide(function, &self.wasi),
            None => Err(Stopped::Refused(format!(
                "the module imports `{PREVIEW1}.{name}`, which WASI preview 1 does not have. --preload \
                 {PREVIEW1}=FILE provides the exports of a module"
            ))),
        }
    }

    #[cfg(not(feature = "wasi"))]
    fn provide_wasi(&self, _machine: &mut impl Machine, name: &str) -> Result<(), Stopped> {
        Err(Stopped::Refused(format!("the module imports `{PREVIEW1}.{name}`, which is of WASI, {HOW_TO_BUILD}")))
    }
}

#[cfg(not(feature = "wasi"))]
const HOW_TO_BUILD: &str = "which this build does not have. Build one that has it: `cargo install --path runner \
                            --features wasi`, or `cargo run -p runner --features wasi -- run ..`";
