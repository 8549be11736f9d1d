//! Workarounds for known mistakes of other engines: changes of a module that keep its meaning, and after which a
//! mistake cannot occur.
//!
//! Each function takes a valid module. It returns `None` if the mistake cannot occur in it anyway.

use crate::rewrite::{Patch, edit, rewrite};
use lanes::{Features, is_valid_with};
use wasm_encoder::{HeapType, Instruction, RefType, ValType};
use wasmparser::{BlockType, Operator as O};

/// Puts a `local.tee` between the condition of each `select` and the `select`, so that the engine does not fuse them.
///
/// The engine sees a comparison through everything that it emits no code for: a `nop`, a dropped local, a `select` with
/// a constant condition. So the tee stands wherever the condition is not a plain local or constant already.
pub(crate) fn separate_select_from_condition(wasm: &[u8]) -> Option<Vec<u8>> {
    use O::{I32Const, I32Eq, I32Eqz, I32Ne, LocalGet, LocalTee, Select, TypedSelect};
    let (mut compared, mut found) = (false, false);
    let changed = rewrite(wasm, &mut |operator, next, scratch| {
        compared |= matches!(operator, I32Eqz | I32Eq | I32Ne);
        let plain = matches!(operator, LocalTee { .. } | LocalGet { .. } | I32Const { .. });
        if !compared || plain || !matches!(next, Some(Select | TypedSelect { .. })) {
            return Patch::default();
        }
        found = true;
        Patch { after: vec![Instruction::LocalTee(scratch.local(ValType::I32))], ..Patch::default() }
    });
    changed.ok().filter(|_| found)
}

/// Reads the length of each array that is copied from before the copy, so that a null source traps before the target's
/// range is looked at. Where the target is null as well, that is the same trap.
pub(crate) fn check_source_before_copy(wasm: &[u8]) -> Option<Vec<u8>> {
    use Instruction::{ArrayLen, Drop, LocalGet, LocalSet, LocalTee};
    /// The number of instructions from the added `array.len` to the copy.
    const DISTANCE: u32 = 5;
    let (mut found, mut since_length) = (false, DISTANCE + 1);
    let changed = rewrite(wasm, &mut |operator, _, scratch| {
        since_length = if matches!(operator, O::ArrayLen) { 0 } else { since_length.saturating_add(1) };
        let O::ArrayCopy { array_type_index_src, .. } = *operator else { return Patch::default() };
        // A second application changes nothing.
        if since_length == DISTANCE {
            return Patch::default();
        }
        found = true;
        let heap_type = HeapType::Concrete(array_type_index_src);
        let source = scratch.local(ValType::Ref(RefType { nullable: true, heap_type }));
        let (start, length) = (scratch.local(ValType::I32), scratch.further_local(ValType::I32, 1));
        let before = vec![
            LocalSet(length),
            LocalSet(start),
            LocalTee(source),
            ArrayLen,
            Drop,
            LocalGet(source),
            LocalGet(start),
            LocalGet(length),
        ];
        Patch { before, ..Patch::default() }
    });
    changed.ok().filter(|_| found)
}

/// Puts an empty block before each `if` with parameters, so that the operands below them are in place before either
/// arm.
pub(crate) fn put_block_before_if(wasm: &[u8]) -> Option<Vec<u8>> {
    let (mut found, mut in_empty_block, mut after_empty_block) = (false, false, false);
    let changed = rewrite(wasm, &mut |operator, _, _| {
        // An `if` right after an empty block is left alone, so that a second application changes nothing.
        let needs_block = matches!(operator, O::If { blockty: BlockType::FuncType(_) }) && !after_empty_block;
        after_empty_block = in_empty_block && matches!(operator, O::End);
        in_empty_block = matches!(operator, O::Block { blockty: BlockType::Empty });
        if !needs_block {
            return Patch::default();
        }
        found = true;
        Patch { before: vec![Instruction::Block(wasm_encoder::BlockType::Empty), Instruction::End], ..Patch::default() }
    });
    changed.ok().filter(|_| found)
}

/// Removes unreachable code.
pub(crate) fn remove_unreachable(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut found = false;
    let changed = edit(wasm, &mut |operators| {
        let count = operators.len();
        let reachable = keep_reachable(operators);
        found |= reachable.len() < count;
        reachable
    });
    changed.ok().filter(|_| found)
}

/// Returns the operators that can be reached, with the ends of their blocks.
fn keep_reachable(operators: Vec<O<'_>>) -> Vec<O<'_>> {
    // In unreachable code: the number of blocks that began in it and are still open.
    let mut unreached: Option<u32> = None;
    let mut keep = |operator: &O<'_>| {
        let Some(open) = unreached else {
            unreached = diverges(operator).then_some(0);
            return true;
        };
        let closes = matches!(operator, O::End | O::Delegate { .. });
        let turns = matches!(operator, O::Else | O::Catch { .. } | O::CatchAll);
        unreached = match open {
            0 if closes || turns => None,
            _ if closes => Some(open - 1),
            _ if begins(operator) => Some(open + 1),
            _ => Some(open),
        };
        unreached.is_none()
    };
    operators.into_iter().filter(|operator| keep(operator)).collect()
}

/// Returns whether the code that follows in the same block is unreachable.
fn diverges(operator: &O<'_>) -> bool {
    use O::{
        Br, BrTable, Rethrow, Return, ReturnCall, ReturnCallIndirect, ReturnCallRef, Throw, ThrowRef, Unreachable,
    };
    matches!(
        operator,
        Unreachable
            | Return
            | Br { .. }
            | BrTable { .. }
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | ReturnCallRef { .. }
            | Throw { .. }
            | ThrowRef
            | Rethrow { .. }
    )
}

