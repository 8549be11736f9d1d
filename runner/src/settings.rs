//! The settings of a script: how its directives are read, beyond the features that its modules may use.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The settings of a script, from the command line and from the script's head. The default is the official meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// The texts by which a script may name a trap.
    pub trap_text: TrapText,
    /// True to make each instance that has a name importable by that name, without `register`.
    pub auto_register: bool,
    /// True to have the host module `wasmtime` ([`lanes::wasmtime_functions`]).
    pub wasmtime_host: bool,
    /// True if the lanes have to return canonical NaNs ([`lanes::Options::canonicalize_nans`]). Who opens the lanes has
    /// to see to it.
    pub canonicalize_nans: bool,
}

/// The texts by which a script may name a trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrapText {
    /// Accept any text, so that any trap is right.
    Any,
    /// Accept the beginning of the trap's official text, or of the text that another engine has for it. An empty text
    /// is any trap.
    #[default]
    Prefix,
    /// Accept the trap's whole official text alone.
    Exact,
}

/// A module of the host that scripts may import.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum HostModule {
    /// The module of the official suites. It is always there.
    Spectest,
    /// The module of our own scripts: functions that call back, fail and panic. It is always there.
    Host,
    /// The module of Wasmtime's scripts: a function that collects garbage.
    Wasmtime,
}

impl Settings {
    /// Returns the settings that hold if either of two says so. The texts of traps are those of the first.
    pub(crate) fn or(self, other: Settings) -> Settings {
        Settings {
            trap_text: self.trap_text,
            auto_register: self.auto_register || other.auto_register,
            wasmtime_host: self.wasmtime_host || other.wasmtime_host,
            canonicalize_nans: self.canonicalize_nans || other.canonicalize_nans,
        }
    }
}
