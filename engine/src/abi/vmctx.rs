//! The structures that compiled code and the runtime share. Hosts have 64 bits, and every offset is asserted below.
//!
//! ```text
//! VmContext (one per instance)
//!   +0   magic, instance, store, builtins, type_ids, type_table    fixed header
//!   ...  [FuncImport]    per imported function           at offsets that both halves take from `VmLayout`
//!   ...  [*TableDef]     per imported table
//!   ...  [*MemoryDef]    per imported memory
//!   ...  [*GlobalDef]    per imported global
//!   ...  [TableDef]      per own table
//!   ...  [MemoryDef]     per own memory; for a shared one, a pointer to it
//!   ...  [GlobalDef]     per own global (16-byte aligned)
//!   ...  [FuncRef]       per function that escapes
//! ```

use super::HostCall;
use super::builtins::BuiltinTable;
use crate::wasm::canonical::SERIAL_BITS;
use crate::wasm::index::*;
use crate::wasm::module::Module;
use core::ffi::c_void;
use core::mem::offset_of;
use core::sync::atomic::AtomicU64;

/// The first word of a [`VmContext`], so that debug assertions notice a wrong pointer.
pub(crate) const VMCTX_MAGIC: u32 = u32::from_le_bytes(*b"vmcx");
/// The first word of a [`HostFunc`].
pub(crate) const HOST_FUNC_MAGIC: u32 = u32::from_le_bytes(*b"host");

/// The fixed header of an instance's context. [`VmLayout`] describes the rest.
#[repr(C)]
pub(crate) struct VmContext {
    pub(crate) magic: u32,
    /// The instance's number in its store.
    pub(crate) instance: u32,
    pub(crate) store: *mut VmStoreContext,
    pub(crate) builtins: *const BuiltinTable,
    /// The canonical type ids of the module's types, by type index.
    pub(crate) type_ids: *const u32,
    /// The directory of the engine's [`TypeEntry`]s. It never moves.
    pub(crate) type_table: *const *const TypeEntry,
}

/// An entry of an engine's table of types, for casts. The table is a directory of [`CHUNKS`] pointers to chunks, which
/// start with 2^[`CHUNK_BITS`] entries. The canonical id of a type leads to its entry:
///
/// ```text
/// bits 29..31   the kind of the type
/// bits 12..23   the chunk, as an index in the directory
/// bits  0..11   the entry, as an index in the chunk
/// ```
///
/// All pointers of the directory are valid. The entry of an id that no type has holds zeros, and no id is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct TypeEntry {
    /// The number of types that the type extends, directly or not.
    pub(crate) depth: u32,
    /// The ids of the types that the type extends and its own id, by their depths. Ids that find no room are left out;
    /// unused slots are zero.
    pub(crate) display: [u32; DISPLAY],
}

/// The number of ids in a [`TypeEntry`].
pub(crate) const DISPLAY: usize = 7;

/// The number of bits of a serial number that are the position of a [`TypeEntry`] in its chunk.
pub(crate) const CHUNK_BITS: u32 = 12;

/// The number of chunks of [`TypeEntry`]s.
pub(crate) const CHUNKS: usize = 1 << (SERIAL_BITS - CHUNK_BITS);

impl TypeEntry {
    /// The entry of an id that no type has.
    pub(crate) const NONE: TypeEntry = TypeEntry { depth: 0, display: [0; DISPLAY] };
}

