//! The contents of an instance's exports in two lanes.

use super::isomorphism::Matching;
use super::{Difference, difference};
use crate::{MemoryState, State, TableState};

/// Compares exports by name, and then the objects that they reach.
pub(super) fn compare_states(mut matching: Matching<'_>, left: &State, right: &State) -> Option<Difference> {
    if names(left) != names(right) {
        return difference("exports", names(left).join(", "), names(right).join(", "));
    }
    for ((name, left), (_, right)) in left.globals.iter().zip(&right.globals) {
        if !matching.value(*left, *right) {
            return difference(format!("global {name:?}"), left, right);
        }
    }
    for ((name, left), (_, right)) in left.memories.iter().zip(&right.memories) {
        if left != right {
            return difference(format!("memory {name:?}"), memory_text(left), memory_text(right));
        }
    }
    for ((name, left), (_, right)) in left.tables.iter().zip(&right.tables) {
        if !are_equal_tables(&mut matching, left, right) {
            return difference(format!("table {name:?}"), table_text(left), table_text(right));
        }
    }
    matching.contents()
}

/// The names of all globals, memories and tables, in this order.
fn names(state: &State) -> Vec<&str> {
    let globals = state.globals.iter().map(|(name, _)| name.as_str());
    let memories = state.memories.iter().map(|(name, _)| name.as_str());
    let tables = state.tables.iter().map(|(name, _)| name.as_str());
    globals.chain(memories).chain(tables).collect()
}

fn are_equal_tables(matching: &mut Matching<'_>, left: &TableState, right: &TableState) -> bool {
    if left.length != right.length || left.elements.len() != right.elements.len() {
        return false;
    }
    for ((index, left), (other_index, right)) in left.elements.iter().zip(&right.elements) {
        if index != other_index || !matching.reference(*left, *right) {
            return false;
        }
    }
    true
}

fn memory_text(memory: &MemoryState) -> String {
    let hex: String = memory.digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes, digest {hex}...", memory.length)
}

fn table_text(table: &TableState) -> String {
    format!("{} elements, {:?}", table.length, table.elements)
}
