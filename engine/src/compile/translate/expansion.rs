//! Limits of the intermediate code that a function may become. What is counted here is the product of two counts that a
//! function's bytes pay for once each, such as branches and locals: thousands of both would exhaust the memory of the
//! compiler before [`budget`](crate::compile::budget) could look at the result.

use super::FuncTranslator;
use crate::base::{Error, ErrorKind, Result};
use std::collections::BTreeSet;
use wasmparser::{FunctionBody, Operator};

/// The largest number of locals that branches may carry, over all branches.
const MAX_CARRIED: u64 = 1 << 28;

/// The largest number of references that frames may hold, over all calls. The stack map of each call lists them.
const MAX_HELD: u64 = 1 << 25;

/// The number of locals from which the body is searched for those that it uses.
const FEW_LOCALS: u32 = 256;

/// Counts of what the translated part of a function may become.
#[derive(Default)]
pub(super) struct Expansion {
    /// The locals that are variables.
    variables: u64,
    /// The variables that stack maps list.
    traced: u64,
    /// The variables that branches may carry, over all branches.
    carried: u64,
    /// The references that frames may hold, over all calls.
    held: u64,
}

impl Expansion {
    /// Counts a local.
    pub(super) fn variable(&mut self, is_traced: bool) {
        self.variables += 1;
        self.traced += u64::from(is_traced);
    }

    /// Counts branches to different places.
    pub(super) fn branches(&mut self, count: usize) {
        self.carried = self.carried.saturating_add(self.variables.saturating_mul(count as u64));
    }

    /// Counts a call with this many operands below its own.
    pub(super) fn call(&mut self, operands: usize) {
        self.held += self.traced + operands as u64;
    }
}

impl FuncTranslator<'_> {
    /// Checks that the function does not become far larger than its bytes.
    ///
    /// # Errors
    /// Kind [`TooLarge`](ErrorKind::TooLarge) if it does.
    pub(super) fn check_expansion(&self) -> Result<()> {
        self.check_clauses()?;
        if self.expansion.carried > MAX_CARRIED {
            return Err(Error::new(ErrorKind::TooLarge, "a function has too many branches for its many locals"));
        }
        if self.expansion.held > MAX_HELD {
            return Err(Error::new(ErrorKind::TooLarge, "a function has too many calls for its many references"));
        }
        Ok(())
    }
}

/// Returns the locals that a body uses, or `None` if it has so few that all may be declared. A declaration takes a byte
/// for thousands of locals, but each variable takes time.
pub(super) fn used_locals(body: &FunctionBody<'_>) -> Option<BTreeSet<u32>> {
    let counts = body.get_locals_reader().into_iter().flatten().map_while(|locals| locals.ok());
    if counts.fold(0u32, |sum, (count, _)| sum.saturating_add(count)) <= FEW_LOCALS {
        return None;
    }
    let operators = body.get_operators_reader().into_iter().flatten();
    let used = operators.map_while(|operator| operator.ok()).filter_map(|operator| match operator {
        Operator::LocalGet { local_index }
        | Operator::LocalSet { local_index }
        | Operator::LocalTee { local_index } => Some(local_index),
        _ => None,
    });
    Some(used.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::BinaryReader;

    /// Returns the used locals of a body with one group of locals.
    fn used(locals: &[u8], operators: &[u8]) -> Option<BTreeSet<u32>> {
        let body = [locals, operators].concat();
        used_locals(&FunctionBody::new(BinaryReader::new(&body, 0)))
    }

    #[test]
    fn only_the_locals_that_a_body_uses_become_variables() {
        // 50,000 locals: `local.get 3`, `local.tee 300`, `local.set 3`.
        let operators = [0x20, 3, 0x22, 0xac, 0x02, 0x21, 3, 0x0b];
        assert_eq!(used(&[1, 0xd0, 0x86, 0x03, 0x7f], &operators), Some(BTreeSet::from([3, 300])));
        assert_eq!(used(&[1, 200, 1, 0x7f], &operators), None, "200 locals are few");
    }
}
