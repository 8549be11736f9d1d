//! Plants faults into what the artifact's tables say about a piece of code. Faults in the code itself are planted where
//! `translate` emits it.

use super::codegen::CompiledCode;
use crate::base::{Fault, Trap};

/// Returns `code` with its tables made wrong in the way that `fault` says, if it is about tables.
pub(super) fn plant(fault: Option<Fault>, mut code: CompiledCode) -> CompiledCode {
    match fault {
        Some(Fault::SourceMapOffByOne) => {
            for (_, _, offset) in &mut code.source_map {
                offset.0 += 1;
            }
        }
        Some(Fault::WrongTrapCode) => {
            for (_, trap) in &mut code.traps {
                if *trap == Trap::IntegerDivisionByZero {
                    *trap = Trap::IntegerOverflow;
                }
            }
        }
        Some(Fault::MissingStackMap) => {
            for map in code.stack_maps.iter_mut().filter(|map| !map.slots.is_empty()) {
                map.slots.remove(0);
            }
        }
        _ => {}
    }
    code
}
