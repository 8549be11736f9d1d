//! Coverage of guests: counters of the ways that cases take through their modules, which libFuzzer reads beside those
//! of the instrumented crates.
//!
//! The interpreter tells where straight code begins, and names it by its first two instructions. A counter stands for
//! two pieces of straight code that were executed one after the other, so that a branch which goes another way than
//! before raises another counter. Names, and not offsets, since nearly every module is new: what counts is a meeting of
//! instructions that was never executed.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

/// The number of counters. Several ways may share one.
const LENGTH: usize = 1 << 14;

/// The counters. libFuzzer clears them before each input.
#[cfg_attr(
    all(fuzzing, target_os = "linux"),
    expect(unsafe_code, reason = "libFuzzer finds counters of its users in a section of this name"),
    unsafe(link_section = "__libfuzzer_extra_counters")
)]
static COUNTERS: [AtomicU8; LENGTH] = [const { AtomicU8::new(0) }; LENGTH];

thread_local! {
    /// The straight code that was executed last.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Starts a case.
pub(super) fn begin() {
    LAST.set(0);
}

/// Counts the way from the straight code that was executed last to the code of this name.
pub(super) fn note(name: u32) {
    let mut way = LAST.replace(name).rotate_left(5) ^ name;
    // The low bits of the product's upper half depend on all bits of the way.
    way = way.wrapping_mul(0x9e37_79b1) >> 16;
    let counter = &COUNTERS[way as usize % LENGTH];
    // A counter that wrapped around would say that the way was not taken.
    let count = counter.load(Ordering::Relaxed).saturating_add(1);
    counter.store(count, Ordering::Relaxed);
}

#[cfg(all(test, feature = "interp"))]
mod tests {
    use super::super::{INTERPRETER, Panel};
    use super::*;
    use crate::generate::case::Case;
    use lanes::Value;
    use std::collections::BTreeSet;

    const TEXT: &str = r#"(module
        (func (export "f") (param i32) (result i32)
            (block $end
                (br_if $end (i32.eqz (local.get 0)))
                (drop (memory.grow (i32.const 0))))
            (i32.add (local.get 0) (i32.const 1)))
        (memory 1))"#;

    /// Runs `f` with an argument and returns which counters it raised.
    fn raised(argument: i32) -> BTreeSet<usize> {
        COUNTERS.iter().for_each(|counter| counter.store(0, Ordering::Relaxed));
        let call = ("f".to_string(), vec![Value::I32(argument)]);
        let case = Case::of_module(wat::parse_str(TEXT).expect("it parses"), [call]);
        let panel = Panel::new(&[INTERPRETER, "quick/fresh"], Vec::new()).watching_guests();
        panel.check(&case).unwrap_or_else(|finding| panic!("{finding}"));
        (0..LENGTH).filter(|&index| COUNTERS[index].load(Ordering::Relaxed) > 0).collect()
    }

    /// No other test counts: one test alone, since all threads share the counters.
    #[test]
    fn another_branch_raises_another_counter() {
        let (taken, passed) = (raised(0), raised(5));
        assert_eq!(raised(0), taken);
        assert!(taken.difference(&passed).count() == 1, "{taken:?} {passed:?}");
        assert!(passed.difference(&taken).count() > 1, "{taken:?} {passed:?}");
        (0..300).for_each(|_| note(7));
        assert!(COUNTERS.iter().any(|counter| counter.load(Ordering::Relaxed) == u8::MAX), "a counter wrapped around");
    }
}
