//! The library calls of [`abi::builtins`](crate::abi::builtins): operations that compiled code leaves to the host.
//!
//! Each is a thin `extern "C"` function around a safe one. Errors, and panics of the embedder's limiter or deadline
//! callback, become [`FAILED`](crate::abi::FAILED). Bulk operations cost fuel and check the deadline ([`bulk`]): those
//! on memories and arrays in pieces; those on tables and segments, which are small enough, and allocations once.

use super::bulk::{self, bytes_price, elements_price, object_price};
use super::call::{self, Stop};
use super::exception;
use super::gc::array_ops::ArraySegment;
use super::gc::{self, array_ops};
use super::instance::Elements;
use super::memory::{self, SharedMemory, WaitResult, copy_racing, fill_racing};
use super::store::OpaqueMut;
use super::table;
use super::tag::Tag;
use crate::abi::OK;
use crate::abi::builtins::BuiltinTable;
use crate::abi::vmctx::VmContext;
use crate::base::{Result, Trap, planted};
use crate::wasm::index::*;
use crate::wasm::module::ElementItems;
use core::ops::Range;
use core::ptr;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of `memory.grow` and `table.grow` when the growth fails.
const NO_GROWTH: i64 = -1;

/// The table of library calls that instance contexts point to.
pub(crate) static BUILTINS: BuiltinTable = BuiltinTable {
    raise: call::raise,
    memory_grow,
    memory_copy,
    memory_fill,
    memory_init,
    data_drop,
    table_grow,
    table_fill,
    table_copy,
    table_init,
    elem_drop,
    exception_new,
    throw_ref,
    out_of_fuel,
    type_extends,
    epoch_reached,
    gc_alloc,
    memory_notify,
    memory_wait32,
    memory_wait64,
    array_fill,
    array_copy,
    array_new_data,
    array_new_elem,
    array_init_data,
    array_init_elem,
};

