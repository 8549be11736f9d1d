//! Instances: a module's code with its own tables, memories and globals.

mod imports;
mod instantiate;

pub(crate) use instantiate::instantiate;

use super::fixed::Block;
use super::func::Func;
use super::global::Global;
use super::memory::Memory;
use super::store::{NO_INSTANCE, StoreId, StoreOpaque};
use super::table::Table;
use super::tag::Tag;
use super::{AsContext, AsContextMut, Extern, Module, TypedFunc, WasmParams, WasmResults};
use crate::abi::ValRaw;
use crate::abi::heap;
use crate::abi::vmctx::{FuncImport, FuncRef, VmLayout};
use crate::base::{Error, ErrorKind, Result, planted};
use crate::wasm::index::*;
use crate::wasm::module::{self, DataMode, ElementItems, ExportItem};
use crate::wasm::types::ValType;
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

    /// Returns the function of this index in the module's index space of functions; `None` if there is none, or nothing
    /// in the module refers to it, so that no reference to it can exist.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the instance belongs to another store.
    pub fn func_at(&self, mut store: impl AsContextMut, index: u32) -> Result<Option<Func>> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        Ok(entry.is_referred_to(FuncIndex(index)).then(|| entry.func(&store, FuncIndex(index))))
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
            if heap::Storage::from(ValType::Ref(declared.ty)).is_traced() && !planted!(SegmentUntraced) {
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

    /// The references to functions of the module, as tables hold them.
    pub(crate) fn all_func_ref_bits(&self, functions: &[FuncIndex]) -> impl ExactSizeIterator<Item = u64> {
        // Found once: segments have thousands of functions.
        let (wasm, layout) = (self.module.wasm(), self.module.layout());
        functions
            .iter()
            .map(move |&function| self.func_ref_in(wasm, layout, function).as_ptr().expose_provenance() as u64)
    }

    /// Returns whether there is such a function, and it is imported or has a reference in the context.
    fn is_referred_to(&self, function: FuncIndex) -> bool {
        let declared = self.module.wasm().functions.get(function.index());
        declared
            .is_some_and(|declared| declared.func_ref.is_some() || self.module.layout().func_import(function).is_some())
    }

    /// The handle of a function of the module.
    fn func(&self, store: &StoreOpaque, function: FuncIndex) -> Func {
        Func::from_func_ref(self.func_ref(function), store.id())
    }

    /// The reference to a function of the module that it can refer to: that is imported or has a reference in the
    /// context.
    fn func_ref(&self, function: FuncIndex) -> NonNull<FuncRef> {
        self.func_ref_in(self.module.wasm(), self.module.layout(), function)
    }

    /// Does the work of `func_ref`, given the module's description and layout.
    fn func_ref_in(&self, wasm: &module::Module, layout: &VmLayout, function: FuncIndex) -> NonNull<FuncRef> {
        let func_ref = match layout.func_import(function) {
            // SAFETY: `import` has filled the entry.
            Some(offset) => unsafe { self.at::<FuncImport>(offset).as_ref().func_ref.cast_mut() },
            None => {
                let index = wasm.functions[function.index()].func_ref;
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
}
