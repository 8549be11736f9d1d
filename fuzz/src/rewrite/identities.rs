//! Rewrites a module into another one that does the same, in another way.
//!
//! A variant decides for each kind of operator which identity it is rewritten by. So a reduced module is rewritten as
//! the whole one was, and all variants together rewrite each operator in each way.

use super::extend::{Extension, Sizes};
use super::shrink::constant_expression;
use super::typed::{Effect, Effects, find_effects};
use super::{Result, Scratch, params};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{BlockType, CodeSection, ConstExpr, Function, Instruction, Module, ValType};
use wasmparser::{FunctionBody, Operator, Parser};

/// A way to do the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Identity {
    /// Leaves the operator as it is.
    Same,
    /// Does what another operator does, with others.
    Arithmetic,
    /// Moves the operator into a function of its own.
    Outlined,
    /// Puts a block around it.
    Block,
    /// Keeps its operands in locals.
    Spilled,
    /// Keeps its results in globals.
    Global,
}

/// The identities, by how often a variant chooses each.
const IDENTITIES: [Identity; 8] = [
    Identity::Arithmetic,
    Identity::Outlined,
    Identity::Arithmetic,
    Identity::Block,
    Identity::Arithmetic,
    Identity::Spilled,
    Identity::Global,
    Identity::Same,
];

/// The identities that change anything.
pub const CHANGES: [Identity; 5] =
    [Identity::Spilled, Identity::Arithmetic, Identity::Block, Identity::Global, Identity::Outlined];

/// Returns the name of the kind of an operator: `I32Add`.
pub fn name_operator(operator: &Operator<'_>) -> String {
    let text = format!("{operator:?}");
    text.split([' ', '{', '(']).next().unwrap_or_default().to_string()
}

/// Returns a module that does the same as `wasm`, except for its frames and its fuel.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn rewrite_by_identities(wasm: &[u8], variant: u64) -> Result<Vec<u8>> {
    rewrite(wasm, &|operator| {
        let mut hasher = DefaultHasher::new();
        (discriminant(operator), variant).hash(&mut hasher);
        IDENTITIES[usize::try_from(hasher.finish() % IDENTITIES.len() as u64).unwrap_or_default()]
    })
}

/// Returns a module that does the same as `wasm`, where the operators of this kind are rewritten by an identity. `None`
/// if that changes nothing.
pub fn rewrite_kind(wasm: &[u8], kind: &str, identity: Identity) -> Option<Vec<u8>> {
    let choose = |operator: &Operator<'_>| if name_operator(operator) == kind { identity } else { Identity::Same };
    let same = rewrite(wasm, &|_| Identity::Same).ok()?;
    rewrite(wasm, &choose).ok().filter(|rewritten| *rewritten != same)
}

fn rewrite(wasm: &[u8], choose: &dyn Fn(&Operator<'_>) -> Identity) -> Result<Vec<u8>> {
    let mut rewriter = Rewriter {
        choose,
        sizes: Sizes::of(wasm)?,
        params: params(wasm)?.into_iter(),
        effects: find_effects(wasm)?.into_iter(),
        extension: Extension::default(),
    };
    rewriter.parse_core_module(&mut Module::new(), Parser::new(0), wasm)?;
    rewriter.extension.apply(wasm)
}

struct Rewriter<'c> {
    choose: &'c dyn Fn(&Operator<'_>) -> Identity,
    sizes: Sizes,
    /// The numbers of parameters of the functions whose bodies are still to come.
    params: std::vec::IntoIter<usize>,
    /// The effects of the bodies that are still to come.
    effects: std::vec::IntoIter<Effects>,
    extension: Extension,
}

