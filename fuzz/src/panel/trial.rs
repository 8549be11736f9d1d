//! The trial of a case: the interpreter runs it before all lanes do, so that they get a case that ends, without code
//! that does not run.
//!
//! - The first action that needs far more fuel than a case should is dropped, with all actions after it. Without fuel,
//!   functions that call each other in tail position may never end.
//! - Functions that no action reaches lose their bodies, and the others lose the parts that are not executed, such as
//!   the arm of an `if` that is not taken: to compile all this takes longer than to run the rest. The case then needs
//!   fewer features, and engines that are made for all features run it. One input of eight keeps all code, since a
//!   compiler may fail at it, and has engines with no more features than it may use.
//!
//! Nine inputs of ten reload artifacts from memory, the others from files.
//!
//! All lanes get the same result, so that nothing depends on what the trial saw. Without the interpreter, a case keeps
//! its actions and code.

use super::run::{ALL, Binaries, Store, find_imports, run_and};
use super::{INTERPRETER, own_lane};
use crate::generate::case::Case;
use crate::generate::feature_set::find_needed;
use crate::rewrite::{Cut, cut_functions};
use lanes::Options;

/// The fuel of each action where the case itself has none: far more than nearly all cases need.
const FUEL: u64 = 1_000_000;
/// The stack of the trial in bytes: so small that endless recursion, which a case may have, overflows it before the
/// fuel runs out.
const STACK: usize = 256 << 10;

/// Returns the case that all lanes run for an input. `None` if no call of it is left.
pub fn settle(input: &[u8], mut case: Case) -> Option<Case> {
    // To write a file takes as long as to load it, and to make the memories of `spectest` as long as to run a case.
    let from_memory = input.get(1).is_some_and(|byte| !byte.is_multiple_of(10));
    let without_spectest = !case.modules.iter().any(|wasm| find_imports(wasm).contains("spectest"));
    for options in case.options.values_mut() {
        (options.reload_from_memory, options.without_spectest) = (from_memory, without_spectest);
    }
    let is_whole = input.first().is_none_or(|byte| byte.is_multiple_of(8));
    let calls = case.calls().next().is_some();
    let mut case = if cfg!(feature = "interp") { try_case(&case, is_whole) } else { case };
    case.needed = find_needed(case.modules.iter().map(Vec::as_slice), case.needed);
    Some(case).filter(|case| !calls || case.calls().next().is_some())
}

/// Returns the case without what the trial shows to be useless.
fn try_case(case: &Case, is_whole: bool) -> Case {
    let mut settled = case.clone();
    // The collector's zeal changes nothing but the time.
    let options = Options { gc_zeal: false, time_limit: None, track_code: !is_whole, ..case.options_of(INTERPRETER) };
    let is_limited = options.fuel.is_some();
    let fuel = options.fuel.or(Some(FUEL));
    let lane = own_lane(INTERPRETER, &Options { fuel, max_stack: Some(STACK), ..options });
    let run = run_and(case, &Binaries::new(case), lane.as_ref(), &mut |store| {
        if !is_whole {
            settled.modules = (0..case.modules.len()).map(|module| without_skipped(case, module, store)).collect();
        }
    });
    if !is_limited && let Some(action) = run.out_of_fuel {
        settled.actions.truncate(action);
    }
    if !is_whole {
        settled.features = ALL;
    }
    settled
}

/// Returns a module without the code that no action has executed.
fn without_skipped(case: &Case, module: usize, store: &mut Store<'_>) -> Vec<u8> {
    let wasm = &case.modules[module];
    let cut = |function| match store.was_called(module, function) {
        Some(false) => Cut::Body,
        _ => Cut::From(store.skipped_code(module, function)),
    };
    cut_functions(wasm, cut).unwrap_or_else(|| wasm.clone())
}

#[cfg(all(test, feature = "interp"))]
mod tests {
    use super::*;
    use crate::generate::case::{Action, MAIN};
    use wasmparser::{Parser, Payload};

    fn settled(first: u8, text: &str, calls: &[&str]) -> Option<Case> {
        let calls = calls.iter().map(|name| (name.to_string(), Vec::new()));
        settle(&[first], Case::of_module(wat::parse_str(text).expect("it parses"), calls))
    }

    fn bodies(case: &Case) -> Vec<usize> {
        let payloads = Parser::new(0).parse_all(&case.modules[0]);
        let bodies = payloads.filter_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body.as_bytes().len()),
            _ => None,
        });
        bodies.collect()
    }

    #[test]
    fn functions_that_nobody_calls_lose_their_bodies() {
        const TEXT: &str = r#"(module
            (func $called (result i32) (i32.add (i32.const 1) (i32.const 2)))
            (func (export "f") (result i32) (i32.add (call $called) (i32.const 3)))
            (func (export "g") (result i32) (i32.add (i32.const 1) (i32.const 2))))"#;
        let case = settled(1, TEXT, &["f"]).expect("there is a call");
        assert_eq!(bodies(&case), [7, 7, 3]);
        let whole = settled(0, TEXT, &["f"]).expect("there is a call");
        assert_eq!(bodies(&whole), [7, 7, 7]);
    }

    #[test]
    fn arms_that_are_not_taken_are_cut() {
        const TEXT: &str = r#"(module (func (export "f") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (i32.const 2)))
                (else (i32.mul (i32.const 3) (i32.const 4))))))"#;
        let call = |argument| ("f".to_string(), vec![lanes::Value::I32(argument)]);
        let bodies = |arguments: &[i32]| {
            let case = Case::of_module(wat::parse_str(TEXT).expect("it parses"), arguments.iter().copied().map(call));
            bodies(&settle(&[1], case).expect("there is a call"))
        };
        // An arm of five bytes becomes one of one byte.
        assert_eq!([bodies(&[0, 1]), bodies(&[0]), bodies(&[1])], [[18], [14], [14]]);
    }

    #[test]
    fn endless_recursion_stays() {
        const TEXT: &str = r#"(module
            (func $a (export "recurse") (param i32) (result i32)
                (i32.add (call $a (i32.add (local.get 0) (i32.const 1))) (local.get 0))))"#;
        let calls = [("recurse".to_string(), vec![lanes::Value::I32(0)])];
        let case = settle(&[1], Case::of_module(wat::parse_str(TEXT).expect("it parses"), calls));
        assert_eq!(case.expect("the call stays").calls().count(), 1);
    }

    #[test]
    fn what_does_not_end_is_dropped() {
        const TEXT: &str = r#"(module
            (func $a (export "cycle") (return_call $b)) (func $b (return_call $a))
            (func (export "f")))"#;
        let case = settled(1, TEXT, &["f", "cycle", "f"]).expect("there is a call");
        assert_eq!(case.calls().map(|call| call.function.as_str()).collect::<Vec<_>>(), ["f"]);
        assert!(matches!(&case.actions[0], Action::Instantiate(instantiation) if instantiation.name == MAIN));
        assert!(settled(1, TEXT, &["cycle"]).is_none());
    }
}