fn begins(operator: &O<'_>) -> bool {
    matches!(operator, O::Block { .. } | O::Loop { .. } | O::If { .. } | O::Try { .. } | O::TryTable { .. })
}

/// Makes each `delegate` name a `try` or the function. One that names another block means the next `try` around it.
pub(crate) fn make_delegate_name_try(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut found = false;
    let changed = edit(wasm, &mut |mut operators| {
        // True for each open block that is a `try`.
        let mut open: Vec<bool> = Vec::new();
        for operator in &mut operators {
            match operator {
                O::End => _ = open.pop(),
                O::Delegate { relative_depth } => {
                    open.pop();
                    let outer = open.iter().rev().skip(*relative_depth as usize);
                    let further = outer.take_while(|is_try| !**is_try).count();
                    found |= further > 0;
                    *relative_depth += u32::try_from(further).expect("a valid function has fewer than 2^32 blocks");
                }
                _ if begins(operator) => open.push(matches!(operator, O::Try { .. })),
                _ => {}
            }
        }
        operators
    });
    changed.ok().filter(|_| found)
}

/// Converts the operand of each `any.convert_extern` to `externref`. There is no workaround where the type of the
/// result must not be nullable.
pub(crate) fn convert_externref(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut found = false;
    let changed = rewrite(wasm, &mut |operator, _, scratch| {
        if !matches!(operator, O::AnyConvertExtern) {
            return Patch::default();
        }
        found = true;
        Patch { before: vec![Instruction::LocalTee(scratch.local(ValType::EXTERNREF))], ..Patch::default() }
    });
    changed.ok().filter(|wasm| found && is_valid_with(wasm, Features::all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(workaround: fn(&[u8]) -> Option<Vec<u8>>, before: &str, after: &str) {
        let module = |body: &str| wat::parse_str(format!("(module (tag) (func {body}))")).expect("it parses");
        assert_eq!(workaround(&module(before)), Some(module(after)));
        assert_eq!(workaround(&module(after)), None);
    }

    #[test]
    fn unreachable_code_is_removed() {
        let workaround = remove_unreachable;
        check(workaround, "block br 0 block nop end i32.const 1 drop end nop", "block br 0 end nop");
        let (before, after) = ("if unreachable nop else return loop end end", "if unreachable else return end");
        check(workaround, &format!("i32.const 1 {before}"), &format!("i32.const 1 {after}"));
        check(workaround, "try throw 0 nop catch 0 rethrow 0 nop end", "try throw 0 catch 0 rethrow 0 end");
        check(workaround, "try throw 0 nop delegate 0", "try throw 0 delegate 0");
    }

    #[test]
    fn a_select_is_separated_from_its_condition() {
        let module = |body: &str| wat::parse_str(format!("(module (func {body}))")).expect("it parses");
        let operands = "i32.const 0 i32.const 1";
        for condition in [
            "i32.const 2 i32.eqz",
            "i32.const 2 i32.eqz nop",
            "i32.const 2 i32.eqz i32.const 3 drop",
            "i32.const 2 i32.eqz i32.const 3 i32.const 4 select",
            "i64.const 2 i64.const 3 i64.gt_s i32.const 2 i32.eqz i32.const 0 select",
        ] {
            let body = |tee: &str| format!("{operands} {condition} {tee} select drop");
            let changed = separate_select_from_condition(&module(&body("")));
            assert_eq!(changed, Some(module(&format!("(local i32) {}", body("local.tee 0")))), "{condition}");
        }
        assert_eq!(separate_select_from_condition(&module("i32.const 2 i32.eqz drop")), None);
        assert_eq!(separate_select_from_condition(&module(&format!("{operands} i32.const 2 select drop"))), None);
    }

    #[test]
    fn an_if_with_parameters_gets_a_block_before_it() {
        let (before, after) = ("i64.const 1 i32.const 1", "if (param i64) drop else drop end i32.const 1 if end");
        check(put_block_before_if, &format!("{before} {after}"), &format!("{before} block end {after}"));
    }

    #[test]
    fn the_converted_operand_is_an_externref() {
        let module = |body: &str| wat::parse_str(format!("(module (func {body}))")).expect("it parses");
        let changed = convert_externref(&module("ref.null noextern any.convert_extern drop"));
        assert_eq!(changed, Some(module("(local externref) ref.null noextern local.tee 0 any.convert_extern drop")));
        let strict = "(param (ref extern)) (result (ref any)) local.get 0 any.convert_extern";
        assert_eq!(convert_externref(&module(strict)), None);
    }

    #[test]
    fn the_length_of_the_source_is_read() {
        let module = |locals: &str, more: &str| {
            let array = "(array.new_default 0 (i32.const 4))";
            let body = format!("{array} (i32.const 4) (ref.null 0) (i32.const 0) (i32.const 1) {more} array.copy 0 0");
            wat::parse_str(format!("(module (type (array (mut i8))) (func {locals} {body}))")).expect("it parses")
        };
        let read = "local.set 2 local.set 1 local.tee 0 array.len drop local.get 0 local.get 1 local.get 2";
        let (before, after) = (module("", ""), module("(local (ref null 0) i32 i32)", read));
        assert_eq!(check_source_before_copy(&before), Some(after.clone()));
        assert_eq!(check_source_before_copy(&after), None);
    }

    #[test]
    fn a_delegate_leads_to_a_try() {
        let before = "try block loop try throw 0 delegate 1 end end catch_all end";
        check(make_delegate_name_try, before, &before.replace("delegate 1", "delegate 2"));
        check(make_delegate_name_try, "block try throw 0 delegate 0 end", "block try throw 0 delegate 1 end");
    }
}
