//! Instances: a module's code with its own tables, memories and globals
//! ([Instantiation](https://webassembly.github.io/spec/core/exec/modules.html#instantiation)).

use super::const_eval;
use super::fixed::Block;
use super::func::Func;
use super::gc;
use super::global::{Global, GlobalEntry};
use super::libcalls;
use super::loaded_module::FuncRefs;
use super::memory::{self, Memory, MemoryEntry};
use super::store::{NO_INSTANCE, OpaqueMut, StoreId, StoreOpaque};
use super::table::{self, Table, TableEntry};
use super::tag::{Tag, TagEntry};
use super::{AsContext, AsContextMut, Extern, Module, TypedFunc, WasmParams, WasmResults};
use crate::abi::ValRaw;
use crate::abi::heap;
use crate::abi::vmctx::{FuncImport, FuncRef, Location, VmContext};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::index::*;
use crate::wasm::module::{ConstExpr, DataMode, ElementItems, ElementMode, ElementSegment, ExportItem, ImportItem};
use crate::wasm::types::{CompositeKind, ConcreteType, ExternType, HeapType, ValType};
use core::alloc::Layout;
use core::ptr::NonNull;

/// A handle to an instance of a module. Cheap to copy, and valid with the store of the instance only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instance {
    store: StoreId,
    index: u32,
}

/// The state of an instance, in its store.
pub(crate) struct InstanceEntry {
    module: Module,
    /// The context that compiled code works with, in the layout of the module's `VmLayout`.
    context: Block,
    /// Indices into the store's list of tables, by the module's table index.
    tables: Box<[u32]>,
    /// Indices into the store's list of memories, by the module's memory index.
    memories: Box<[u32]>,
    /// Indices into the store's list of globals, by the module's global index.
    globals: Box<[u32]>,
    /// Indices into the store's list of tags, by the module's tag index.
    tags: Box<[u32]>,
    /// The element segments.
    segments: Box<[Segment]>,
    /// The data segments that are dropped.
    dropped_data: Box<[bool]>,
}

/// An element segment of an instance.
enum Segment {
    /// A segment without elements, after `elem.drop`.
    Dropped,
    /// Functions, which the module's description lists.
    Functions,
    /// References as tables hold them, evaluated during instantiation.
    Values(Box<[u64]>),
}

/// The elements of a segment.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'a> {
    /// Functions of the instance, by index.
    Functions(&'a [FuncIndex]),
    /// References as tables hold them.
    Values(&'a [u64]),
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

impl Instance {
    /// Instantiates a module: checks its imports, which are in the module's order, creates the items that it defines,
    /// writes its active segments and calls its start function.
    ///
    /// If instantiation fails, what it has already written into imported tables and memories stays there.
    ///
    /// # Errors
    /// - Kind [`Link`](ErrorKind::Link) if the number of imports is wrong or an import is of another type. The message
    ///   names both types.
    /// - Kind [`Usage`](ErrorKind::Usage) if the module belongs to another engine, or an import to another store.
    /// - Kind [`Resource`](ErrorKind::Resource) if a limit is reached or there is no memory.
    /// - Kind [`Trap`](ErrorKind::Trap) if a segment does not fit or the start function traps.
    /// - The error that a host function returns to the start function.
    pub fn new(mut store: impl AsContextMut, module: &Module, imports: &[Extern]) -> Result<Instance> {
        instantiate(&mut store.as_context_mut().into_opaque(), module, imports)
    }

    /// Returns the export of this name; `None` if there is none.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn get_export(&self, mut store: impl AsContextMut, name: &str) -> Result<Option<Extern>> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        Ok(entry.module.export(name).map(|item| entry.item(&store, item)))
    }

    /// Returns the exported function of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Result<Func> {
        self.get(store, name, "function", Extern::into_func)
    }

    /// Returns the exported function of this name, for calls with values of Rust types.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, the function is of another type, or the instance
    /// belongs to another store.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<P, R>> {
        let func = self.get_func(store.as_context_mut(), name)?;
        func.typed(store)
            .map_err(|error| Error::new(error.kind(), format!("the export \"{name}\": {}", error.message())))
    }

    /// Returns the exported memory of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Result<Memory> {
        self.get(store, name, "memory", Extern::into_memory)
    }

    /// Returns the exported table of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Result<Table> {
        self.get(store, name, "table", Extern::into_table)
    }

    /// Returns the exported global of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Result<Global> {
        self.get(store, name, "global", Extern::into_global)
    }

    /// Returns the exported tag of this name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such export, or the instance belongs to another store.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Result<Tag> {
        self.get(store, name, "tag", Extern::into_tag)
    }

    /// Returns all exports with their names, in the module's order.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn exports(&self, mut store: impl AsContextMut) -> Result<Vec<(String, Extern)>> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        let exports = &entry.module.wasm().exports;
        Ok(exports.iter().map(|export| (export.name.clone(), entry.item(&store, export.item))).collect())
    }

    /// Returns the module of the instance.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn module(&self, store: impl AsContext) -> Result<Module> {
        Ok(self.entry(store.as_context().opaque())?.module.clone())
    }

    /// Returns the export of this name if `select` accepts it. `what` describes the wanted kind, for messages.
    fn get<I>(
        &self,
        store: impl AsContextMut,
        name: &str,
        what: &str,
        select: impl FnOnce(Extern) -> Option<I>,
    ) -> Result<I> {
        let message = match self.get_export(store, name)? {
            None => format!("the instance exports nothing named \"{name}\"; expected a {what}"),
            Some(item) => match select(item) {
                Some(item) => return Ok(item),
                None => format!("the export \"{name}\" is not a {what}"),
            },
        };
        Err(Error::new(ErrorKind::Usage, message))
    }

    fn entry<'a>(&self, store: &'a StoreOpaque) -> Result<&'a InstanceEntry> {
        store.check(self.store, "instance")?;
        Ok(&store.instances[self.index as usize])
    }

    /// Returns the instance with the number that a context holds; `None` for the context that represents the host.
    pub(crate) fn from_index(index: u32, store: StoreId) -> Option<Instance> {
        (index != NO_INSTANCE).then_some(Instance { store, index })
    }
}

