//! Numeric and variable instructions, accesses of ordinary memories, and calls.

use super::op::{Op, for_each_op, for_each_op_2, for_each_op_3};
use super::rare::Rare;
use super::stack::{Operand, Source};
use super::{Rewriter, Site};
use crate::execute::variable;
use crate::slot::Reg;
use crate::types::{FuncType, TypeIndex};
use wasmparser::{MemArg, MemArgTarget, Operator};

macro_rules! define {
    (
        {
            unary { $($unary:ident $unary_fn:ident $unary_in:tt -> $unary_out:ty;)* }
            binary { $($binary:ident $binary_fn:ident $binary_in:tt -> $binary_out:ty;)* }
            unary_trapping { $($unary_trap:ident $unary_trap_fn:ident $unary_trap_in:tt -> $unary_trap_out:ty;)* }
            binary_trapping { $($binary_trap:ident $binary_trap_fn:ident $binary_trap_in:tt -> $binary_trap_out:ty;)* }
            $($wide:tt)*
        }
        $immediate:tt $comparison:tt
    ) => {
        impl Rewriter<'_> {
            /// Rewrites an instruction on numbers of one slot, if it is one.
            pub(super) fn scalar(&mut self, operator: &Operator<'_>) -> bool {
                match operator {
                    $(Operator::$unary => self.unary(|d, a| Op::$unary { d, a }),)*
                    $(Operator::$unary_trap => self.unary(|d, a| Op::$unary_trap { d, a }),)*
                    $(Operator::$binary => self.binary(|d, a, b| Op::$binary { d, a, b }),)*
                    $(Operator::$binary_trap => self.binary(|d, a, b| Op::$binary_trap { d, a, b }),)*
                    _ => return false,
                }
                true
            }
        }
    };
}
for_each_op!(define);

/// Returns the instruction with its operands exchanged, if there is one that has the same result.
fn exchanged(op: Op) -> Option<Op> {
    Some(match op {
        Op::I32Add { .. } | Op::I32Mul { .. } | Op::I32And { .. } | Op::I32Or { .. } | Op::I32Xor { .. } => op,
        Op::I64Add { .. } | Op::I64Mul { .. } | Op::I64And { .. } | Op::I64Or { .. } | Op::I64Xor { .. } => op,
        Op::I32Eq { .. } | Op::I32Ne { .. } | Op::I64Eq { .. } | Op::I64Ne { .. } => op,
        Op::I32LtS { d, a, b } => Op::I32GtS { d, a, b },
        Op::I32LtU { d, a, b } => Op::I32GtU { d, a, b },
        Op::I32GtS { d, a, b } => Op::I32LtS { d, a, b },
        Op::I32GtU { d, a, b } => Op::I32LtU { d, a, b },
        Op::I32LeS { d, a, b } => Op::I32GeS { d, a, b },
        Op::I32LeU { d, a, b } => Op::I32GeU { d, a, b },
        Op::I32GeS { d, a, b } => Op::I32LeS { d, a, b },
        Op::I32GeU { d, a, b } => Op::I32LeU { d, a, b },
        Op::I64LtS { d, a, b } => Op::I64GtS { d, a, b },
        Op::I64LtU { d, a, b } => Op::I64GtU { d, a, b },
        Op::I64GtS { d, a, b } => Op::I64LtS { d, a, b },
        Op::I64GtU { d, a, b } => Op::I64LtU { d, a, b },
        Op::I64LeS { d, a, b } => Op::I64GeS { d, a, b },
        Op::I64LeU { d, a, b } => Op::I64GeU { d, a, b },
        Op::I64GeS { d, a, b } => Op::I64LeS { d, a, b },
        Op::I64GeU { d, a, b } => Op::I64LeU { d, a, b },
        _ => return None,
    })
}

/// Returns the instruction that does with the negated constant what this one does with the constant.
fn negated(op: Op, constant: i32) -> Option<(Op, i32)> {
    match op {
        Op::I32Sub { d, a, b } => Some((Op::I32Add { d, a, b }, constant.checked_neg()?)),
        Op::I64Sub { d, a, b } => Some((Op::I64Add { d, a, b }, constant.checked_neg()?)),
        _ => None,
    }
}

