//! [Instantiation](https://webassembly.github.io/spec/core/exec/modules.html#instantiation): checks a module's imports,
//! creates the items that it defines, and initializes them.

use super::imports::check_imports;
use super::{Instance, InstanceEntry, Segment};
use crate::abi::ValRaw;
use crate::abi::vmctx::{FuncImport, FuncRef, Location, VmContext};
use crate::base::{Error, ErrorKind, Result, planted};
use crate::runtime::bulk::{bytes_price, elements_price};
use crate::runtime::fixed::Block;
use crate::runtime::global::{Global, GlobalEntry};
use crate::runtime::loaded_module::FuncRefs;
use crate::runtime::memory::{self, Memory, MemoryEntry};
use crate::runtime::store::{NO_INSTANCE, OpaqueMut, StoreOpaque};
use crate::runtime::table::{self, Table, TableEntry};
use crate::runtime::tag::{Tag, TagEntry};
use crate::runtime::{Extern, Module, const_eval, gc, libcalls};
use crate::wasm::index::*;
use crate::wasm::module::{ConstExpr, DataMode, DataSegment, ElementItems, ElementMode, ElementSegment};
use crate::wasm::types::ValType;
use core::alloc::Layout;
use core::ptr::NonNull;

/// Instantiates a module: see [`Instance::new`]. The steps are in the order of the specification, which tests observe
/// through traps and imported items.
pub(crate) fn instantiate(store: &mut OpaqueMut<'_>, module: &Module, imports: &[Extern]) -> Result<Instance> {
    if !module.engine().same(store.engine()) {
        return Err(Error::new(ErrorKind::Usage, "the module was loaded by another engine than the store's"));
    }
    module.register_types()?;
    check_imports(store, module, imports)?;
    let index = allocate(store, module, imports)?;
    initialize_globals(store, index)?;
    initialize_tables(store, index)?;
    evaluate_elements(store, index)?;
    write_elements(store, index)?;
    write_data(store, index)?;
    if let Some(start) = module.wasm().start {
        let start = store.instances[index as usize].func(store, start);
        // SAFETY: a start function has neither parameters nor results.
        unsafe { start.call_raw(store, [ValRaw::ZERO].as_mut_ptr())? };
    }
    Ok(Instance { store: store.id(), index })
}

/// The memory of an instance's own tables and memories. Allocating it can fail, so it comes before anything of the
/// instance becomes part of the store.
struct OwnStorage {
    tables: Vec<Block>,
    memories: Vec<memory::Bytes>,
}

impl OwnStorage {
    fn new(store: &mut OpaqueMut<'_>, module: &Module) -> Result<OwnStorage> {
        let wasm = module.wasm();
        let own_tables = &wasm.tables[wasm.imported_tables as usize..];
        let own_memories = &wasm.memories[wasm.imported_memories as usize..];
        let (instances, tables, memories) = (
            store.instances.len() + 1,
            store.tables.len() + own_tables.len(),
            store.memories.len() + own_memories.len(),
        );
        store.check_count("instances", instances, |limiter| limiter.instances())?;
        store.check_count("tables", tables, |limiter| limiter.tables())?;
        store.check_count("memories", memories, |limiter| limiter.memories())?;
        let tables = own_tables.iter().map(|&ty| table::allocate(store, ty)).collect::<Result<_>>()?;
        if !wasm.tags.is_empty() || wasm.types.iter().any(|ty| ty.composite.func().is_none()) {
            gc::reserve(store)?;
        }
        let image = initial_image(module);
        let memories = (wasm.imported_memories..).map(MemoryIndex).zip(own_memories).map(|(index, &ty)| {
            let image = image.filter(|&(memory, _)| memory == index).map(|(_, number)| number);
            memory::allocate(store, ty, image)
        });
        let memories = memories.collect::<Result<_>>()?;
        Ok(OwnStorage { tables, memories })
    }
}