/// Instantiates a module: see [`Instance::new`]. The steps are in the order of the specification, which tests observe
/// through traps and imported items.
pub(crate) fn instantiate(store: &mut OpaqueMut<'_>, module: &Module, imports: &[Extern]) -> Result<Instance> {
    if !module.engine().same(store.engine()) {
        return Err(Error::new(ErrorKind::Usage, "the module was loaded by another engine than the store's"));
    }
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

/// Checks that the imports are of the types that the module declares.
fn check_imports(store: &StoreOpaque, module: &Module, imports: &[Extern]) -> Result<()> {
    let wasm = module.wasm();
    if imports.len() != wasm.imports.len() {
        let message = format!("the module has {} imports, but {} were given", wasm.imports.len(), imports.len());
        return Err(Error::new(ErrorKind::Link, message));
    }
    for (import, item) in wasm.imports.iter().zip(imports) {
        if !matches(store, module, import.item, item)? {
            let (wanted, given) = mismatch(store, module, import.item, item)?;
            let (module, name) = (&import.module, &import.name);
            let message = format!("incompatible import type for {module}.{name}: expected {wanted}, found {given}");
            return Err(Error::new(ErrorKind::Link, message));
        }
    }
    Ok(())
}

/// Describes the type that a module declares and the type of the import, in texts that differ: function types that read
/// alike are told apart by their ids.
fn mismatch(store: &StoreOpaque, module: &Module, wanted: ImportItem, item: &Extern) -> Result<(String, String)> {
    let texts = (module.canonical(module.wasm().import_type(wanted)).to_string(), item.ty_in(store)?.to_string());
    let (ImportItem::Func { ty, exact }, Extern::Func(func), true) = (wanted, item, texts.0 == texts.1) else {
        return Ok(texts);
    };
    let defined = |index| ConcreteType { kind: CompositeKind::Func, index };
    let named = defined(module.types().ids()[ty.index()]);
    let wanted = if exact { HeapType::Exact(named) } else { HeapType::Concrete(named) };
    let given = HeapType::Exact(defined(func.type_id(store)?));
    Ok((format!("{} of type {wanted}", texts.0), format!("{} of type {given}", texts.1)))
}

/// Returns whether an import is of the type that a module declares
/// ([Import matching](https://webassembly.github.io/spec/core/valid/matching.html)). Memories and tables match by their
/// current sizes.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the import belongs to another store, which each arm checks.
fn matches(store: &StoreOpaque, module: &Module, wanted: ImportItem, item: &Extern) -> Result<bool> {
    let canonical = |ty| module.types().canonical(ty);
    let extends = |ty, of| store.extends(ty, of);
    Ok(match (wanted, item) {
        (ImportItem::Func { ty, exact }, Extern::Func(func)) => {
            let (own, wanted) = (func.type_id(store)?, module.types().ids()[ty.index()]);
            if exact { own == wanted } else { store.engine().types().extends(own, wanted) }
        }
        (ImportItem::Tag(ty), Extern::Tag(tag)) => tag.type_id(store)? == module.types().ids()[ty.index()],
        (_, Extern::Func(func)) => {
            func.type_id(store)?;
            false
        }
        (ImportItem::Global(wanted), _) => match item.ty_in(store)? {
            ExternType::Global(ty) => ty.matches(wanted.map(&canonical), &extends),
            _ => false,
        },
        (ImportItem::Table(wanted), _) => match item.ty_in(store)? {
            ExternType::Table(ty) => ty.element == wanted.map(&canonical).element && ty.bounds_match(&wanted),
            _ => false,
        },
        (ImportItem::Memory(wanted), _) => match item.ty_in(store)? {
            ExternType::Memory(ty) => ty.matches(&wanted),
            _ => false,
        },
        (ImportItem::Func { .. } | ImportItem::Tag(_), _) => {
            item.ty_in(store)?;
            false
        }
    })
}

/// The memory of an instance's own tables and memories. Allocating it can fail, so it comes before anything of the
/// instance becomes part of the store.
struct Storage {
    tables: Vec<Block>,
    memories: Vec<memory::Bytes>,
}

impl Storage {
    fn new(store: &mut OpaqueMut<'_>, module: &Module) -> Result<Storage> {
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
        let memories = own_memories.iter().map(|&ty| memory::allocate(store, ty)).collect::<Result<_>>()?;
        Ok(Storage { tables, memories })
    }
}

/// Makes the instance part of the store, with everything in it null or zero, and returns its index.
fn allocate(store: &mut OpaqueMut<'_>, module: &Module, imports: &[Extern]) -> Result<u32> {
    let wasm = module.wasm();
    let func_refs = module.func_refs()?;
    let storage = Storage::new(store, module)?;
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
        let value = const_eval::evaluate(store, index, init)?.low64();
        let table = &store.tables[store.instances[index as usize].tables[table] as usize];
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
            libcalls::init_table(store, index, *table, segment_index, offset, 0, len)?;
        }
        if segment.mode != ElementMode::Passive {
            store.instances[index as usize].drop_elements(segment_index);
        }
    }
    Ok(())
}

