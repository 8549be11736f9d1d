//! Planted faults: known mistakes of the compiler, for the tests that prove that an oracle can fail.
//!
//! This file is all of them, and it exists only under the cargo feature `planted-faults`. Faults of translation replace
//! the operator that is translated; faults of the tables change what was compiled.

use super::codegen::CompiledCode;
use super::translate::FuncTranslator;
use crate::base::{Fault, Trap};
use crate::wasm::index::TagIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::InstBuilder;
use wasmparser::Operator;

/// Plants the configured fault in an operator that is about to be translated. Returns the operator to translate in its
/// place.
pub(super) fn plant_in_operator<'a>(translator: &mut FuncTranslator<'_>, operator: Operator<'a>) -> Operator<'a> {
    let Some(fault) = translator.env.config.fault else { return operator };
    match (fault, operator) {
        (Fault::SubtractionAdds, Operator::I32Sub) => Operator::I32Add,
        (Fault::ClausesReversed, Operator::TryTable { mut try_table }) => {
            try_table.catches.reverse();
            Operator::TryTable { try_table }
        }
        (Fault::PayloadAltered, Operator::Throw { tag_index }) => {
            alter_payload(translator, TagIndex(tag_index));
            Operator::Throw { tag_index }
        }
        (Fault::TailCallKeepsFrame, Operator::ReturnCall { function_index }) => {
            translator.dispatch(Operator::Call { function_index });
            Operator::Return
        }
        (Fault::TailCallKeepsFrame, Operator::ReturnCallIndirect { type_index, table_index }) => {
            translator.dispatch(Operator::CallIndirect { type_index, table_index });
            Operator::Return
        }
        (Fault::TailCallKeepsFrame, Operator::ReturnCallRef { type_index }) => {
            translator.dispatch(Operator::CallRef { type_index });
            Operator::Return
        }
        (_, operator) => operator,
    }
}

/// Adds one to the first integer among the operands of a `throw`.
fn alter_payload(translator: &mut FuncTranslator<'_>, tag: TagIndex) {
    let params = &translator.env.module.tag_type(tag).params;
    let first = params.iter().position(|ty| matches!(ty, ValType::I32 | ValType::I64));
    let Some(first) = first else { return };
    let mut above: Vec<_> = (first + 1..params.len()).map(|_| translator.pop()).collect();
    let value = translator.pop();
    let one = translator.iconst(translator.type_of(value), 1);
    let altered = translator.ins().iadd(value, one);
    translator.push(altered);
    while let Some(value) = above.pop() {
        translator.push(value);
    }
}

/// Plants the configured fault in the tables of all pieces of code.
pub(super) fn plant_in_tables(code: &mut [CompiledCode], fault: Option<Fault>) {
    for piece in code {
        match fault {
            Some(Fault::WrongTrapCode) => {
                for (_, trap) in piece.traps.iter_mut().filter(|(_, trap)| *trap == Trap::IntegerDivisionByZero) {
                    *trap = Trap::IntegerOverflow;
                }
            }
            Some(Fault::SourceMapOffByOne) => piece.source_map.iter_mut().for_each(|range| range.2.0 += 1),
            Some(Fault::MissingStackMap) => {
                for map in piece.stack_maps.iter_mut().filter(|map| !map.slots.is_empty()) {
                    map.slots.remove(0);
                }
            }
            _ => {}
        }
    }
}
