//! The passes over one module. Each tries smaller modules and keeps those that still show the finding.

use super::{Reducer, simplest};
use crate::generate::case::{Action, Case};
use crate::generate::value::lanes_type;
use crate::rewrite::extend::Sizes;
use crate::rewrite::prune::{
    Kind, find_effective, merge_functions, merge_stubs, redirect_export, remove_item, remove_start, remove_unreferenced,
};
use crate::rewrite::shrink::{
    Arm, count_operators, remove_unused_locals, remove_with_drop, replace_by_constants, unwrap_block,
};
use crate::rewrite::{count_bodies, remove, stub_body};
use crate::triage::close::find_imports;
use crate::triage::quiet;
use lanes::{Value, is_valid_with};
use std::collections::BTreeSet;
use wasm_shrink::WasmShrink;
use wasmparser::{Parser, Payload};

/// The number of failed attempts in a row after which wasm-shrink takes a module for as small as it gets.
const ATTEMPTS: u32 = 300;
/// The number of instructions that the first attempts change at once.
const LONGEST: usize = 128;

impl Reducer<'_> {
    /// Reduces one module of a case: first what makes it quick to compile, then details. wasm-shrink takes a part in it
    /// if `shrinks`.
    pub(super) fn reduce_module(&mut self, case: &mut Case, module: usize, shrinks: bool) {
        self.shorten_calls(case, module);
        self.stub_bodies(case, module);
        self.merge_elements(case, module);
        self.remove_items(case, module);
        self.replace_operators(case, module);
        self.remove_instructions(case, module);
        self.remove_items(case, module);
        if shrinks {
            self.shrink_module(case, module);
        }
        self.unwrap_blocks(case, module);
        self.replace_operators(case, module);
        self.remove_instructions(case, module);
        self.remove_dropped(case, module);
        self.merge_elements(case, module);
        self.remove_items(case, module);
        if let Some(smaller) = remove_unused_locals(&case.modules[module]) {
            self.try_module(case, module, smaller);
        }
    }

    /// Calls inner functions of a chain in the place of outer ones. They come before those that call them.
    fn shorten_calls(&mut self, case: &mut Case, module: usize) {
        let called: BTreeSet<String> = case.calls().map(|call| call.function.clone()).collect();
        for name in called {
            for inner in redirect_export(&case.modules[module], &name) {
                let zeros: Vec<Value> = inner.params.iter().map(|&ty| Value::zero(lanes_type(ty))).collect();
                let mut shorter = case.clone();
                shorter.modules[module] = inner.wasm;
                for action in &mut shorter.actions {
                    let Action::Call(call) = action else { continue };
                    let kept: Vec<Value> = call.arguments.iter().map(|&value| simplest(value)).collect();
                    if call.function == name && kept != zeros {
                        call.arguments.clone_from(&zeros);
                    }
                }
                if is_valid_with(&shorter.modules[module], case.features) && self.accepts(&shorter) {
                    *case = shorter;
                    break;
                }
            }
        }
    }

    /// Lets tables hold one function in many places: first in that of all functions without a purpose.
    fn merge_elements(&mut self, case: &mut Case, module: usize) {
        if let Some(merged) = merge_stubs(&case.modules[module]) {
            self.try_module(case, module, merged);
        }
        let Ok(Sizes { imported_functions, functions, .. }) = Sizes::of(&case.modules[module]) else { return };
        for function in imported_functions + 1..functions {
            if let Some(merged) = merge_functions(&case.modules[module], &[imported_functions, function]) {
                self.try_module(case, module, merged);
            }
        }
    }

    /// Removes a value with the `drop` that consumes it.
    fn remove_dropped(&mut self, case: &mut Case, module: usize) {
        let mut number = 0;
        while number < count_operators(&case.modules[module]) {
            let fewer = remove_with_drop(&case.modules[module], number);
            if !fewer.into_iter().any(|fewer| self.try_module(case, module, fewer)) {
                number += 1;
            }
        }
    }

    /// Replaces whole bodies by `unreachable`.
    fn stub_bodies(&mut self, case: &mut Case, module: usize) {
        for number in 0..count_bodies(&case.modules[module]) {
            if let Some(stubbed) = stub_body(&case.modules[module], number) {
                self.try_module(case, module, stubbed);
            }
        }
    }

    /// Removes the start function, exports and segments, and what nothing refers to then.
    fn remove_items(&mut self, case: &mut Case, module: usize) {
        if let Some(smaller) = remove_start(&case.modules[module]) {
            self.try_module(case, module, smaller);
        }
        self.remove_unused_exports(case, module);
        for &item in find_effective(&case.modules[module]).iter().rev() {
            if let Some(smaller) = remove_item(&case.modules[module], item) {
                self.try_module(case, module, smaller);
            }
        }
        self.remove_unreferenced(case, module);
    }

    /// Removes what nothing refers to. A lane may fail at a function that nobody calls: then this one stays.
    fn remove_unreferenced(&mut self, case: &mut Case, module: usize) {
        let Some(smaller) = remove_unreferenced(&case.modules[module], None) else { return };
        if smaller == case.modules[module] || self.try_module(case, module, smaller) {
            return;
        }
        let Ok(Sizes { imported_functions, functions, .. }) = Sizes::of(&case.modules[module]) else { return };
        for function in imported_functions..functions {
            let smaller = remove_unreferenced(&case.modules[module], Some((Kind::Function, function)));
            if smaller.is_some_and(|smaller| self.try_module(case, module, smaller)) {
                return;
            }
        }
    }

    /// Removes all exports at once that no call and no other module names.
    fn remove_unused_exports(&mut self, case: &mut Case, module: usize) {
        let mut smaller = case.modules[module].clone();
        let exports = find_exports(&smaller);
        // From the end, so that the indices of the others stay.
        for (index, name) in (0..).zip(&exports).collect::<Vec<_>>().into_iter().rev() {
            let is_called = case.calls().any(|call| call.function == *name);
            let is_imported =
                case.modules.iter().any(|wasm| find_imports(wasm).iter().any(|(_, import)| import == name));
            if !is_called && !is_imported {
                smaller = remove_item(&smaller, (Kind::Export, index)).unwrap_or(smaller);
            }
        }
        self.try_module(case, module, smaller);
    }

    /// Replaces operators by constants, many at once first.
    fn replace_operators(&mut self, case: &mut Case, module: usize) {
        let mut length = LONGEST;
        while length > 0 {
            let mut start = 0;
            while start < count_operators(&case.modules[module]) {
                if let Some(simpler) = replace_by_constants(&case.modules[module], start..start + length) {
                    self.try_module(case, module, simpler);
                }
                start += length;
            }
            length /= 4;
        }
    }

    /// Removes runs of instructions, long ones first.
    fn remove_instructions(&mut self, case: &mut Case, module: usize) {
        let mut length = LONGEST;
        while length > 0 {
            let mut start = 0;
            while let Some(shorter) = remove(&case.modules[module], start, length) {
                if !self.try_module(case, module, shorter) {
                    start += length.div_ceil(2);
                }
            }
            length /= 2;
        }
    }

    /// Puts the contents of blocks in their place.
    fn unwrap_blocks(&mut self, case: &mut Case, module: usize) {
        let mut number = 0;
        while number < count_operators(&case.modules[module]) {
            let mut arms = [Arm::First, Arm::Second].into_iter();
            let unwrapped = arms.any(|arm| {
                let flat = unwrap_block(&case.modules[module], number, arm);
                flat.is_some_and(|flat| self.try_module(case, module, flat))
            });
            // Another block may have moved to this number.
            number += usize::from(!unwrapped);
        }
    }

    /// Shrinks a module with wasm-shrink, in a quarter of the runs that are left.
    fn shrink_module(&mut self, case: &mut Case, module: usize) {
        let whole = case.modules[module].clone();
        let mut smallest = whole.clone();
        let saved = self.runs - self.runs / 4;
        self.runs -= saved;
        // wasm-shrink gives up now and then, with an error or a panic ("Unknown export"). What it found until then is
        // as good, and the other passes do not need it.
        let _given_up = quiet::call(|| {
            WasmShrink::default().attempts(ATTEMPTS).run(whole, |wasm: &[u8]| {
                quiet::aloud(|| {
                    let before = std::mem::replace(&mut case.modules[module], wasm.to_vec());
                    let accepted = self.accepts(case);
                    case.modules[module] = before;
                    if accepted && wasm.len() < smallest.len() {
                        smallest = wasm.to_vec();
                    }
                    Ok(accepted)
                })
            })
        });
        self.runs += saved;
        case.modules[module] = smallest;
    }

    /// Puts `wasm` into the case if that is valid and still shows the finding. Returns whether it did.
    fn try_module(&mut self, case: &mut Case, module: usize, wasm: Vec<u8>) -> bool {
        if wasm == case.modules[module] || !is_valid_with(&wasm, case.features) {
            return false;
        }
        let before = std::mem::replace(&mut case.modules[module], wasm);
        let accepted = self.accepts(case);
        if !accepted {
            case.modules[module] = before;
        }
        accepted
    }
}

/// Returns the names of the exports of `wasm`, in order.
fn find_exports(wasm: &[u8]) -> Vec<String> {
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        if let Payload::ExportSection(section) = payload {
            return section.into_iter().map_while(Result::ok).map(|export| export.name.to_string()).collect();
        }
    }
    Vec::new()
}
