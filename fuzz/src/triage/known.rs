//! Known mistakes of other engines, so that they do not hide new ones.
//!
//! Each mistake comes with a *workaround*: a change of the module that keeps its meaning, and after which the mistake
//! cannot occur. A finding is excused only if the engine stands alone against our lanes, and the case with the
//! workaround shows no finding. Whatever remains after the workaround is new, and is reported with the changed module.
//! So no finding is excused by its looks.

use super::workaround;
use crate::generate::case::Case;
use crate::panel::compare::Agreement;
use crate::panel::finding::Finding;
use crate::panel::run::Run;
use crate::panel::{Check, Panel};

/// The judgment of a case.
pub enum Judgment {
    /// All lanes agreed.
    Agreed(Agreement),
    /// Lanes differed by known mistakes of other engines only: their names.
    Known(Vec<&'static str>),
    /// Something new.
    New(Box<NewFinding>),
}

/// A finding that is not known, and the case that shows it. Workarounds for known mistakes are applied to the case.
pub struct NewFinding {
    /// The finding.
    pub finding: Finding,
    /// The case.
    pub case: Case,
    /// The run of a lane that most backends agree with, for scripts: what is expected.
    pub expected: Option<Run>,
    /// Further facts about the finding, for people.
    pub remarks: Vec<String>,
}

impl NewFinding {
    /// Returns a finding of which nothing else is known yet.
    pub fn new(finding: Finding, case: Case) -> NewFinding {
        NewFinding { finding, case, expected: None, remarks: Vec::new() }
    }

    /// Returns the finding with a further remark.
    #[must_use]
    pub fn with_remark(mut self, remark: String) -> NewFinding {
        self.remarks.push(remark);
        self
    }

    /// Returns the finding with the run of a lane that most backends agree with.
    #[must_use]
    pub fn complete(mut self, panel: &Panel) -> NewFinding {
        let names = panel.names();
        let lane = self.finding.favored(&names);
        self.expected = lane.and_then(|lane| panel.run_alone(lane, &self.case));
        self
    }
}

/// A known mistake of another engine.
struct Mistake {
    /// A short name, for counts.
    name: &'static str,
    /// The party that makes it, as [`Finding::dissenter`] names it.
    party: &'static str,
    /// Changes a module so that the mistake cannot occur; `None` where it cannot occur anyway.
    workaround: fn(&[u8]) -> Option<Vec<u8>>,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        // tests/select-condition.wast; wasmi 2.0.0.
        name: "wasmi takes the wrong operand of a select on a comparison with zero",
        party: "wasmi",
        workaround: workaround::separate_select_from_condition,
    },
    Mistake {
        // tests/if-parameters.wast; wasmi 2.0.0.
        name: "wasmi loses what lies below the parameters of an if",
        party: "wasmi",
        workaround: workaround::put_block_before_if,
    },
    Mistake {
        // tests/array-copy-order.wast; Wasmtime 48.
        name: "Wasmtime looks at the target's range before the null source of array.copy",
        party: "wasmtime",
        workaround: workaround::check_source_before_copy,
    },
    Mistake {
        // tests/unreached-br-on-null.wast; bun 1.4.5.
        name: "JavaScriptCore miscounts the blocks around a br_on_null that cannot be reached",
        party: "jsc",
        workaround: workaround::remove_unreachable,
    },
    Mistake {
        // tests/exceptions-delegate-to-block.wast; bun 1.4.5.
        name: "JavaScriptCore refuses a delegate to a block",
        party: "jsc",
        workaround: workaround::make_delegate_name_try,
    },
    Mistake {
        // tests/convert-null.wast; bun 1.4.5.
        name: "JavaScriptCore converts externref only, and no subtype",
        party: "jsc",
        workaround: workaround::convert_externref,
    },
];

/// Checks `case`, and again with workarounds for the mistakes of a party that stands alone against our compiled lanes.
///
/// One mistake can hide another, so every workaround is tried again after one that changed the finding.
pub fn judge(case: &Case, check: &dyn Check) -> Judgment {
    let mut finding = match check.check(case) {
        Ok(agreement) => return Judgment::Agreed(agreement),
        Err(finding) => *finding,
    };
    let (mut case, mut names) = (case.clone(), Vec::new());
    let mut untried: Vec<&Mistake> = MISTAKES.iter().collect();
    while !untried.is_empty() {
        let mistake = untried.remove(0);
        if finding.dissenter() != Some(mistake.party) {
            continue;
        }
        let Some(changed) = apply_workaround(mistake, &case) else { continue };
        match check.check(&changed) {
            Ok(_) => {
                names.push(mistake.name);
                return Judgment::Known(names);
            }
            // The mistake is not the cause.
            Err(remaining) if *remaining == finding => {}
            Err(remaining) => {
                names.push(mistake.name);
                (finding, case) = (*remaining, changed);
                untried = MISTAKES.iter().filter(|mistake| !names.contains(&mistake.name)).collect();
            }
        }
    }
    Judgment::New(Box::new(NewFinding::new(finding, case)))
}

