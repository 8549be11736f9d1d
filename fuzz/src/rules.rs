//! The differences between engines that are no mistakes, and the rules that keep them from being reported. This is the
//! one list of known sources of false alarms. Each rule has a test, below or in the module that is named. Names like
//! `stack-overflow` are those of [`lanes::compare::Rule`].
//!
//! - **NaN bits.** The specification leaves them open. NaNs are canonicalized in the module itself, after each
//!   instruction that may make one ([`nan`](crate::generate::nan), [`deterministic`](crate::generate::deterministic)).
//! - **Stack overflow.** Frames have other sizes, and limits differ. Lanes with different code are no longer compared
//!   from there on, whichever of them overflowed (`stack-overflow`).
//! - **Heap exhaustion.** Compilers keep references alive for different times, and engines have objects of different
//!   sizes. The rule is that of stack overflow. Besides, a case that does not allocate without end stays far below the
//!   limit of our own lanes (`heap-exhausted`, [`case`](crate::generate::case)).
//! - **Growth.** An engine may refuse `memory.grow` and `table.grow` for reasons of its own. Each memory and table has
//!   a maximum that every engine can reach: [`MAX_BYTES`], [`MAX_ELEMENTS`] ([`smith`](crate::generate::smith),
//!   [`graft`](crate::generate::graft)).
//! - **Relaxed SIMD.** Results are the engine's choice. Only our own lanes get it, configured to choose alike
//!   ([`feature_set`](crate::generate::feature_set)).
//! - **Waits.** There is no other thread to end one. Each wait times out at once
//!   ([`deterministic`](crate::generate::deterministic)).
//! - **Collector zeal.** Each of our tiers draws how often it collects garbage. It must make no difference, so there is
//!   no rule ([`case`](crate::generate::case)).
//! - **Trap messages.** Engines describe one trap differently, or use one message for several traps. Only kinds are
//!   compared, and a message for several kinds agrees with each of them (`less-exact`).
//! - **Atomic accesses.** One access can be unaligned, out of bounds, and a wait on an unshared memory at once. Between
//!   engines, each of these agrees with the others (`either-reason`).
//! - **Forms of exception handling.** Engines refuse a module with both. With another engine among the lanes, a case
//!   has one form ([`feature_set`](crate::generate::feature_set)).
//! - **Memory.** An engine runs out of it. Its lane is no longer compared (`not-supported`).
//! - **Fuel.** Engines count it differently, or not at all. With another engine among the lanes, no case has fuel, and
//!   each case ends by itself. Between engines, fuel is not compared (`out-of-fuel`,
//!   [`case`](crate::generate::case)).
//! - **Features.** An engine lacks one. If a module is not valid without it, the lane takes no part in the case. A lane
//!   that says so later is no longer compared. Both are counted (`not-supported`,
//!   [`feature_set`](crate::generate::feature_set)).
//! - **Exceptions.** An engine cannot tell the tag, the payload or the location of a throw. What both engines show is
//!   compared ([`lanes::compare`]).
//! - **References that only WebAssembly can make** (`exnref`, typed ones). Some hosts cannot pass them. Types that a
//!   host sees do not contain them, except for null ([`value`](crate::generate::value),
//!   [`graft`](crate::generate::graft)).
//! - **Frames.** An engine shows none, or has no byte offsets. What both engines show is compared
//!   (`no-frames`).
//!
//! These are findings and no false alarms: an engine dies, hangs, refuses a valid module, does not find an import that
//! exists, or reports an internal error.