/// The state that compiled code shares with its store, which owns it. The runtime saves the `entry_*`, `exit_*` and
/// `stack_limit` fields when it enters compiled code, and restores them afterwards.
#[repr(C)]
pub(crate) struct VmStoreContext {
    /// The lowest address that a frame may reach. A function's prologue checks it and traps.
    pub(crate) stack_limit: usize,
    /// The frame pointer of the newest entry trampoline.
    pub(crate) entry_fp: usize,
    /// The stack pointer of the newest entry trampoline.
    pub(crate) entry_sp: usize,
    /// The address of the newest entry trampoline's handler block, where execution resumes after a trap.
    pub(crate) entry_pc: usize,
    /// The last Wasm exit: the frame pointer of the exit or library-call trampoline that left compiled code.
    pub(crate) exit_fp: usize,
    /// The last Wasm exit: the return address of the trampoline, in the function that called it.
    pub(crate) exit_pc: usize,
    /// The remaining fuel. Code traps when it falls below zero.
    pub(crate) fuel: i64,
    /// The epoch at which code calls [`EpochReached`](super::builtins::Builtin::EpochReached).
    pub(crate) epoch_deadline: u64,
    /// The engine's epoch counter. Never null.
    pub(crate) epoch: *const AtomicU64,
    /// The start of the heap's region; null until the region is reserved. It is reserved before code that uses objects
    /// runs.
    pub(crate) heap_base: *mut u8,
    /// The offset of the next object in the heap's region.
    pub(crate) heap_next: u64,
    /// The end of the free part of the region that compiled code may allocate from, as an offset.
    pub(crate) heap_end: u64,
    /// The frame pointer with which [`Raise`](super::builtins::Builtin::Raise) resumes. The runtime sets the `resume_*`
    /// fields before it reports a failure.
    pub(crate) resume_fp: usize,
    /// The stack pointer with which `Raise` resumes.
    pub(crate) resume_sp: usize,
    /// The address at which `Raise` resumes: the handler block of the newest entry trampoline, or an exception handler.
    pub(crate) resume_pc: usize,
    /// The value of the first payload register when `Raise` resumes: the exception.
    pub(crate) resume_payload: u64,
}

/// The referent of a function reference. It lives as long as its store and never moves.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct FuncRef {
    /// The entry for compiled code, with the Tail convention. Null for a host function with a signature that no loaded
    /// artifact has.
    pub(crate) wasm_call: *const c_void,
    /// The entry for the host; `None` for a host function, which the host calls directly.
    pub(crate) host_call: Option<HostCall>,
    /// The callee: a `*mut VmContext`, or a `*mut HostFunc`.
    pub(crate) vmctx: *mut c_void,
    /// The canonical id of the function's type.
    pub(crate) type_id: u32,
    pub(crate) _pad: u32,
}

/// The callee context of a host function.
#[repr(C)]
pub(crate) struct HostFunc {
    pub(crate) magic: u32,
    pub(crate) _pad: u32,
    /// The function that the exit trampoline calls.
    pub(crate) shim: super::HostShim,
    // The host's own fields follow in a larger structure.
}

/// An imported function: a copy of its reference's content, so that a call needs one load less.
#[repr(C)]
pub(crate) struct FuncImport {
    pub(crate) wasm_call: *const c_void,
    pub(crate) vmctx: *mut c_void,
    pub(crate) func_ref: *const FuncRef,
}

/// A table. Its elements have 8 bytes (`*const FuncRef`) or 4 (offsets in the heap); null is zero.
#[repr(C)]
pub(crate) struct TableDef {
    pub(crate) base: *mut u8,
    /// The number of elements.
    pub(crate) length: u64,
}

/// A linear memory. The base of a memory never changes while it lives.
#[repr(C)]
pub(crate) struct MemoryDef {
    pub(crate) base: *mut u8,
    /// The length in bytes. Other threads may change the length of a shared memory.
    pub(crate) length: AtomicU64,
}

/// A global. The value is in the low bytes, as in a [`ValRaw`](super::ValRaw).
#[repr(C, align(16))]
pub(crate) struct GlobalDef(pub(crate) [u8; 16]);

