//! Atomic instructions
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#atomic-memory-accesses)).
//!
//! All are sequentially consistent. An address that is not a multiple of the access's size traps, whether or not it is
//! in bounds. Narrow accesses take the low bits of their operands and zero-extend what they read.

use super::FuncTranslator;
use super::operators::operators;
use crate::abi::builtins::Builtin;
use crate::base::{Trap, planted};
use crate::compile::clif::trap_code;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value};
use wasmparser::{MemArg, MemArgTarget, Ordering};

/// The width of an atomic access: `access`, in the low bits of a `value`.
#[derive(Clone, Copy)]
struct Width {
    value: Type,
    access: Type,
}

/// The operation of an atomic access.
#[derive(Clone, Copy)]
enum AtomicOperation {
    Load,
    Store,
    Modify(AtomicRmwOp),
    CompareExchange,
}

/// Defines the translations of one operation on each pair of value and access: 32, 64, 32/8, 32/16, 64/8, 64/16, 64/32.
macro_rules! atomic_accesses {
    ($(
        $operation:expr => $i32:ident $i64:ident $i32_8:ident $i32_16:ident $i64_8:ident $i64_16:ident $i64_32:ident;
    )*) => {
        operators! {$(
            $i32(self, memarg: MemArg) => self.atomic($operation, Width { value: I32, access: I32 }, memarg);
            $i64(self, memarg: MemArg) => self.atomic($operation, Width { value: I64, access: I64 }, memarg);
            $i32_8(self, memarg: MemArg) => self.atomic($operation, Width { value: I32, access: I8 }, memarg);
            $i32_16(self, memarg: MemArg) => self.atomic($operation, Width { value: I32, access: I16 }, memarg);
            $i64_8(self, memarg: MemArg) => self.atomic($operation, Width { value: I64, access: I8 }, memarg);
            $i64_16(self, memarg: MemArg) => self.atomic($operation, Width { value: I64, access: I16 }, memarg);
            $i64_32(self, memarg: MemArg) => self.atomic($operation, Width { value: I64, access: I32 }, memarg);
        )*}
    };
}

