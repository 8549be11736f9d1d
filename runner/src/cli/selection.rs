//! The options that pick some of the scripts: `--shard` and `--rerun-failed`.

use crate::inputs::Input;
use crate::report::{Report, Status};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// One of several parts of the scripts, as `2/4`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shard {
    /// The number of the part, counted from 1.
    part: u64,
    parts: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
        match numbers {
            Some((part, parts)) if (1..=parts).contains(&part) => Ok(Shard { part, parts }),
            _ => Err("expected K/N, where K is a number from 1 to N".to_string()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl Shard {
    /// Returns whether a script is in this part. The path of a built-in script decides, and of others the name of the
    /// file alone: on every machine each script is in exactly one part, wherever its folder lies there.
    fn has(self, path: &str) -> bool {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).filter(|_| !path.starts_with("spec:"));
        let digest = blake3::hash(name.unwrap_or(path).as_bytes());
        let number = digest.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % self.parts == self.part - 1
    }
}

/// The choice among the scripts that the arguments name.
#[derive(Debug, Default)]
pub(super) struct Selection {
    shard: Option<Shard>,
    /// The scripts that did not pass in the last report, and its file.
    failed: Option<(BTreeSet<String>, String)>,
}

impl Selection {
    /// Makes a selection. `last_report` is the file of the report whose failed scripts run again.
    ///
    /// # Errors
    ///
    /// Says why the report cannot be read.
    pub(super) fn new(shard: Option<Shard>, last_report: Option<&Path>) -> Result<Selection, String> {
        let Some(file) = last_report else { return Ok(Selection { shard, failed: None }) };
        let report = Report::read(file)?;
        let failed = report.scripts.into_iter().filter(|script| script.status != Status::Pass);
        let mut failed: BTreeSet<String> = failed.map(|script| script.path).collect();
        failed.extend(report.disagreements.into_iter().map(|disagreement| disagreement.path));
        Ok(Selection { shard, failed: Some((failed, file.display().to_string())) })
    }

    /// Returns the scripts to search, given those that the command line names: if it names none, those that failed.
    pub(super) fn arguments(&self, named: &[String]) -> Vec<String> {
        match &self.failed {
            Some((failed, _)) if named.is_empty() => failed.iter().cloned().collect(),
            _ => named.to_vec(),
        }
    }

    /// Returns whether a script may run.
    pub(super) fn has(&self, path: &str) -> bool {
        self.shard.is_none_or(|shard| shard.has(path))
            && self.failed.as_ref().is_none_or(|(failed, _)| failed.contains(path))
    }

    /// Leaves the selected scripts. Returns a remark if none is left.
    pub(super) fn apply(&self, inputs: &mut Vec<Input>) -> Option<String> {
        let all = inputs.len();
        inputs.retain(|input| self.has(&input.path));
        if !inputs.is_empty() {
            return None;
        }
        Some(match (&self.failed, self.shard) {
            (Some((failed, file)), _) if failed.is_empty() => format!("nothing failed in {file}: no script runs"),
            (_, Some(shard)) => format!("none of {all} scripts is in shard {shard}: no script runs"),
            (Some((_, file)), None) => format!("none of {all} scripts failed in {file}: no script runs"),
            (None, None) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_in_one_shard_wherever_its_folder_lies() {
        let shards =
            |path: &str| -> Vec<u64> { (1..=4).filter(|part| Shard { part: *part, parts: 4 }.has(path)).collect() };
        let paths = (0..100).map(|number| format!("tests/{number}.wast"));
        let parts: Vec<Vec<u64>> = paths.map(|path| shards(&path)).collect();
        assert!(parts.iter().all(|parts| parts.len() == 1));
        let sizes = (1..=4).map(|part| parts.iter().filter(|parts| parts[0] == part).count());
        assert!(sizes.clone().all(|size| (10..50).contains(&size)), "{:?}", sizes.collect::<Vec<_>>());
        assert_eq!(shards("/ci/tests/a.wast"), shards("tests/a.wast"));
        // Pinned, because machines of several versions may share one run.
        assert_eq!([shards("spec:3.0/i32.wast"), shards("spec:1.0/i32.wast"), shards("i32.wast")], [[4], [1], [2]]);
    }

    #[test]
    fn a_shard_is_one_of_its_parts() {
        assert_eq!("2/4".parse(), Ok(Shard { part: 2, parts: 4 }));
        for wrong in ["0/4", "5/4", "4", "/", "1/0", "-1/2", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