/// Returns the memory, and the number of its image, that may be mapped before instantiation comes to the data segments.
///
/// An element segment that is written into an imported table makes the instance's functions reachable for others, who
/// must not see data if a later segment traps.
fn initial_image(module: &Module) -> Option<(MemoryIndex, u64)> {
    let (image, number) = module.code().memory_image()?;
    let wasm = module.wasm();
    let is_shown = |segment: &ElementSegment| match &segment.mode {
        ElementMode::Active { table, .. } => table.0 < wasm.imported_tables,
        _ => false,
    };
    (!wasm.elements.iter().any(is_shown)).then_some((image.memory, number))
}

/// Makes the instance part of the store, with everything in it null or zero, and returns its index.
fn allocate(store: &mut OpaqueMut<'_>, module: &Module, imports: &[Extern]) -> Result<u32> {
    let wasm = module.wasm();
    let func_refs = module.func_refs()?;
    let storage = OwnStorage::new(store, module)?;
    let index = u32::try_from(store.instances.len())
        .ok()
        .filter(|&index| index != NO_INSTANCE)
        .ok_or_else(|| Error::new(ErrorKind::Resource, "the store holds 2^32 - 1 instances already"))?;
    let layout = Layout::from_size_align(module.layout().size() as usize, 16).expect("at most 2 GiB");
    let context = Block::try_zeroed(layout)
        .ok_or_else(|| Error::new(ErrorKind::Resource, "no memory for the context of an instance"))?;
    // Nothing fails from here on: a store does not keep the code of modules that it refused.
    store.add_module(module);
    let header = store.context_header(index, module.types().ids().as_ptr());
    // SAFETY: the block is aligned and starts with the header.
    unsafe { context.as_ptr().cast::<VmContext>().write(header) };
    let mut entry = InstanceEntry {
        module: module.clone(),
        context,
        tables: Box::default(),
        memories: Box::default(),
        globals: Box::default(),
        tags: Box::default(),
        segments: wasm.elements.iter().map(Segment::new).collect(),
        dropped_data: vec![false; wasm.data.len()].into(),
    };
    entry.import(store, imports);
    entry.define(store, storage);
    entry.make_func_refs(func_refs);
    store.instances.push(entry);
    Ok(index)
}

/// Evaluates the initial values of the module's own globals.
fn initialize_globals(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    let wasm = module.wasm();
    for (position, init) in wasm.global_inits.iter().enumerate() {
        let value = const_eval::evaluate(store, index, init)?;
        let global = GlobalIndex::new(wasm.imported_globals as usize + position);
        let global = store.instances[index as usize].global(global);
        store.globals[global as usize].set(value);
    }
    Ok(())
}

/// Fills the module's own tables with their initial elements.
fn initialize_tables(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    let wasm = module.wasm();
    for (table, init) in (wasm.imported_tables as usize..).zip(&wasm.table_inits) {
        let Some(init) = init else { continue };
        let table = store.instances[index as usize].tables[table] as usize;
        let length = store.tables[table].length();
        store.charge(elements_price(length))?;
        let value = const_eval::evaluate(store, index, init)?.low64();
        let table = &store.tables[table];
        table.fill(0, value, table.length())?;
    }
    Ok(())
}

/// Evaluates the expressions of element segments, each once: a segment may be used many times.
fn evaluate_elements(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    for (position, segment) in module.wasm().elements.iter().enumerate() {
        let ElementItems::Expressions(expressions) = &segment.items else { continue };
        for (element, expression) in expressions.iter().enumerate() {
            let value = const_eval::evaluate(store, index, expression)?.low64();
            // Stored at once, so that a collection during the next evaluation finds it.
            if let Segment::Values(values) = &mut store.instances[index as usize].segments[position] {
                values[element] = value;
            }
        }
    }
    Ok(())
}

/// Writes the active element segments, in order, as `table.init` and `elem.drop` would.
fn write_elements(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    for (position, segment) in module.wasm().elements.iter().enumerate() {
        let segment_index = ElemIndex::new(position);
        if let ElementMode::Active { table, offset } = &segment.mode {
            let ty = module.wasm().tables[table.index()].index_type();
            let offset = segment_offset(store, index, offset, ty)?;
            let len = libcalls::segment_length(&segment.items);
            store.charge(elements_price(len.into()))?;
            libcalls::init_table(store, index, *table, segment_index, offset, 0, len)?;
        }
        let is_kept = planted!(ActiveSegmentKept) && segment.mode != ElementMode::Declared;
        if segment.mode != ElementMode::Passive && !is_kept {
            store.instances[index as usize].drop_elements(segment_index);
        }
    }
    Ok(())
}