/// Runs a library call for an instance. `call` gets the store and the instance's index in it.
///
/// # Safety
/// `vmctx` is the context of the instance whose code made the call and waits.
unsafe fn run(vmctx: *mut VmContext, call: impl FnOnce(&mut OpaqueMut<'_>, u32) -> Result<i64>) -> i64 {
    // SAFETY: the caller's contract. Compiled code waits, so nobody else uses the store.
    let (mut store, instance) = unsafe { (OpaqueMut::from_vmctx(vmctx), (*vmctx).instance) };
    let result = match catch_unwind(AssertUnwindSafe(|| call(&mut store, instance))) {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => call::fail(Stop::Error(error)),
        Err(panic) => call::fail(Stop::Panic(panic)),
    };
    #[cfg(feature = "probes")]
    super::unwind_proof::go_on();
    result
}

macro_rules! library_calls {
    ($(fn $name:ident($store:ident, $instance:ident $(, $param:ident: $ty:ty)*) $body:block)*) => {$(
        unsafe extern "C" fn $name(vmctx: *mut VmContext $(, $param: $ty)*) -> i64 {
            // SAFETY: compiled code passes its own context.
            unsafe { run(vmctx, |$store, $instance| -> Result<i64> { $body }) }
        }
    )*};
}

library_calls! {
    fn memory_grow(store, instance, memory: u32, delta: u64) {
        let memory = store.instances[instance as usize].memory(MemoryIndex(memory));
        Ok(memory::grow(store, memory, delta)?.map_or(NO_GROWTH, size_result))
    }

    fn memory_copy(store, instance, dst_memory: u32, src_memory: u32, dst: u64, src: u64, len: u64) {
        copy_memory(store, instance, MemoryIndex(dst_memory), MemoryIndex(src_memory), dst, src, len)
    }

    fn memory_fill(store, instance, memory: u32, dst: u64, value: u32, len: u64) {
        fill_memory(store, instance, MemoryIndex(memory), dst, value.to_le_bytes()[0], len)
    }

    fn memory_init(store, instance, memory: u32, segment: u32, dst: u64, src: u32, len: u32) {
        bulk::begin(store, bytes_price(len.into()))?;
        init_memory(store, instance, MemoryIndex(memory), DataIndex(segment), dst, src, len)?;
        Ok(OK)
    }

    fn data_drop(store, instance, segment: u32) {
        store.instances[instance as usize].drop_data(DataIndex(segment));
        Ok(OK)
    }

    fn table_grow(store, instance, table: u32, delta: u64, value: u64) {
        let table = store.instances[instance as usize].table(TableIndex(table));
        // A growth that the type does not allow is free: it does nothing.
        let is_possible = store.tables[table as usize].grown_length(delta).is_some();
        let value = if is_possible { begin_with_element(store, table, delta, value)? } else { value };
        Ok(table::grow(store, table, delta, value)?.map_or(NO_GROWTH, size_result))
    }

    fn table_fill(store, instance, table: u32, dst: u64, value: u64, len: u64) {
        let table = store.instances[instance as usize].table(TableIndex(table));
        let value = begin_with_element(store, table, len, value)?;
        store.tables[table as usize].fill(dst, value, len)?;
        Ok(OK)
    }

    fn table_copy(store, instance, dst_table: u32, src_table: u32, dst: u64, src: u64, len: u64) {
        bulk::begin(store, elements_price(len))?;
        let entry = &store.instances[instance as usize];
        let (to, from) = (entry.table(TableIndex(dst_table)), entry.table(TableIndex(src_table)));
        store.tables[to as usize].copy_from(&store.tables[from as usize], dst, src, len)?;
        Ok(OK)
    }

    fn table_init(store, instance, table: u32, segment: u32, dst: u64, src: u32, len: u32) {
        bulk::begin(store, elements_price(len.into()))?;
        init_table(store, instance, TableIndex(table), ElemIndex(segment), dst, src, len)?;
        Ok(OK)
    }

    fn elem_drop(store, instance, segment: u32) {
        store.instances[instance as usize].drop_elements(ElemIndex(segment));
        Ok(OK)
    }

    fn exception_new(store, instance, tag: u32) {
        store.poll_deadline()?;
        let tag = store.instances[instance as usize].tag(TagIndex(tag));
        let tag = Tag::from_index(tag, store.id());
        exception::allocate(store, tag).map(i64::from)
    }

    fn throw_ref(store, _instance, exception: u32) {
        exception::throw(store, exception)
    }

    fn out_of_fuel(_store, _instance) {
        Err(Trap::OutOfFuel.into())
    }

    fn type_extends(store, _instance, id: u32, of: u32) {
        // SAFETY: the store holds the types of its objects and functions, and those of the module that asks.
        Ok(store.engine().types().id_extends(id, of).into())
    }

    fn epoch_reached(store, _instance) {
        store.on_deadline()?;
        Ok(OK)
    }

    fn gc_alloc(store, _instance, id: u32, word: u32, size: u64) {
        bulk::begin(store, object_price(size))?;
        Ok(gc::allocate(store, id, word, size)?.into())
    }

    fn array_fill(store, _instance, array: u32, at: u32, low: u64, high: u64, len: u32) {
        store.charge(elements_price(len.into()))?;
        array_ops::fill(store, array, at, u128::from(low) | u128::from(high) << 64, len)?;
        Ok(OK)
    }

    fn array_copy(store, _instance, dst_array: u32, dst: u32, src_array: u32, src: u32, len: u32) {
        store.charge(elements_price(len.into()))?;
        array_ops::copy(store, dst_array, dst, src_array, src, len)?;
        Ok(OK)
    }

    fn array_new_data(store, instance, id: u32, segment: u32, src: u32, len: u32) {
        store.charge(elements_price(len.into()))?;
        Ok(array_ops::new_of_segment(store, instance, id, ArraySegment::Data(DataIndex(segment)), src, len)?.into())
    }

    fn array_new_elem(store, instance, id: u32, segment: u32, src: u32, len: u32) {
        store.charge(elements_price(len.into()))?;
        Ok(array_ops::new_of_segment(store, instance, id, ArraySegment::Elements(ElemIndex(segment)), src, len)?.into())
    }

    fn array_init_data(store, instance, array: u32, segment: u32, dst: u32, src: u32, len: u32) {
        store.charge(elements_price(len.into()))?;
        array_ops::init_of_segment(store, instance, array, dst, ArraySegment::Data(DataIndex(segment)), src, len)?;
        Ok(OK)
    }

    fn array_init_elem(store, instance, array: u32, segment: u32, dst: u32, src: u32, len: u32) {
        store.charge(elements_price(len.into()))?;
        array_ops::init_of_segment(store, instance, array, dst, ArraySegment::Elements(ElemIndex(segment)), src, len)?;
        Ok(OK)
    }

    fn memory_notify(store, instance, memory: u32, address: u64, count: u32) {
        let memory = store.instances[instance as usize].memory(MemoryIndex(memory));
        let count = if planted!(NotifyWakesAll) { u32::MAX } else { count };
        store.memories[memory as usize].notify(address, count).map(i64::from)
    }

    fn memory_wait32(store, instance, memory: u32, address: u64, expected: u32, timeout: u64) {
        let memory = shared_memory(store, instance, MemoryIndex(memory))?;
        wait(store, timeout, |timeout, interrupt| memory.wait32(address, expected, timeout, interrupt))
    }

    fn memory_wait64(store, instance, memory: u32, address: u64, expected: u64, timeout: u64) {
        let memory = shared_memory(store, instance, MemoryIndex(memory))?;
        wait(store, timeout, |timeout, interrupt| memory.wait64(address, expected, timeout, interrupt))
    }
}

/// Returns the memory that a `memory.atomic.wait32` or `wait64` waits in, which must be shared.
fn shared_memory(store: &OpaqueMut<'_>, instance: u32, memory: MemoryIndex) -> Result<SharedMemory> {
    let memory = store.instances[instance as usize].memory(memory);
    let shared = store.memories[memory as usize].as_shared().cloned();
    shared.ok_or_else(|| Trap::ExpectedSharedMemory.into())
}

/// A function that a wait calls from time to time. Its error ends the wait.
type Interrupt<'a> = Option<&'a mut dyn FnMut() -> Result<()>>;

/// Waits for at most `timeout` nanoseconds, or without end if the number is negative as a signed one. An epoch deadline
/// ends the wait.
fn wait(
    store: &mut OpaqueMut<'_>,
    timeout: u64,
    wait: impl FnOnce(Option<Duration>, Interrupt<'_>) -> Result<WaitResult>,
) -> Result<i64> {
    let is_truncated = planted!(TimeoutTruncated) && timeout.cast_signed() >= 0;
    let timeout = if is_truncated { timeout & u64::from(u32::MAX) } else { timeout };
    let timeout = (timeout.cast_signed() >= 0).then(|| Duration::from_nanos(timeout));
    let interruptible = store.engine().config().epoch_interruption;
    let mut poll = || store.poll_deadline();
    let interrupt: Interrupt<'_> = if interruptible { Some(&mut poll) } else { None };
    Ok(i64::from(wait(timeout, interrupt)? as u32))
}

/// Takes the fuel for an operation that writes a value to `len` elements of a table, and checks the deadline. Returns
/// the value, which a collection in the callback may change.
fn begin_with_element(store: &mut OpaqueMut<'_>, table: u32, len: u64, value: u64) -> Result<u64> {
    store.charge(elements_price(len))?;
    if !store.tables[table as usize].is_traced() {
        store.poll_deadline()?;
        return Ok(value);
    }
    let mut references = [table::heap_reference(value)];
    gc::poll_deadline(store, &mut references)?;
    Ok(references[0].into())
}

/// Returns a size as the result of a library call.
fn size_result(size: u64) -> i64 {
    i64::try_from(size).expect("sizes are far below 2^63")
}

/// Executes `memory.copy`.
fn copy_memory(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    to: MemoryIndex,
    from: MemoryIndex,
    dst: u64,
    src: u64,
    len: u64,
) -> Result<i64> {
    bulk::begin(store, bytes_price(len))?;
    let entry = &store.instances[instance as usize];
    let to = &store.memories[entry.memory(to) as usize];
    let from = &store.memories[entry.memory(from) as usize];
    let (dst, src) = (to.range(dst, len)?, from.range(src, len)?);
    let racing = to.as_shared().or(from.as_shared()).is_some();
    // SAFETY: both ranges lie inside their memories, which neither move nor shrink.
    let (dst, src) = unsafe { (to.base().add(dst), from.base().add(src)) };
    // A piece must not overwrite what a later one reads: if the target is at a higher address, the last piece comes
    // first.
    bulk::in_pieces(store, usize_len(len), dst.addr() > src.addr(), |piece| {
        // SAFETY: the piece lies inside both ranges, and both functions allow them to overlap.
        unsafe {
            let (src, dst) = (src.add(piece.start), dst.add(piece.start));
            if racing { copy_racing(src, dst, piece.len()) } else { ptr::copy(src, dst, piece.len()) }
        }
    })?;
    Ok(OK)
}

/// Executes `memory.fill`.
fn fill_memory(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    memory: MemoryIndex,
    dst: u64,
    value: u8,
    len: u64,
) -> Result<i64> {
    bulk::begin(store, bytes_price(len))?;
    let memory = &store.memories[store.instances[instance as usize].memory(memory) as usize];
    let start = memory.range(dst, len)?;
    let racing = memory.as_shared().is_some();
    // SAFETY: the range lies inside the memory, which neither moves nor shrinks.
    let start = unsafe { memory.base().add(start) };
    bulk::in_pieces(store, usize_len(len), false, |piece| {
        // SAFETY: the piece lies inside the range.
        unsafe {
            let start = start.add(piece.start);
            if racing { fill_racing(start, value, piece.len()) } else { ptr::write_bytes(start, value, piece.len()) }
        }
    })?;
    Ok(OK)
}

/// Executes `memory.init`.
pub(crate) fn init_memory(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    memory: MemoryIndex,
    segment: DataIndex,
    dst: u64,
    src: u32,
    len: u32,
) -> Result<()> {
    let entry = &store.instances[instance as usize];
    let memory = &store.memories[entry.memory(memory) as usize];
    let start = memory.range(dst, len.into())?;
    let bytes = entry.data(segment);
    let bytes = segment_range(src, len).and_then(|range| bytes.get(range)).ok_or(Trap::MemoryOutOfBounds)?;
    if let Some(shared) = memory.as_shared() {
        return shared.write(dst, bytes);
    }
    // SAFETY: the range lies inside the memory, and no segment does: they do not overlap.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), memory.base().add(start), bytes.len()) };
    Ok(())
}

/// Executes `table.init`.
pub(crate) fn init_table(
    store: &mut OpaqueMut<'_>,
    instance: u32,
    table: TableIndex,
    segment: ElemIndex,
    dst: u64,
    src: u32,
    len: u32,
) -> Result<()> {
    let entry = &store.instances[instance as usize];
    let table = &store.tables[entry.table(table) as usize];
    table.range(dst, len.into())?;
    let range = segment_range(src, len).ok_or(Trap::TableOutOfBounds)?;
    match entry.elements(segment) {
        Elements::Functions(functions) => {
            let functions = functions.get(range).ok_or(Trap::TableOutOfBounds)?;
            table.write(dst, entry.all_func_ref_bits(functions))?;
        }
        Elements::Values(values) => {
            let values = values.get(range).ok_or(Trap::TableOutOfBounds)?;
            table.write(dst, values.iter().copied())?;
        }
    }
    Ok(())
}

/// Returns the number of elements of a segment.
pub(crate) fn segment_length(items: &ElementItems) -> u32 {
    let len = match items {
        ElementItems::Functions(functions) => functions.len(),
        ElementItems::Expressions(expressions) => expressions.len(),
    };
    u32::try_from(len).expect("a binary is shorter than 4 GiB")
}

/// Returns a range of positions in a segment; `None` if its end is not a 32-bit number.
fn segment_range(src: u32, len: u32) -> Option<Range<usize>> {
    Some(src as usize..src.checked_add(len)? as usize)
}

/// Converts a length that a memory's range check has accepted.
fn usize_len(len: u64) -> usize {
    usize::try_from(len).expect("a memory's range was checked")
}
