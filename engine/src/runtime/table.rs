//! Tables of a store. The elements of a table of functions are the addresses of function references, 8 bytes each; the
//! elements of all other tables are references into the heap, 4 bytes each. Null is zero in both.

use super::fixed::{Block, Fixed};
use super::store::{OpaqueMut, StoreId, StoreOpaque};
use super::{AsContext, AsContextMut, Val};
use crate::abi::ValRaw;
use crate::abi::heap::Storage;
use crate::abi::vmctx::TableDef;
use crate::base::{Error, ErrorKind, Result, Trap, planted};
use crate::wasm::types::{Limits, TableType, ValType};
use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::slice;

/// The largest number of elements of a table, as in the JavaScript interface. It bounds the time that a bulk operation
/// runs after its check of the deadline.
const MAX_ELEMENTS: u64 = 10_000_000;

/// A table of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Table {
    store: StoreId,
    index: u32,
}

/// A table in its store.
pub(crate) struct TableEntry {
    /// The base and length that compiled code reads. They are in the context of the instance that defines the table, or
    /// in `_own`.
    def: NonNull<TableDef>,
    /// The definition of a table that the host made.
    _own: Option<Fixed<TableDef>>,
    ty: TableType,
    /// The elements, with spare room past the length. The spare bytes are zero.
    elements: Block,
}

// SAFETY: the definition lives in the entry or in an instance of the same store, and moves between threads with them.
unsafe impl Send for TableEntry {}
// SAFETY: `&TableEntry` allows reading only; writes by compiled code need an exclusive borrow of the store.
unsafe impl Sync for TableEntry {}

impl Table {
    /// Makes a table, each element `init`.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if `init` is not of the element type or belongs to another store, the type's
    /// maximum is below its minimum, or it names a defined type that the engine does not have;
    /// [`Resource`](ErrorKind::Resource) if the table is too large or the limiter refuses.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Val) -> Result<Table> {
        let mut store = store.as_context_mut().into_opaque();
        if !ty.is_valid() {
            let message = format!(
                "the type `table {ty}` is not valid: it needs minimum <= maximum, both in the range of its indices"
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        store.hold(ty.element.heap)?;
        let init = init.to_raw(&store, ValType::Ref(ty.element), "the initial element")?.low64();
        let count = store.tables.len() + 1;
        store.check_count("tables", count, |limiter| limiter.tables())?;
        let elements = allocate(&mut store, ty)?;
        let own = Fixed::new(definition(&elements, ty));
        let entry = TableEntry { def: own.as_ptr(), _own: Some(own), ty, elements };
        entry.fill(0, init, ty.limits.min)?;
        Ok(Table::add(&mut store, entry))
    }

    /// Returns the declared type, whose minimum is the initial size.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<TableType> {
        Ok(self.entry(store.as_context().opaque())?.ty)
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64> {
        Ok(self.entry(store.as_context().opaque())?.length())
    }

    /// Returns an element; `None` if the index is past the end.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the table belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Result<Option<Val>> {
        let mut store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        let (bits, ty) = (entry.get(index), ValType::Ref(entry.ty.element));
        Ok(bits.map(|bits| {
            // SAFETY: a table of this store holds references of its element type that belong to the store.
            unsafe { Val::from_raw(ValRaw::from_bits(bits.into()), ty, &mut store) }
        }))
    }

    /// Sets an element.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`] if the index is past the end; kind [`Usage`](ErrorKind::Usage) if the value is not of
    /// the element type, or the value or the table belongs to another store.
    pub fn set(&self, store: impl AsContextMut, index: u64, value: Val) -> Result<()> {
        self.fill(store, index, value, 1)
    }

    /// Grows by `delta` elements, each `init`. Returns the old size.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the maximum or the limiter does not allow it;
    /// [`Usage`](ErrorKind::Usage) if `init` is not of the element type, or `init` or the table belongs to another
    /// store.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Val) -> Result<u64> {
        let mut store = store.as_context_mut().into_opaque();
        let ty = self.entry(&store)?.ty;
        let init = init.to_raw(&store, ValType::Ref(ty.element), "the initial element")?.low64();
        grow(&mut store, self.index, delta, init)?
            .ok_or_else(|| Error::new(ErrorKind::Resource, format!("the table cannot grow by {delta} elements")))
    }

    /// Sets `len` elements from `index` on.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], with nothing set, if the range does not lie inside the table; kind
    /// [`Usage`](ErrorKind::Usage) if the value is not of the element type, or the value or the table belongs to
    /// another store.
    pub fn fill(&self, mut store: impl AsContextMut, index: u64, value: Val, len: u64) -> Result<()> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        let value = value.to_raw(&store, ValType::Ref(entry.ty.element), "the element")?.low64();
        Ok(entry.fill(index, value, len)?)
    }

    /// Returns the entry, after a check that the table belongs to the store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub(crate) fn entry<'a>(&self, store: &'a StoreOpaque) -> Result<&'a TableEntry> {
        store.check(self.store, "table")?;
        Ok(&store.tables[self.index as usize])
    }

    /// Returns the index of the table in its store.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Makes a handle to the table at an index of a store.
    pub(crate) fn from_index(index: u32, store: StoreId) -> Table {
        Table { store, index }
    }

    /// Adds a table to the store.
    pub(crate) fn add(store: &mut StoreOpaque, entry: TableEntry) -> Table {
        let index = u32::try_from(store.tables.len()).expect("memory ends long before 2^32 tables");
        store.tables.push(entry);
        Table { store: store.id(), index }
    }
}