impl Reencode for Rewriter<'_> {
    type Error = Infallible;

    fn parse_function_body(&mut self, _: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let effects = self.effects.next().ok_or(Error::InvalidCodeSectionSize)?;
        let mut first = self.params.next().ok_or(Error::InvalidCodeSectionSize)?;
        let mut locals = Vec::new();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.push((count, self.val_type(ty)?));
            first += count as usize;
        }
        let mut scratch = Scratch::new(first);
        let mut instructions = Vec::new();
        let operators = body.get_operators_reader()?.into_iter();
        for (operator, effect) in operators.zip(effects) {
            let operator = operator?;
            let instruction = self.instruction(operator.clone())?;
            match effect {
                Some(effect) => self.rewrite(&operator, instruction, &effect, &mut scratch, &mut instructions),
                None => instructions.push(instruction),
            }
        }
        locals.extend(scratch.declarations());
        let mut function = Function::new(locals);
        instructions.iter().for_each(|instruction| _ = function.instruction(instruction));
        self.extension.bodies.push(function);
        Ok(())
    }
}

impl Rewriter<'_> {
    /// Adds code with the effect of `operator`.
    fn rewrite<'a>(
        &mut self,
        operator: &Operator<'_>,
        instruction: Instruction<'a>,
        effect: &Effect,
        scratch: &mut Scratch,
        code: &mut Vec<Instruction<'a>>,
    ) {
        match (self.choose)(operator) {
            Identity::Same => code.push(instruction),
            Identity::Arithmetic => match self.find_arithmetic(operator, effect, scratch) {
                Some(other) => code.extend(other),
                None => code.push(instruction),
            },
            Identity::Outlined => code.push(Instruction::Call(self.outline(instruction, effect))),
            Identity::Block => {
                let ty = self.extension.type_index(self.sizes, &effect.operands, &effect.results);
                code.extend([Instruction::Block(BlockType::FunctionType(ty)), instruction, Instruction::End]);
            }
            Identity::Spilled => {
                let locals = number_locals(&effect.operands, scratch);
                code.extend(locals.iter().rev().map(|&local| Instruction::LocalSet(local)));
                code.extend(locals.iter().map(|&local| Instruction::LocalGet(local)));
                code.push(instruction);
            }
            Identity::Global => {
                code.push(instruction);
                if let [result] = effect.results[..]
                    && let Some(value) = constant_expression(result)
                {
                    let global = self.extension.add_global(self.sizes, result, value);
                    code.extend([Instruction::GlobalSet(global), Instruction::GlobalGet(global)]);
                }
            }
        }
    }

    /// Adds a function that consists of this instruction, and returns its index.
    fn outline(&mut self, instruction: Instruction<'_>, effect: &Effect) -> u32 {
        let mut body = Function::new([]);
        for (param, _) in (0..).zip(&effect.operands) {
            body.instruction(&Instruction::LocalGet(param));
        }
        body.instruction(&instruction).instruction(&Instruction::End);
        self.extension.add_function(self.sizes, &effect.operands, &effect.results, body)
    }

    /// Returns other code with the same effect, if there is an identity for the operator. Constants come from globals,
    /// which a compiler does not know.
    fn find_arithmetic<'a>(
        &mut self,
        operator: &Operator<'_>,
        effect: &Effect,
        scratch: &mut Scratch,
    ) -> Option<Vec<Instruction<'a>>> {
        use Instruction as I;
        use Operator as O;
        if let Some((ty, value)) = find_constant(operator) {
            return Some(vec![I::GlobalGet(self.extension.add_global(self.sizes, ty, value))]);
        }
        if let Some(swapped) = find_swapped(operator) {
            let locals = number_locals(&effect.operands, scratch);
            let [left, right] = locals[..] else { return None };
            return Some(vec![I::LocalSet(right), I::LocalSet(left), I::LocalGet(right), I::LocalGet(left), swapped]);
        }
        let locals = number_locals(&effect.operands, scratch);
        let set = locals.iter().rev().map(|&local| I::LocalSet(local));
        let get = |k: usize| I::LocalGet(locals[k]);
        let rest: Vec<I<'a>> = match *operator {
            // x - y = x + -1 * y
            O::I32Sub => vec![get(0), I::I32Const(-1), get(1), I::I32Mul, I::I32Add],
            O::I64Sub => vec![get(0), I::I64Const(-1), get(1), I::I64Mul, I::I64Add],
            // x ^ y = (x | y) - (x & y)
            O::I32Xor => vec![get(0), get(1), I::I32Or, get(0), get(1), I::I32And, I::I32Sub],
            O::I64Xor => vec![get(0), get(1), I::I64Or, get(0), get(1), I::I64And, I::I64Sub],
            O::I32Ne => vec![get(0), get(1), I::I32Eq, I::I32Eqz],
            O::I64Ne => vec![get(0), get(1), I::I64Eq, I::I32Eqz],
            O::I32Eqz => vec![get(0), I::I32Const(0), I::I32Eq],
            O::I64Eqz => vec![get(0), I::I64Const(0), I::I64Eq],
            O::I32Rotr => vec![get(0), I::I32Const(0), get(1), I::I32Sub, I::I32Rotl],
            O::I64Rotr => vec![get(0), I::I64Const(0), get(1), I::I64Sub, I::I64Rotl],
            // The shift counts modulo the width.
            O::I64ExtendI32S => vec![get(0), I::I64ExtendI32U, I::I64Extend32S],
            O::I32Extend8S => vec![get(0), I::I32Const(24), I::I32Shl, I::I32Const(24), I::I32ShrS],
            O::I32Extend16S => vec![get(0), I::I32Const(16), I::I32Shl, I::I32Const(16), I::I32ShrS],
            O::I64Extend8S => vec![get(0), I::I64Const(56), I::I64Shl, I::I64Const(56), I::I64ShrS],
            O::I64Extend16S => vec![get(0), I::I64Const(48), I::I64Shl, I::I64Const(48), I::I64ShrS],
            O::I64Extend32S => vec![get(0), I::I64Const(32), I::I64Shl, I::I64Const(32), I::I64ShrS],
            O::Select => vec![get(1), get(0), get(2), I::I32Eqz, I::Select],
            O::V128Not => vec![get(0), I::V128Const(-1), I::V128Xor],
            O::V128AndNot => vec![get(0), get(1), I::V128Not, I::V128And],
            _ => return None,
        };
        Some(set.chain(rest).collect())
    }
}

