//! The configuration of an engine: which functions of a library change it, and with which argument.
//!
//! The interface itself has no switches. Engines add functions of their own: Wasmtime (`wasmtime_config_.._set`),
//! Wasmer (`wasm_config_set_backend`) and ours. A library has those of its engine at most, so a function that is absent
//! is left out. A setting that the user asks for must have one of its functions.

use super::symbols::Symbols;
use crate::{Features, Options, RelaxedSimd};
use std::ffi::CStr;
use std::fmt;
use std::str::FromStr;

/// An argument of a function that changes a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Argument {
    Flag(bool),
    Byte(u8),
    /// A value of a C enumeration.
    Choice(u32),
    Number(u64),
    Text(&'static CStr),
}

/// A change of a configuration: the function and its argument.
pub(super) type Change = (String, Argument);

/// A value of an option, and the functions that choose it. A library has some of them, or cannot be set so.
struct Row {
    option: &'static str,
    value: &'static str,
    functions: &'static [(&'static str, Argument)],
}

use Argument::{Byte, Choice, Flag, Number, Text};

const ROWS: &[Row] = &[
    Row {
        option: "compiler",
        value: "cranelift",
        functions: &[("wasmtime_config_strategy_set", Byte(1)), ("wasm_config_set_backend", Choice(0))],
    },
    Row { option: "compiler", value: "winch", functions: &[("wasmtime_config_strategy_set", Byte(2))] },
    Row { option: "compiler", value: "singlepass", functions: &[("wasm_config_set_backend", Choice(2))] },
    Row { option: "target", value: "pulley", functions: &[("wasmtime_config_target_set", Text(c"pulley64"))] },
    Row { option: "optimize", value: "none", functions: &[("wasmtime_config_cranelift_opt_level_set", Byte(0))] },
    Row { option: "optimize", value: "speed", functions: &[("wasmtime_config_cranelift_opt_level_set", Byte(1))] },
    Row { option: "optimize", value: "size", functions: &[("wasmtime_config_cranelift_opt_level_set", Byte(2))] },
    Row {
        option: "registers",
        value: "single-pass",
        functions: &[("wasmtime_config_cranelift_regalloc_algorithm_set", Byte(1))],
    },
    Row { option: "signals", value: "off", functions: &[("wasmtime_config_signals_based_traps_set", Flag(false))] },
    // The older names are those before Wasmtime 26.
    Row {
        option: "memory-checks",
        value: "explicit",
        functions: &[
            ("wasmtime_config_memory_reservation_set", Number(0)),
            ("wasmtime_config_memory_guard_size_set", Number(0)),
            ("wasmtime_config_static_memory_maximum_size_set", Number(0)),
            ("wasmtime_config_static_memory_guard_size_set", Number(0)),
            ("wasmtime_config_dynamic_memory_guard_size_set", Number(0)),
        ],
    },
];

/// A value of an option of engines in libraries, as `--set OPTION=VALUE` chooses it.
#[derive(Clone, Copy)]
pub struct Setting(&'static Row);

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.0.option, self.0.value)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let known = ROWS.iter().map(Setting).find(|setting| setting.to_string() == text);
        let all = || ROWS.iter().map(|row| Setting(row).to_string()).collect::<Vec<_>>().join(", ");
        known.ok_or_else(|| format!("there are {}", all()))
    }
}

impl Setting {
    /// Checks that the library has a function for it.
    ///
    /// # Errors
    ///
    /// Names the functions, of which it has none.
    pub(super) fn check(&self, symbols: &Symbols) -> Result<(), String> {
        let names: Vec<&str> = self.0.functions.iter().map(|(name, _)| *name).collect();
        if names.iter().any(|name| symbols.has(name)) {
            return Ok(());
        }
        Err(format!("this library cannot be set to {self}: it has no {}", names.join(" and no ")))
    }
}

/// Returns the changes for these features, options and settings. No feature is switched off: some features demand
/// others, in each version in another way, and a wrong configuration ends the process.
pub(super) fn changes(features: Features, options: &Options, settings: &[Setting]) -> Vec<Change> {
    let is_deterministic = options.relaxed_simd == RelaxedSimd::Deterministic;
    let of_feature = |name: &str| (format!("wasmtime_config_wasm_{}_set", name.replace('-', "_")), Flag(true));
    let options = [
        ("wasmtime_config_shared_memory_set", features.contains(Features::THREADS)),
        ("wasmtime_config_wasm_relaxed_simd_deterministic_set", is_deterministic),
        ("wasmtime_config_parallel_compilation_set", options.compile_threads != Some(1)),
        ("touchstone_config_relaxed_simd_deterministic", is_deterministic),
    ];
    let of_options = options.into_iter().map(|(name, on)| (name.to_string(), Flag(on)));
    let of_settings = settings.iter().flat_map(|setting| setting.0.functions);
    let of_settings = of_settings.map(|&(name, argument)| (name.to_string(), argument));
    features.names().map(of_feature).chain(of_options).chain(of_settings).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_an_option_and_a_value() {
        for row in ROWS {
            let text = Setting(row).to_string();
            assert_eq!(text.parse::<Setting>().expect("a known setting").to_string(), text);
        }
        let error = "compiler=fast".parse::<Setting>().expect_err("no such value");
        assert!(error.contains("compiler=winch"), "{error}");
    }

    #[test]
    fn settings_come_after_what_features_ask_for() {
        let winch = "compiler=winch".parse().expect("a known setting");
        let changes = changes(Features::SIMD, &Options::default(), &[winch]);
        assert_eq!(changes.first(), Some(&("wasmtime_config_wasm_simd_set".to_string(), Flag(true))));
        assert_eq!(changes.last(), Some(&("wasmtime_config_strategy_set".to_string(), Byte(2))));
    }
}
