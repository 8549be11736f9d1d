//! Checks of an adapter of the executable protocol, for `touchstone check-adapter`: what it must be able to do, and
//! what it must refuse.
//!
//! Each check has a short session of its own, so that a check that kills or hangs the adapter ends no other. A check
//! does not ask for what the adapter says it cannot tell. It does ask for what the adapter says it can: an engine that
//! claims a feature and refuses the modules that use it is wrong, and so is one that denies a feature and has it.

mod checks;
mod trial;

use lanes::adapter::{AdapterLane, Introduction};
use lanes::{Features, Lane, Options};
use std::fmt;
use std::time::{Duration, Instant};
use trial::Trial;

/// Nothing, or a message that says what is wrong.
pub type CheckResult = Result<(), String>;

/// A check of something that an adapter must do right.
struct Check {
    /// The subject, which the report shows.
    name: &'static str,
    /// The features that the engine must have. Without them the check is left out.
    needs: Features,
    /// The check itself.
    run: fn(&mut Trial<'_>) -> CheckResult,
}

/// The results of all checks. Its text is what `touchstone check-adapter` prints.
#[derive(Debug)]
pub struct CheckReport {
    /// The adapter's introduction, or the reason why there was none.
    introduced: Result<Introduction, String>,
    /// The name and the outcome of each check.
    results: Vec<(&'static str, Outcome)>,
}

/// The outcome of a check.
#[derive(Debug)]
enum Outcome {
    /// Nothing is wrong.
    Right,
    /// A message that says what is wrong.
    Wrong(String),
    /// The check proves nothing: a message that says what the engine or the adapter lacks.
    LeftOut(String),
}

/// Checks the adapter that a command starts. `timeout` limits each request.
pub fn check(command: &[String], timeout: Duration) -> CheckReport {
    let options = Options { request_timeout: Some(timeout), ..Options::default() };
    let lane = AdapterLane::new("adapter", command.to_vec(), &options);
    let introduced = match lane.introduction() {
        Ok(introduced) => introduced.clone(),
        Err(lost) => return CheckReport { introduced: Err(lost.to_string()), results: Vec::new() },
    };
    let mut hangs = 0;
    let mut results = Vec::new();
    for check in checks::all() {
        let started = Instant::now();
        results.push((check.name, run_check(&lane, &introduced, check)));
        hangs += usize::from(started.elapsed() >= timeout);
        if hangs == PATIENCE {
            results.push(("the remaining checks", Outcome::Wrong(format!("not tried: {PATIENCE} took too long"))));
            break;
        }
    }
    CheckReport { introduced: Ok(introduced), results }
}

/// The number of checks that may exceed the time of a request. After that the remaining ones are not tried, since most
/// would hang too.
const PATIENCE: usize = 3;

fn run_check(lane: &AdapterLane, introduced: &Introduction, check: &Check) -> Outcome {
    if !introduced.features.contains(check.needs) {
        return Outcome::LeftOut("the engine lacks a feature that this needs".to_string());
    }
    let session = match lane.session(introduced.features) {
        Ok(session) => session,
        Err(failure) => return Outcome::Wrong(format!("a fresh store: {failure}")),
    };
    let mut trial = Trial { lane, introduced, session, lacks: None };
    let result = (check.run)(&mut trial);
    match (result, trial.lacks) {
        (Ok(()), _) => Outcome::Right,
        (Err(_), Some(what)) => Outcome::LeftOut(what),
        (Err(what), None) => Outcome::Wrong(what),
    }
}

impl CheckReport {
    /// Returns whether nothing is wrong.
    pub fn has_passed(&self) -> bool {
        self.introduced.is_ok() && self.wrong().next().is_none()
    }

    fn wrong(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.results.iter().filter_map(|(name, result)| match result {
            Outcome::Wrong(what) => Some((*name, what.as_str())),
            _ => None,
        })
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Introduction { hello, .. } = match &self.introduced {
            Ok(introduced) => introduced,
            Err(why) => return writeln!(f, "WRONG  hello: {why}"),
        };
        writeln!(f, "{} {}: {}", hello.engine, hello.version, hello.features.join(", "))?;
        writeln!(f, "it tells: {}", hello.tells.join(", "))?;
        for (name, result) in &self.results {
            match result {
                Outcome::Right => writeln!(f, "ok     {name}")?,
                Outcome::Wrong(what) => writeln!(f, "WRONG  {name}: {what}")?,
                Outcome::LeftOut(what) => writeln!(f, "-      {name}: {what}")?,
            }
        }
        let done = self.results.iter().filter(|(_, result)| !matches!(result, Outcome::LeftOut(_))).count();
        match self.wrong().count() {
            0 => writeln!(f, "the adapter passes {done} checks"),
            wrong => writeln!(f, "the adapter fails {wrong} of {done} checks"),
        }
    }
}
