//! Atomic instructions
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#atomic-memory-accesses)).
//!
//! All are sequentially consistent. An address that is not a multiple of the access's size traps before bounds are
//! looked at, wherever the memory ends. Narrow accesses work on the low bits of their operands and zero-extend what they
//! read.

use super::FuncTranslator;
use crate::abi::builtins::Builtin;
use crate::base::Trap;
use crate::compile::clif::trap_code;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// An atomic access: of `access`, in the low bits of a `value`.
struct Access<'a> {
    memarg: &'a MemArg,
    value: Type,
    access: Type,
}

/// Finds a row of the table below, which has a name for each value and access: 32, 64, 32/8, 32/16, 64/8, 64/16, 64/32.
macro_rules! family {
    ($operator:ident, $($op:expr => $i32:ident $i64:ident $i32_8:ident $i32_16:ident $i64_8:ident $i64_16:ident $i64_32:ident;)*) => {
        match $operator {
            $(
                Operator::$i32 { memarg } => Some(($op, Access { memarg, value: I32, access: I32 })),
                Operator::$i64 { memarg } => Some(($op, Access { memarg, value: I64, access: I64 })),
                Operator::$i32_8 { memarg } => Some(($op, Access { memarg, value: I32, access: I8 })),
                Operator::$i32_16 { memarg } => Some(($op, Access { memarg, value: I32, access: I16 })),
                Operator::$i64_8 { memarg } => Some(($op, Access { memarg, value: I64, access: I8 })),
                Operator::$i64_16 { memarg } => Some(($op, Access { memarg, value: I64, access: I16 })),
                Operator::$i64_32 { memarg } => Some(($op, Access { memarg, value: I64, access: I32 })),
            )*
            _ => None,
        }
    };
}

/// What an atomic access does.
#[derive(Clone, Copy)]
enum Kind {
    Load,
    Store,
    Modify(AtomicRmwOp),
    CompareExchange,
}

fn access<'a>(operator: &'a Operator<'_>) -> Option<(Kind, Access<'a>)> {
    use AtomicRmwOp::{Add, And, Or, Sub, Xchg, Xor};
    use Kind::{CompareExchange, Load, Modify, Store};
    family!(operator,
        Load => I32AtomicLoad I64AtomicLoad I32AtomicLoad8U I32AtomicLoad16U I64AtomicLoad8U I64AtomicLoad16U
            I64AtomicLoad32U;
        Store => I32AtomicStore I64AtomicStore I32AtomicStore8 I32AtomicStore16 I64AtomicStore8 I64AtomicStore16
            I64AtomicStore32;
        Modify(Add) => I32AtomicRmwAdd I64AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU I64AtomicRmw8AddU
            I64AtomicRmw16AddU I64AtomicRmw32AddU;
        Modify(Sub) => I32AtomicRmwSub I64AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU I64AtomicRmw8SubU
            I64AtomicRmw16SubU I64AtomicRmw32SubU;
        Modify(And) => I32AtomicRmwAnd I64AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU I64AtomicRmw8AndU
            I64AtomicRmw16AndU I64AtomicRmw32AndU;
        Modify(Or) => I32AtomicRmwOr I64AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU I64AtomicRmw8OrU
            I64AtomicRmw16OrU I64AtomicRmw32OrU;
        Modify(Xor) => I32AtomicRmwXor I64AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU I64AtomicRmw8XorU
            I64AtomicRmw16XorU I64AtomicRmw32XorU;
        Modify(Xchg) => I32AtomicRmwXchg I64AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU I64AtomicRmw8XchgU
            I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
        CompareExchange => I32AtomicRmwCmpxchg I64AtomicRmwCmpxchg I32AtomicRmw8CmpxchgU I32AtomicRmw16CmpxchgU
            I64AtomicRmw8CmpxchgU I64AtomicRmw16CmpxchgU I64AtomicRmw32CmpxchgU;
    )
}