/// The bytes of a page, unless a memory has a page size of its own.
pub const PAGE: u64 = 0x1_0000;
/// The most bytes that any memory of a generated module can grow to.
pub const MAX_BYTES: u64 = 4 * PAGE;
/// The most elements that a table of wasm-smith can grow to.
pub const MAX_TABLE: u64 = 64;
/// The most elements that any table of a generated module can grow to.
pub const MAX_ELEMENTS: u64 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::case::{Action, Case};
    use crate::generate::feature_set::Audience;
    use crate::generate::input::Random;
    use crate::generate::nan;
    use crate::generate::{Generator, gc, instantiate, mixed, simd, traps};
    use crate::panel::compare::check;
    use crate::panel::finding::FindingKind;
    use crate::panel::scripted_engine::{ScriptedEngine, values};
    use crate::statistics::uses::{Use, find_uses};
    use lanes::{Exception, Failure, Features, Lane, Outcome, Phase, Reference, Refusal, Trap, TrapKind, Value};
    use wasmparser::{Operator, Parser, Payload};

    fn input(seed: u64) -> [u8; 8] {
        Random::new(seed).next_u64().to_le_bytes()
    }

    /// Returns cases for our lanes and an engine that has every feature.
    fn cases() -> impl Iterator<Item = Case> {
        let audience = Audience::with([&ScriptedEngine::new("theirs", "theirs", Vec::new()) as &dyn Lane]);
        (0..200).filter_map(move |seed| mixed::generate(&input(seed), audience).ok())
    }

    fn modules() -> impl Iterator<Item = Vec<u8>> {
        cases().chain(focused_cases(THEIRS)).flat_map(|case| case.modules)
    }

    /// The audience of an engine that has every feature.
    const THEIRS: Audience = Audience { own: false, ..Audience::OWN };

    /// Returns cases of the generators with one purpose each.
    fn focused_cases(audience: Audience) -> impl Iterator<Item = Case> {
        let generators: [Generator; 4] = [gc::generate, instantiate::generate, simd::generate, traps::generate];
        generators
            .into_iter()
            .flat_map(move |generate| (0..20).filter_map(move |seed| generate(&input(seed), audience).ok()))
    }

    fn payloads(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
        Parser::new(0).parse_all(wasm).map(|payload| payload.expect("it decodes"))
    }

    /// A NaN with open bits, in the base module or in the graft, would be a false alarm.
    #[test]
    fn nans_are_canonical() {
        let mut open = 0;
        for wasm in modules() {
            for payload in payloads(&wasm) {
                let Payload::CodeSectionEntry(body) = payload else { continue };
                let operators = body.get_operators_reader().expect("it decodes").into_iter();
                let operators: Vec<_> = operators.map(|operator| operator.expect("it decodes")).collect();
                for pair in operators.windows(2).filter(|pair| nan::is_open(&pair[0])) {
                    open += 1;
                    assert!(matches!(pair[1], Operator::LocalTee { .. }), "{:?} is left open", pair[0]);
                }
            }
        }
        assert!(open > 200, "only {open} instructions that make NaNs");
    }

    #[test]
    fn growth_is_bounded() {
        for wasm in modules() {
            for payload in payloads(&wasm) {
                match payload {
                    Payload::MemorySection(section) => section.into_iter().for_each(|memory| {
                        let memory = memory.expect("it decodes");
                        let page = 1 << memory.page_size_log2.unwrap_or(PAGE.trailing_zeros());
                        let bytes = memory.maximum.map(|pages| pages * page);
                        assert!(bytes.is_some_and(|bytes| bytes <= MAX_BYTES), "memory: {memory:?}");
                    }),
                    Payload::TableSection(section) => section.into_iter().for_each(|table| {
                        let maximum = table.expect("it decodes").ty.maximum;
                        assert!(maximum.is_some_and(|maximum| maximum <= MAX_ELEMENTS), "table: {maximum:?}");
                    }),
                    _ => {}
                }
            }
        }
    }

    /// Our own lanes are configured to choose alike, and their modules use relaxed SIMD. Those for others do not.
    #[test]
    fn only_our_own_lanes_get_relaxed_simd() {
        let relaxed = |wasm: &Vec<u8>| find_uses(wasm).contains(&Use::RelaxedSimd);
        assert_eq!(modules().filter(relaxed).count(), 0);
        let own = (0..200).filter_map(|seed| mixed::generate(&input(seed), Audience::OWN).ok());
        assert!(own.filter(|case| case.modules.last().is_some_and(relaxed)).count() > 3);
    }

    /// A wait that no thread ends would hang.
    #[test]
    fn waits_time_out_at_once() {
        let mut waits = 0;
        for wasm in modules() {
            for payload in payloads(&wasm) {
                let Payload::CodeSectionEntry(body) = payload else { continue };
                let operators = body.get_operators_reader().expect("it decodes").into_iter();
                let operators: Vec<_> = operators.map(|operator| operator.expect("it decodes")).collect();
                for pair in operators.windows(2) {
                    if let Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } = &pair[1] {
                        waits += 1;
                        assert!(matches!(pair[0], Operator::I64Const { value: 0 }), "{pair:?}");
                    }
                }
            }
        }
        assert!(waits > 0, "no waits");
    }

    #[test]
    fn other_engines_get_no_fuel() {
        let mut cases = cases().chain(focused_cases(THEIRS));
        assert!(cases.all(|case| case.options.values().all(|options| options.fuel.is_none())));
    }

    /// A lane that lacks a needed feature is not run, and is named among those that take no part.
    #[test]
    fn a_lane_that_lacks_a_feature_takes_no_part() {
        let case = cases().find(|case| case.needed.contains(Features::GC)).expect("there are many");
        let ours = ScriptedEngine::new("ours", "ours", case.calls().map(|_| values(0)).collect());
        let theirs = ScriptedEngine::new("theirs", "theirs", Vec::new()).lacking(Features::GC);
        let agreement = check(&case, &[&ours, &theirs]).unwrap_or_else(|finding| panic!("{finding}"));
        assert_eq!((agreement.apart, agreement.compared), (vec!["theirs".to_string()], vec!["ours".to_string()]));
        let case = cases().find(|case| case.needed == Features::WASM_2_0).expect("there are many");
        assert!(check(&case, &[&ours, &theirs]).is_err(), "the lanes differ in a case that both support");
    }

    /// Hosts see only references that any engine can make, and null of the others.
    #[test]
    fn hosts_see_plain_references() {
        for case in cases() {
            for call in case.calls() {
                for &argument in &call.arguments {
                    let Value::Ref(reference) = argument else { continue };
                    use Reference::{Extern, Host, I31, Null};
                    assert!(matches!(reference, Null(_) | Extern(_) | Host(_) | I31(_)), "{reference}");
                }
            }
        }
    }

    /// Returns a case with one module and this many calls.
    fn case_of_calls(count: usize) -> Case {
        let mut case =
            cases().find(|case| case.calls().count() >= count && case.modules.len() == 1).expect("there are many");
        let mut calls = 0;
        case.actions.retain(|action| {
            calls += usize::from(matches!(action, Action::Call(_)));
            calls <= count
        });
        case
    }

    /// Compares these outcomes of the first call, by our engine and by another one. The outcomes of the second call
    /// differ.
    fn compare_first_call(ours: Outcome, theirs: Outcome) -> Result<Vec<String>, FindingKind> {
        let case = case_of_calls(2);
        let ours = ScriptedEngine::new("ours", "ours", vec![ours, values(1)]);
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![theirs, values(2)]);
        check(&case, &[&ours, &theirs]).map(|agreement| agreement.ended).map_err(|finding| finding.kind)
    }

    fn trap(kind: TrapKind) -> Outcome {
        Outcome::Failed(Failure::Trap(Trap::new(kind, "one message", None)))
    }

    #[test]
    fn a_lane_that_is_no_longer_comparable_is_named() {
        let ended = Ok(vec!["theirs".to_string()]);
        assert_eq!(compare_first_call(values(0), trap(TrapKind::StackOverflow)), ended);
        assert_eq!(compare_first_call(trap(TrapKind::StackOverflow), values(0)), ended);
        assert_eq!(compare_first_call(trap(TrapKind::OutOfHeap), values(0)), ended);
        assert_eq!(compare_first_call(values(0), Outcome::Failed(Failure::Resource("memory".to_string()))), ended);
        assert_eq!(compare_first_call(values(0), Outcome::Failed(Failure::Unsupported("this".to_string()))), ended);
        assert_eq!(compare_first_call(values(0), values(0)), Err(FindingKind::Disagreement), "the second call differs");
    }

    #[test]
    fn messages_are_not_compared_and_may_stand_for_several_kinds() {
        let exact = || trap(TrapKind::UndefinedElement);
        let mut vague = Trap::new(TrapKind::TableOutOfBounds, "another message", None);
        assert_eq!(
            compare_first_call(exact(), Outcome::Failed(Failure::Trap(vague.clone()))),
            Err(FindingKind::Disagreement)
        );
        vague.or_kinds.push(TrapKind::UndefinedElement);
        let case = case_of_calls(1);
        let ours = ScriptedEngine::new("ours", "ours", vec![exact()]);
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![Outcome::Failed(Failure::Trap(vague))]);
        assert!(check(&case, &[&ours, &theirs]).is_ok());
    }

    #[test]
    fn an_atomic_access_traps_for_either_reason() {
        let case = case_of_calls(1);
        let ours = ScriptedEngine::new("ours", "ours", vec![trap(TrapKind::UnalignedAtomic)]);
        let theirs = |kind| ScriptedEngine::new("theirs", "theirs", vec![trap(kind)]);
        assert!(check(&case, &[&ours, &theirs(TrapKind::MemoryOutOfBounds)]).is_ok());
        assert!(check(&case, &[&ours, &theirs(TrapKind::Unreachable)]).is_err());
    }

    #[test]
    fn other_engines_get_one_form_of_exception_handling() {
        let both = [Use::LegacyTry, Use::TryTable, Use::CatchRef];
        let forms: Vec<_> =
            modules().map(|wasm| find_uses(&wasm)).map(|found| both.map(|form| found.contains(&form))).collect();
        assert!(forms.iter().all(|[old, new, keeps]| !old || !(*new || *keeps)), "a module mixes them");
        assert!(forms.iter().any(|[old, ..]| *old) && forms.iter().any(|[_, new, _]| *new));
    }

    #[test]
    fn exceptions_are_compared_by_what_both_engines_show() {
        let thrown = |tag, payload: Option<i32>| {
            let payload = payload.map(|value| vec![Value::I32(value)]);
            Outcome::Failed(Failure::Exception(Exception { tag, payload, frames: None }))
        };
        let case = case_of_calls(1);
        let agree = |one: Outcome, other: Outcome| {
            let ours = ScriptedEngine::new("ours", "ours", vec![one]);
            check(&case, &[&ours, &ScriptedEngine::new("theirs", "theirs", vec![other])]).is_ok()
        };
        assert!(agree(thrown(Some(0), Some(1)), thrown(None, None)));
        assert!(agree(thrown(Some(0), Some(1)), thrown(Some(3), Some(1))));
        assert!(!agree(thrown(Some(0), Some(1)), thrown(Some(0), Some(2))));
        assert!(!agree(thrown(None, None), trap(TrapKind::Unreachable)));
    }

    #[test]
    fn crashes_and_refusals_are_findings() {
        let text = || "gone".to_string();
        for (failure, kind) in [
            (Failure::Crashed(text()), FindingKind::Crash),
            (Failure::TimedOut(text()), FindingKind::Hang),
            (Failure::Garbled(text()), FindingKind::Garble),
            (Failure::Internal(text()), FindingKind::Failure),
        ] {
            assert_eq!(compare_first_call(values(0), Outcome::Failed(failure)), Err(kind));
        }
        let refused = |_: &_| Some(Refusal { phase: Phase::Invalid, message: "no".to_string() });
        let case = cases().next().expect("there are many");
        let theirs = ScriptedEngine::new("theirs", "theirs", vec![]).refusing(refused);
        let ours = ScriptedEngine::new("ours", "ours", case.calls().map(|_| values(0)).collect());
        let finding = check(&case, &[&ours, &theirs]).map(|_| ()).expect_err("a valid module is refused");
        assert_eq!(finding.kind, FindingKind::Refusal);
    }
}
