//! Linear memory ([Memory
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#memory-instructions)).
//! [`access`](super::access) makes single accesses safe. Instructions on many bytes, and those that resize, are library
//! calls.

use super::FuncTranslator;
use super::operators::operators;
use crate::abi::builtins::Builtin;
use crate::wasm::index::MemoryIndex;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type};
use wasmparser::MemArg;

impl FuncTranslator<'_> {
    operators! {
        visit_memory_size(self, mem: u32) => self.memory_size(MemoryIndex(mem));
        visit_memory_grow(self, mem: u32) => self.memory_grow(mem);
        visit_memory_copy(self, dst_mem: u32, src_mem: u32) => self.memory_copy(dst_mem, src_mem);
        visit_memory_fill(self, mem: u32) => self.memory_fill(mem);
        visit_memory_init(self, data_index: u32, mem: u32) => self.init(Builtin::MemoryInit, mem, data_index);
        visit_data_drop(self, data_index: u32) => self.drop_segment(Builtin::DataDrop, data_index);
    }

    operators! {
        visit_i32_load(self, memarg: MemArg) => self.load(memarg, Opcode::Load, I32, 4);
        visit_i64_load(self, memarg: MemArg) => self.load(memarg, Opcode::Load, I64, 8);
        visit_f32_load(self, memarg: MemArg) => self.load(memarg, Opcode::Load, F32, 4);
        visit_f64_load(self, memarg: MemArg) => self.load(memarg, Opcode::Load, F64, 8);
        visit_i32_load8_s(self, memarg: MemArg) => self.load(memarg, Opcode::Sload8, I32, 1);
        visit_i32_load8_u(self, memarg: MemArg) => self.load(memarg, Opcode::Uload8, I32, 1);
        visit_i32_load16_s(self, memarg: MemArg) => self.load(memarg, Opcode::Sload16, I32, 2);
        visit_i32_load16_u(self, memarg: MemArg) => self.load(memarg, Opcode::Uload16, I32, 2);
        visit_i64_load8_s(self, memarg: MemArg) => self.load(memarg, Opcode::Sload8, I64, 1);
        visit_i64_load8_u(self, memarg: MemArg) => self.load(memarg, Opcode::Uload8, I64, 1);
        visit_i64_load16_s(self, memarg: MemArg) => self.load(memarg, Opcode::Sload16, I64, 2);
        visit_i64_load16_u(self, memarg: MemArg) => self.load(memarg, Opcode::Uload16, I64, 2);
        visit_i64_load32_s(self, memarg: MemArg) => self.load(memarg, Opcode::Sload32, I64, 4);
        visit_i64_load32_u(self, memarg: MemArg) => self.load(memarg, Opcode::Uload32, I64, 4);
    }

    operators! {
        visit_i32_store | visit_f32_store (self, memarg: MemArg) => self.store(memarg, Opcode::Store, 4);
        visit_i64_store | visit_f64_store (self, memarg: MemArg) => self.store(memarg, Opcode::Store, 8);
        visit_i32_store8 | visit_i64_store8 (self, memarg: MemArg) => self.store(memarg, Opcode::Istore8, 1);
        visit_i32_store16 | visit_i64_store16 (self, memarg: MemArg) => self.store(memarg, Opcode::Istore16, 2);
        visit_i64_store32(self, memarg: MemArg) => self.store(memarg, Opcode::Istore32, 4);
    }

    fn load(&mut self, memarg: MemArg, opcode: Opcode, ty: Type, bytes: u8) {
        let (flags, address, offset) = self.memory_access(memarg, bytes);
        let flags = self.builder.func.dfg.mem_flags.insert(flags).expect("there are few sets of flags");
        let (load, dfg) = self.ins().Load(opcode, ty, flags, offset.into(), address);
        let value = dfg.first_result(load);
        self.push(value);
    }

    fn store(&mut self, memarg: MemArg, opcode: Opcode, bytes: u8) {
        let value = self.pop();
        let (flags, address, offset) = self.memory_access(memarg, bytes);
        let flags = self.builder.func.dfg.mem_flags.insert(flags).expect("there are few sets of flags");
        let ty = self.type_of(value);
        self.ins().Store(opcode, ty, flags, offset.into(), value, address);
    }

    fn memory_size(&mut self, memory: MemoryIndex) {
        let length = self.memory_length(memory);
        let ty = self.env.module.memories[memory.index()];
        let log2 = self.iconst(I64, ty.page_size_log2.into());
        let pages = self.ins().ushr(length, log2);
        let pages = self.reduce_to_index_type(pages, ty.index64);
        self.push(pages);
    }

    fn memory_grow(&mut self, memory: u32) {
        let delta = self.pop();
        let arguments = [self.index(memory), self.extend_to_64_bits(delta)];
        let old = self.call_builtin(Builtin::MemoryGrow, &arguments);
        let old = self.reduce_to_index_type(old, self.env.module.memories[memory as usize].index64);
        self.push(old);
    }

    fn memory_copy(&mut self, dst_memory: u32, src_memory: u32) {
        let (dst, src, count) = self.pop3();
        let arguments = [
            self.index(dst_memory),
            self.index(src_memory),
            self.extend_to_64_bits(dst),
            self.extend_to_64_bits(src),
            self.extend_to_64_bits(count),
        ];
        self.call_builtin(Builtin::MemoryCopy, &arguments);
    }

    fn memory_fill(&mut self, memory: u32) {
        let (at, value, count) = self.pop3();
        let arguments = [self.index(memory), self.extend_to_64_bits(at), value, self.extend_to_64_bits(count)];
        self.call_builtin(Builtin::MemoryFill, &arguments);
    }
}
