//! The comparison catches faults that are planted in one lane's compiler, even where each lane alone passes.
#![cfg(feature = "engine")]

#[path = "faulty/lanes.rs"]
mod faulty;

use lanes::own::{Origin, Own, Tier};
use lanes::{Fault, Features, Lane, Options};
use runner::report::{Disagreement, Status};
use runner::{Case, Judgment, Progress, Settings, SnapshotUse, Verdict, judge};
use script::Directive;

const SCRIPT: &str = "(module\n\
    (func (export \"subtract\") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))\n\
    (func (export \"divide\") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1))))\n\
    (assert_return (invoke \"subtract\" (i32.const 0) (i32.const 0)) (i32.const 0))\n\
    (invoke \"subtract\" (i32.const 5) (i32.const 3))\n\
    (assert_trap (invoke \"divide\" (i32.const 1) (i32.const 0)) \"integer\")\n";

/// Runs a script in a healthy lane and in one with these options.
fn run(text: &str, options: &Options) -> Judgment {
    let healthy = Own::new(Tier::Speed, Origin::Fresh, &Options::default());
    let faulty = Own::new(Tier::Quick, Origin::Reload, options);
    judge_text(text, &[&healthy, &faulty])
}

fn case(text: &str) -> Case<'_> {
    Case {
        path: "x.wast",
        text: text.into(),
        features: Features::default(),
        settings: Settings::default(),
        snapshot: SnapshotUse::None,
        keeps_passed: false,
    }
}

fn judge_text(text: &str, lanes: &[&dyn Lane]) -> Judgment {
    judge(&case(text), lanes, &mut ())
}

/// Returns the disagreements with a lane that has this fault. Each lane alone passes.
fn find_disagreements(fault: Option<Fault>) -> Vec<Disagreement> {
    let judgment = run(SCRIPT, &Options { fault, ..Options::default() });
    assert!(judgment.reports.iter().all(|report| report.status == Status::Pass), "{:?}", judgment.reports);
    judgment.disagreements
}

#[track_caller]
fn expect_caught(fault: Fault, line: u32, what: &str) {
    let found = find_disagreements(Some(fault));
    let [disagreement] = found.as_slice() else { panic!("one disagreement: {found:?}") };
    assert_eq!(disagreement.line, line);
    assert!(disagreement.lanes.values().all(|text| text.starts_with(what)), "{disagreement:?}");
}

#[test]
fn healthy_lanes_agree() {
    assert_eq!(find_disagreements(None), []);
}

/// Notes which lane begins a turn, and how many directives it has run then.
#[derive(Default)]
struct Turns(Vec<(usize, usize)>, usize);

impl Progress for Turns {
    fn begin(&mut self, position: usize, _lane: &str, directives: usize) {
        assert_eq!(directives, 6);
        self.0.push((position, self.1));
    }

    fn step(&mut self, _directive: &Directive, verdict: Option<&Verdict>) {
        self.1 += usize::from(verdict.is_some());
    }
}

#[test]
fn lanes_run_a_long_script_by_turns() {
    let turns = |between: &str| {
        let text = format!("{SCRIPT}{between}(register \"one\") (register \"other\")");
        let lanes = [Origin::Fresh, Origin::Reload].map(|origin| Own::new(Tier::Quick, origin, &Options::default()));
        let mut turns = Turns::default();
        let judgment = judge(&case(&text), &[&lanes[0], &lanes[1]], &mut turns);
        assert!(judgment.has_passed() && judgment.reports.iter().all(|report| report.directives == 6));
        turns.0
    };
    assert_eq!(turns(""), [(0, 0), (1, 6)]);
    let long = format!("(;{};)", "x".repeat(1 << 18));
    assert_eq!(turns(&long), [(0, 0), (1, 5), (0, 10), (1, 11)]);
}

#[test]
fn a_wrong_result() {
    expect_caught(Fault::SubtractionAdds, 5, "outcome");
}

#[test]
fn a_wrong_trap() {
    expect_caught(Fault::WrongTrapCode, 6, "outcome");
}

#[test]
fn a_wrong_position() {
    expect_caught(Fault::SourceMapOffByOne, 6, "frames");
}

