//! The one list of library calls. `compile` makes a trampoline for each call that a module uses, and
//! `runtime::libcalls` implements all of them.
//!
//! Every library call takes the vmctx first and returns an `i64`. [`FAILED`](super::FAILED) means that the store holds
//! a trap or an error. Calls without a result return [`OK`](super::OK).

#[cfg(feature = "compile")]
use super::signature::MachineType;
use super::vmctx::VmContext;
use serde::{Deserialize, Serialize};

macro_rules! rust_type {
    (I32) => {
        u32
    };
    (I64) => {
        u64
    };
}

macro_rules! builtins {
    ($($(#[$doc:meta])* $name:ident, $field:ident ( $($param:ident: $ty:ident),* );)*) => {
        /// A library call.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub(crate) enum Builtin { $($(#[$doc])* $name,)* }

        /// The addresses of the library calls, in the order of [`Builtin`].
        #[repr(C)]
        pub(crate) struct BuiltinTable {
            $(pub(crate) $field: unsafe extern "C" fn(*mut VmContext $(, rust_type!($ty))*) -> i64,)*
        }

        impl Builtin {
            /// All library calls, in order.
            pub(crate) const ALL: &'static [Builtin] = &[$(Builtin::$name,)*];

            /// Returns the parameters that follow the vmctx.
            #[cfg(feature = "compile")]
            pub(crate) const fn params(self) -> &'static [MachineType] {
                match self { $(Builtin::$name => &[$(MachineType::$ty,)*],)* }
            }

            /// Returns the name that symbols and listings show.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Builtin::$name => stringify!($field),)* }
            }

            /// Returns the byte offset of the call's address in the [`BuiltinTable`].
            #[cfg(feature = "compile")]
            pub(crate) const fn offset(self) -> u32 {
                self as u32 * 8
            }
        }

        const _: () = assert!(size_of::<BuiltinTable>() == Builtin::ALL.len() * 8);
    };
}

builtins! {
    /// Leaves compiled code: resumes where the store context's `resume_*` fields say. Never returns, so its trampoline
    /// stores no last Wasm exit.
    Raise, raise();
    /// `memory.grow`. Returns the old size in pages, or -1.
    MemoryGrow, memory_grow(memory: I32, delta: I64);
    /// `memory.copy`.
    MemoryCopy, memory_copy(dst_memory: I32, src_memory: I32, dst: I64, src: I64, len: I64);
    /// `memory.fill`.
    MemoryFill, memory_fill(memory: I32, dst: I64, value: I32, len: I64);
    /// `memory.init`.
    MemoryInit, memory_init(memory: I32, segment: I32, dst: I64, src: I32, len: I32);
    /// `data.drop`.
    DataDrop, data_drop(segment: I32);
    /// `table.grow`. Returns the old size in elements, or -1. A value of 32 bits is zero-extended.
    TableGrow, table_grow(table: I32, delta: I64, value: I64);
    /// `table.fill`.
    TableFill, table_fill(table: I32, dst: I64, value: I64, len: I64);
    /// `table.copy`.
    TableCopy, table_copy(dst_table: I32, src_table: I32, dst: I64, src: I64, len: I64);
    /// `table.init`.
    TableInit, table_init(table: I32, segment: I32, dst: I64, src: I32, len: I32);
    /// `elem.drop`.
    ElemDrop, elem_drop(segment: I32);
    /// Makes an exception with this tag, whose payload is zeros. Returns the reference.
    ExceptionNew, exception_new(tag: I32);
    /// Throws an exception. Never returns.
    ThrowRef, throw_ref(exception: I32);
    /// Traps, because the fuel fell below zero.
    OutOfFuel, out_of_fuel();
    /// Returns 1 if the type with the first canonical id is the second one or extends it, and 0 if not.
    TypeExtends, type_extends(id: I32, of: I32);
    /// Asks the store what to do when the epoch has reached the deadline: it traps or moves the deadline.
    EpochReached, epoch_reached();
    /// Makes an object of `size` bytes, counted as in [`heap`](super::heap), with this header and zeros after it.
    /// Returns the reference.
    GcAlloc, gc_alloc(id: I32, word: I32, size: I64);
    /// `memory.atomic.notify`. Returns the number of woken threads.
    MemoryNotify, memory_notify(memory: I32, address: I64, count: I32);
    /// `memory.atomic.wait32`. Returns its result: how the wait ended.
    MemoryWait32, memory_wait32(memory: I32, address: I64, expected: I32, timeout: I64);
    /// `memory.atomic.wait64`. Returns its result: how the wait ended.
    MemoryWait64, memory_wait64(memory: I32, address: I64, expected: I64, timeout: I64);
    /// `array.fill`. The value is in the low bits of the two words.
    ArrayFill, array_fill(array: I32, at: I32, low: I64, high: I64, len: I32);
    /// `array.copy`.
    ArrayCopy, array_copy(dst_array: I32, dst: I32, src_array: I32, src: I32, len: I32);
    /// `array.new_data`, of the type with this canonical id. Returns the reference.
    ArrayNewData, array_new_data(id: I32, segment: I32, src: I32, len: I32);
    /// `array.new_elem`, of the type with this canonical id. Returns the reference.
    ArrayNewElem, array_new_elem(id: I32, segment: I32, src: I32, len: I32);
    /// `array.init_data`.
    ArrayInitData, array_init_data(array: I32, segment: I32, dst: I32, src: I32, len: I32);
    /// `array.init_elem`.
    ArrayInitElem, array_init_elem(array: I32, segment: I32, dst: I32, src: I32, len: I32);
}