/// Returns the type and the value of a numeric constant.
fn find_constant(operator: &Operator<'_>) -> Option<(ValType, ConstExpr)> {
    use wasm_encoder::{Ieee32, Ieee64};
    Some(match *operator {
        Operator::I32Const { value } => (ValType::I32, ConstExpr::i32_const(value)),
        Operator::I64Const { value } => (ValType::I64, ConstExpr::i64_const(value)),
        Operator::F32Const { value } => (ValType::F32, ConstExpr::f32_const(Ieee32::new(value.bits()))),
        Operator::F64Const { value } => (ValType::F64, ConstExpr::f64_const(Ieee64::new(value.bits()))),
        _ => return None,
    })
}

/// Returns scratch locals for these operands, one for each.
fn number_locals(types: &[ValType], scratch: &mut Scratch) -> Vec<u32> {
    (0..).zip(types).map(|(number, &ty)| scratch.further_local(ty, number)).collect()
}

/// Returns the instruction that does the same with its two operands exchanged.
fn find_swapped(operator: &Operator<'_>) -> Option<Instruction<'static>> {
    macro_rules! pairs {
        ($($one:ident = $other:ident,)*) => {
            match operator {
                $(Operator::$one => Some(Instruction::$other),)*
                _ => None,
            }
        };
    }
    pairs! {
        I32Add = I32Add, I32Mul = I32Mul, I32And = I32And, I32Or = I32Or, I32Eq = I32Eq,
        I64Add = I64Add, I64Mul = I64Mul, I64And = I64And, I64Or = I64Or, I64Eq = I64Eq,
        I32LtS = I32GtS, I32GtS = I32LtS, I32LeS = I32GeS, I32GeS = I32LeS,
        I32LtU = I32GtU, I32GtU = I32LtU, I32LeU = I32GeU, I32GeU = I32LeU,
        I64LtS = I64GtS, I64GtS = I64LtS, I64LeS = I64GeS, I64GeS = I64LeS,
        I64LtU = I64GtU, I64GtU = I64LtU, I64LeU = I64GeU, I64GeU = I64LeU,
        F32Eq = F32Eq, F32Ne = F32Ne, F32Lt = F32Gt, F32Gt = F32Lt, F32Le = F32Ge, F32Ge = F32Le,
        F64Eq = F64Eq, F64Ne = F64Ne, F64Lt = F64Gt, F64Gt = F64Lt, F64Le = F64Ge, F64Ge = F64Le,
        V128And = V128And, V128Or = V128Or, V128Xor = V128Xor,
        I8x16Add = I8x16Add, I16x8Add = I16x8Add, I32x4Add = I32x4Add, I64x2Add = I64x2Add,
        I16x8Mul = I16x8Mul, I32x4Mul = I32x4Mul, I64x2Mul = I64x2Mul,
        I8x16MinS = I8x16MinS, I8x16MinU = I8x16MinU, I8x16MaxS = I8x16MaxS, I8x16MaxU = I8x16MaxU,
        I8x16Eq = I8x16Eq, I16x8Eq = I16x8Eq, I32x4Eq = I32x4Eq, I64x2Eq = I64x2Eq,
        I8x16LtS = I8x16GtS, I8x16GtS = I8x16LtS, I16x8LtS = I16x8GtS, I32x4LtS = I32x4GtS, I64x2LtS = I64x2GtS,
        F32x4Eq = F32x4Eq, F32x4Lt = F32x4Gt, F64x2Eq = F64x2Eq, F64x2Lt = F64x2Gt,
        I8x16AddSatS = I8x16AddSatS, I8x16AddSatU = I8x16AddSatU,
        I16x8AddSatS = I16x8AddSatS, I16x8AddSatU = I16x8AddSatU,
        I8x16AvgrU = I8x16AvgrU, I16x8AvgrU = I16x8AvgrU, I16x8Q15MulrSatS = I16x8Q15MulrSatS,
        I32x4DotI16x8S = I32x4DotI16x8S,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::{Features, is_valid_with};

    const TEXT: &str = r#"(module (memory 1) (table 2 funcref) (tag $t (param i32))
        (func $f (export "f") (param i32 i64 f64) (result i64)
            (drop (i32.load (i32.add (local.get 0) (i32.const 5))))
            (drop (select (i32.const 1) (i32.sub (local.get 0) (i32.const 3)) (i64.eqz (local.get 1))))
            (if (f64.lt (local.get 2) (f64.const 1)) (then (return (i64.rotr (local.get 1) (i64.const 9)))))
            (drop (call $f (i32.const 1) (i64.xor (local.get 1) (i64.const -1)) (local.get 2)))
            (drop (table.grow (ref.null func) (i32.const 1)))
            (unreachable)))"#;

    #[test]
    fn every_variant_is_valid_and_some_differ() {
        let wasm = wat::parse_str(TEXT).expect("it parses");
        let mut lengths = Vec::new();
        for variant in 0..32 {
            let rewritten = rewrite_by_identities(&wasm, variant).expect("it is valid");
            let features = Features::WASM_2_0 | Features::EXCEPTIONS;
            assert!(
                is_valid_with(&rewritten, features),
                "{}",
                wasmprinter::print_bytes(&rewritten).expect("it decodes")
            );
            lengths.push(rewritten.len());
        }
        assert!(rewrite_kind(&wasm, "I32Sub", Identity::Arithmetic).is_some_and(|wasm| find_effects(&wasm).is_ok()));
        assert_eq!(rewrite_kind(&wasm, "I32Rotl", Identity::Outlined), None);
        lengths.sort_unstable();
        lengths.dedup();
        assert!(lengths.len() > 16, "{lengths:?}");
    }
}
