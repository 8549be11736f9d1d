//! The causes of findings, so that a thousand inputs of one fault are one finding.
//!
//! A cause is a rewriting that keeps the meaning of a case and makes its finding go away: operators of one kind,
//! written by one identity. It is looked for in the reduced case. Another finding has the same cause if the same
//! rewriting of its own case makes it go away. So findings are never put together by their looks, as long as there is
//! such a rewriting. Where there is none (a wrong backtrace, a collector's fault), the signature stands for the cause.

use super::known::{self, Judgment, NewFinding};
use crate::generate::case::Case;
use crate::panel::Check;
use crate::rewrite::identities::{CHANGES, Identity, name_operator, rewrite_kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use wasmparser::{Parser, Payload};

/// A cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Cause {
    /// Operators of this kind, written otherwise, do not show the finding.
    Operator(String, Identity),
    /// Findings with this signature.
    Signature(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Operator(kind, identity) => {
                let how = match identity {
                    Identity::Spilled => "with its operands in locals",
                    Identity::Arithmetic => "by other operators",
                    Identity::Block => "in a block of its own",
                    Identity::Global => "with its result in a global",
                    Identity::Outlined | Identity::Same => "in a function of its own",
                };
                write!(f, "{kind}: it goes away where that is written {how}")
            }
            Cause::Signature(signature) => write!(f, "not known; its signature is {signature}"),
        }
    }
}

impl Cause {
    /// Returns the cause of a finding that was reduced.
    pub fn of(found: &NewFinding, check: &dyn Check) -> Cause {
        // A finding that does not repeat has no cause that a run could show. A remark says so.
        if !found.remarks.is_empty() {
            return Cause::Signature(found.finding.signature());
        }
        let kinds: BTreeSet<String> = found.case.modules.iter().flat_map(|wasm| find_kinds(wasm)).collect();
        // Identities that leave most of the code as it is say most about the cause, so they come first.
        for identity in CHANGES {
            for kind in &kinds {
                let cause = Cause::Operator(kind.clone(), identity);
                if cause.explains(found, check) {
                    return cause;
                }
            }
        }
        Cause::Signature(found.finding.signature())
    }

    /// Returns whether a finding has this cause.
    pub fn explains(&self, found: &NewFinding, check: &dyn Check) -> bool {
        match self {
            Cause::Operator(kind, identity) => {
                let Some(case) = rewrite_case(&found.case, kind, *identity) else { return false };
                match known::judge(&case, check) {
                    Judgment::Agreed(_) | Judgment::Known(_) => true,
                    // Another finding may be hidden by the first one.
                    Judgment::New(new) => new.finding.signature() != found.finding.signature(),
                }
            }
            Cause::Signature(signature) => *signature == found.finding.signature(),
        }
    }
}

fn rewrite_case(case: &Case, kind: &str, identity: Identity) -> Option<Case> {
    let rewritten: Vec<_> = case.modules.iter().map(|wasm| rewrite_kind(wasm, kind, identity)).collect();
    if rewritten.iter().all(Option::is_none) {
        return None;
    }
    let modules = rewritten.into_iter().zip(&case.modules).map(|(new, old)| new.unwrap_or_else(|| old.clone()));
    Some(Case { modules: modules.collect(), ..case.clone() })
}

/// Returns the kinds of the operators of `wasm`.
fn find_kinds(wasm: &[u8]) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::CodeSectionEntry(body) = payload else { continue };
        let Ok(operators) = body.get_operators_reader() else { continue };
        kinds.extend(operators.into_iter().map_while(Result::ok).map(|operator| name_operator(&operator)));
    }
    kinds
}

/// A finding with its cause, and the names of the inputs that show it.
pub struct Group {
    /// The cause.
    pub cause: Cause,
    /// The reduced finding of the first input.
    pub found: NewFinding,
    /// The names of the inputs.
    pub inputs: Vec<String>,
}

/// Groups of findings by their causes.
#[derive(Default)]
pub struct Groups {
    /// The groups, in the order in which they were found.
    pub groups: Vec<Group>,
}

impl Groups {
    /// Puts the finding of an input into the group of its cause. If there is none yet, reduces the finding with
    /// `reduce` and makes a group of it. Returns whether the group is new.
    pub fn add(
        &mut self,
        input: String,
        found: NewFinding,
        check: &dyn Check,
        reduce: &mut dyn FnMut(NewFinding) -> NewFinding,
    ) -> bool {
        for group in &mut self.groups {
            if group.cause.explains(&found, check) {
                group.inputs.push(input);
                return false;
            }
        }
        let found = reduce(found);
        let cause = Cause::of(&found, check);
        self.groups.push(Group { cause, found, inputs: vec![input] });
        true
    }
}
