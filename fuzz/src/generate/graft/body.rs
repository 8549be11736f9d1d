//! Builds a function body: typed locals, values to push, sums that keep values alive.

use super::{FunctionId, Global, Plan, heap};
use crate::generate::value::{Signature, arbitrary_value};
use arbitrary::{Result, Unstructured};
use lanes::Value;
use wasm_encoder::{BlockType, HeapType, Ieee32, Ieee64, Instruction, RefType, ValType};

/// Instructions and locals of one function.
pub(super) struct Body {
    /// Types of parameters, then of the other locals.
    locals: Vec<ValType>,
    params: usize,
    /// The number of locals before those that only make the frame large.
    few: usize,
    instructions: Vec<Instruction<'static>>,
}

impl Body {
    /// Returns a body with random locals, which are initialized.
    pub(super) fn new(u: &mut Unstructured<'_>, plan: &Plan, signature: &Signature) -> Result<Body> {
        let mut body =
            Body { locals: signature.params.clone(), params: signature.params.len(), few: 0, instructions: Vec::new() };
        for _ in 0..u.int_in_range(0..=6)? {
            body.locals.push(*u.choose(&plan.local_types)?);
        }
        for local in body.params..body.locals.len() {
            body.constant(u, plan, body.locals[local])?;
            body.local_set(local);
        }
        body.few = body.locals.len();
        // A case has a dozen functions. So one case in twenty has a frame of more than a page, which the prologue has
        // to probe in steps, and one in six a frame of some hundred bytes.
        let many = match u.int_in_range(0..=255)? {
            255 => 280,
            251..=254 => 24,
            _ => 0,
        };
        for _ in 0..many {
            body.push(Instruction::GlobalGet(plan.global_index(Global::Sum64)));
            body.push(Instruction::I64x2Splat);
            body.local_set(body.locals.len());
            body.locals.push(ValType::V128);
        }
        Ok(body)
    }

    pub(super) fn push(&mut self, instruction: Instruction<'static>) {
        self.instructions.push(instruction);
    }

    pub(super) fn extend(&mut self, instructions: impl IntoIterator<Item = Instruction<'static>>) {
        self.instructions.extend(instructions);
    }

    /// Returns the types of the locals that are not parameters.
    pub(super) fn declared_locals(&self) -> &[ValType] {
        &self.locals[self.params..]
    }

    pub(super) fn instructions(&self) -> &[Instruction<'static>] {
        &self.instructions
    }

    /// Adds a local of this type.
    pub(super) fn scratch(&mut self, ty: ValType) -> u32 {
        self.locals.push(ty);
        super::index(self.locals.len() - 1)
    }

    fn local_set(&mut self, local: usize) {
        self.push(Instruction::LocalSet(super::index(local)));
    }

    /// Pushes a value of type `ty`: a local if there is one, else a constant.
    pub(super) fn value(&mut self, u: &mut Unstructured<'_>, plan: &Plan, ty: ValType) -> Result<()> {
        let fitting: Vec<_> = (0..self.locals.len()).filter(|&local| self.locals[local] == ty).collect();
        if fitting.is_empty() || u.ratio(1, 4)? {
            return self.constant(u, plan, ty);
        }
        let local = *u.choose(&fitting)?;
        self.push(Instruction::LocalGet(super::index(local)));
        Ok(())
    }

    /// Pushes values of these types.
    pub(super) fn values(&mut self, u: &mut Unstructured<'_>, plan: &Plan, types: &[ValType]) -> Result<()> {
        types.iter().try_for_each(|&ty| self.value(u, plan, ty))
    }

