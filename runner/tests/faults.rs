//! The comparison catches faults that are planted in one lane's compiler, even where each lane alone passes.
#![cfg(feature = "engine")]

use lanes::own::{Origin, Own, Tier};
use lanes::{Fault, Lane, Options};
use runner::execute::Verdict;
use runner::judge::{Case, Progress, judge};
use runner::report::{Disagreement, LaneReport, Status};
use runner::script::Directive;

const SCRIPT: &str = "(module\n\
    (func (export \"subtract\") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))\n\
    (func (export \"divide\") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1))))\n\
    (assert_return (invoke \"subtract\" (i32.const 0) (i32.const 0)) (i32.const 0))\n\
    (invoke \"subtract\" (i32.const 5) (i32.const 3))\n\
    (assert_trap (invoke \"divide\" (i32.const 1) (i32.const 0)) \"integer\")\n";

struct Reports(Vec<LaneReport>);

impl Progress for Reports {
    fn begin(&mut self, _lane: &str, _directives: &[Directive]) {}

    fn step(&mut self, _position: usize, _directive: &Directive, _verdict: Option<&Verdict>) {}

    fn end(&mut self, report: LaneReport) {
        self.0.push(report);
    }
}

fn disagreements(fault: Option<Fault>) -> Vec<Disagreement> {
    let healthy = Own::new(Tier::Speed, Origin::Fresh, &Options::default());
    let faulty = Own::new(Tier::Quick, Origin::Reload, &Options { fault, ..Options::default() });
    let lanes: [&dyn Lane; 2] = [&healthy, &faulty];
    let case = Case { path: "x.wast", text: SCRIPT, features: lanes::Features::default(), snapshot: None };
    let mut reports = Reports(Vec::new());
    let judged = judge(&case, &lanes, &mut reports).expect("the script parses");
    assert!(reports.0.iter().all(|report| report.status == Status::Pass), "{:?}", reports.0);
    judged.disagreements
}

#[track_caller]
fn caught(fault: Fault, line: u32, what: &str) {
    let found = disagreements(Some(fault));
    let [disagreement] = found.as_slice() else { panic!("one disagreement: {found:?}") };
    assert_eq!(disagreement.line, line);
    assert!(disagreement.lanes.values().all(|text| text.starts_with(what)), "{disagreement:?}");
}

#[test]
fn healthy_lanes_agree() {
    assert_eq!(disagreements(None), []);
}

#[test]
fn a_wrong_result() {
    caught(Fault::SubtractionAdds, 5, "outcome");
}

#[test]
fn a_wrong_trap() {
    caught(Fault::WrongTrapCode, 6, "outcome");
}

#[test]
fn a_wrong_position() {
    caught(Fault::SourceMapOffByOne, 6, "frames");
}