const _: () = {
    assert!(size_of::<usize>() == 8, "64-bit hosts only");
    assert!(offset_of!(VmContext, store) == 8);
    assert!(offset_of!(VmContext, builtins) == 16);
    assert!(offset_of!(VmContext, type_ids) == 24);
    assert!(offset_of!(VmContext, type_table) == 32);
    assert!(size_of::<VmContext>() == 40);
    assert!(size_of::<TypeEntry>() == 32);
    assert!(offset_of!(TypeEntry, display) == 4);
    assert!(offset_of!(VmStoreContext, stack_limit) == 0);
    assert!(offset_of!(VmStoreContext, entry_fp) == 8);
    assert!(offset_of!(VmStoreContext, entry_sp) == 16);
    assert!(offset_of!(VmStoreContext, entry_pc) == 24);
    assert!(offset_of!(VmStoreContext, exit_fp) == 32);
    assert!(offset_of!(VmStoreContext, exit_pc) == 40);
    assert!(offset_of!(VmStoreContext, fuel) == 48);
    assert!(offset_of!(VmStoreContext, epoch_deadline) == 56);
    assert!(offset_of!(VmStoreContext, epoch) == 64);
    assert!(offset_of!(VmStoreContext, heap_base) == 72);
    assert!(offset_of!(VmStoreContext, heap_next) == 80);
    assert!(offset_of!(VmStoreContext, heap_end) == 88);
    assert!(offset_of!(FuncRef, host_call) == 8);
    assert!(offset_of!(FuncRef, vmctx) == 16);
    assert!(offset_of!(FuncRef, type_id) == 24);
    assert!(size_of::<FuncRef>() == 32);
    assert!(offset_of!(HostFunc, shim) == 8);
    assert!(offset_of!(FuncImport, vmctx) == 8);
    assert!(offset_of!(FuncImport, func_ref) == 16);
    assert!(size_of::<FuncImport>() == 24);
    assert!(offset_of!(TableDef, length) == 8);
    assert!(size_of::<TableDef>() == 16);
    assert!(offset_of!(MemoryDef, length) == 8);
    assert!(size_of::<MemoryDef>() == 16);
    assert!(size_of::<GlobalDef>() == 16);
};

/// The layout of the [`VmContext`]s of one module. All offsets are in bytes from the start of the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmLayout {
    imported_functions: u32,
    imported_tables: u32,
    imported_memories: u32,
    imported_globals: u32,
    func_imports: u32,
    table_imports: u32,
    memory_imports: u32,
    global_imports: u32,
    tables: u32,
    memories: u32,
    globals: u32,
    func_refs: u32,
    /// The own memories that are shared.
    shared_memories: Box<[MemoryIndex]>,
    size: u32,
}

/// The location of a table's, memory's or global's definition, in bytes from the start of a [`VmContext`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Location {
    /// The definition itself is in the context, at this offset.
    Inline(u32),
    /// The context holds a pointer to the definition, at this offset.
    Pointer(u32),
}

impl VmLayout {
    /// Returns the layout for a module, or `None` if it would exceed 2 GiB.
    pub(crate) fn of(module: &Module) -> Option<VmLayout> {
        let mut at = size_of::<VmContext>() as u64;
        let mut area = |count: usize, size: usize, align: u64| {
            at = at.next_multiple_of(align);
            let start = at;
            at += count as u64 * size as u64;
            start as u32
        };
        let own = |all: usize, imported: u32| all - imported as usize;
        let mut layout = VmLayout {
            imported_functions: module.imported_functions,
            imported_tables: module.imported_tables,
            imported_memories: module.imported_memories,
            imported_globals: module.imported_globals,
            func_imports: area(module.imported_functions as usize, size_of::<FuncImport>(), 8),
            table_imports: area(module.imported_tables as usize, 8, 8),
            memory_imports: area(module.imported_memories as usize, 8, 8),
            global_imports: area(module.imported_globals as usize, 8, 8),
            tables: area(own(module.tables.len(), module.imported_tables), size_of::<TableDef>(), 8),
            memories: area(own(module.memories.len(), module.imported_memories), size_of::<MemoryDef>(), 8),
            globals: area(own(module.globals.len(), module.imported_globals), size_of::<GlobalDef>(), 16),
            func_refs: area(module.func_refs as usize, size_of::<FuncRef>(), 8),
            shared_memories: Box::default(),
            size: 0,
        };
        let own_memories = module.memories.iter().enumerate().skip(module.imported_memories as usize);
        let shared = own_memories.filter(|(_, memory)| memory.shared).map(|(index, _)| MemoryIndex::new(index));
        layout.shared_memories = shared.collect();
        layout.size = u32::try_from(at).ok().filter(|&size| size <= i32::MAX as u32)?;
        Some(layout)
    }

