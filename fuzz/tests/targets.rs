//! The focused targets on stable Rust, with fixed inputs: lanes agree, most of the calls do something, and each target
//! catches a fault that it is there for, planted into our engine or into a lane around it.

use fuzz::generate::Generator;
use fuzz::generate::case::Case;
use fuzz::generate::feature_set::Audience;
use fuzz::generate::input::Random;
use fuzz::generate::{gc, instantiate, mixed, reload, simd, traps};
use fuzz::oracle::differential::Differential;
use fuzz::oracle::shadow::check_lane;
use fuzz::oracle::threads::Threads;
use fuzz::oracle::{Oracle, Verdict};
use fuzz::panel::{Panel, compare, own_lane};
use fuzz::statistics::Statistics;
use lanes::{
    Binary, Failure, Fault, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Options, Refusal,
    Session, Shared, State, TrapKind, Value,
};
use std::collections::BTreeSet;

/// Returns input number `k`.
fn input(k: u64) -> [u8; 8] {
    Random::new(k).next_u64().to_le_bytes()
}

/// Runs the first inputs of a generator in all our lanes, or in those that compile. Returns the statistics.
#[track_caller]
fn run(generate: Generator, panel: Panel, inputs: u64) -> Statistics {
    let mut oracle = Differential::new(generate, panel);
    for k in 0..inputs {
        match oracle.check(&input(k)) {
            Verdict::Found(report) => panic!("input {k}:\n{}", report.details()),
            Verdict::Passed(events) => print!("{events}"),
            Verdict::Known(_) | Verdict::NoCase => {}
        }
    }
    let statistics = oracle.statistics;
    println!("{statistics}");
    assert!(statistics.executed_percent() >= 90, "{statistics}");
    statistics
}

/// Plants a fault into one of two lanes, and expects that one of the first inputs of the generator shows it.
#[track_caller]
fn expect_caught(generate: Generator, fault: Fault, inputs: u64) {
    for k in 0..inputs {
        let Ok(case) = generate(&input(k), Audience::OWN) else { continue };
        let options = Options { gc_zeal: true, ..case.options["speed"].clone() };
        let sound = own_lane("speed/fresh", &options);
        let faulty = own_lane("speed/fresh", &Options { fault: Some(fault), ..options });
        if compare::check(&case, &[&*sound, &*faulty]).is_err() {
            return;
        }
    }
    panic!("{fault:?} is not caught within {inputs} inputs");
}

#[test]
fn single_operations_agree() {
    let statistics = run(simd::generate, Panel::own(), 12);
    assert!(statistics.steps["returned"] > 12 * 60, "{statistics}");
}

#[test]
fn wrong_operations_are_caught() {
    expect_caught(simd::generate, Fault::SubtractionAdds, 60);
    expect_caught(simd::generate, Fault::LastLaneMissed, 300);
    expect_caught(simd::generate, Fault::SpilledExtensionLosesSign, 60);
}

#[test]
fn traps_agree() {
    let statistics = run(traps::generate, Panel::own(), 10);
    for kind in [TrapKind::Unreachable, TrapKind::MemoryOutOfBounds, TrapKind::IntegerDivisionByZero] {
        assert!(statistics.traps.contains_key(kind.name()), "no {kind}: {statistics}");
    }
    assert!(statistics.deep_percent() >= 50, "{statistics}");
}

#[test]
fn wrong_frames_are_caught() {
    expect_caught(traps::generate, Fault::SourceMapOffByOne, 3);
    expect_caught(traps::generate, Fault::OffsetAfterLongNumber, 60);
    expect_caught(traps::generate, Fault::NamesShifted, 20);
    expect_caught(traps::generate, Fault::FunctionNumberByte, 20);
}

#[test]
fn objects_agree() {
    let statistics = run(gc::generate, Panel::own(), 12);
    assert!(statistics.steps["returned"] > 12 * 5, "{statistics}");
    assert!(statistics.traps.contains_key(TrapKind::CastFailure.name()), "{statistics}");
}

#[test]
fn a_missing_stack_map_is_caught() {
    expect_caught(gc::generate, Fault::MissingStackMap, 10);
}

#[test]
fn instances_agree() {
    let statistics = run(instantiate::generate, Panel::own(), 25);
    assert!(statistics.steps["returned"] > 25 * 3, "{statistics}");
}

#[test]
fn an_altered_payload_is_caught() {
    expect_caught(instantiate::generate, Fault::PayloadAltered, 40);
}

#[test]
fn an_import_of_an_earlier_instance_is_caught() {
    let found = (0..200).any(|k| {
        let Ok(case) = instantiate::generate(&input(k), Audience::OWN) else { return false };
        let sound = own_lane("quick/fresh", &case.options["quick"]);
        let faulty = FaultyLane::new(&case.options["quick"], Slip::KeepsFirstRegistration);
        compare::check(&case, &[&*sound, &faulty]).is_err()
    });
    assert!(found, "not caught");
}

#[test]
fn a_fault_of_reloaded_code_is_caught() {
    let found = (0..20).any(|k| {
        let Ok(case) = reload::generate(&input(k), Audience::OWN) else { return false };
        let fresh = own_lane("quick/fresh", &case.options["quick"]);
        let fault = Some(Fault::SourceMapOffByOne);
        let reload = own_lane("quick/reload", &Options { fault, ..case.options["quick"].clone() });
        compare::check(&case, &[&*fresh, &*reload]).is_err()
    });
    assert!(found, "not caught");
}

