//! Access to what an instance holds: definitions in the vmctx, elements of tables, bytes of memories.

use super::FuncTranslator;
use crate::abi::vmctx::{Location, MemoryDef, TableDef};
use crate::base::{Trap, planted};
use crate::compile::clif::{constant, trap_code, trusted};
use crate::wasm::index::*;
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AliasRegion, AliasRegionData, InstBuilder, MemFlagsData, Value, types};
use wasmparser::{MemArg, MemArgTarget};

/// Regions of memory that do not alias each other.
#[derive(Clone, Copy)]
pub(super) struct Regions {
    /// Linear memories.
    memory: AliasRegion,
    /// Elements of tables.
    table: AliasRegion,
    /// Globals. All share one region, because two imports may be the same global.
    global: AliasRegion,
    /// Objects of the heap.
    heap: AliasRegion,
    /// The engine's own structures: the vmctx, definitions, the store context.
    context: AliasRegion,
}

impl Regions {
    pub(super) fn new(func: &mut ir::Function) -> Regions {
        let mut region = |user_id, description: &'static str| {
            func.dfg.alias_regions.insert(AliasRegionData { user_id, description: description.into() })
        };
        Regions {
            memory: region(0, "memory"),
            table: region(1, "table"),
            global: region(2, "global"),
            heap: region(4, "heap"),
            context: region(3, "context"),
        }
    }
}

/// The address of a definition: a base and an offset to it.
#[derive(Clone, Copy)]
pub(super) struct DefinitionAddress {
    pub(super) base: Value,
    pub(super) offset: i32,
}

/// Converts an offset into one of the engine's structures to an immediate.
pub(super) fn immediate(offset: u32) -> i32 {
    i32::try_from(offset).expect("a vmctx is at most 2 GiB")
}

