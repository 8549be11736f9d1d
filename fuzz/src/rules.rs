//! What engines may do differently, and what keeps it from being reported: the one list of the known sources of false
//! alarms. Each has a test below, or where it is named.
//!
//! | source | rule | where |
//! |---|---|---|
//! | NaN bits: the specification leaves them open | NaNs are canonicalised in the Wasm behind each instruction that may make one | [`nan`](crate::nan) |
//! | stack overflow: frames have other sizes, and limits differ | lanes without the same code are no longer compared from there on, whichever of them overflowed | `lanes::compare`, rule 2 |
//! | growth: an engine may refuse `memory.grow` and `table.grow` for reasons of its own | each memory and table has a maximum that every engine can reach ([`MAX_PAGES`], [`MAX_ELEMENTS`]) | [`smith`](crate::smith), [`graft`](crate::graft) |
//! | relaxed SIMD: results are the engine's choice | no generated module uses it | [`smith`](crate::smith) |
//! | words: engines describe one trap differently, or one word covers several traps | only kinds are compared; an engine that has one word for several kinds agrees with each of them | `lanes::compare`, rule 4 |
//! | memory: an engine runs out of it | that lane is no longer compared | `lanes::compare`, rule 3 |
//! | fuel: counted at other places, or not at all | with another engine among the lanes no case has fuel, and each case ends by itself; between families it is not compared | [`case`](crate::case), `lanes::compare`, rule 3 |
//! | features: an engine says that it lacks something | that lane is no longer compared, and counted | `lanes::compare`, rule 3 |
//! | frames: an engine shows none, or has no byte offsets | what both show is compared | `lanes::compare`, rule 3 |
//!
//! What is no false alarm: an engine that dies, hangs, refuses a valid module, does not find an import that is there,
//! or says that it failed on its own account.

/// No memory of a generated module grows beyond so many pages.
pub const MAX_PAGES: u64 = 4;
/// No table of a generated module grows beyond so many elements.
pub const MAX_ELEMENTS: u64 = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Audience, Case};
    use crate::finding::Kind;
    use crate::input::Random;
    use crate::nan;
    use crate::oracle::check;
    use crate::puppet::{Puppet, values};
    use lanes::{Failure, Outcome, Phase, Refusal, Trap, TrapKind};
    use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

    fn cases() -> impl Iterator<Item = Case> {
        (0..200).filter_map(|seed| Case::new(&Random::new(seed).next_u64().to_le_bytes(), Audience::Mixed).ok())
    }

    fn modules() -> impl Iterator<Item = Vec<u8>> {
        cases().flat_map(|case| case.library.into_iter().chain([case.main]))
    }

    fn payloads(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
        Parser::new(0).parse_all(wasm).map(|payload| payload.expect("it decodes"))
    }

    /// An open NaN that stayed as it is, in the base module or in the graft, would be a false alarm.
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
                        let maximum = memory.expect("it decodes").maximum;
                        assert!(maximum.is_some_and(|maximum| maximum <= MAX_PAGES), "memory: {maximum:?}");
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

    /// Relaxed SIMD is not in this set, and would be refused.
    #[test]
    fn nothing_is_relaxed() {
        for wasm in modules() {
            Validator::new_with_features(WasmFeatures::WASM2).validate_all(&wasm).expect("a module of 2.0");
        }
    }

    #[test]
    fn other_engines_get_no_fuel() {
        assert!(cases().all(|case| case.options.values().all(|options| options.fuel.is_none())));
    }

    /// What `ours` and a lane of another family show in the first call; later calls differ.
    fn verdict(ours: Outcome, theirs: Outcome) -> Result<Vec<String>, Kind> {
        let case = cases().find(|case| case.calls.len() > 1 && case.library.is_none()).expect("there are many");
        let ours = Puppet::new("ours", "ours", vec![ours, values(1)]);
        let theirs = Puppet::new("theirs", "theirs", vec![theirs, values(2)]);
        check(&case, &[&ours, &theirs]).map(|agreement| agreement.ended).map_err(|finding| finding.kind)
    }

    fn trap(kind: TrapKind) -> Outcome {
        Outcome::Failed(Failure::Trap(Trap::new(kind, "words", None)))
    }

    #[test]
    fn a_lane_that_is_not_comparable_any_more_is_named() {
        let ended = Ok(vec!["theirs".to_string()]);
        assert_eq!(verdict(values(0), trap(TrapKind::StackOverflow)), ended);
        assert_eq!(verdict(trap(TrapKind::StackOverflow), values(0)), ended);
        assert_eq!(verdict(values(0), Outcome::Failed(Failure::Resource("memory".to_string()))), ended);
        assert_eq!(verdict(values(0), Outcome::Failed(Failure::Unsupported("this".to_string()))), ended);
        assert_eq!(verdict(values(0), values(0)), Err(Kind::Disagreement), "the second call differs");
    }

    #[test]
    fn words_are_not_compared_and_one_word_may_cover_several_kinds() {
        let exact = || trap(TrapKind::UndefinedElement);
        let mut vague = Trap::new(TrapKind::TableOutOfBounds, "other words", None);
        assert_eq!(verdict(exact(), Outcome::Failed(Failure::Trap(vague.clone()))), Err(Kind::Disagreement));
        vague.or_kinds.push(TrapKind::UndefinedElement);
        let case = cases().find(|case| case.calls.len() == 1 && case.library.is_none()).expect("there are many");
        let ours = Puppet::new("ours", "ours", vec![exact()]);
        let theirs = Puppet::new("theirs", "theirs", vec![Outcome::Failed(Failure::Trap(vague))]);
        assert!(check(&case, &[&ours, &theirs]).is_ok());
    }

    #[test]
    fn no_false_alarm() {
        assert_eq!(verdict(values(0), Outcome::Failed(Failure::Crashed("gone".to_string()))), Err(Kind::Failure));
        assert_eq!(verdict(values(0), Outcome::Failed(Failure::TimedOut("10 s".to_string()))), Err(Kind::Failure));
        assert_eq!(verdict(values(0), Outcome::Failed(Failure::Internal("oops".to_string()))), Err(Kind::Failure));
        let refused = Outcome::Refused(Refusal { phase: Phase::Invalid, message: "no".to_string() });
        let case = cases().next().expect("there are many");
        let theirs = Puppet::new("theirs", "theirs", vec![]).refusing(refused);
        let ours = Puppet::new("ours", "ours", case.calls.iter().map(|_| values(0)).collect());
        let finding = check(&case, &[&ours, &theirs]).map(|_| ()).expect_err("a valid module is refused");
        assert_eq!(finding.kind, Kind::Failure);
    }
}