impl TableEntry {
    /// Makes the entry of a table that an instance defines. `def` is in the instance's context.
    pub(crate) fn defined(def: NonNull<TableDef>, ty: TableType, elements: Block) -> TableEntry {
        // SAFETY: the context was just allocated, with room for this definition.
        unsafe { def.write(definition(&elements, ty)) };
        TableEntry { def, _own: None, ty, elements }
    }

    /// Returns the address of the definition that compiled code uses.
    pub(crate) fn def(&self) -> NonNull<TableDef> {
        self.def
    }

    /// Returns the number of elements.
    pub(crate) fn length(&self) -> u64 {
        // SAFETY: the definition lives as long as the store.
        unsafe { (*self.def.as_ptr()).length }
    }

    /// Returns the type with the current size as its minimum.
    pub(crate) fn current_type(&self) -> TableType {
        TableType { limits: Limits { min: self.length(), max: self.ty.limits.max }, ..self.ty }
    }

    /// Returns the number of elements after a growth by `delta`; `None` if the type or this engine does not allow it.
    pub(crate) fn grown_length(&self, delta: u64) -> Option<u64> {
        self.length().checked_add(delta).filter(|&length| length <= largest(self.ty))
    }

    /// Returns the start of a range, after a check that the range lies inside the table.
    pub(crate) fn range(&self, index: u64, len: u64) -> Result<usize, Trap> {
        match index.checked_add(len) {
            Some(end) if end <= self.length() => Ok(to_usize(index)),
            _ if planted!(EmptyRangeUnchecked) && len == 0 => Ok(0),
            _ => Err(Trap::TableOutOfBounds),
        }
    }

    /// Returns the bits of an element; `None` if the index is past the end.
    pub(crate) fn get(&self, index: u64) -> Option<u64> {
        let index = self.range(index, 1).ok()?;
        let base = self.elements.as_ptr();
        // SAFETY: the index is below the length, which the block covers.
        Some(unsafe {
            if self.ty.element.heap.is_func() {
                base.cast::<u64>().add(index).read()
            } else {
                base.cast::<u32>().add(index).read().into()
            }
        })
    }

    /// Sets a range of elements to the same bits, which are a reference of the table's type.
    pub(crate) fn fill(&self, index: u64, bits: u64, len: u64) -> Result<(), Trap> {
        let start = self.range(index, len)?;
        let (base, len) = (self.elements.as_ptr(), to_usize(len));
        // SAFETY: the range lies inside the table, which the block covers; nobody else uses the elements meanwhile.
        unsafe {
            if self.ty.element.heap.is_func() {
                slice::from_raw_parts_mut(base.cast::<u64>().add(start), len).fill(bits);
            } else {
                slice::from_raw_parts_mut(base.cast::<u32>().add(start), len).fill(heap_reference(bits));
            }
        }
        Ok(())
    }

    /// Sets the elements from `index` on to these bits, which are references of the table's type.
    pub(crate) fn write(&self, index: u64, values: impl ExactSizeIterator<Item = u64>) -> Result<(), Trap> {
        let (base, len) = (self.elements.as_ptr(), values.len());
        let start = self.range(index, len as u64)?;
        let elements = (start..start + len).zip(values);
        // SAFETY: the range lies inside the table, which the block covers; nobody else uses the elements meanwhile.
        unsafe {
            if self.ty.element.heap.is_func() {
                elements.for_each(|(at, bits)| base.cast::<u64>().add(at).write(bits));
            } else {
                elements.for_each(|(at, bits)| base.cast::<u32>().add(at).write(heap_reference(bits)));
            }
        }
        Ok(())
    }

    /// Returns whether the elements are references that the collector follows.
    pub(crate) fn is_traced(&self) -> bool {
        Storage::from(ValType::Ref(self.ty.element)).is_traced()
    }

    /// Visits the elements if they are references that the collector follows.
    pub(crate) fn trace(&self, visit: &mut impl FnMut(&mut u32)) {
        if self.is_traced() {
            let length = if planted!(TableTailUntraced) { self.ty.limits.min } else { self.length() };
            let (base, length) = (self.elements.as_ptr().cast::<u32>(), to_usize(length));
            // SAFETY: the block covers the length; nobody else uses the elements during a collection.
            unsafe { slice::from_raw_parts_mut(base, length) }.iter_mut().for_each(visit);
        }
    }