impl FuncTranslator<'_> {
    /// Flags of an access to the vmctx, a definition or the store context.
    pub(super) fn context_flags(&self) -> MemFlagsData {
        trusted().with_alias_region(Some(self.regions.context))
    }

    /// Flags of an access to a global.
    pub(super) fn global_flags(&self) -> MemFlagsData {
        trusted().with_alias_region(Some(self.regions.global))
    }

    /// Flags of an access to a table's element whose index has been checked.
    pub(super) fn table_flags(&self) -> MemFlagsData {
        trusted().with_alias_region(Some(self.regions.table))
    }

    /// Flags of an access to an object of the heap.
    pub(super) fn heap_flags(&self) -> MemFlagsData {
        MemFlagsData::new().with_endianness(ir::Endianness::Little).with_alias_region(Some(self.regions.heap))
    }

    /// Flags of a load from the engine's structures of a value that never changes while this function runs.
    pub(super) fn constant_flags(&self) -> MemFlagsData {
        constant().with_alias_region(Some(self.regions.context))
    }

    /// Emits the address of the definition at a location.
    pub(super) fn definition_address(&mut self, location: Location) -> DefinitionAddress {
        match location {
            Location::Inline(offset) => DefinitionAddress { base: self.vmctx, offset: immediate(offset) },
            Location::Pointer(offset) => {
                let (flags, vmctx) = (self.constant_flags(), self.vmctx);
                let base = self.ins().load(types::I64, flags, vmctx, immediate(offset));
                DefinitionAddress { base, offset: 0 }
            }
        }
    }

    /// Emits the length of a memory, in bytes.
    pub(super) fn memory_length(&mut self, memory: MemoryIndex) -> Value {
        let definition = self.definition_address(self.env.layout.memory(memory));
        let flags = self.context_flags();
        let offset = definition.offset + offset_of!(MemoryDef, length) as i32;
        if self.env.module.memories[memory.index()].shared {
            // Another thread may grow the memory at any time.
            let offset = self.iconst(types::I64, offset.into());
            let address = self.ins().iadd(definition.base, offset);
            return self.ins().atomic_load(types::I64, flags, address);
        }
        self.ins().load(types::I64, flags, definition.base, offset)
    }

    /// Returns the length of a table that cannot grow: its limits are equal, here and for whoever may import or export
    /// it.
    fn fixed_length(&self, table: TableIndex) -> Option<i64> {
        let limits = self.env.module.tables[table.index()].limits;
        if limits.max == Some(limits.min) { i64::try_from(limits.min).ok() } else { None }
    }

    /// Emits the length of a table, in elements.
    pub(super) fn table_length(&mut self, table: TableIndex) -> Value {
        if let Some(length) = self.fixed_length(table) {
            return self.iconst(types::I64, length);
        }
        let definition = self.definition_address(self.env.layout.table(table));
        let flags = self.context_flags();
        let offset = definition.offset + offset_of!(TableDef, length) as i32;
        self.ins().load(types::I64, flags, definition.base, offset)
    }

    /// Emits the address of a table's element, after a check that traps with `trap` if there is no such element.
    pub(super) fn table_element(&mut self, table: TableIndex, index: Value, trap: Trap) -> Value {
        let length = self.table_length(table);
        let index = self.extend_to_64_bits(index);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.ins().trapnz(outside, trap_code(trap));
        let definition = self.definition_address(self.env.layout.table(table));
        // Only growth moves the elements of a table.
        let is_fixed = self.fixed_length(table).is_some();
        let flags = if is_fixed { self.constant_flags() } else { self.context_flags() };
        let offset = definition.offset + offset_of!(TableDef, base) as i32;
        let base = self.ins().load(types::I64, flags, definition.base, offset);
        let log2_size = if self.env.module.tables[table.index()].element.heap.is_func() { 3 } else { 2 };
        let log2_size = self.iconst(types::I64, log2_size);
        let position = self.ins().ishl(index, log2_size);
        self.ins().iadd(base, position)
    }

    /// Pops the index of an access to `bytes` bytes and makes the access safe. Returns its flags, address and offset.
    ///
    /// With guard pages, the access itself traps: the sum of index, offset and size is less than 8 GiB and a page, and
    /// such a memory reserves that much. Without guard pages, the end of the access is compared with the memory's
    /// length first.
    pub(crate) fn memory_access(&mut self, memarg: MemArg, bytes: u8) -> (MemFlagsData, Value, i32) {
        let MemArgTarget::Memory(memory) = memarg.target else {
            unreachable!("validation refuses accesses to arrays");
        };
        let memory = MemoryIndex(memory);
        let index = self.pop();
        let mut index = self.extend_to_64_bits(index);
        if planted!(Memory64IndexWraps, self.env.config) {
            index = self.ins().band_imm_u(index, i64::from(u32::MAX));
        }
        let flags =
            MemFlagsData::new().with_endianness(ir::Endianness::Little).with_alias_region(Some(self.regions.memory));
        let ty = self.env.module.memories[memory.index()];
        let flags = if ty.is_guarded(self.env.config.memory_checks) {
            flags.with_trap_code(Some(trap_code(Trap::MemoryOutOfBounds)))
        } else {
            self.check_bounds(memory, index, memarg.offset, bytes);
            flags.with_notrap()
        };
        let base = self.memory_base(memory);
        let address = self.ins().iadd(base, index);
        match i32::try_from(memarg.offset) {
            Ok(offset) => (flags, address, offset),
            // An immediate of CLIF has 32 bits and a sign.
            Err(_) => {
                let offset = self.iconst(types::I64, memarg.offset.cast_signed());
                (flags, self.ins().iadd(address, offset), 0)
            }
        }
    }

    /// Emits the base of a memory, which never changes: memories grow in place.
    fn memory_base(&mut self, memory: MemoryIndex) -> Value {
        let definition = self.definition_address(self.env.layout.memory(memory));
        let flags = self.constant_flags();
        let offset = definition.offset + offset_of!(MemoryDef, base) as i32;
        self.ins().load(types::I64, flags, definition.base, offset)
    }

    /// Emits a check that traps unless `index + offset + bytes <= length`, without overflow.
    fn check_bounds(&mut self, memory: MemoryIndex, index: Value, offset: u64, bytes: u8) {
        let outside_memory = trap_code(Trap::MemoryOutOfBounds);
        let Some(extent) = offset.checked_add(bytes.into()) else {
            // The offset alone is out of bounds. The access that follows in this code never runs.
            let always = self.iconst(types::I8, 1);
            self.ins().trapnz(always, outside_memory);
            return;
        };
        let length = self.memory_length(memory);
        let extent = extent - u64::from(planted!(LastByteUnchecked, self.env.config));
        let extent = self.iconst(types::I64, extent.cast_signed());
        let end = if self.env.module.memories[memory.index()].index64 {
            self.ins().uadd_overflow_trap(index, extent, outside_memory)
        } else {
            // The sum cannot overflow: the index and the offset have 32 bits each.
            self.ins().iadd(index, extent)
        };
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.ins().trapnz(outside, outside_memory);
    }

    /// Reduces a size or index of 64 bits to the index type of a memory or table.
    pub(super) fn reduce_to_index_type(&mut self, value: Value, index64: bool) -> Value {
        if index64 { value } else { self.ins().ireduce(types::I32, value) }
    }
}
