//! The values of parameters and locals along a function, for debug information.
//!
//! In: the definitions and uses of locals, and the blocks around them, while a function is translated. Out: for each
//! position of the binary, the CLIF value that a local has there. Nothing is added to the function for it.
//!
//! A value is known from where it is seen until a place that other values may come to: the end of a block that branches
//! lead to, its next arm, or a loop in which or after which the local is set again. Then it is unknown, until the local
//! is used.

use crate::base::WasmOffset;
use cranelift_codegen::ir::Value;
use std::collections::HashMap;
use wasmparser::{FunctionBody, Operator};

/// A local that has another value, or an unknown one, from an offset in the binary.
pub(crate) struct LocalChange {
    pub(crate) from: WasmOffset,
    pub(crate) local: u32,
    pub(crate) value: Option<Value>,
}

/// The known values at the current position.
pub(super) struct LocalValues {
    /// The number of parameters.
    params: u32,
    /// The offset of the last operator that sets each local. Locals that nothing sets are absent.
    last_set: HashMap<u32, u64>,
    known: HashMap<u32, Value>,
    /// The locals that became known, in order: those that nothing sets from then on, and the others. A local may be in
    /// both, and more than once.
    settled: Vec<u32>,
    passing: Vec<u32>,
    /// The lengths of both lists at the start of each open block.
    marks: Vec<(usize, usize)>,
    changes: Vec<LocalChange>,
}

impl LocalValues {
    /// Creates the state at the start of a body, which need not be valid.
    pub(super) fn new(body: &FunctionBody<'_>, params: u32) -> LocalValues {
        let operators =
            body.get_operators_reader().into_iter().flat_map(|operators| operators.into_iter_with_offsets());
        let mut last_set = HashMap::new();
        for (operator, offset) in operators.map_while(|operator| operator.ok()) {
            if let Operator::LocalSet { local_index } | Operator::LocalTee { local_index } = operator {
                last_set.insert(local_index, offset);
            }
        }
        let (known, changes) = (HashMap::new(), Vec::new());
        LocalValues { params, last_set, known, settled: Vec::new(), passing: Vec::new(), marks: Vec::new(), changes }
    }

    /// Notes that a local has a value from an offset on. Locals that nothing sets are left out: a body of a few bytes
    /// may have thousands.
    pub(super) fn set(&mut self, local: u32, value: Value, from: u32) {
        if local >= self.params && !self.last_set.contains_key(&local) {
            return;
        }
        let list = if self.is_set_after(local, from) { &mut self.passing } else { &mut self.settled };
        list.push(local);
        self.known.insert(local, value);
        self.changes.push(LocalChange { from: WasmOffset(from), local, value: Some(value) });
    }

    /// Notes that a local was found to have a value from an offset on.
    pub(super) fn found(&mut self, local: u32, value: Value, from: u32) {
        if !self.known.contains_key(&local) {
            self.set(local, value, from);
        }
    }

    fn is_set_after(&self, local: u32, offset: u32) -> bool {
        self.last_set.get(&local).is_some_and(|&last| last >= offset.into())
    }

    /// Notes the start of a block, after the operator at `at`. The values of a loop's later rounds are unknown from its
    /// first instruction on, which belongs to the same operator.
    pub(super) fn open(&mut self, is_loop: bool, at: u32) {
        if is_loop {
            for local in core::mem::take(&mut self.passing) {
                if self.is_set_after(local, at) {
                    self.forget(local, at);
                }
            }
            for (_, passing) in &mut self.marks {
                *passing = 0;
            }
        }
        self.marks.push((self.settled.len(), self.passing.len()));
    }

    /// Notes the next arm of the innermost block.
    pub(super) fn next_arm(&mut self, at: u32) {
        self.close(true, at);
        self.open(false, at);
    }

    /// Notes the end of the innermost block. `is_target` tells whether branches lead there.
    pub(super) fn close(&mut self, is_target: bool, at: u32) {
        let Some((settled, passing)) = self.marks.pop().filter(|_| is_target) else { return };
        let mut forgotten = self.settled.split_off(settled);
        forgotten.extend(self.passing.drain(passing..));
        for local in forgotten {
            self.forget(local, at + 1);
        }
    }

    fn forget(&mut self, local: u32, from: u32) {
        if self.known.remove(&local).is_some() {
            self.changes.push(LocalChange { from: WasmOffset(from), local, value: None });
        }
    }

    /// Returns all changes, in the order of the binary.
    pub(super) fn into_changes(self) -> Vec<LocalChange> {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::BinaryReader;

    /// The state of a function whose only parameter is set by the operators at these offsets.
    fn values(sets: &[u8]) -> LocalValues {
        let mut body = vec![0];
        while body.len() <= sets.iter().copied().max().unwrap_or(0).into() {
            let is_set = sets.contains(&(body.len() as u8));
            body.extend(if is_set { &[0x21, 0][..] } else { &[0x01] });
        }
        LocalValues::new(&FunctionBody::new(BinaryReader::new(&body, 0)), 1)
    }

    /// The changes: offsets, and the numbers of values.
    fn changes(values: LocalValues) -> Vec<(u32, Option<u32>)> {
        let changes = values.into_changes().into_iter();
        changes.map(|change| (change.from.0, change.value.map(|value| value.as_u32()))).collect()
    }

    #[test]
    fn a_value_that_is_set_in_a_block_is_unknown_after_it() {
        let mut values = values(&[5]);
        values.set(0, Value::from_u32(1), 0);
        values.open(false, 4);
        values.set(0, Value::from_u32(2), 6);
        values.close(true, 8);
        values.found(0, Value::from_u32(3), 10);
        values.found(0, Value::from_u32(4), 12);
        assert_eq!(changes(values), [(0, Some(1)), (6, Some(2)), (9, None), (10, Some(3))]);
    }

    #[test]
    fn a_value_that_is_found_in_an_arm_is_unknown_in_the_next_one() {
        let mut values = values(&[1]);
        values.open(false, 4);
        values.found(0, Value::from_u32(2), 6);
        values.next_arm(8);
        values.found(0, Value::from_u32(3), 10);
        values.close(true, 12);
        assert_eq!(changes(values), [(6, Some(2)), (9, None), (10, Some(3)), (13, None)]);
    }

    #[test]
    fn a_block_that_no_branch_leaves_keeps_values() {
        let mut values = values(&[]);
        values.open(false, 2);
        values.open(false, 4);
        values.found(0, Value::from_u32(1), 6);
        values.close(false, 8);
        values.close(true, 10);
        assert_eq!(changes(values), [(6, Some(1)), (11, None)]);
    }

    #[test]
    fn a_loop_forgets_what_is_set_later() {
        let set_before_and_in_the_loop = |sets| {
            let mut values = values(sets);
            values.set(0, Value::from_u32(1), 2);
            values.open(true, 4);
            values.close(false, 20);
            changes(values)
        };
        assert_eq!(set_before_and_in_the_loop(&[1, 9]), [(2, Some(1)), (4, None)]);
        assert_eq!(set_before_and_in_the_loop(&[1]), [(2, Some(1))]);
    }

    #[test]
    fn locals_that_nothing_sets_are_left_out() {
        let mut values = values(&[]);
        values.set(0, Value::from_u32(1), 0);
        values.set(1, Value::from_u32(2), 0);
        assert_eq!(changes(values), [(0, Some(1))]);
    }
}
