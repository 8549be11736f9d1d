//! Planted faults of rewriting. This file exists only under the cargo feature `planted-faults`.

use super::Rewriter;
use crate::fault::Fault;
use wasmparser::Operator;

impl Rewriter<'_> {
    /// Plants the configured fault in an operator that is about to be rewritten. Returns the one to rewrite in its
    /// place.
    pub(super) fn plant<'a>(&mut self, operator: Operator<'a>) -> Operator<'a> {
        match (self.settings.fault, operator) {
            (Some(Fault::SubtractionAdds), Operator::I32Sub) => Operator::I32Add,
            (Some(Fault::HandlersReversed), Operator::TryTable { mut try_table }) => {
                try_table.catches.reverse();
                Operator::TryTable { try_table }
            }
            (Some(Fault::OffsetsShifted), operator) => {
                self.offset += 1;
                operator
            }
            (Some(Fault::OldValuesLost), operator @ (Operator::LocalSet { .. } | Operator::LocalTee { .. })) => {
                self.in_locals.clear();
                operator
            }
            (_, operator) => operator,
        }
    }
}