/// Writes the active data segments, in order, as `memory.init` and `data.drop` would, or maps the memory image that has
/// the same effect.
fn write_data(store: &mut OpaqueMut<'_>, index: u32) -> Result<()> {
    let module = store.instances[index as usize].module.clone();
    if let Some(image) = module.code().memory_image() {
        let memory = store.instances[index as usize].memory(image.memory);
        let mapping = store.memories[memory as usize].own_mapping().expect("no memory image is of a shared memory");
        // SAFETY: the memory is the new instance's own, which nothing has touched yet, and the instance keeps the
        // module.
        if unsafe { module.code().map_memory_image(mapping)? } {
            store.instances[index as usize].drop_active_data();
            return Ok(());
        }
    }
    for (position, segment) in module.wasm().data.iter().enumerate() {
        if let DataMode::Active { memory, offset } = &segment.mode {
            let segment_index = DataIndex::new(position);
            let ty = module.wasm().memories[memory.index()].index_type();
            let offset = segment_offset(store, index, offset, ty)?;
            let len = segment.bytes.end - segment.bytes.start;
            libcalls::init_memory(store, index, *memory, segment_index, offset, 0, len)?;
            store.instances[index as usize].drop_data(segment_index);
        }
    }
    Ok(())
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
    /// The index of a table in the store.
    pub(crate) fn table(&self, table: TableIndex) -> u32 {
        self.tables[table.index()]
    }

    /// The index of a memory in the store.
    pub(crate) fn memory(&self, memory: MemoryIndex) -> u32 {
        self.memories[memory.index()]
    }

    /// The index of a tag in the store.
    pub(crate) fn tag(&self, tag: TagIndex) -> u32 {
        self.tags[tag.index()]
    }

    /// The elements of a segment; empty if it was dropped.
    pub(crate) fn elements(&self, segment: ElemIndex) -> Elements<'_> {
        match (&self.segments[segment.index()], &self.module.wasm().elements[segment.index()].items) {
            (Segment::Functions, ElementItems::Functions(functions)) => Elements::Functions(functions),
            (Segment::Values(values), _) => Elements::Values(values),
            _ => Elements::Values(&[]),
        }
    }

    /// Visits the references in element segments that the collector follows.
    pub(crate) fn trace(&mut self, visit: &mut impl FnMut(&mut u32)) {
        for (segment, declared) in self.segments.iter_mut().zip(&self.module.wasm().elements) {
            let Segment::Values(values) = segment else { continue };
            if heap::Storage::from(ValType::Ref(declared.ty)).is_traced() {
                for value in values {
                    let mut reference = ValRaw::from_bits((*value).into()).low32();
                    visit(&mut reference);
                    *value = reference.into();
                }
            }
        }
    }

    /// The bytes of a data segment; empty if it was dropped.
    pub(crate) fn data(&self, segment: DataIndex) -> &[u8] {
        if self.dropped_data[segment.index()] {
            return &[];
        }
        let bytes = &self.module.wasm().data[segment.index()].bytes;
        &self.module.code().data()[bytes.start as usize..bytes.end as usize]
    }

    /// Drops an element segment.
    pub(crate) fn drop_elements(&mut self, segment: ElemIndex) {
        self.segments[segment.index()] = Segment::Dropped;
    }

    /// Drops the data segments that instantiation writes.
    fn drop_active_data(&mut self) {
        let segments = self.dropped_data.iter_mut().zip(&self.module.wasm().data);
        segments.for_each(|(dropped, segment)| *dropped |= segment.mode != DataMode::Passive);
    }

    /// Drops a data segment.
    pub(crate) fn drop_data(&mut self, segment: DataIndex) {
        self.dropped_data[segment.index()] = true;
    }

    /// The index of a global in the store.
    pub(crate) fn global(&self, global: GlobalIndex) -> u32 {
        self.globals[global.index()]
    }

    /// The module of the instance.
    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// The reference to a function of the module, as tables hold it.
    pub(crate) fn func_ref_bits(&self, function: FuncIndex) -> u64 {
        self.func_ref(function).as_ptr().expose_provenance() as u64
    }

    /// The handle of a function of the module.
    fn func(&self, store: &StoreOpaque, function: FuncIndex) -> Func {
        Func::from_func_ref(self.func_ref(function), store.id())
    }

    /// The reference to a function of the module that it can refer to: that is imported or has a reference in the
    /// context.
    fn func_ref(&self, function: FuncIndex) -> NonNull<FuncRef> {
        let layout = self.module.layout();
        let func_ref = match layout.func_import(function) {
            // SAFETY: `import` has filled the entry.
            Some(offset) => unsafe { self.at::<FuncImport>(offset).as_ref().func_ref.cast_mut() },
            None => {
                let index = self.module.wasm().functions[function.index()].func_ref;
                self.at(layout.func_ref(index.expect("validation lists all functions that are referred to"))).as_ptr()
            }
        };
        NonNull::new(func_ref).expect("imports are never null")
    }

    /// The handle of an exported item.
    fn item(&self, store: &StoreOpaque, item: ExportItem) -> Extern {
        let id = store.id();
        match item {
            ExportItem::Func(index) => Extern::Func(self.func(store, index)),
            ExportItem::Table(index) => Extern::Table(Table::from_index(self.tables[index.index()], id)),
            ExportItem::Memory(index) => Extern::Memory(Memory::from_index(self.memories[index.index()], id)),
            ExportItem::Global(index) => Extern::Global(Global::from_index(self.globals[index.index()], id)),
            ExportItem::Tag(index) => Extern::Tag(Tag::from_index(self.tags[index.index()], id)),
        }
    }

    /// The address of a field in the context, by its offset in the module's layout.
    fn at<D>(&self, offset: u32) -> NonNull<D> {
        assert!(offset as usize + size_of::<D>() <= self.context.size(), "offsets come from the context's layout");
        // SAFETY: inside the block, as just checked, so not null either.
        unsafe { NonNull::new_unchecked(self.context.as_ptr().add(offset as usize)).cast() }
    }

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
    fn define(&mut self, store: &mut StoreOpaque, storage: Storage) {
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
        for (index, func_ref) in (0..).map(FuncRefIndex).zip(func_refs.iter()) {
            let func_ref = FuncRef { vmctx: self.context.as_ptr().cast(), ..func_ref };
            // SAFETY: the layout keeps an aligned entry there, and nobody reads it yet.
            unsafe { self.at(self.module.layout().func_ref(index)).write(func_ref) };
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