    /// Pushes a constant of type `ty`, which has a default.
    fn constant(&mut self, u: &mut Unstructured<'_>, plan: &Plan, ty: ValType) -> Result<()> {
        let finished = plan.functions.len();
        match ty {
            ValType::FUNCREF if finished > 0 && u.arbitrary()? => {
                let function = FunctionId(u.choose_index(finished)?);
                self.push(Instruction::RefFunc(plan.function_index(function)));
            }
            ValType::Ref(RefType::ANYREF) if plan.heap.is_some() && u.ratio(1, 3)? => {
                heap::node(u, plan, self, 1)?;
            }
            ValType::Ref(RefType::ANYREF | RefType::EQREF | RefType::I31REF) if u.arbitrary()? => {
                self.extend([Instruction::I32Const(u.arbitrary()?), Instruction::RefI31]);
            }
            ValType::Ref(RefType { heap_type: HeapType::Concrete(_), .. }) if plan.heap.is_some() => {
                heap::constant(u, plan, self, ty)?;
            }
            ValType::Ref(reference) => self.push(Instruction::RefNull(reference.heap_type)),
            _ => {
                let value = arbitrary_value(u, ty)?;
                self.push(constant(value));
            }
        }
        Ok(())
    }

    /// Pushes `value`, sometimes in a way that hides it from the optimizer.
    pub(super) fn i32(&mut self, u: &mut Unstructured<'_>, plan: &Plan, value: i32) -> Result<()> {
        if u.arbitrary()? {
            self.push(Instruction::I32Const(value));
        } else {
            self.push(Instruction::GlobalGet(plan.global_index(Global::Zero)));
            self.extend([Instruction::I32Const(value), Instruction::I32Add]);
        }
        Ok(())
    }

    /// Pushes `value`, sometimes in a way that hides it from the optimizer.
    pub(super) fn i64(&mut self, u: &mut Unstructured<'_>, plan: &Plan, value: i64) -> Result<()> {
        if u.arbitrary()? {
            self.push(Instruction::I64Const(value));
        } else {
            self.push(Instruction::GlobalGet(plan.global_index(Global::Zero)));
            self.extend([Instruction::I64ExtendI32U, Instruction::I64Const(value), Instruction::I64Add]);
        }
        Ok(())
    }

    /// Pushes an integer that indexes a memory or a table.
    pub(super) fn index(&mut self, u: &mut Unstructured<'_>, plan: &Plan, wide: bool, value: i64) -> Result<()> {
        if wide { self.i64(u, plan, value) } else { self.i32(u, plan, low(value)) }
    }

    /// Pushes an integer.
    pub(super) fn integer(&mut self, wide: bool, value: i64) {
        self.push(if wide { Instruction::I64Const(value) } else { Instruction::I32Const(low(value)) });
    }

    /// Adds a constant to the integer on the stack.
    pub(super) fn plus(&mut self, wide: bool, value: i64) {
        self.integer(wide, value);
        self.push(if wide { Instruction::I64Add } else { Instruction::I32Add });
    }

    /// Pops a value of type `ty` into a sum, a local or nowhere.
    pub(super) fn consume(&mut self, u: &mut Unstructured<'_>, plan: &Plan, ty: ValType) -> Result<()> {
        match u.int_in_range(0..=7)? {
            0 => self.push(Instruction::Drop),
            1 | 2 => match (0..self.locals.len()).rev().find(|&local| self.locals[local] == ty) {
                Some(local) => self.local_set(local),
                None => self.sum(u, plan, ty)?,
            },
            _ => self.sum(u, plan, ty)?,
        }
        Ok(())
    }

    /// Pops values of these types, the last first.
    pub(super) fn consume_all(&mut self, u: &mut Unstructured<'_>, plan: &Plan, types: &[ValType]) -> Result<()> {
        types.iter().rev().try_for_each(|&ty| self.consume(u, plan, ty))
    }

    /// Adds some of the locals to the sums, so that they are alive across the code before.
    pub(super) fn sum_locals(&mut self, u: &mut Unstructured<'_>, plan: &Plan) -> Result<()> {
        if self.locals.is_empty() {
            return Ok(());
        }
        for _ in 0..u.int_in_range(0..=5)? {
            let local = u.choose_index(self.locals.len())?;
            self.push(Instruction::LocalGet(super::index(local)));
            self.sum(u, plan, self.locals[local])?;
        }
        // The locals that make the frame large must all be alive until here.
        for local in self.few..self.locals.len() {
            self.push(Instruction::LocalGet(super::index(local)));
            self.sum(u, plan, self.locals[local])?;
        }
        Ok(())
    }

