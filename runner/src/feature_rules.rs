//! The file of `--features-file`: the features of scripts by their paths.
//!
//! ```text
//! # GLOB = FEATURES. The last line whose glob matches a path holds.
//! **             = 3.0
//! proposals/gc/* = 3.0, -memory64
//! ```
//!
//! A glob matches the end of a path, from a folder on: `gc/*.wast` matches `suite/gc/array.wast`. `*` stands for any
//! part of a name, and `**` for any folders.

use glob::{MatchOptions, Pattern};
use lanes::Features;
use std::fs;
use std::path::Path;

/// The features of scripts by their paths.
#[derive(Clone, Debug, Default)]
pub struct FeatureRules(Vec<(Pattern, Features)>);

impl FeatureRules {
    /// Reads the rules of a file.
    ///
    /// # Errors
    ///
    /// Says where and why the file cannot be read.
    pub fn read(path: &Path) -> Result<FeatureRules, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        FeatureRules::parse(&text).map_err(|error| format!("{}:{error}", path.display()))
    }

    fn parse(text: &str) -> Result<FeatureRules, String> {
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            rules.push(parse_rule(line).map_err(|error| format!("{number}: {error}"))?);
        }
        Ok(FeatureRules(rules))
    }

    /// Returns the features of a script; `None` if no glob matches its path.
    pub fn features_of(&self, path: &str) -> Option<Features> {
        let rule = self.0.iter().rfind(|(glob, _)| matches(glob, path));
        rule.map(|(_, features)| *features)
    }

    /// Returns a remark on each glob that matches none of these paths: it may be misspelled.
    pub(crate) fn remarks_on_unused<'a>(&self, paths: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
        let unused = self.0.iter().filter(|(glob, _)| !paths.clone().any(|path| matches(glob, path)));
        unused.map(|(glob, _)| format!("the glob `{glob}` of --features-file matches no script")).collect()
    }
}

fn matches(glob: &Pattern, path: &str) -> bool {
    glob.matches_with(path, MatchOptions { require_literal_separator: true, ..MatchOptions::default() })
}

fn parse_rule(line: &str) -> Result<(Pattern, Features), String> {
    let (glob, features) = line.split_once('=').ok_or("expected GLOB = FEATURES")?;
    let glob = glob.trim();
    let is_whole = glob.starts_with('/') || glob.starts_with("**");
    let whole = if is_whole { glob.to_string() } else { format!("**/{glob}") };
    let pattern = Pattern::new(&whole).map_err(|error| format!("the glob `{glob}` is wrong: {error}"))?;
    Ok((pattern, features.parse().map_err(|error| format!("{error}"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_glob_that_matches_holds() {
        let text =
            "# A comment.\n** = 3.0\n\nthreads/** = 1.0, threads\n*.old.wast = 1.0\nx.wast = 2.0\n/x.wast = 1.0\n";
        let rules = FeatureRules::parse(text).expect("rules");
        let is = |path, features| assert_eq!(rules.features_of(path), Some(features), "{path}");
        is("suite/a.wast", Features::WASM_3_0);
        is("/suites/suite/threads/core/a.wast", Features::WASM_1_0.with(Features::THREADS));
        is("threads/a.wast", Features::WASM_1_0.with(Features::THREADS));
        is("suite/a.old.wast", Features::WASM_1_0);
        is("suite/x.wast", Features::WASM_2_0);
        is("/x.wast", Features::WASM_1_0);
        is("suite/xx.wast", Features::WASM_3_0);
        is("spec:2.0/simd/x.wast", Features::WASM_2_0);
        assert_eq!(FeatureRules::default().features_of("x.wast"), None);
        let unused = rules.remarks_on_unused(["threads/a.wast", "a.old.wast"].into_iter());
        let remark = |glob| format!("the glob `{glob}` of --features-file matches no script");
        assert_eq!(unused, [remark("**/x.wast"), remark("/x.wast")]);
        let rules = FeatureRules::parse("gc/*.wast = gc").expect("rules");
        assert!(rules.features_of("gc/a.wast").is_some() && rules.features_of("gc/a/b.wast").is_none());
    }

    #[test]
    fn errors_say_where() {
        let error = |text| FeatureRules::parse(text).expect_err("it is wrong");
        assert_eq!(error("\nthreads/**"), "2: expected GLOB = FEATURES");
        assert!(error("** = teleport").starts_with("1: unknown feature `teleport`"));
        assert!(error("a/***b = 3.0").starts_with("1: the glob `a/***b` is wrong: "));
    }
}
