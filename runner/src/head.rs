//! The head of a script: the comment lines `;;! ..` before the first line that is not a comment.
//!
//! - `;;! features: 3.0, threads` is ours.
//! - `;;! gc = true` is a line of TOML, as the scripts of Wasmtime's own suite have them. Such a script runs as it does
//!   there: instances are importable by their names, and there is a host module `wasmtime`.
//!
//! A line that says anything else is no error, but a warning: nothing in a head is ignored in silence.

use crate::settings::Settings;
use features::Feature;
use lanes::Features;
use spec_testsuite::Unreadable;
use std::collections::BTreeMap;

/// The demands of a script's head.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Head {
    /// The features that the modules may use, if the head says so.
    pub(crate) features: Option<Features>,
    /// The settings that it asks for.
    pub(crate) settings: Settings,
    /// A text for each line that is not understood, with its position.
    pub(crate) warnings: Vec<String>,
}

/// Options of Wasmtime's tests that change nothing here: the script takes much memory, needs a garbage collector, or is
/// of the official suite.
const WITHOUT_EFFECT: &[&str] = &["hogs_memory", "gc_types", "spec_test"];

/// The beginning of its options about components. They change nothing either, since components are not supported.
const COMPONENTS: &str = "component_model";

impl Head {
    /// Reads the head of a script.
    ///
    /// # Errors
    ///
    /// If a list of features has a name that is not known.
    pub(crate) fn of(script: &str) -> Result<Head, Unreadable> {
        let mut head = Head { features: spec_testsuite::features_of_head(script)?, ..Head::default() };
        let is_head = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with(";;");
        for (number, line) in (1_u32..).zip(script.lines().take_while(is_head)) {
            let Some(option) = line.trim_start().strip_prefix(";;!").map(str::trim) else { continue };
            let is_own = option.strip_prefix("features").is_some_and(|rest| rest.trim_start().starts_with([':', '=']));
            if !is_own && !head.read_toml(option) {
                head.warnings.push(format!("{number}:1: the head line `{option}` is not understood and has no effect"));
            }
        }
        Ok(head)
    }

    /// Reads a line of TOML. Returns whether it is one, and all that it says is understood.
    fn read_toml(&mut self, line: &str) -> bool {
        let Ok(options) = basic_toml::from_str::<BTreeMap<String, bool>>(line) else { return false };
        options.iter().all(|(key, value)| self.read_option(key, *value))
    }

    fn read_option(&mut self, key: &str, value: bool) -> bool {
        if let Some(feature) = Feature::named(key) {
            let features = self.features.unwrap_or_default();
            let changed = if value { features.with(feature.set) } else { features.without(feature.set) };
            self.features = Some(changed);
        } else if key == "nan_canonicalization" {
            self.settings.canonicalize_nans = value;
        } else if !WITHOUT_EFFECT.contains(&key) && !key.starts_with(COMPONENTS) {
            return false;
        }
        self.settings.auto_register = true;
        self.settings.wasmtime_host = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_wasmtime() {
        let head =
            Head::of(";;! gc = true\n;;! stack_switching = true\n;;! simd = false # slow\n;;! hogs_memory = true\n");
        let head = head.expect("a head");
        let features = Features::default().with(Features::STACK_SWITCHING).without(Features::SIMD);
        assert_eq!(head.features, Some(features));
        assert!(head.settings.auto_register && head.settings.wasmtime_host && head.warnings.is_empty());
        assert!(!head.settings.canonicalize_nans);
        let head = Head::of(";;! nan_canonicalization = true").expect("a head");
        assert!(head.settings.canonicalize_nans && head.features.is_none() && head.warnings.is_empty());
    }

    #[test]
    fn our_own_line_says_nothing_else() {
        let head = Head::of(";;! features: 2.0, threads\n(module)\n;;! gc = true").expect("a head");
        let features = Features::WASM_2_0.with(Features::THREADS);
        assert_eq!(head, Head { features: Some(features), ..Head::default() });
        assert_eq!(Head::of(";; A comment.\n(module)"), Ok(Head::default()));
        assert!(Head::of(";;! features: teleport").is_err());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in ["teleport = true", "gc = 1", "run this", "[table]", "gc = ", "gc = true simd = true"] {
            let head = Head::of(&format!(";; A comment.\n;;! {line}\n")).expect("a head");
            let expected = format!("2:1: the head line `{}` is not understood and has no effect", line.trim());
            assert_eq!(head, Head { warnings: vec![expected], ..Head::default() });
        }
    }
}