/// A list of two cells that is held over the allocation of a third.
const CELLS: &str = "(module (type $cell (struct (field i32) (field (ref null $cell))))\n\
    (func (export \"sum\") (result i32) (local $list (ref null $cell))\n\
        (local.set $list (struct.new $cell (i32.const 1) (struct.new $cell (i32.const 2) (ref.null none))))\n\
        (drop (struct.new $cell (i32.const 4) (ref.null none)))\n\
        (i32.add (struct.get $cell 0 (local.get $list))\n\
            (struct.get $cell 0 (struct.get $cell 1 (local.get $list))))))\n\
    (assert_return (invoke \"sum\") (i32.const 3))\n";

#[test]
fn zeal_shows_a_missing_stack_map() {
    let faulty = |gc_zeal, fault| {
        let reports = run(CELLS, &Options { gc_zeal, fault, ..Options::default() }).reports;
        assert_eq!(reports[0].status, Status::Pass, "the healthy lane");
        reports[1].status
    };
    assert_eq!(faulty(true, None), Status::Pass);
    assert_eq!(faulty(false, Some(Fault::MissingStackMap)), Status::Pass, "nothing moves in so short a time");
    assert_ne!(faulty(true, Some(Fault::MissingStackMap)), Status::Pass);
}

/// A lane reads one field of an object wrongly: the patterns of the script allow it, the other lane does not.
#[test]
fn a_wrong_field() {
    let text = "(module (type $cell (struct (field i32) (field (ref null $cell))))\n\
        (func (export \"canary\") (result (ref $cell))\n\
            (struct.new $cell (i32.const 1) (struct.new $cell (i32.const 2) (ref.null none)))))\n\
        (assert_return (invoke \"canary\") (ref.struct))\n";
    faulty::register();
    let options = Options::default();
    let lane = |name| lanes::parse(name, &options).expect("a lane").present.remove(0);
    let (healthy, faulty) = (lane("quick/fresh"), lane("faulty/wrong-field"));
    let judgment = judge_text(text, &[&*healthy, &*faulty]);
    assert!(judgment.reports.iter().all(|report| report.status == Status::Pass), "{:?}", judgment.reports);
    let [disagreement] = judgment.disagreements.as_slice() else { panic!("one: {:?}", judgment.disagreements) };
    let shown = |value| format!("object \"#0\": struct of 2, value 0: i32 {value}");
    assert_eq!(disagreement.line, 4);
    assert_eq!(disagreement.lanes["quick/fresh"], shown(1));
    assert_eq!(disagreement.lanes["faulty/wrong-field"], shown(2));
}

/// A thread subtracts in a memory that was lent to it, and the script in an instance of its own.
fn thread_script(between: &str) -> String {
    let body = "(register \"mem\" $Mem) (module (memory (import \"mem\" \"shared\") 1 1 shared)\n\
        (func (export \"run\") (i32.store (i32.const 0) (i32.sub (i32.const 5) (i32.const 3))))) (invoke \"run\")";
    format!(
        "(module $Mem (memory (export \"shared\") 1 1 shared))\n\
        (thread $One (shared (module $Mem)) {body})\n{between}\n\
        (thread $Two (shared (module $Mem)) {body})\n(wait $Two) (wait $One)\n\
        (module (func (export \"subtract\") (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1))))\n\
        (invoke \"subtract\" (i32.const 5) (i32.const 3))\n"
    )
}

/// Threads that the script orders are compared by what they wrote, those that race are not, and what has nothing to do
/// with them is compared all the same.
#[test]
fn a_wrong_write_of_a_thread() {
    let lines = |between: &str| {
        let fault = Some(Fault::SubtractionAdds);
        let judgment = run_threads(&thread_script(between), &Options { fault, ..Options::default() });
        judgment.disagreements.iter().map(|disagreement| disagreement.line).collect::<Vec<_>>()
    };
    assert_eq!(lines("(wait $One)"), [9, 1], "the call in the script's own instance, then the memory");
    assert_eq!(lines(""), [9], "the call alone");
}

fn run_threads(text: &str, options: &Options) -> Judgment {
    let healthy = Own::new(Tier::Speed, Origin::Fresh, &Options::default());
    let faulty = Own::new(Tier::Quick, Origin::Reload, options);
    let case = Case { features: Features::default().with(Features::THREADS), ..case(text) };
    judge(&case, &[&healthy, &faulty], &mut ())
}