#[test]
fn reloaded_modules_agree() {
    run(reload::generate, Panel::compiled(), 25);
}

#[test]
fn threads_leave_the_same_behind() {
    let mut oracle = Threads::new(&Panel::own());
    for k in 0..6 {
        if let Verdict::Found(report) = oracle.check(&input(k)) {
            panic!("input {k}:\n{}", report.details());
        }
    }
    assert!(oracle.executed() >= 6 * 3, "{}", oracle.statistics());
}

/// Returns the signature of the first finding of the threads oracle in a faulty lane.
#[track_caller]
fn find_in_threads(slip: Slip) -> String {
    let mut oracle = Threads::with(Box::new(move |options| vec![Box::new(FaultyLane::new(options, slip))]));
    for k in 0..10 {
        if let Verdict::Found(report) = oracle.check(&input(k)) {
            return report.signature();
        }
    }
    panic!("nothing is found");
}

#[test]
fn a_lost_change_of_a_cell_is_caught() {
    let signature = find_in_threads(Slip::LosesChanges);
    assert!(signature.contains("the cell"), "{signature}");
}

#[test]
fn a_wrong_count_of_woken_threads_is_caught() {
    let signature = find_in_threads(Slip::CountsOneMore);
    assert!(signature.contains("`wake` returns"), "{signature}");
}

#[test]
fn a_wait_that_ends_for_another_reason_is_caught() {
    let signature = find_in_threads(Slip::TimesOut);
    assert!(signature.contains("`sleep` returns"), "{signature}");
}

/// The frames that a host function sees are held against those that modules record, as those of traps are.
#[test]
fn wrong_frames_in_a_host_call_are_caught() {
    let found = (0..60).find_map(|k| {
        let case = mixed::generate(&input(k), Audience::OWN).ok()?;
        let faulty = FaultyLane::new(&case.options["quick"], Slip::HidesCallerOfHost);
        check_lane(&case, &faulty).err()
    });
    let step = found.expect("it is caught").step;
    assert!(step.contains(", host call "), "{step}");
}

/// Every generator makes the same case of the same bytes, and of any bytes.
#[test]
fn cases_follow_from_the_bytes() {
    let generators: [Generator; 5] =
        [gc::generate, instantiate::generate, reload::generate, simd::generate, traps::generate];
    for generate in generators {
        let modules = |bytes: &[u8]| generate(bytes, Audience::OWN).map(|case: Case| case.modules).ok();
        for bytes in [&[][..], &[1, 2, 3], &[255; 4000], &input(1)] {
            assert_eq!(modules(bytes), modules(bytes));
        }
    }
}

/// A mistake of a lane.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    /// An instance that is registered under a name in use is not registered.
    KeepsFirstRegistration,
    /// Calls that change a cell return without a change.
    LosesChanges,
    /// One more thread was woken than there were.
    CountsOneMore,
    /// A thread that was woken says that its time was over.
    TimesOut,
    /// The host does not see the frame that called it.
    HidesCallerOfHost,
}

/// A lane of ours that makes a mistake.
struct FaultyLane {
    inner: Box<dyn Lane>,
    slip: Slip,
}

impl FaultyLane {
    fn new(options: &Options, slip: Slip) -> FaultyLane {
        FaultyLane { inner: own_lane("quick/fresh", options), slip }
    }
}

impl Lane for FaultyLane {
    fn info(&self) -> &LaneInfo {
        self.inner.info()
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        let inner = self.inner.session(features)?;
        Ok(Box::new(FaultySession { inner, slip: self.slip, names: BTreeSet::new() }))
    }
}

struct FaultySession<'a> {
    inner: Box<dyn Session + 'a>,
    slip: Slip,
    names: BTreeSet<String>,
}

impl Session for FaultySession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        self.inner.load(module)
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.inner.instantiate(module)
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        if !self.names.insert(name.to_string()) && self.slip == Slip::KeepsFirstRegistration {
            return Ok(());
        }
        self.inner.register(name, instance)
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.inner.define(function)
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        if self.slip == Slip::LosesChanges && function.starts_with("cell") {
            return Ok(vec![Value::I64(0)]);
        }
        let mut results = self.inner.invoke(instance, function, arguments)?;
        if let [Value::I32(result)] = &mut results[..] {
            match (self.slip, function) {
                (Slip::CountsOneMore, "wake") => *result += 1,
                (Slip::TimesOut, "sleep") => *result = 2,
                _ => {}
            }
        }
        Ok(results)
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        self.inner.get(instance, global)
    }

    fn share(&mut self, instance: InstanceId) -> Result<Shared, Failure> {
        self.inner.share(instance)
    }

    fn adopt(&mut self, shared: &Shared) -> Result<InstanceId, Failure> {
        self.inner.adopt(shared)
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        self.inner.state(instance)
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.inner.read_memory(instance, memory, offset, length)
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        let mut calls = self.inner.take_host_calls();
        if self.slip == Slip::HidesCallerOfHost {
            for frames in calls.iter_mut().filter_map(|call| call.frames.as_mut()) {
                *frames = frames.split_off(frames.len().min(1));
            }
        }
        calls
    }

    fn fuel(&mut self) -> Option<u64> {
        self.inner.fuel()
    }
}