impl FuncTranslator<'_> {
    operators! {
        // Sequential consistency is more than any ordering asks for.
        visit_atomic_fence(self, _ordering: Ordering) => _ = self.ins().fence();
        // A hint: it has no effect that a program can see.
        visit_pause(self) => {};
        visit_memory_atomic_notify(self, memarg: MemArg) => self.notify(memarg);
        visit_memory_atomic_wait32(self, memarg: MemArg) => self.wait(Builtin::MemoryWait32, memarg);
        visit_memory_atomic_wait64(self, memarg: MemArg) => self.wait(Builtin::MemoryWait64, memarg);
    }

    atomic_accesses! {
        AtomicOperation::Load => visit_i32_atomic_load visit_i64_atomic_load
            visit_i32_atomic_load8_u visit_i32_atomic_load16_u
            visit_i64_atomic_load8_u visit_i64_atomic_load16_u visit_i64_atomic_load32_u;
        AtomicOperation::Store => visit_i32_atomic_store visit_i64_atomic_store
            visit_i32_atomic_store8 visit_i32_atomic_store16
            visit_i64_atomic_store8 visit_i64_atomic_store16 visit_i64_atomic_store32;
        AtomicOperation::Modify(AtomicRmwOp::Add) => visit_i32_atomic_rmw_add visit_i64_atomic_rmw_add
            visit_i32_atomic_rmw8_add_u visit_i32_atomic_rmw16_add_u
            visit_i64_atomic_rmw8_add_u visit_i64_atomic_rmw16_add_u visit_i64_atomic_rmw32_add_u;
        AtomicOperation::Modify(AtomicRmwOp::Sub) => visit_i32_atomic_rmw_sub visit_i64_atomic_rmw_sub
            visit_i32_atomic_rmw8_sub_u visit_i32_atomic_rmw16_sub_u
            visit_i64_atomic_rmw8_sub_u visit_i64_atomic_rmw16_sub_u visit_i64_atomic_rmw32_sub_u;
        AtomicOperation::Modify(AtomicRmwOp::And) => visit_i32_atomic_rmw_and visit_i64_atomic_rmw_and
            visit_i32_atomic_rmw8_and_u visit_i32_atomic_rmw16_and_u
            visit_i64_atomic_rmw8_and_u visit_i64_atomic_rmw16_and_u visit_i64_atomic_rmw32_and_u;
        AtomicOperation::Modify(AtomicRmwOp::Or) => visit_i32_atomic_rmw_or visit_i64_atomic_rmw_or
            visit_i32_atomic_rmw8_or_u visit_i32_atomic_rmw16_or_u
            visit_i64_atomic_rmw8_or_u visit_i64_atomic_rmw16_or_u visit_i64_atomic_rmw32_or_u;
        AtomicOperation::Modify(AtomicRmwOp::Xor) => visit_i32_atomic_rmw_xor visit_i64_atomic_rmw_xor
            visit_i32_atomic_rmw8_xor_u visit_i32_atomic_rmw16_xor_u
            visit_i64_atomic_rmw8_xor_u visit_i64_atomic_rmw16_xor_u visit_i64_atomic_rmw32_xor_u;
        AtomicOperation::Modify(AtomicRmwOp::Xchg) => visit_i32_atomic_rmw_xchg visit_i64_atomic_rmw_xchg
            visit_i32_atomic_rmw8_xchg_u visit_i32_atomic_rmw16_xchg_u
            visit_i64_atomic_rmw8_xchg_u visit_i64_atomic_rmw16_xchg_u visit_i64_atomic_rmw32_xchg_u;
        AtomicOperation::CompareExchange => visit_i32_atomic_rmw_cmpxchg visit_i64_atomic_rmw_cmpxchg
            visit_i32_atomic_rmw8_cmpxchg_u visit_i32_atomic_rmw16_cmpxchg_u
            visit_i64_atomic_rmw8_cmpxchg_u visit_i64_atomic_rmw16_cmpxchg_u visit_i64_atomic_rmw32_cmpxchg_u;
    }

    fn atomic(&mut self, operation: AtomicOperation, width: Width, memarg: MemArg) {
        // The operands are popped from the top: the value, then the value to compare with, then the index.
        let result = match operation {
            AtomicOperation::Load => {
                let (flags, address) = self.atomic_address(memarg, width.access);
                self.ins().atomic_load(width.access, flags, address)
            }
            AtomicOperation::Store => {
                let value = self.pop_narrowed(width.access);
                let (flags, address) = self.atomic_address(memarg, width.access);
                self.ins().atomic_store(flags, value, address);
                return;
            }
            AtomicOperation::Modify(op) => {
                let value = self.pop_narrowed(width.access);
                let (flags, address) = self.atomic_address(memarg, width.access);
                self.ins().atomic_rmw(width.access, flags, op, address, value)
            }
            AtomicOperation::CompareExchange => {
                let value = self.pop_narrowed(width.access);
                let expected = self.pop_narrowed(width.access);
                let (flags, address) = self.atomic_address(memarg, width.access);
                self.ins().atomic_cas(flags, address, expected, value)
            }
        };
        let result = match width.access {
            access if access == width.value => result,
            I8 if planted!(NarrowAtomicSigned, self.env.config) => self.ins().sextend(width.value, result),
            _ => self.ins().uextend(width.value, result),
        };
        self.push(result);
    }

    /// Pops an operand and keeps its low bits.
    fn pop_narrowed(&mut self, ty: Type) -> Value {
        let value = self.pop();
        if self.type_of(value) == ty { value } else { self.ins().ireduce(ty, value) }
    }

    /// Pops the index. Traps unless the address is aligned and the access inside the memory.
    fn atomic_address(&mut self, memarg: MemArg, access: Type) -> (MemFlagsData, Value) {
        let bytes = u8::try_from(access.bytes()).expect("no access is wider than 8 bytes");
        if bytes > 1 {
            let index = *self.stack.last().expect("validated code has an index on its stack");
            self.check_alignment(index, memarg.offset, bytes);
        }
        let (flags, address, offset) = self.memory_access(memarg, bytes);
        let offset = self.iconst(I64, offset.into());
        (flags, self.ins().iadd(address, offset))
    }

    /// Traps unless `index + offset` is a multiple of `bytes`, a power of two. The low bits are right even if the sum
    /// wraps.
    fn check_alignment(&mut self, index: Value, offset: u64, bytes: u8) {
        let index = self.extend_to_64_bits(index);
        let offset = self.iconst(I64, offset.cast_signed());
        let address = self.ins().iadd(index, offset);
        let mask = self.iconst(I64, i64::from(bytes) - 1);
        let low_bits = self.ins().band(address, mask);
        self.ins().trapnz(low_bits, trap_code(Trap::UnalignedAtomic));
    }

    fn notify(&mut self, memarg: MemArg) {
        let count = self.pop();
        let (memory, address) = self.waiting_address(memarg, 4);
        let woken = self.call_builtin(Builtin::MemoryNotify, &[memory, address, count]);
        let woken = self.ins().ireduce(I32, woken);
        self.push(woken);
    }

    fn wait(&mut self, builtin: Builtin, memarg: MemArg) {
        let (expected, timeout) = self.pop2();
        let bytes = if self.type_of(expected) == I64 { 8 } else { 4 };
        let (memory, address) = self.waiting_address(memarg, bytes);
        let result = self.call_builtin(builtin, &[memory, address, expected, timeout]);
        let result = self.ins().ireduce(I32, result);
        self.push(result);
    }

    /// Pops the index and checks the alignment. Returns the memory's index and the address in the memory, whose bounds
    /// the library call checks.
    fn waiting_address(&mut self, memarg: MemArg, bytes: u8) -> (Value, Value) {
        let MemArgTarget::Memory(memory) = memarg.target else {
            unreachable!("validation refuses accesses to arrays");
        };
        let index = self.pop();
        self.check_alignment(index, memarg.offset, bytes);
        let index = self.extend_to_64_bits(index);
        let offset = self.iconst(I64, memarg.offset.cast_signed());
        let address = self.ins().uadd_overflow_trap(index, offset, trap_code(Trap::MemoryOutOfBounds));
        (self.index(memory), address)
    }
}
