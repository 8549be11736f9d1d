//! Linear memory ([Memory instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#memory-instructions)).
//! [`access`](super::access) makes single accesses safe; what touches many bytes, or resizes, is a library call.

use super::FuncTranslator;
use crate::abi::builtins::Builtin;
use crate::wasm::index::MemoryIndex;
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, types};
use wasmparser::{MemArg, Operator};

impl FuncTranslator<'_> {
    pub(super) fn translate_memory(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::MemorySize { mem } => self.memory_size(MemoryIndex(mem)),
            Operator::MemoryGrow { mem } => self.memory_grow(mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryInit { data_index, mem } => self.init(Builtin::MemoryInit, mem, data_index),
            Operator::DataDrop { data_index } => {
                let segment = self.index(data_index);
                self.call_builtin(Builtin::DataDrop, &[segment]);
            }
            _ => return self.translate_load(operator) || self.translate_store(operator),
        }
        true
    }

    fn translate_load(&mut self, operator: &Operator<'_>) -> bool {
        use Opcode::{Load, Sload8, Sload16, Sload32, Uload8, Uload16, Uload32};
        use types::{F32, F64, I32, I64};
        match operator {
            Operator::I32Load { memarg } => self.load(memarg, Load, I32, 4),
            Operator::I64Load { memarg } => self.load(memarg, Load, I64, 8),
            Operator::F32Load { memarg } => self.load(memarg, Load, F32, 4),
            Operator::F64Load { memarg } => self.load(memarg, Load, F64, 8),
            Operator::I32Load8S { memarg } => self.load(memarg, Sload8, I32, 1),
            Operator::I32Load8U { memarg } => self.load(memarg, Uload8, I32, 1),
            Operator::I32Load16S { memarg } => self.load(memarg, Sload16, I32, 2),
            Operator::I32Load16U { memarg } => self.load(memarg, Uload16, I32, 2),
            Operator::I64Load8S { memarg } => self.load(memarg, Sload8, I64, 1),
            Operator::I64Load8U { memarg } => self.load(memarg, Uload8, I64, 1),
            Operator::I64Load16S { memarg } => self.load(memarg, Sload16, I64, 2),
            Operator::I64Load16U { memarg } => self.load(memarg, Uload16, I64, 2),
            Operator::I64Load32S { memarg } => self.load(memarg, Sload32, I64, 4),
            Operator::I64Load32U { memarg } => self.load(memarg, Uload32, I64, 4),
            _ => return false,
        }
        true
    }

    fn translate_store(&mut self, operator: &Operator<'_>) -> bool {
        use Opcode::{Istore8, Istore16, Istore32, Store};
        match operator {
            Operator::I32Store { memarg } | Operator::F32Store { memarg } => self.store(memarg, Store, 4),
            Operator::I64Store { memarg } | Operator::F64Store { memarg } => self.store(memarg, Store, 8),
            Operator::I32Store8 { memarg } | Operator::I64Store8 { memarg } => self.store(memarg, Istore8, 1),
            Operator::I32Store16 { memarg } | Operator::I64Store16 { memarg } => self.store(memarg, Istore16, 2),
            Operator::I64Store32 { memarg } => self.store(memarg, Istore32, 4),
            _ => return false,
        }
        true
    }

    fn load(&mut self, memarg: &MemArg, opcode: Opcode, ty: Type, bytes: u8) {
        let (flags, address, offset) = self.memory_access(memarg, bytes);
        let flags = self.builder.func.dfg.mem_flags.insert(flags).expect("there are few sets of flags");
        let (load, dfg) = self.ins().Load(opcode, ty, flags, offset.into(), address);
        let value = dfg.first_result(load);
        self.push(value);
    }

    fn store(&mut self, memarg: &MemArg, opcode: Opcode, bytes: u8) {
        let value = self.pop();
        let (flags, address, offset) = self.memory_access(memarg, bytes);
        let flags = self.builder.func.dfg.mem_flags.insert(flags).expect("there are few sets of flags");
        let ty = self.type_of(value);
        self.ins().Store(opcode, ty, flags, offset.into(), value, address);
    }

    fn memory_size(&mut self, memory: MemoryIndex) {
        let length = self.memory_length(memory);
        let ty = self.env.module.memories[memory.index()];
        let log2 = self.iconst(types::I64, ty.page_size_log2.into());
        let pages = self.ins().ushr(length, log2);
        let pages = self.of_index_type(pages, ty.index64);
        self.push(pages);
    }

    fn memory_grow(&mut self, memory: u32) {
        let delta = self.pop();
        let arguments = [self.index(memory), self.extended_to_64_bits(delta)];
        let old = self.call_builtin(Builtin::MemoryGrow, &arguments);
        let old = self.of_index_type(old, self.env.module.memories[memory as usize].index64);
        self.push(old);
    }

    fn memory_copy(&mut self, dst_memory: u32, src_memory: u32) {
        let (dst, src, count) = self.pop3();
        let arguments = [
            self.index(dst_memory),
            self.index(src_memory),
            self.extended_to_64_bits(dst),
            self.extended_to_64_bits(src),
            self.extended_to_64_bits(count),
        ];
        self.call_builtin(Builtin::MemoryCopy, &arguments);
    }

    fn memory_fill(&mut self, memory: u32) {
        let (at, value, count) = self.pop3();
        let arguments = [self.index(memory), self.extended_to_64_bits(at), value, self.extended_to_64_bits(count)];
        self.call_builtin(Builtin::MemoryFill, &arguments);
    }
}