/// Writes the active data segments, in order, as `memory.init` and `data.drop` would, or maps the memory image that has
/// the same effect.
fn write_data(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    // All bytes at once, and the offsets of an image too, so that an image costs what its segments cost.
    let active = || module.wasm().data.iter().filter(|segment| segment.mode != DataMode::Passive);
    store.charge(active().map(|segment| bytes_price(data_length(segment).into())).sum())?;
    // With deadlines, a callback may have called a function that an element segment has shown.
    let is_untouched = !store.engine().config().epoch_interruption || initial_image(&module).is_some();
    if let Some((image, number)) = module.code().memory_image().filter(|_| is_untouched) {
        let memory = store.instances[index as usize].memory(image.memory);
        let space = store.memories[memory as usize].own_space().expect("no memory image is of a shared memory");
        // SAFETY: the memory is the new instance's own, which nothing has touched yet, and the instance keeps the
        // module.
        if unsafe { space.map_image(module.code(), number)? } {
            store.instances[index as usize].drop_active_data();
            return store.charge(active().map(price_of_offset).sum());
        }
    }
    for (position, segment) in module.wasm().data.iter().enumerate() {
        if let DataMode::Active { memory, offset } = &segment.mode {
            let segment_index = DataIndex::new(position);
            let ty = module.wasm().memories[memory.index()].index_type();
            let offset = segment_offset(store, index, offset, ty)?;
            libcalls::init_memory(store, index, *memory, segment_index, offset, 0, data_length(segment))?;
            store.instances[index as usize].drop_data(segment_index);
        }
    }
    Ok(())
}

/// Returns the number of bytes of a segment.
fn data_length(segment: &DataSegment) -> u32 {
    segment.bytes.end - segment.bytes.start
}

/// Returns the fuel that the offset of a segment costs.
fn price_of_offset(segment: &DataSegment) -> u64 {
    match &segment.mode {
        DataMode::Active { offset, .. } => const_eval::price(offset),
        DataMode::Passive => 0,
    }
}

/// Evaluates the offset of an active segment in a table or memory with this index type.
fn segment_offset(store: &mut OpaqueMut<'_>, index: u32, expression: &ConstExpr, ty: ValType) -> Result<u64> {
    let value = const_eval::evaluate(store, index, expression)?;
    Ok(match ty {
        ValType::I64 => value.low64(),
        _ => value.low32().into(),
    })
}

impl InstanceEntry {
    /// The address of an own definition, which is inline in the context.
    fn own<D>(&self, location: Location) -> NonNull<D> {
        match location {
            Location::Inline(offset) => self.at(offset),
            Location::Pointer(_) => unreachable!("asked for definitions past the imported ones only"),
        }
    }

    /// Stores the pointer to a definition outside of the context.
    fn set_import<D>(&self, location: Location, definition: NonNull<D>) {
        match location {
            // SAFETY: the layout keeps an aligned pointer there, and nobody reads it yet.
            Location::Pointer(offset) => unsafe { self.at::<NonNull<D>>(offset).write(definition) },
            Location::Inline(_) => unreachable!("imported and shared definitions are reached through a pointer"),
        }
    }