    /// Copies elements from a table whose element type is a subtype of this one's. The source may be this table itself.
    pub(crate) fn copy_from(&self, source: &TableEntry, to: u64, from: u64, len: u64) -> Result<(), Trap> {
        let size = element_size(self.ty);
        assert_eq!(size, element_size(source.ty), "validation allows copies between tables of matching types only");
        let (from, to) = (source.range(from, len)?, self.range(to, len)?);
        // SAFETY: both ranges lie inside their tables; `copy` allows them to overlap.
        unsafe {
            let from = source.elements.as_ptr().add(from * size);
            ptr::copy(from, self.elements.as_ptr().add(to * size), to_usize(len) * size);
        }
        Ok(())
    }
}

/// Allocates the elements of a table of this type, all null, if the limiter allows it.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the table is too large or the limiter refuses; the limiter's error.
pub(crate) fn allocate(store: &mut OpaqueMut<'_>, ty: TableType) -> Result<Block> {
    let Limits { min, max } = ty.limits;
    if !limiter_allows(store, 0, min, max)? {
        let message = format!("the store's limiter refuses a table of {min} elements");
        return Err(Error::new(ErrorKind::Resource, message));
    }
    if min > MAX_ELEMENTS {
        let message = format!("a table of {min} elements is too large: this engine allows {MAX_ELEMENTS}");
        return Err(Error::new(ErrorKind::Resource, message));
    }
    Block::try_zeroed(block_layout(ty, min))
        .ok_or_else(|| Error::new(ErrorKind::Resource, format!("no memory for a table of {min} elements")))
}

/// Grows a table by `delta` elements, each `init`. Returns the old size; `None`, with nothing changed, if it cannot
/// grow.
///
/// # Errors
/// The limiter's error.
pub(crate) fn grow(store: &mut OpaqueMut<'_>, index: u32, delta: u64, init: u64) -> Result<Option<u64>> {
    let entry = &store.tables[index as usize];
    let (old, ty) = (entry.length(), entry.ty);
    let Some(new) = entry.grown_length(delta) else {
        return Ok(None);
    };
    if !limiter_allows(store, old, new, ty.limits.max)? {
        return Ok(None);
    }
    let entry = &mut store.tables[index as usize];
    if block_layout(ty, new).size() > entry.elements.size() {
        // Doubling makes the cost of many small growths linear.
        let generous = Block::try_zeroed(block_layout(ty, new.max(old * 2).min(largest(ty))));
        let Some(elements) = generous.or_else(|| Block::try_zeroed(block_layout(ty, new))) else {
            let error = Error::new(ErrorKind::Resource, format!("no memory for a table of {new} elements"));
            let told = store.limiter().map_or(Ok(()), |limiter| limiter.table_grow_failed(error));
            return told.map(|()| None);
        };
        // SAFETY: two blocks, each at least as long as the table was.
        unsafe {
            let bytes = to_usize(old) * element_size(ty);
            ptr::copy_nonoverlapping(entry.elements.as_ptr(), elements.as_ptr(), bytes);
        }
        entry.elements = elements;
    }
    // The old block is freed above, before the new base is published. Compiled code does not run in between.
    // SAFETY: the definition lives as long as the store, and nobody borrows it. Compiled code loads the base anew at
    // each access.
    unsafe { entry.def.write(TableDef { base: entry.elements.as_ptr(), length: new }) };
    if init != 0 {
        let first = u64::from(planted!(TableGrowthSkipsFirst)).min(delta);
        entry.fill(old + first, init, delta - first)?;
    }
    Ok(Some(old))
}

/// Returns whether the store's limiter allows a table to grow. Sizes are in elements.
fn limiter_allows(store: &mut OpaqueMut<'_>, current: u64, desired: u64, max: Option<u64>) -> Result<bool> {
    match store.limiter() {
        Some(limiter) => Ok(limiter.table_growing(current, desired, max)? || planted!(TableRefusalIgnored)),
        None => Ok(true),
    }
}

/// Returns the definition of a table at its initial size.
fn definition(elements: &Block, ty: TableType) -> TableDef {
    TableDef { base: elements.as_ptr(), length: ty.limits.min }
}

/// Returns the largest number of elements that a table of this type can have.
fn largest(ty: TableType) -> u64 {
    ty.limits.max.unwrap_or(MAX_ELEMENTS).min(MAX_ELEMENTS)
}

/// Returns the size of an element in bytes: of an address for functions, otherwise of a reference into the heap.
fn element_size(ty: TableType) -> usize {
    if ty.element.heap.is_func() { 8 } else { 4 }
}

fn block_layout(ty: TableType, elements: u64) -> Layout {
    let bytes = to_usize(elements) * element_size(ty);
    Layout::from_size_align(bytes, 8).expect("bounded by the largest table")
}

/// Returns the reference into the heap that an element holds.
pub(super) fn heap_reference(bits: u64) -> u32 {
    u32::try_from(bits).expect("a reference into the heap has 32 bits")
}

fn to_usize(elements: u64) -> usize {
    usize::try_from(elements).expect("64-bit hosts only")
}
