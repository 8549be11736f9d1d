//! Smaller bodies: operators replaced by constants, blocks by their contents, and locals that nothing uses removed.
//!
//! Operators are numbered over all bodies. The result need not be valid.

use super::typed::find_effects;
use super::{Patch, Result, params, rewrite};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{Catch, CodeSection, ConstExpr, Encode, Function, Instruction, Module, RefType, ValType};
use wasmparser::{FunctionBody, Operator, Parser};

/// Returns the number of operators of `wasm`, the ends of bodies among them. Zero if it does not decode.
pub fn count_operators(wasm: &[u8]) -> usize {
    let mut count = 0;
    let counted = rewrite(wasm, &mut |_, _, _| {
        count += 1;
        Patch::default()
    });
    counted.map_or(0, |_| count)
}

/// Returns `wasm` with each operator of a range replaced by constants, where its results have any: zero or null. `None`
/// if there is nothing to replace.
pub fn replace_by_constants(wasm: &[u8], range: Range<usize>) -> Option<Vec<u8>> {
    let effects: Vec<_> = find_effects(wasm).ok()?.into_iter().flatten().collect();
    let (mut next, mut changed) = (0, false);
    let replaced = rewrite(wasm, &mut |operator, _, _| {
        let this = next;
        next += 1;
        let effect = effects.get(this).filter(|_| range.contains(&this)).and_then(Option::as_ref);
        let Some(effect) = effect.filter(|_| !is_constant(operator)) else { return Patch::default() };
        let constants: Option<Vec<_>> = effect.results.iter().map(|&ty| constant(ty)).collect();
        let Some(constants) = constants else { return Patch::default() };
        changed = true;
        let mut before = vec![Instruction::Drop; effect.operands.len()];
        before.extend(constants);
        Patch { before, replaces: true, ..Patch::default() }
    });
    replaced.ok().filter(|_| changed)
}

fn is_constant(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Nop
            | O::Drop
            | O::I32Const { .. }
            | O::I64Const { .. }
            | O::F32Const { .. }
            | O::F64Const { .. }
            | O::V128Const { .. }
            | O::RefNull { .. }
    )
}

/// Returns the constant of a type that is zero or null; `None` for references that are never null.
pub(crate) fn constant(ty: ValType) -> Option<Instruction<'static>> {
    Some(match ty {
        ValType::I32 => Instruction::I32Const(0),
        ValType::I64 => Instruction::I64Const(0),
        ValType::F32 => Instruction::F32Const(0.0_f32.into()),
        ValType::F64 => Instruction::F64Const(0.0_f64.into()),
        ValType::V128 => Instruction::V128Const(0),
        ValType::Ref(RefType { nullable: true, heap_type }) => Instruction::RefNull(heap_type),
        ValType::Ref(_) => return None,
    })
}

/// Returns the constant expression of a type that is zero or null; `None` for references that are never null.
pub(crate) fn constant_expression(ty: ValType) -> Option<ConstExpr> {
    let mut bytes = Vec::new();
    constant(ty)?.encode(&mut bytes);
    Some(ConstExpr::raw(bytes))
}

/// The part of a block that takes its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arm {
    /// The contents, or the first arm of an `if`.
    First,
    /// The second arm of an `if`.
    Second,
}

/// Returns `wasm` with the contents of a block in its place: of a `block`, `loop` or `try_table`, or an arm of an `if`.
/// `None` if the operator of this number is no such block, or if a branch to it remains.
pub fn unwrap_block(wasm: &[u8], number: usize, arm: Arm) -> Option<Vec<u8>> {
    let mut changed = false;
    let unwrapped = map_bodies(wasm, &mut |first, body| {
        let at = number.checked_sub(first).filter(|&at| at < body.instructions.len())?;
        body.instructions = unwrap(&body.instructions, at, arm)?;
        changed = true;
        Some(())
    });
    unwrapped.ok().filter(|_| changed)
}

fn unwrap<'a>(body: &[Instruction<'a>], at: usize, arm: Arm) -> Option<Vec<Instruction<'a>>> {
    let is_if = matches!(body[at], Instruction::If(_));
    let is_other = matches!(body[at], Instruction::Block(_) | Instruction::Loop(_) | Instruction::TryTable(..));
    if !is_if && (!is_other || arm == Arm::Second) {
        return None;
    }
    let (middle, end) = find_end(body, at)?;
    let contents = match (arm, middle) {
        (Arm::First, middle) => at + 1..middle.unwrap_or(end),
        (Arm::Second, Some(middle)) => middle + 1..end,
        (Arm::Second, None) => end..end,
    };
    let mut result = body[..at].to_vec();
    result.extend(is_if.then_some(Instruction::Drop));
    let mut depth = 0;
    for instruction in &body[contents] {
        if closes(instruction) {
            depth -= 1;
        }
        result.push(without_label(instruction, depth)?);
        if opens(instruction) {
            depth += 1;
        }
    }
    result.extend_from_slice(&body[end + 1..]);
    Some(result)
}

