//! Planted faults of the tables and of the linker: changes of what was compiled. This file exists only under the cargo
//! feature `planted-faults`.

use super::codegen::{CompiledCode, CompiledStackMap};
use super::symbol::Symbol;
use crate::artifact::functions::{FunctionEntry, FunctionKind};
use crate::base::{Fault, Trap};
use crate::wasm::index::FuncIndex;
use gimli::write::CallFrameInstruction;

/// The number of a function's traps before the one that [`Fault::TrapLost`] loses.
const KEPT_TRAPS: usize = 24;
/// The number of names before the first one that [`Fault::NamesShifted`] shifts.
const KEPT_NAMES: usize = 64;
/// The size of a frame that is large to [`Fault::LargeFrameStackMap`], in bytes.
const LARGE_FRAME: u32 = 256;
/// The distance of a call that is far to [`Fault::FarCallLosesAddend`], in bytes.
const FAR: usize = 32 * 1024;

/// Plants the configured fault in the tables of all pieces of code.
pub(super) fn plant_in_tables(code: &mut [CompiledCode], fault: Option<Fault>) {
    let Some(fault) = fault else { return };
    if fault == Fault::FarCallLosesAddend {
        return lose_addends(code);
    }
    for piece in code {
        match fault {
            Fault::WrongTrapCode => {
                for (_, trap) in piece.traps.iter_mut().filter(|(_, trap)| *trap == Trap::IntegerDivisionByZero) {
                    *trap = Trap::IntegerOverflow;
                }
            }
            Fault::TrapLost if piece.traps.len() > KEPT_TRAPS => _ = piece.traps.remove(KEPT_TRAPS),
            Fault::SourceMapOffByOne => piece.source_map.iter_mut().for_each(|range| range.2.0 += 1),
            Fault::OuterHandlerFirst => {
                for site in piece.call_sites.iter_mut().filter(|site| !site.handlers.is_empty()) {
                    site.handlers.rotate_right(1);
                }
            }
            Fault::ConstantsUnaligned => piece.alignment = piece.alignment.min(4),
            Fault::ColdStackMapLost if piece.stack_maps.len() > 3 => _ = piece.stack_maps.pop(),
            Fault::MissingStackMap | Fault::LargeFrameStackMap => {
                piece.stack_maps.iter_mut().for_each(|map| plant_in_stack_map(map, fault));
            }
            Fault::EpiloguesWithoutRules => {
                let prologue = piece.unwind.iter().position(|(_, rule)| *rule == CallFrameInstruction::RememberState);
                piece.unwind.truncate(prologue.unwrap_or(piece.unwind.len()));
            }
            _ => {}
        }
    }
}

fn plant_in_stack_map(map: &mut CompiledStackMap, fault: Fault) {
    if fault == Fault::MissingStackMap && !map.slots.is_empty() {
        map.slots.remove(0);
    }
    if fault == Fault::LargeFrameStackMap && map.frame_size > LARGE_FRAME {
        map.slots.iter_mut().for_each(|slot| *slot += 8);
        map.slots.retain(|slot| slot + 4 <= map.frame_size);
    }
}

/// Clears the addends of calls to functions that are far away.
fn lose_addends(code: &mut [CompiledCode]) {
    let mut end = 0;
    let places = code.iter().map(|piece| {
        end += piece.code.len();
        (piece.symbol.clone(), end)
    });
    let ends: Vec<(Symbol, usize)> = places.collect();
    for (piece, (_, own)) in code.iter_mut().zip(&ends) {
        for relocation in &mut piece.relocs {
            let target = ends.binary_search_by(|(symbol, _)| symbol.cmp(&relocation.target));
            if target.is_ok_and(|target| ends[target].1.abs_diff(*own) > FAR) {
                relocation.addend = 0;
            }
        }
    }
}

/// Plants the configured fault in the names of functions. Returns the names to write.
pub(super) fn plant_in_names(names: &[(FuncIndex, String)], fault: Option<Fault>) -> Vec<(FuncIndex, String)> {
    let mut names = names.to_vec();
    if fault == Some(Fault::NamesShifted) {
        for position in (KEPT_NAMES..names.len()).rev() {
            names[position].1 = names[position - 1].1.clone();
        }
    }
    names
}

/// Plants the configured fault in the table of functions. Returns the table to write.
pub(super) fn plant_in_functions(mut functions: Vec<FunctionEntry>, fault: Option<Fault>) -> Vec<FunctionEntry> {
    if fault == Some(Fault::FunctionNumberByte) {
        for function in &mut functions {
            if let FunctionKind::Function(index) = &mut function.kind {
                index.0 &= 0x7f;
            }
        }
    }
    functions
}
