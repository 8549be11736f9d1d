//! Known mistakes of other engines, so that they do not drown what is new.
//!
//! A mistake is known by a *cure*: a change of the module that keeps its meaning, and after which the mistake cannot
//! occur. A finding is excused only if the engine stands alone against ours, and the cured case shows no finding: what
//! remains after the cure is new, and is reported with the cured module. So nothing is excused by its looks.

use super::workaround;
use crate::generate::case::Case;
use crate::panel::Panel;
use crate::panel::compare::Agreement;
use crate::panel::finding::Finding;

/// What a case showed.
pub enum Verdict {
    /// All lanes agreed.
    Equal(Agreement),
    /// They differed by known mistakes of other engines only.
    Known(Vec<&'static str>),
    /// Something that nobody knows yet.
    New(Box<New>),
}

/// A finding that is not known, and the case that shows it: known mistakes are cured in it.
pub struct New {
    /// The finding.
    pub finding: Finding,
    /// The case.
    pub case: Case,
}

/// A known mistake of another engine.
struct Mistake {
    /// A short name, for counts.
    name: &'static str,
    /// The backend of the engine that makes it.
    voice: &'static str,
    /// Writes a module so that the mistake cannot occur in it; `None` where it cannot occur anyway.
    cure: fn(&[u8]) -> Option<Vec<u8>>,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        // tests/select-condition.wast; wasmi 2.0.0.
        name: "wasmi takes the wrong operand of a select on a comparison with zero",
        voice: "wasmi",
        cure: workaround::part_select_from_comparison,
    },
    Mistake {
        // tests/if-parameters.wast; wasmi 2.0.0.
        name: "wasmi loses what lies below the parameters of an if",
        voice: "wasmi",
        cure: workaround::block_before_if,
    },
    Mistake {
        // tests/unreached-br-on-null.wast; bun 1.4.5.
        name: "JavaScriptCore miscounts the blocks around a br_on_null that cannot be reached",
        voice: "jsc",
        cure: workaround::leave_out_unreached,
    },
    Mistake {
        // tests/exceptions-delegate-to-block.wast; bun 1.4.5.
        name: "JavaScriptCore refuses a delegate to a block",
        voice: "jsc",
        cure: workaround::delegate_to_try,
    },
    Mistake {
        // tests/convert-null.wast; bun 1.4.5.
        name: "JavaScriptCore converts externref only, and no subtype",
        voice: "jsc",
        cure: workaround::convert_externref,
    },
];

/// The backend of our own lanes.
const OURS: &str = "cranelift";

/// Runs `case` in the lanes of `panel`, and again with the cures of what stands alone against ours.
pub fn check(case: &Case, panel: &Panel) -> Verdict {
    let mut finding = match panel.check(case) {
        Ok(agreement) => return Verdict::Equal(agreement),
        Err(finding) => *finding,
    };
    let (mut case, mut names) = (case.clone(), Vec::new());
    for mistake in MISTAKES {
        let Some(cured) = cure(mistake, &case).filter(|_| finding.dissenter(OURS) == Some(mistake.voice)) else {
            continue;
        };
        match panel.check(&cured) {
            Ok(_) => {
                names.push(mistake.name);
                return Verdict::Known(names);
            }
            // Nothing that the cure is for.
            Err(remaining) if *remaining == finding => {}
            Err(remaining) => {
                names.push(mistake.name);
                (finding, case) = (*remaining, cured);
            }
        }
    }
    Verdict::New(Box::new(New { finding, case }))
}

/// The case with both modules cured; `None` if there is nothing to cure.
fn cure(mistake: &Mistake, case: &Case) -> Option<Case> {
    let main = (mistake.cure)(&case.main);
    let library = case.library.as_deref().and_then(mistake.cure);
    if main.is_none() && library.is_none() {
        return None;
    }
    let main = main.unwrap_or_else(|| case.main.clone());
    Some(Case { main, library: library.or_else(|| case.library.clone()), ..case.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::case::Call;
    use crate::panel::scripted_engine::{Puppet, values};
    use lanes::{Outcome, Value};

    /// `f(5)` is 5, and 1 in wasmi.
    const WRONG: &str = "(i32.const 1) (local.get 0) (i32.eqz (local.get 0)) select";

    fn case(body: &str) -> Case {
        let text = format!("(module (func (export \"f\") (param i32) (result i32) {body}))");
        let call = Call { function: "f".to_string(), arguments: vec![Value::I32(5)] };
        let options = ["speed", "quick"].map(|tier| (tier, lanes::Options::default())).into();
        let main = wat::parse_str(text).expect("it parses");
        Case { library: None, main, calls: vec![call], options, ..Case::default() }
    }

    fn against(theirs: &str, outcomes: Vec<Outcome>, body: &str) -> Verdict {
        check(&case(body), &Panel::new(&["speed/fresh"], vec![Box::new(Puppet::new("theirs", theirs, outcomes))]))
    }

    #[test]
    fn a_cure_keeps_the_meaning() {
        let cured = workaround::part_select_from_comparison(&case(WRONG).main).expect("there is something to cure");
        let verdict = check(&Case { main: cured, ..case(WRONG) }, &Panel::parse("speed/fresh").expect("it is there"));
        let Verdict::Equal(agreement) = verdict else { panic!("the cured module does not run") };
        assert!(agreement.run.steps.iter().any(|step| step.what.starts_with("call 0")));
        assert_eq!(workaround::part_select_from_comparison(&case("local.get 0 i32.eqz").main), None);
    }

    /// Looks are not enough: who gives the same wrong result without the mistake's cause, or after the cure, or is not
    /// the engine that makes the mistake, is reported.
    #[test]
    fn only_the_mistake_itself_is_excused() {
        assert!(matches!(against("wasmi", vec![values(1)], "local.get 0"), Verdict::New(_)));
        assert!(matches!(against("wasmi", vec![values(1)], WRONG), Verdict::New(_)));
        assert!(matches!(against("v8", vec![values(1)], WRONG), Verdict::New(_)));
    }

    #[cfg(feature = "wasmi")]
    #[test]
    fn wasmi_still_makes_it() {
        let panel = Panel::parse("speed/fresh,wasmi").expect("both are built in");
        assert!(matches!(check(&case(WRONG), &panel), Verdict::Known(names) if names == [MISTAKES[0].name]));
    }
}
