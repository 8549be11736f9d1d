//! Known mistakes of other engines, so that they do not drown what is new.
//!
//! A mistake is known by a *cure*: a change of the module that keeps its meaning, and after which the mistake cannot
//! occur. A finding is excused only if the engine stands alone against ours, and the cured case shows no finding: what
//! remains after the cure is new, and is reported with the cured module. So nothing is excused by its looks.

use crate::case::Case;
use crate::finding::Finding;
use crate::oracle::Agreement;
use crate::panel::Panel;

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
    /// The descent of the engine that makes it.
    voice: &'static str,
    /// Writes a module so that the mistake cannot occur in it; `None` where it cannot occur anyway.
    cure: fn(&[u8]) -> Option<Vec<u8>>,
}

const MISTAKES: &[Mistake] = &[];

/// The descent of our own lanes.
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
        names.push(mistake.name);
        match panel.check(&cured) {
            Ok(_) => return Verdict::Known(names),
            Err(remaining) => (finding, case) = (*remaining, cured),
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