    /// Keeps a copy of the value on the stack in a local, if there is one of its type.
    pub(super) fn tee(&mut self, ty: ValType) {
        if let Some(local) = (0..self.few).rev().find(|&local| self.locals[local] == ty) {
            self.push(Instruction::LocalTee(super::index(local)));
        }
    }

    /// Pops a value and adds it to one of the sums. Floats count by their bits.
    pub(super) fn sum(&mut self, u: &mut Unstructured<'_>, plan: &Plan, ty: ValType) -> Result<()> {
        let wide = match ty {
            ValType::I32 => false,
            ValType::I64 => true,
            ValType::F32 => {
                self.push(Instruction::I32ReinterpretF32);
                false
            }
            ValType::F64 => {
                self.push(Instruction::I64ReinterpretF64);
                true
            }
            ValType::V128 => {
                self.push(Instruction::I64x2ExtractLane(u.int_in_range(0..=1)?));
                true
            }
            ValType::Ref(_) => match plan.heap {
                Some(heap) if heap.may_be_object(ty) => {
                    heap.digest(self);
                    true
                }
                _ => {
                    self.push(Instruction::RefIsNull);
                    false
                }
            },
        };
        let global = plan.global_index(if wide { Global::Sum64 } else { Global::Sum32 });
        let operation = match (wide, u.int_in_range(0..=3)?) {
            (false, 0) => Instruction::I32Xor,
            (false, 1) => Instruction::I32Add,
            (false, _) => Instruction::I32Sub,
            (true, 0) => Instruction::I64Rotl,
            (true, 1) => Instruction::I64Mul,
            (true, _) => Instruction::I64Sub,
        };
        self.extend([Instruction::GlobalGet(global), operation, Instruction::GlobalSet(global)]);
        Ok(())
    }

    /// Wraps what `inside` emits in up to three blocks, loops and taken conditionals.
    pub(super) fn nested(
        &mut self,
        u: &mut Unstructured<'_>,
        plan: &Plan,
        inside: impl FnOnce(&mut Body, &mut Unstructured<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut ends = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            match u.int_in_range(0..=3)? {
                0 => self.push(Instruction::Block(BlockType::Empty)),
                1 => self.push(Instruction::Loop(BlockType::Empty)),
                2 => {
                    self.i32(u, plan, 1)?;
                    self.push(Instruction::If(BlockType::Empty));
                }
                _ => {
                    self.i32(u, plan, 0)?;
                    self.extend([Instruction::If(BlockType::Empty), Instruction::Nop, Instruction::Else]);
                }
            }
            ends.push(Instruction::End);
        }
        inside(self, u)?;
        self.extend(ends);
        Ok(())
    }

    /// Pushes the function's results and closes it.
    pub(super) fn finish(mut self, u: &mut Unstructured<'_>, plan: &Plan, results: &[ValType]) -> Result<Body> {
        self.sum_locals(u, plan)?;
        self.values(u, plan, results)?;
        self.push(Instruction::End);
        Ok(self)
    }
}

/// Returns the lower half of `value`.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is not wanted")]
fn low(value: i64) -> i32 {
    value as i32
}

/// Returns the instruction that pushes `value`. References only occur as `externref`, and null replaces all of them.
pub(crate) fn constant(value: Value) -> Instruction<'static> {
    match value {
        Value::I32(value) => Instruction::I32Const(value),
        Value::I64(value) => Instruction::I64Const(value),
        Value::F32(bits) => Instruction::F32Const(Ieee32::new(bits)),
        Value::F64(bits) => Instruction::F64Const(Ieee64::new(bits)),
        Value::V128(bits) => Instruction::V128Const(bits.cast_signed()),
        Value::Ref(_) => Instruction::RefNull(HeapType::EXTERN),
    }
}