fn opens(instruction: &Instruction<'_>) -> bool {
    use Instruction::{Block, If, Loop, Try, TryTable};
    matches!(instruction, Block(_) | Loop(_) | If(_) | Try(_) | TryTable(..))
}

fn closes(instruction: &Instruction<'_>) -> bool {
    matches!(instruction, Instruction::End | Instruction::Delegate(_))
}

/// Returns the positions of the `else` and of the end of the block at `at`.
fn find_end(body: &[Instruction<'_>], at: usize) -> Option<(Option<usize>, usize)> {
    let (mut depth, mut middle) = (0_u32, None);
    for (position, instruction) in body.iter().enumerate().skip(at + 1) {
        if closes(instruction) {
            match depth.checked_sub(1) {
                None => return Some((middle, position)),
                Some(less) => depth = less,
            }
        } else if opens(instruction) {
            depth += 1;
        } else if depth == 0 && matches!(instruction, Instruction::Else) {
            middle = Some(position);
        }
    }
    None
}

/// Returns the instruction as it is without the block that its label `block` means. `None` if it branches to it.
fn without_label<'a>(instruction: &Instruction<'a>, block: u32) -> Option<Instruction<'a>> {
    use Instruction as I;
    let map = |label: u32| if label == block { None } else { Some(label - u32::from(label > block)) };
    let mut changed = instruction.clone();
    match &mut changed {
        I::Br(label)
        | I::BrIf(label)
        | I::BrOnNull(label)
        | I::BrOnNonNull(label)
        | I::Delegate(label)
        | I::Rethrow(label)
        | I::BrOnCast { relative_depth: label, .. }
        | I::BrOnCastFail { relative_depth: label, .. }
        | I::BrOnCastDescEq { relative_depth: label, .. }
        | I::BrOnCastDescEqFail { relative_depth: label, .. } => *label = map(*label)?,
        I::BrTable(labels, default) => {
            *labels = labels.iter().map(|&label| map(label)).collect::<Option<Vec<_>>>()?.into();
            *default = map(*default)?;
        }
        I::TryTable(_, catches) => {
            for catch in catches.to_mut() {
                let (Catch::One { label, .. }
                | Catch::OneRef { label, .. }
                | Catch::All { label }
                | Catch::AllRef { label }) = catch;
                *label = map(*label)?;
            }
        }
        _ => {}
    }
    Some(changed)
}

/// Returns variants of `wasm` without the operator of this number, which pushes a value and does nothing else, and
/// without a `drop` that follows in the same body.
pub fn remove_with_drop(wasm: &[u8], number: usize) -> Vec<Vec<u8>> {
    let mut drops = Vec::new();
    let found = map_bodies(wasm, &mut |first, body| {
        let at = number.checked_sub(first).filter(|&at| at < body.instructions.len())?;
        let pushes = |instruction: &Instruction<'_>| {
            use Instruction::{
                F32Const, F64Const, GlobalGet, I32Const, I64Const, LocalGet, RefFunc, RefNull, V128Const,
            };
            matches!(
                instruction,
                I32Const(_)
                    | I64Const(_)
                    | F32Const(_)
                    | F64Const(_)
                    | V128Const(_)
                    | RefNull(_)
                    | RefFunc(_)
                    | LocalGet(_)
                    | GlobalGet(_)
            )
        };
        let is_drop = |instruction: &Instruction<'_>| matches!(instruction, Instruction::Drop);
        if pushes(&body.instructions[at]) {
            let after = body.instructions.iter().enumerate().skip(at + 1);
            drops.extend(after.filter(|(_, instruction)| is_drop(instruction)).map(|(position, _)| (at, position)));
        }
        Some(())
    });
    let mut variants = Vec::new();
    if found.is_err() {
        return variants;
    }
    for (at, position) in drops {
        let smaller = map_bodies(wasm, &mut |first, body| {
            if first + at == number {
                body.instructions.remove(position);
                body.instructions.remove(at);
            }
            Some(())
        });
        variants.extend(smaller.ok());
    }
    variants
}