/// Returns the case with the workaround in all modules, or `None` if the mistake cannot occur in any.
fn apply_workaround(mistake: &Mistake, case: &Case) -> Option<Case> {
    let changed: Vec<_> = case.modules.iter().map(|wasm| (mistake.workaround)(wasm)).collect();
    if changed.iter().all(Option::is_none) {
        return None;
    }
    let modules = changed.into_iter().zip(&case.modules).map(|(new, old)| new.unwrap_or_else(|| old.clone()));
    Some(Case { modules: modules.collect(), ..case.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::scripted_engine::{ScriptedEngine, values};
    use lanes::{Binary, Features, Outcome, Phase, Refusal, Value};

    /// `f(5)` is 5, and 1 in wasmi.
    const WRONG: &str = "(i32.const 1) (local.get 0) (i32.eqz (local.get 0)) select";

    fn case(body: &str) -> Case {
        let text = format!("(module (func (export \"f\") (param i32) (result i32) {body}))");
        let main = wat::parse_str(text).expect("it parses");
        Case::of_module(main, [("f".to_string(), vec![Value::I32(5)])])
    }

    fn judge_against(backend: &str, outcome: Outcome, body: &str) -> Judgment {
        let other = ScriptedEngine::new("theirs", backend, vec![outcome]);
        judge(&case(body), &Panel::new(&["speed/fresh"], vec![Box::new(other)]))
    }

    #[test]
    fn a_workaround_keeps_the_meaning() {
        let changed = workaround::separate_select_from_condition(&case(WRONG).modules[0]).expect("there is a select");
        let verdict =
            judge(&Case { modules: vec![changed], ..case(WRONG) }, &Panel::parse("speed/fresh").expect("it exists"));
        let Judgment::Agreed(agreement) = verdict else { panic!("the changed module does not run") };
        assert!(agreement.run.steps.iter().any(|step| step.what.starts_with("call 0")));
        assert_eq!(workaround::separate_select_from_condition(&case("local.get 0 i32.eqz").modules[0]), None);
    }

    /// Looks are not enough. An engine is reported if it returns the same wrong result without the cause of the
    /// mistake, or after the workaround, or if it is not the engine that makes the mistake.
    #[test]
    fn only_the_mistake_itself_is_excused() {
        assert!(matches!(judge_against("wasmi", values(1), "local.get 0"), Judgment::New(_)));
        assert!(matches!(judge_against("wasmi", values(1), WRONG), Judgment::New(_)));
        assert!(matches!(judge_against("v8", values(1), WRONG), Judgment::New(_)));
    }

    /// Refuses a `delegate` to a block, and then unreachable code: an engine with two mistakes, of which it reports the
    /// first.
    fn refuse_two(binary: &Binary) -> Option<Refusal> {
        let refused = |message: &str| Some(Refusal { phase: Phase::Invalid, message: message.to_string() });
        if workaround::make_delegate_name_try(binary.bytes()).is_some() {
            return refused("delegate");
        }
        workaround::remove_unreachable(binary.bytes()).and_then(|_| refused("br_on_null"))
    }

    /// The workaround for the hidden mistake comes first in the list, where it does not help yet.
    #[test]
    fn one_mistake_may_hide_another() {
        let body = "block try nop delegate 0 end local.get 0 return nop";
        let other = ScriptedEngine::new("theirs", "jsc", vec![values(5)]).refusing(refuse_two);
        let case = Case { features: Features::LEGACY_EXCEPTIONS, ..case(body) };
        let Judgment::Known(names) = judge(&case, &Panel::new(&["speed/fresh"], vec![Box::new(other)])) else {
            panic!("both mistakes are known")
        };
        assert_eq!(names, ["JavaScriptCore refuses a delegate to a block", MISTAKES[3].name]);
    }

    #[cfg(feature = "wasmi")]
    #[test]
    fn wasmi_still_makes_it() {
        let panel = Panel::parse("speed/fresh,wasmi").expect("both are built in");
        assert!(matches!(judge(&case(WRONG), &panel), Judgment::Known(names) if names == [MISTAKES[0].name]));
    }
}
