//! A gate for the tests of an engine: runs scripts in one lane, in the process of the test, and fails with the text
//! that the program prints.
//!
//! An engine that crashes or hangs takes the test along, and says in which script by the output of the test alone. The
//! program runs scripts in processes of their own.

use crate::expectations::Expectations;
use crate::forms::Forms;
use crate::inputs::{self, Choice, Input};
use crate::judge::{Case, judge};
use crate::report::terminal::{self, Paint};
use crate::report::{Report, Results};
use lanes::Lane;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Scripts that an engine has to pass.
#[derive(Clone, Debug)]
pub struct Gate {
    scripts: Vec<String>,
    choice: Choice,
    /// The list of expected failures.
    expected: Option<PathBuf>,
}

impl Gate {
    /// Makes a gate of scripts: files, directories, and suites such as `spec:2.0`, as the program takes them.
    pub fn new(scripts: &[&str]) -> Gate {
        let scripts = scripts.iter().map(ToString::to_string).collect();
        Gate { scripts, choice: Choice::default(), expected: None }
    }

    /// Leaves the scripts whose path contains a text.
    pub fn filter(mut self, text: &str) -> Gate {
        self.choice.filter = Some(text.to_string());
        self
    }

    /// Chooses how the scripts run.
    pub fn choice(mut self, choice: Choice) -> Gate {
        self.choice = choice;
        self
    }

    /// Names a list of expected failures, as `--expect FILE` does.
    pub fn expect(mut self, list: impl AsRef<Path>) -> Gate {
        self.expected = Some(list.as_ref().to_path_buf());
        self
    }

    /// Runs the scripts in a lane. What the lane does not support is no failure: the totals of the report say how much
    /// passed.
    ///
    /// # Errors
    ///
    /// The failures, as the program prints them, or why the scripts or the list cannot be used.
    pub fn run(&self, lane: &dyn Lane) -> Result<Report, String> {
        // The parser recurses deeply, and the stacks of tests are small.
        const STACK: usize = 64 << 20;
        thread::scope(|scope| {
            let running = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || self.run_here(lane));
            let running = running.map_err(|error: io::Error| error.to_string())?;
            running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn run_here(&self, lane: &dyn Lane) -> Result<Report, String> {
        let built_in = Expectations::built_in()?;
        let own = self.expected.as_deref().map(Expectations::read).transpose()?.unwrap_or_default();
        let (inputs, _) = inputs::gather(&self.scripts, &self.choice).map_err(|error| error.to_string())?;
        let info = lane.info();
        let mut results = Results { lanes: vec![info.name.clone()], ..Results::default() };
        results.engines.insert(info.name.clone(), lane.engine()?);
        results.backends.insert(info.name.clone(), info.backend.clone());
        let mut failures = String::new();
        for input in &inputs {
            let lists = if input.official { built_in.as_slice() } else { &[] };
            let lists: Vec<&Expectations> = lists.iter().chain([&own]).collect();
            failures += &add(&mut results, input, lane, &lists)?;
        }
        let report = Report::new(results);
        match report.exit_code() {
            0 => Ok(report),
            _ => Err(failures + &terminal::counts(&report) + &report.complaints.join("\n")),
        }
    }
}

/// Runs a script, and adds its results. Returns its failures as text.
fn add(results: &mut Results, input: &Input, lane: &dyn Lane, lists: &[&Expectations]) -> Result<String, String> {
    let path = &input.path;
    let case = Case::read(path, input.features).map_err(|error| format!("cannot read {path}: {error}"))?;
    let keeps_passed = lists.iter().any(|list| list.concerns(path));
    let case = Case { settings: input.settings, keeps_passed, ..case };
    let mut judgment = judge(&case, &[lane], &mut ());
    let forms = Forms::of(&case.text);
    for report in &mut judgment.reports {
        lists.iter().for_each(|list| list.apply(report, &forms));
        report.passed_on.clear();
    }
    let failed: Vec<_> = judgment.reports.iter().filter(|report| !report.failures.is_empty()).collect();
    let failures = terminal::failures(&failed, Some(&case.text), Paint { color: false });
    results.scripts.append(&mut judgment.reports);
    Ok(failures)
}
