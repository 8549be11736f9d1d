//! The script runner: `.wast` scripts in several lanes, in this process.

use crate::error;
use lanes::{Lane, Options};
use pyo3::prelude::*;
use runner::inputs::{self, Choice, Input};
use runner::report::{self, AbsentLane, FORMATS, Failure, LaneReport, Report, Results, Status};
use runner::{Case, judge};

/// Runs scripts, and returns the report as JSON. `touchstone.run_scripts` makes an object of it.
#[pyfunction]
#[pyo3(signature = (paths, lanes = None, *, features = None, filter = None))]
pub(crate) fn run_scripts(
    py: Python<'_>,
    paths: Vec<String>,
    lanes: Option<Vec<String>>,
    features: Option<&str>,
    filter: Option<String>,
) -> PyResult<String> {
    let features = features.map(str::parse).transpose().map_err(error::value_error)?;
    let choice = Choice { features, filter, ..Choice::default() };
    let names = lanes.map_or_else(lanes::default_list, |lanes| lanes.join(","));
    let opened = lanes::parse(&names, &Options::default()).map_err(error::value_error)?;
    let (scripts, _remarks) = inputs::gather(&paths, &choice).map_err(error::value_error)?;
    let mut results = Results::default();
    for absent in opened.absent {
        if !absent.optional {
            return Err(error::value_error(format!("the lane {} is absent: {}", absent.name, absent.reason)));
        }
        results.absent.push(AbsentLane { lane: absent.name, reason: absent.reason });
    }
    let lanes: Vec<&dyn Lane> = opened.present.iter().map(|lane| &**lane).collect();
    results.lanes = lanes.iter().map(|lane| lane.info().name.clone()).collect();
    for script in &scripts {
        py.check_signals()?;
        py.detach(|| run_script(script, &lanes, &mut results));
    }
    let json = FORMATS.iter().find(|format| format.name == "json").expect("the runner writes JSON");
    (json.render)(&Report::new(results)).map_err(error::value_error)
}

/// Runs a script in each lane, and adds what it shows to the results.
fn run_script(script: &Input, lanes: &[&dyn Lane], results: &mut Results) {
    results.warnings.extend_from_slice(&script.warnings);
    let case = match Case::read(&script.path, script.features) {
        Ok(case) => Case { settings: script.settings, ..case },
        Err(why) => {
            results.scripts.extend(lanes.iter().map(|lane| unreadable(script, &lane.info().name, &why)));
            return;
        }
    };
    let judgment = judge(&case, lanes, &mut ());
    results.scripts.extend(judgment.reports);
    results.disagreements.extend(judgment.disagreements);
    report::add_compared(&mut results.compared, judgment.compared);
}

/// Returns the report of a script that cannot be read.
fn unreadable(script: &Input, lane: &str, why: &inputs::Unreadable) -> LaneReport {
    let failure = Failure {
        line: why.line,
        column: why.column,
        directive: "script".to_string(),
        message: why.message.clone(),
        ..Failure::default()
    };
    let (path, lane) = (script.path.clone(), lane.to_string());
    LaneReport { path, lane, status: Status::Unreadable, failures: vec![failure], ..LaneReport::default() }
}