    /// Fills in the imports, whose types were checked.
    fn import(&mut self, store: &StoreOpaque, imports: &[Extern]) {
        let layout = self.module.layout().clone();
        let (mut functions, mut tables, mut memories, mut globals, mut tags) = (0, vec![], vec![], vec![], vec![]);
        for item in imports {
            match item {
                Extern::Func(func) => {
                    let offset = layout.func_import(FuncIndex(functions)).expect("an imported function");
                    // SAFETY: the function lives in this store; the layout keeps an aligned entry there.
                    unsafe { self.at(offset).write(func_import(func.func_ref())) };
                    functions += 1;
                }
                Extern::Table(table) => {
                    let location = layout.table(TableIndex::new(tables.len()));
                    self.set_import(location, store.tables[table.index() as usize].def());
                    tables.push(table.index());
                }
                Extern::Memory(memory) => {
                    let location = layout.memory(MemoryIndex::new(memories.len()));
                    self.set_import(location, store.memories[memory.index() as usize].def());
                    memories.push(memory.index());
                }
                Extern::Global(global) => {
                    let location = layout.global(GlobalIndex::new(globals.len()));
                    self.set_import(location, store.globals[global.index() as usize].def());
                    globals.push(global.index());
                }
                Extern::Tag(tag) => tags.push(tag.index()),
            }
        }
        (self.tables, self.memories, self.globals) = (tables.into(), memories.into(), globals.into());
        self.tags = tags.into();
    }

    /// Creates the module's own tables, memories, globals and tags. They follow the imported ones in each index space.
    fn define(&mut self, store: &mut StoreOpaque, storage: OwnStorage) {
        let (module, layout) = (self.module.clone(), self.module.layout().clone());
        let wasm = module.wasm();
        let canonical = |ty| module.types().canonical(ty);
        let mut tables = self.tables.to_vec();
        for elements in storage.tables {
            let index = TableIndex::new(tables.len());
            let def = self.own(layout.table(index));
            let ty = wasm.tables[index.index()].map(&canonical);
            tables.push(Table::add(store, TableEntry::defined(def, ty, elements)).index());
        }
        let mut memories = self.memories.to_vec();
        for bytes in storage.memories {
            let index = MemoryIndex::new(memories.len());
            let location = layout.memory(index);
            let entry = match bytes {
                memory::Bytes::Own(mapping) => {
                    MemoryEntry::defined(self.own(location), wasm.memories[index.index()], mapping)
                }
                memory::Bytes::Shared(shared) => {
                    self.set_import(location, shared.def());
                    MemoryEntry::shared(shared)
                }
            };
            memories.push(Memory::add(store, entry).index());
        }
        let mut globals = self.globals.to_vec();
        for &ty in &wasm.globals[wasm.imported_globals as usize..] {
            let def = self.own(layout.global(GlobalIndex::new(globals.len())));
            globals.push(Global::add(store, GlobalEntry::defined(def, ty.map(&canonical))).index());
        }
        let own_tags = &wasm.tags[wasm.imported_tags as usize..];
        let own_tags = own_tags.iter().map(|ty| TagEntry::defined(module.types().ids()[ty.index()]));
        let tags = self.tags.iter().copied().chain(own_tags.map(|entry| Tag::add(store, entry).index())).collect();
        (self.tables, self.memories, self.globals) = (tables.into(), memories.into(), globals.into());
        self.tags = tags;
    }

    /// Fills in the references to the module's own functions.
    fn make_func_refs(&mut self, func_refs: &FuncRefs) {
        let (layout, vmctx) = (self.module.layout(), self.context.as_ptr().cast());
        for (index, func_ref) in (0..).map(FuncRefIndex).zip(func_refs.iter()) {
            // SAFETY: the layout keeps an aligned entry there, and nobody reads it yet.
            unsafe { self.at(layout.func_ref(index)).write(FuncRef { vmctx, ..func_ref }) };
        }
    }
}

impl Segment {
    /// A segment whose expressions are not evaluated yet.
    fn new(segment: &ElementSegment) -> Segment {
        match &segment.items {
            ElementItems::Functions(_) => Segment::Functions,
            ElementItems::Expressions(expressions) => Segment::Values(vec![0; expressions.len()].into()),
        }
    }
}

/// Returns the copy of a function reference that an importing instance keeps in its context, to save a load per call.
fn func_import(func_ref: NonNull<FuncRef>) -> FuncImport {
    // SAFETY: function references live as long as their store.
    let func = unsafe { func_ref.as_ref() };
    // The importing module has the function's signature, so adding the module has given a host function its exit
    // trampoline.
    assert!(!func.wasm_call.is_null(), "an artifact has an exit trampoline for each of its types");
    FuncImport { wasm_call: func.wasm_call, vmctx: func.vmctx, func_ref: func_ref.as_ptr() }
}
