//! The conformance test of a team whose engine is a lane, as it stands in their own `tests/`: `cargo test` runs it. The
//! lane itself is in `lanes/examples/other_engine.rs`.

#[path = "../../lanes/examples/other_engine.rs"]
#[expect(dead_code, reason = "it is an example of its own")]
mod other_engine;

#[cfg(test)]
use runner::Gate;

/// The engine passes the scripts about integers of WebAssembly 2.0, and supports all of them.
#[test]
fn the_engine_conforms() {
    let engine = other_engine::open(&lanes::Options::default()).expect("the engine starts");
    let report = Gate::new(&["spec:2.0"]).filter("2.0/i").run(&*engine).unwrap_or_else(|failures| panic!("{failures}"));
    assert!(report.totals.passed > 1000 && report.totals.unsupported == 0, "{:?}", report.totals);
}

/// A wrong script does not pass: the gate can fail.
#[test]
fn a_failure_is_shown() {
    let engine = other_engine::open(&lanes::Options::default()).expect("the engine starts");
    let wrong = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/wrong.wast");
    let failures = Gate::new(&[wrong]).run(&*engine).expect_err("it is wrong");
    assert!(failures.contains("wrong.wast:12:1: assert_return: expected [i32 42], got [i32 48]"), "{failures}");
}

fn main() {}