/// Returns whether the instruction works on 32 bits.
fn is_narrow(op: Op) -> bool {
    matches!(
        op,
        Op::I32Add { .. }
            | Op::I32Sub { .. }
            | Op::I32Mul { .. }
            | Op::I32And { .. }
            | Op::I32Or { .. }
            | Op::I32Xor { .. }
            | Op::I32Shl { .. }
            | Op::I32ShrS { .. }
            | Op::I32ShrU { .. }
            | Op::I32Rotl { .. }
            | Op::I32Eq { .. }
            | Op::I32Ne { .. }
            | Op::I32LtS { .. }
            | Op::I32LtU { .. }
            | Op::I32GtS { .. }
            | Op::I32GtU { .. }
            | Op::I32LeS { .. }
            | Op::I32LeU { .. }
            | Op::I32GeS { .. }
            | Op::I32GeU { .. }
    )
}

/// Returns the form of an instruction with a constant of these bits on the right.
fn with_constant(op: Op, bits: u64) -> Option<Op> {
    let constant = if is_narrow(op) { bits as i32 } else { i32::try_from(bits.cast_signed()).ok()? };
    let (op, constant) = negated(op, constant).unwrap_or((op, constant));
    op.with_constant(constant)
}

impl Rewriter<'_> {
    /// Rewrites an instruction with one operand and one result of one slot each.
    pub(super) fn unary(&mut self, make: impl FnOnce(Reg, Reg) -> Op) {
        let a = self.pop_reg(0);
        self.push_result(1, |d| make(d, a));
    }

    /// Rewrites an instruction with two operands and one result of one slot each.
    fn binary(&mut self, make: impl Fn(Reg, Reg, Reg) -> Op) {
        let (right, left) = (self.pop(), self.pop());
        if let Source::Constant(bits) = right.source
            && let Some(op) = with_constant(make(0, 0, 0), bits)
        {
            return self.with_constant(left, op);
        }
        if let Source::Constant(bits) = left.source
            && let Some(op) = exchanged(make(0, 0, 0)).and_then(|op| with_constant(op, bits))
        {
            return self.with_constant(right, op);
        }
        let (a, b) = (self.reg_of(left, 0), self.reg_of(right, 1));
        self.push_result(1, |d| make(d, a, b));
    }

    /// Emits the form of an instruction that has a constant as its right operand.
    fn with_constant(&mut self, left: Operand, mut op: Op) {
        let reg = self.reg_of(left, 0);
        self.push_result(1, |to| {
            op.set_operands(to, reg);
            op
        });
    }

    /// Rewrites constants, and instructions that move values, if it is one.
    pub(super) fn variable(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::LocalGet { local_index } => {
                let (slot, slots) = self.locals[local_index as usize];
                self.push_local(slot, slots);
            }
            Operator::LocalSet { local_index } => self.local_set(local_index),
            Operator::LocalTee { local_index } => {
                self.local_set(local_index);
                let (slot, slots) = self.locals[local_index as usize];
                self.push_local(slot, slots);
            }
            Operator::I32Const { value } => self.push(Source::Constant(value.cast_unsigned().into()), 1),
            Operator::I64Const { value } => self.push(Source::Constant(value.cast_unsigned()), 1),
            Operator::F32Const { value } => self.push(Source::Constant(value.bits().into()), 1),
            Operator::F64Const { value } => self.push(Source::Constant(value.bits()), 1),
            Operator::RefNull { .. } => self.push(Source::Constant(crate::slot::RawRef::NULL.0), 1),
            Operator::RefIsNull => self.unary(|d, a| Op::RefIsNull { d, a }),
            // Neither changes the bits of the slot.
            Operator::I64ExtendI32U
            | Operator::I32ReinterpretF32
            | Operator::I64ReinterpretF64
            | Operator::F32ReinterpretI32
            | Operator::F64ReinterpretI64 => {}
            Operator::Drop => drop(self.pop()),
            Operator::Select | Operator::TypedSelect { .. } => self.select(),
            Operator::GlobalGet { global_index } => self.global_get(global_index),
            Operator::GlobalSet { global_index } => self.global_set(global_index),
            _ => return false,
        }
        true
    }

    /// Writes a local. The instruction that has just computed the value writes it there at once.
    fn local_set(&mut self, local: u32) {
        let (slot, slots) = self.locals[local as usize];
        let value = self.pop();
        self.preserve(slot);
        if slots == 1 && self.redirect(value, slot) {
            return;
        }
        self.copy_to(value, slot);
    }

    /// Lets the last instruction write its result to a slot, if this operand is the result.
    fn redirect(&mut self, value: Operand, slot: u32) -> bool {
        if self.last_result(value).is_none() || slot >= super::stack::SCRATCH {
            return false;
        }
        if let Some(destination) = self.ops.last_mut().and_then(Op::destination) {
            *destination = slot as Reg;
        }
        true
    }

    fn select(&mut self) {
        let condition = self.pop_reg(0);
        let (right, left) = (self.pop(), self.pop());
        let (a, b) = (self.reg_of(left, 1), self.reg_of(right, 2));
        self.push_result(left.slots, |d| match left.slots {
            1 => Op::Select { d, a, b, condition },
            _ => Op::Select2 { d, a, b, condition },
        });
    }

    /// Rewrites loads and stores of memory 0, if it is an ordinary one that is not shared.
    pub(super) fn plain_access(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        match *operator {
            O::I32Load { memarg } | O::F32Load { memarg } | O::I64Load32U { memarg } => {
                self.load(memarg, |d, a, offset| Op::Load32 { d, a, offset })
            }
            O::I64Load { memarg } | O::F64Load { memarg } => {
                self.load(memarg, |d, a, offset| Op::Load64 { d, a, offset })
            }
            O::I32Load8U { memarg } | O::I64Load8U { memarg } => {
                self.load(memarg, |d, a, offset| Op::Load8U { d, a, offset })
            }
            O::I32Load16U { memarg } | O::I64Load16U { memarg } => {
                self.load(memarg, |d, a, offset| Op::Load16U { d, a, offset })
            }
            O::I32Load8S { memarg } => self.load(memarg, |d, a, offset| Op::I32Load8S { d, a, offset }),
            O::I32Load16S { memarg } => self.load(memarg, |d, a, offset| Op::I32Load16S { d, a, offset }),
            O::I64Load8S { memarg } => self.load(memarg, |d, a, offset| Op::I64Load8S { d, a, offset }),
            O::I64Load16S { memarg } => self.load(memarg, |d, a, offset| Op::I64Load16S { d, a, offset }),
            O::I64Load32S { memarg } => self.load(memarg, |d, a, offset| Op::I64Load32S { d, a, offset }),
            O::I32Store8 { memarg } | O::I64Store8 { memarg } => {
                self.store(memarg, |a, b, offset| Op::Store8 { a, b, offset })
            }
            O::I32Store16 { memarg } | O::I64Store16 { memarg } => {
                self.store(memarg, |a, b, offset| Op::Store16 { a, b, offset })
            }
            O::I32Store { memarg } | O::F32Store { memarg } | O::I64Store32 { memarg } => {
                self.store(memarg, |a, b, offset| Op::Store32 { a, b, offset })
            }
            O::I64Store { memarg } | O::F64Store { memarg } => {
                self.store(memarg, |a, b, offset| Op::Store64 { a, b, offset })
            }
            _ => false,
        }
    }

    /// Returns the offset of an access that the short forms can make.
    fn plain_offset(&self, access: MemArg) -> Option<u32> {
        let memory = self.module.memories.first()?;
        if access.target != MemArgTarget::Memory(0) || memory.shared || memory.index64 {
            return None;
        }
        u32::try_from(access.offset).ok()
    }

    fn load(&mut self, access: MemArg, make: impl FnOnce(Reg, Reg, u32) -> Op) -> bool {
        let Some(offset) = self.plain_offset(access) else { return false };
        self.unary(|d, a| make(d, a, offset));
        true
    }

    fn store(&mut self, access: MemArg, make: impl FnOnce(Reg, Reg, u32) -> Op) -> bool {
        let Some(offset) = self.plain_offset(access) else { return false };
        let (value, address) = (self.pop(), self.pop());
        let (a, b) = (self.reg_of(address, 0), self.reg_of(value, 1));
        self.emit(make(a, b, offset));
        true
    }

    /// Rewrites calls, if it is one.
    pub(super) fn call(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Call { function_index: function } => {
                let ty = self.module.signature(function);
                let base = self.arguments(ty);
                self.emit(Op::Call { function, base });
                self.push_all(ty.results());
            }
            Operator::CallIndirect { type_index, table_index } => {
                let a = self.pop_reg(0);
                let ty = self.module.func_type(TypeIndex(type_index));
                let (site, base) = (self.site(type_index, table_index), self.arguments(ty));
                self.emit(Op::CallIndirect { a, site, base });
                self.push_all(ty.results());
            }
            Operator::CallRef { type_index } => {
                let a = self.pop_reg(0);
                let ty = self.module.func_type(TypeIndex(type_index));
                let base = self.arguments(ty);
                self.emit(Op::CallRef { a, base });
                self.push_all(ty.results());
            }
            Operator::ReturnCall { function_index: function } => {
                let ty = self.module.signature(function);
                self.tail_call(None, ty, |_| Op::ReturnCall { function });
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                let (callee, site) = (self.pop(), self.site(type_index, table_index));
                let ty = self.module.func_type(TypeIndex(type_index));
                self.tail_call(Some(callee), ty, |a| Op::ReturnCallIndirect { a, site });
            }
            Operator::ReturnCallRef { type_index } => {
                let callee = self.pop();
                self.tail_call(Some(callee), self.module.func_type(TypeIndex(type_index)), |a| Op::ReturnCallRef { a });
            }
            _ => return false,
        }
        true
    }

    /// Brings the arguments of a call home, removes them, and returns the slot of the first one.
    pub(super) fn arguments(&mut self, ty: &FuncType<TypeIndex>) -> u32 {
        let count = ty.params().len();
        self.send_home(count);
        self.truncate(self.stack.len() - count);
        let base = self.next_home();
        self.frame_slots = self.frame_slots.max(base + ty.result_slots() as u32);
        base
    }

    fn site(&mut self, ty: u32, table: u32) -> u32 {
        self.sites.push(Site { ty, table });
        self.sites.len() as u32 - 1
    }

    /// Emits a call in place of this function. A callee that is an operand must survive the moves of the arguments.
    fn tail_call(&mut self, callee: Option<Operand>, ty: &FuncType<TypeIndex>, make: impl FnOnce(Reg) -> Op) {
        let count = ty.params().len();
        let mut at = 0;
        if let Some(callee) = callee {
            // Its home is above those of the arguments and above where they go.
            self.copy_to(callee, callee.home);
            self.move_to_start(count);
            at = self.near(callee.home, 1, 0);
        } else {
            self.move_to_start(count);
        }
        self.emit(make(at));
        self.unreachable = true;
    }

    /// Rewrites a read of a global.
    fn global_get(&mut self, index: u32) {
        match self.module.globals[index as usize].content.slots() {
            1 => self.push_result(1, |d| Op::GlobalGet { d, index }),
            slots => self.emit_rare_with_result(0, slots as u32, Rare::new(variable::global_get_vector).x(index)),
        }
    }

    /// Rewrites a write of a global.
    fn global_set(&mut self, index: u32) {
        if self.module.globals[index as usize].content.slots() == 1 {
            let a = self.pop_reg(0);
            self.emit(Op::GlobalSet { a, index });
        } else {
            self.emit_rare(1, Rare::new(variable::global_set_vector).x(index));
        }
    }
}