    /// Returns the size of the context in bytes. Its alignment is 16.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// Returns the offset of an imported function's [`FuncImport`]; `None` if the module defines the function.
    pub(crate) fn func_import(&self, function: FuncIndex) -> Option<u32> {
        (function.0 < self.imported_functions).then(|| self.func_imports + function.0 * size_of::<FuncImport>() as u32)
    }

    /// Returns the offset of an escaping function's [`FuncRef`].
    pub(crate) fn func_ref(&self, index: FuncRefIndex) -> u32 {
        self.func_refs + index.0 * size_of::<FuncRef>() as u32
    }

    /// Returns the location of a table's [`TableDef`].
    pub(crate) fn table(&self, table: TableIndex) -> Location {
        location(table.0, self.imported_tables, self.table_imports, self.tables)
    }

    /// Returns the location of a memory's [`MemoryDef`]. The definition of a shared memory is never in the context,
    /// because other stores use it too.
    pub(crate) fn memory(&self, memory: MemoryIndex) -> Location {
        match location(memory.0, self.imported_memories, self.memory_imports, self.memories) {
            Location::Inline(offset) if self.shared_memories.contains(&memory) => Location::Pointer(offset),
            location => location,
        }
    }

    /// Returns the location of a global's [`GlobalDef`].
    pub(crate) fn global(&self, global: GlobalIndex) -> Location {
        location(global.0, self.imported_globals, self.global_imports, self.globals)
    }
}

/// Returns the location of a definition, given the offsets of the areas for pointers to imports and for own
/// definitions.
fn location(index: u32, imported: u32, imports: u32, own: u32) -> Location {
    match index.checked_sub(imported) {
        // Definitions of all three kinds have 16 bytes.
        Some(index) => Location::Inline(own + index * 16),
        None => Location::Pointer(imports + index * 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::types::*;

    #[test]
    fn shared_memories_are_behind_pointers() {
        let memory = MemoryType::new(1, Some(1));
        let shared = MemoryType { shared: true, ..memory };
        let module =
            Module { memories: vec![shared, memory, shared, memory], imported_memories: 1, ..Module::default() };
        let layout = VmLayout::of(&module).unwrap();
        let locations = [0, 1, 2, 3].map(|index| layout.memory(MemoryIndex(index)));
        assert_eq!(
            locations,
            [Location::Pointer(40), Location::Inline(48), Location::Pointer(64), Location::Inline(80)]
        );
    }

    #[test]
    fn areas_do_not_overlap() {
        let global = GlobalType { content: ValType::V128, mutable: true };
        let module = Module {
            globals: vec![global; 3],
            imported_globals: 1,
            imported_functions: 1,
            func_refs: 2,
            ..Module::default()
        };
        let layout = VmLayout::of(&module).unwrap();
        assert_eq!(layout.func_import(FuncIndex(0)), Some(40));
        assert_eq!(layout.func_import(FuncIndex(1)), None);
        assert_eq!(layout.global(GlobalIndex(0)), Location::Pointer(64));
        assert_eq!(layout.global(GlobalIndex(1)), Location::Inline(80));
        assert_eq!(layout.global(GlobalIndex(2)), Location::Inline(96));
        assert_eq!(layout.func_ref(FuncRefIndex(1)), 112 + 32);
        assert_eq!(layout.size(), 112 + 64);
    }
}
