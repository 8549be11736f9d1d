//! Reduction of a finding that ends its process: a crash, a panic, a hang, too much memory.
//!
//! Each trial that shows such a finding is the last one of its process. So whoever watches the process keeps a journal,
//! which says of each trial whether it showed the finding. The next process repeats the reduction: trials that are in
//! the journal are not run again, and the first one that is not goes on from there. This works since a reduction
//! follows from the case and the results of its trials alone.

use super::Trials;
use super::{ends, shrink};
use crate::generate::case::Case;
use crate::panel::Check;
use crate::panel::finding::Finding;
use crate::triage::known::NewFinding;

/// Runs something that may end the process, once it has said so to whoever watches.
pub type Attempt<'a> = dyn FnMut(&mut dyn FnMut()) + 'a;

/// Reduces the case of a finding that ends its process, with at most `runs` trials. `journal` has the results of the
/// first ones: true where the finding showed.
pub fn reduce_loss(
    found: NewFinding,
    check: &dyn Check,
    runs: u32,
    journal: Vec<bool>,
    attempt: &mut Attempt<'_>,
) -> NewFinding {
    let mut trials = Journal { check, finding: found.finding.clone(), known: journal.into_iter(), attempt };
    shrink(found, &mut trials, runs, false)
}

struct Journal<'a, 'b> {
    check: &'a dyn Check,
    finding: Finding,
    known: std::vec::IntoIter<bool>,
    attempt: &'a mut Attempt<'b>,
}

impl Trials for Journal<'_, '_> {
    fn show(&mut self, case: &Case) -> Option<NewFinding> {
        if let Some(shown) = self.known.next() {
            return shown.then(|| NewFinding::new(self.finding.clone(), case.clone()));
        }
        let check = self.check;
        (self.attempt)(&mut || {
            // Another finding is not the one that is looked for.
            let _survived = ends(case).then(|| check.check(case));
        });
        None
    }

    fn complete(&mut self, found: NewFinding) -> NewFinding {
        // A lane that most agree with may die as well: then the journal says that it did.
        if self.known.next().is_some() {
            return found;
        }
        let (mut found, panel) = (Some(found), self.check.panel());
        (self.attempt)(&mut || found = found.take().map(|found| found.complete(panel)));
        found.expect("it is completed, or the process has ended")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Panel;
    use crate::panel::finding::FindingKind;
    use crate::panel::scripted_engine::ScriptedEngine;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

    /// The end of a process, as far as a test can have one.
    struct Death;

    /// A lane that ends the process for each module with a division in it: no trial is run twice, and the division is
    /// all that is left.
    #[test]
    fn a_reduction_goes_on_after_each_death() {
        const TEXT: &str = r#"(module (memory 1) (func (export "g"))
            (func (export "f") (param i32) (result i32)
                i32.const 7 drop local.get 0 i32.const 0 i32.add i32.const 3 i32.div_s))"#;
        let calls = ["g", "f"].map(|name| (name.to_string(), vec![lanes::Value::I32(1); usize::from(name == "f")]));
        let case = Case::of_module(wat::parse_str(TEXT).expect("it parses"), calls);
        let deadly = ScriptedEngine::new("theirs", "theirs", Vec::new()).refusing(|binary| {
            let text = wasmprinter::print_bytes(binary.bytes()).expect("it decodes");
            if text.contains("i32.div_s") { panic_any(Death) } else { None }
        });
        let panel = Panel::new(&["quick/fresh"], vec![Box::new(deadly)]);
        let finding =
            Finding { kind: FindingKind::Loss, step: "dies".to_string(), sides: Vec::new(), silent: Vec::new() };
        let (mut journal, survived) = (Vec::new(), Cell::new(0));
        let small = loop {
            let before = journal.len();
            let found = NewFinding::new(finding.clone(), case.clone());
            survived.set(0);
            let mut attempt = |trial: &mut dyn FnMut()| {
                trial();
                survived.set(survived.get() + 1);
            };
            let process = || reduce_loss(found, &panel, 500, journal.clone(), &mut attempt);
            let ended = catch_unwind(AssertUnwindSafe(process));
            journal.resize(before + survived.get(), false);
            match ended {
                Ok(small) => break small,
                Err(death) => assert!(death.is::<Death>(), "{:?}", death.downcast_ref::<String>()),
            }
            journal.push(true);
        };
        assert!(journal.iter().filter(|shown| **shown).count() > 3, "{journal:?}");
        let text = wasmprinter::print_bytes(&small.case.modules[0]).expect("it decodes");
        assert!(text.contains("i32.div_s"), "{text}");
        assert!(!["memory", "drop", "i32.add", "\"g\""].iter().any(|word| text.contains(word)), "{text}");
        assert_eq!(small.case.calls().count(), 0, "loading is enough");
    }
}