/// Returns `wasm` without the locals that nothing uses. `None` if there are none.
pub fn remove_unused_locals(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut changed = false;
    let removed = map_bodies(wasm, &mut |_, body| {
        let index = |instruction: &Instruction<'_>| match *instruction {
            Instruction::LocalGet(index) | Instruction::LocalSet(index) | Instruction::LocalTee(index) => Some(index),
            _ => None,
        };
        let used: BTreeSet<u32> = body.instructions.iter().filter_map(index).collect();
        let first = body.params;
        let stays = |position: usize| used.contains(&(first + u32::try_from(position).unwrap_or(u32::MAX)));
        let kept: Vec<bool> = (0..body.locals.len()).map(stays).collect();
        if kept.iter().all(|&kept| kept) {
            return None;
        }
        changed = true;
        let new_index = |index: u32| {
            let before = kept.iter().take((index.saturating_sub(first)) as usize).filter(|&&kept| !kept).count();
            index - u32::try_from(before).expect("a function has fewer than 2^32 locals")
        };
        for instruction in &mut body.instructions {
            match instruction {
                Instruction::LocalGet(index) | Instruction::LocalSet(index) | Instruction::LocalTee(index) => {
                    *index = new_index(*index);
                }
                _ => {}
            }
        }
        let mut kept = kept.iter();
        body.locals.retain(|_| kept.next().is_some_and(|&kept| kept));
        Some(())
    });
    removed.ok().filter(|_| changed)
}

/// A body that can be changed.
struct Body<'a> {
    params: u32,
    /// The types of the locals, one by one.
    locals: Vec<ValType>,
    instructions: Vec<Instruction<'a>>,
}

/// Changes a body, whose first instruction has the given number. What it returns does not matter.
type Change<'p> = dyn for<'a> FnMut(usize, &mut Body<'a>) -> Option<()> + 'p;

fn map_bodies(wasm: &[u8], change: &mut Change<'_>) -> Result<Vec<u8>> {
    let mut module = Module::new();
    let mut mapper = Mapper { params: params(wasm)?.into_iter(), first: 0, change };
    mapper.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

struct Mapper<'a, 'p> {
    /// The numbers of parameters of the functions whose bodies are still to come.
    params: std::vec::IntoIter<usize>,
    /// The number of the next instruction.
    first: usize,
    change: &'a mut Change<'p>,
}

impl Reencode for Mapper<'_, '_> {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let params = self.params.next().ok_or(Error::InvalidCodeSectionSize)?;
        let mut locals = Vec::new();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.extend(vec![self.val_type(ty)?; count as usize]);
        }
        let mut instructions = Vec::new();
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            instructions.push(self.parse_instruction(&mut reader)?);
        }
        let count = instructions.len();
        let params = u32::try_from(params).expect("a function has fewer than 2^32 parameters");
        let mut body = Body { params, locals, instructions };
        let _changed = (self.change)(self.first, &mut body);
        self.first += count;
        let mut function = Function::new_with_locals_types(body.locals);
        body.instructions.iter().for_each(|instruction| _ = function.instruction(instruction));
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(body: &str) -> Vec<u8> {
        wat::parse_str(format!("(module (func (param i32) (result i32) {body}))")).expect("it parses")
    }

    #[test]
    fn operators_become_constants() {
        let whole = module("local.get 0 i32.const 5 i32.add i32.eqz");
        assert_eq!(count_operators(&whole), 5);
        let changed = replace_by_constants(&whole, 2..3);
        assert_eq!(changed, Some(module("local.get 0 i32.const 5 drop drop i32.const 0 i32.eqz")));
        assert_eq!(replace_by_constants(&whole, 0..2), None, "neither locals nor constants are replaced");
    }

    #[test]
    fn blocks_are_unwrapped_and_labels_fit() {
        let whole = module("block loop (br_if 1 (local.get 0)) (br_table 0 1 (local.get 0)) end end local.get 0");
        assert_eq!(unwrap_block(&whole, 0, Arm::First), None, "a branch leads to it");
        let whole = module("block loop (br_if 1 (local.get 0)) (br_table 1 2 (local.get 0)) end end local.get 0");
        let changed = module("block (br_if 0 (local.get 0)) (br_table 0 1 (local.get 0)) end local.get 0");
        assert_eq!(unwrap_block(&whole, 1, Arm::First), Some(changed));
        let whole = module("local.get 0 if (result i32) i32.const 1 else block end i32.const 2 end");
        assert_eq!(unwrap_block(&whole, 1, Arm::First), Some(module("local.get 0 drop i32.const 1")));
        assert_eq!(unwrap_block(&whole, 1, Arm::Second), Some(module("local.get 0 drop block end i32.const 2")));
        assert_eq!(unwrap_block(&whole, 0, Arm::First), None);
    }

    #[test]
    fn values_go_with_their_drops() {
        let whole = module("i32.const 1 local.get 0 drop drop local.get 0");
        let variants = vec![module("local.get 0 drop local.get 0"); 2];
        assert_eq!(remove_with_drop(&whole, 0), variants);
        assert!(remove_with_drop(&whole, 2).is_empty());
        assert!(remove_with_drop(&whole, 4).is_empty());
    }

    #[test]
    fn unused_locals_go() {
        let whole = module("(local i64 i32 f32) local.get 2");
        assert_eq!(remove_unused_locals(&whole), Some(module("(local i32) local.get 1")));
        assert_eq!(remove_unused_locals(&module("(local i32) local.get 1")), None);
    }
}
