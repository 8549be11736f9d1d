//! `touchstone check-adapter`: lets an adapter of the executable protocol do what it must be able to do, and what it must
//! refuse, and says precisely what is wrong.
//!
//! Each check is a short session of its own (`checks`), so that one that kills or hangs the adapter costs only itself.
//! What the adapter says that it cannot tell is not asked of it, but what it says that it can is: an engine that claims
//! a feature and refuses the modules that use it is wrong, and so is one that denies a feature and has it.

mod checks;
mod trial;

use lanes::adapter::{ChildLane, Introduced};
use lanes::{Features, Lane, Options};
use std::fmt;
use std::time::{Duration, Instant};
use trial::Trial;

/// Nothing, or what is wrong.
pub type CheckResult = Result<(), String>;

/// Something that an adapter must do right.
pub(crate) struct Check {
    /// What it is about.
    name: &'static str,
    /// Without these features of the engine the check is left out.
    needs: Features,
    /// Does it.
    run: fn(&mut Trial<'_>) -> CheckResult,
}

/// What came of the checks.
#[derive(Debug)]
pub struct CheckReport {
    /// What the adapter said of itself, or why it could not.
    introduced: Result<Introduced, String>,
    /// Each check, and what came of it; `None` if the engine lacks what it needs.
    results: Vec<(&'static str, Option<CheckResult>)>,
}

/// Tries the adapter that this command starts.
pub fn check(command: &[String], timeout: Duration) -> CheckReport {
    let options = Options { request_timeout: Some(timeout), ..Options::default() };
    let lane = ChildLane::new("adapter", command.to_vec(), &options);
    let introduced = match lane.hello() {
        Ok(introduced) => introduced.clone(),
        Err(lost) => return CheckReport { introduced: Err(lost.to_string()), results: Vec::new() },
    };
    let mut hangs = 0;
    let mut results = Vec::new();
    for check in checks::all() {
        let started = Instant::now();
        let possible = introduced.features.contains(check.needs);
        results.push((check.name, possible.then(|| try_one(&lane, &introduced, check))));
        hangs += usize::from(started.elapsed() >= timeout);
        if hangs == PATIENCE {
            results.push(("the checks that are left", Some(Err(format!("not tried: {PATIENCE} took too long")))));
            break;
        }
    }
    CheckReport { introduced: Ok(introduced), results }
}

/// After so many checks that took longer than one request may, the others are not tried: most would hang too.
const PATIENCE: usize = 3;

fn try_one(lane: &ChildLane, introduced: &Introduced, check: &Check) -> CheckResult {
    let features = introduced.features;
    let session = lane.session(features).map_err(|failure| format!("a fresh store: {failure}"))?;
    (check.run)(&mut Trial { lane, introduced, session })
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.introduced.is_ok() && self.wrong().next().is_none()
    }

    fn wrong(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.results.iter().filter_map(|(name, result)| match result {
            Some(Err(what)) => Some((*name, what.as_str())),
            _ => None,
        })
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Introduced { hello, .. } = match &self.introduced {
            Ok(introduced) => introduced,
            Err(why) => return writeln!(f, "WRONG  hello: {why}"),
        };
        writeln!(f, "{} {}: {}", hello.engine, hello.version, hello.features.join(", "))?;
        writeln!(f, "it tells: {}", hello.tells.join(", "))?;
        for (name, result) in &self.results {
            match result {
                Some(Ok(())) => writeln!(f, "ok     {name}")?,
                Some(Err(what)) => writeln!(f, "WRONG  {name}: {what}")?,
                None => writeln!(f, "-      {name}: the engine lacks what it needs")?,
            }
        }
        let done = self.results.iter().filter(|(_, result)| result.is_some()).count();
        match self.wrong().count() {
            0 => writeln!(f, "the adapter passes {done} checks"),
            wrong => writeln!(f, "the adapter fails {wrong} of {done} checks"),
        }
    }
}