impl FuncTranslator<'_> {
    /// Translates an atomic instruction; `false` if the operator is none.
    pub(super) fn translate_atomic(&mut self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::AtomicFence { .. } => {
                self.ins().fence();
            }
            Operator::MemoryAtomicNotify { memarg } => self.notify(memarg),
            Operator::MemoryAtomicWait32 { memarg } => self.wait(Builtin::MemoryWait32, memarg),
            Operator::MemoryAtomicWait64 { memarg } => self.wait(Builtin::MemoryWait64, memarg),
            _ => match access(operator) {
                Some((kind, access)) => self.atomic(kind, &access),
                None => return false,
            },
        }
        true
    }

    fn atomic(&mut self, kind: Kind, access: &Access<'_>) {
        let value = if matches!(kind, Kind::Load) { None } else { Some(self.pop_narrowed(access.access)) };
        let expected =
            if matches!(kind, Kind::CompareExchange) { Some(self.pop_narrowed(access.access)) } else { None };
        let (flags, address) = self.atomic_address(access);
        let read = match (kind, expected, value) {
            (Kind::Store, _, Some(value)) => {
                self.ins().atomic_store(flags, value, address);
                return;
            }
            (Kind::Modify(op), _, Some(value)) => self.ins().atomic_rmw(access.access, flags, op, address, value),
            (_, Some(expected), Some(value)) => self.ins().atomic_cas(flags, address, expected, value),
            _ => self.ins().atomic_load(access.access, flags, address),
        };
        let result = if access.access == access.value { read } else { self.ins().uextend(access.value, read) };
        self.push(result);
    }

    /// Pops an operand and keeps its low bits.
    fn pop_narrowed(&mut self, ty: Type) -> Value {
        let value = self.pop();
        if self.type_of(value) == ty { value } else { self.ins().ireduce(ty, value) }
    }

    /// Pops the index; traps unless the address is aligned and the access inside the memory.
    fn atomic_address(&mut self, access: &Access<'_>) -> (MemFlagsData, Value) {
        let bytes = u8::try_from(access.access.bytes()).expect("no access is wider than 8 bytes");
        if bytes > 1 {
            let index = *self.stack.last().expect("validated code has an index on its stack");
            self.check_alignment(index, access.memarg.offset, bytes);
        }
        let (flags, address, offset) = self.memory_access(access.memarg, bytes);
        let offset = self.iconst(I64, offset.into());
        (flags, self.ins().iadd(address, offset))
    }

    /// Traps unless `index + offset` is a multiple of `bytes`, a power of two. Wrapping changes nothing about that.
    fn check_alignment(&mut self, index: Value, offset: u64, bytes: u8) {
        let index = self.extended_to_64_bits(index);
        let offset = self.iconst(I64, offset.cast_signed());
        let address = self.ins().iadd(index, offset);
        let mask = self.iconst(I64, i64::from(bytes) - 1);
        let low_bits = self.ins().band(address, mask);
        self.ins().trapnz(low_bits, trap_code(Trap::UnalignedAtomic));
    }

    fn notify(&mut self, memarg: &MemArg) {
        let count = self.pop();
        let (memory, address) = self.waiting_address(memarg, 4);
        let woken = self.call_builtin(Builtin::MemoryNotify, &[memory, address, count]);
        let woken = self.ins().ireduce(I32, woken);
        self.push(woken);
    }

    fn wait(&mut self, builtin: Builtin, memarg: &MemArg) {
        let (expected, timeout) = self.pop2();
        let bytes = if self.type_of(expected) == I64 { 8 } else { 4 };
        let (memory, address) = self.waiting_address(memarg, bytes);
        let result = self.call_builtin(builtin, &[memory, address, expected, timeout]);
        let result = self.ins().ireduce(I32, result);
        self.push(result);
    }

    /// Pops the index. The memory, and the address in it, which is aligned; the library call looks at the bounds.
    fn waiting_address(&mut self, memarg: &MemArg, bytes: u8) -> (Value, Value) {
        let MemArgTarget::Memory(memory) = memarg.target else {
            unreachable!("validation accepts no accesses to arrays");
        };
        let index = self.pop();
        self.check_alignment(index, memarg.offset, bytes);
        let index = self.extended_to_64_bits(index);
        let offset = self.iconst(I64, memarg.offset.cast_signed());
        let address = self.ins().uadd_overflow_trap(index, offset, trap_code(Trap::MemoryOutOfBounds));
        (self.index(memory), address)
    }
}
