//! Host functions, which compiled code calls through an exit trampoline.
//!
//! The way of a call: compiled code -> exit trampoline -> [`shim`] -> [`HostCallable::call`] -> the embedder's closure.
//! The shim turns errors and panics into [`FAILED`](crate::abi::FAILED), so nothing unwinds through compiled frames.

use super::{Caller, Func};
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::{FuncRef, HOST_FUNC_MAGIC, HostFunc, VmContext};
use crate::abi::{OK, ValRaw};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::call::{self, Stop};
use crate::runtime::fixed::Fixed;
use crate::runtime::store::OpaqueMut;
use crate::runtime::type_registry::RegisteredTypes;
use crate::runtime::{Engine, Val, exception};
use crate::wasm::types::FuncType;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use smallvec::SmallVec;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A host function of an engine, independent of stores.
pub struct HostDefinition {
    /// The registration of exactly one type, the function's.
    types: RegisteredTypes,
    signature: LoweredSignature,
    callable: Box<dyn HostCallable>,
}

/// The Rust side of a host function.
pub(crate) trait HostCallable: Send + Sync {
    /// Calls the closure with the arguments in `values`, and writes the results there.
    ///
    /// # Safety
    /// `caller` is a context of a store whose data is of the type that the closure expects, and nobody else uses the
    /// store during the call. `values` holds arguments of the function's type and has room for its results.
    unsafe fn call(&self, caller: NonNull<VmContext>, values: *mut ValRaw) -> Result<()>;
}

/// A host function in its store. `repr(C)`, so that its address is that of the [`HostFunc`].
#[repr(C)]
pub(crate) struct HostFuncEntry {
    header: HostFunc,
    func_ref: FuncRef,
    /// The closure. The store's [`HostFuncs`] keep it.
    definition: NonNull<HostDefinition>,
}

// SAFETY: its pointers are to code, to itself and to a definition, which is `Sync`; it moves between threads with its
// store.
unsafe impl Send for HostFuncEntry {}
// SAFETY: `&HostFuncEntry` allows reading only, and so does compiled code.
unsafe impl Sync for HostFuncEntry {}

impl HostDefinition {
    /// Makes a definition of a function type and the code to call.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type names a defined type that the engine does not know.
    pub(crate) fn new(
        engine: &Engine,
        ty: &FuncType,
        callable: impl HostCallable + 'static,
    ) -> Result<Arc<HostDefinition>> {
        let types = RegisteredTypes::function(engine.types(), ty)?;
        Ok(Arc::new(HostDefinition { types, signature: ty.into(), callable: Box::new(callable) }))
    }

    /// Makes a definition of a closure that takes and returns [`Val`]s.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type names a defined type that the engine does not know.
    pub(crate) fn untyped<T: 'static, F>(engine: &Engine, ty: FuncType, closure: F) -> Result<Arc<HostDefinition>>
    where
        F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    {
        HostDefinition::new(engine, &ty.clone(), UntypedClosure { ty, closure, data: PhantomData })
    }

    /// Returns the canonical id of the function's type.
    pub(crate) fn type_id(&self) -> u32 {
        self.types.ids()[0]
    }

    /// Returns the signature of the exit trampoline that the function needs.
    pub(crate) fn signature(&self) -> &LoweredSignature {
        &self.signature
    }
}

/// Host functions that were added to a store at once, in one block: a linker has many.
pub(crate) struct HostFuncs {
    /// They go with the store, which drops all of them at once.
    _entries: Fixed<[HostFuncEntry]>,
    /// Their definitions, in the same order, which also keep the ids of their types in use.
    _definitions: Arc<[Arc<HostDefinition>]>,
}

impl HostFuncEntry {
    /// A function that knows neither its own address nor an exit trampoline yet.
    fn new(definition: &Arc<HostDefinition>) -> HostFuncEntry {
        let (wasm_call, vmctx, type_id) = (ptr::null(), ptr::null_mut(), definition.type_id());
        HostFuncEntry {
            header: HostFunc { magic: HOST_FUNC_MAGIC, _pad: 0, shim },
            func_ref: FuncRef { wasm_call, host_call: None, vmctx, type_id, _pad: 0 },
            definition: NonNull::from(&**definition),
        }
    }

    pub(crate) fn definition(&self) -> &HostDefinition {
        // SAFETY: the store keeps the definition for as long as the entry.
        unsafe { self.definition.as_ref() }
    }

    /// Sets the exit trampoline, which makes the function callable from WebAssembly.
    ///
    /// # Safety
    /// It is part of a store, which the caller has to itself. The function may be under way.
    pub(crate) unsafe fn set_exit(entry: NonNull<HostFuncEntry>, exit: *const c_void) {
        // SAFETY: the caller's contract. A function that is under way borrows its definition, nothing else of the
        // entry.
        unsafe { (*entry.as_ptr()).func_ref.wasm_call = exit };
    }
}

/// Adds a host function to a store. The store's data must be of the type that the definition's closure expects.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the store is another engine's.
pub(crate) fn add(store: &mut OpaqueMut<'_>, definition: Arc<HostDefinition>) -> Result<Func> {
    let entries = add_all(store, Arc::new([definition]))?;
    Ok(func_at(store, entries, 0))
}

/// Adds host functions to a store, in a block of their own. The store's data must be of the type that their closures
/// expect.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the store is another engine's.
pub(super) fn add_all(
    store: &mut OpaqueMut<'_>,
    definitions: Arc<[Arc<HostDefinition>]>,
) -> Result<NonNull<[HostFuncEntry]>> {
    if !definitions.iter().all(|definition| definition.types.are_of(store.engine().types())) {
        let message = "the host function was defined for another engine than the store's";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let entries: Box<[HostFuncEntry]> = definitions.iter().map(HostFuncEntry::new).collect();
    let entries = Fixed::from(entries);
    let block = entries.as_ptr();
    for position in 0..block.len() {
        // SAFETY: the entry was just made; nobody else knows it.
        unsafe {
            let entry = block.cast::<HostFuncEntry>().add(position);
            (*entry.as_ptr()).func_ref.vmctx = entry.as_ptr().cast();
        }
    }
    store.host_funcs.push(HostFuncs { _entries: entries, _definitions: definitions });
    store.find_exits(block);
    Ok(block)
}

/// Returns the handle of a function of a block of the store.
pub(super) fn func_at(store: &OpaqueMut<'_>, block: NonNull<[HostFuncEntry]>, position: usize) -> Func {
    assert!(position < block.len(), "a block has a function for each definition");
    // SAFETY: the block has the entry, as just checked, and lives as long as the store.
    let func_ref = unsafe {
        let entry = block.cast::<HostFuncEntry>().add(position);
        NonNull::new_unchecked(&raw mut (*entry.as_ptr()).func_ref)
    };
    Func::from_func_ref(func_ref, store.id())
}

/// Calls a host function from the host.
///
/// # Safety
/// `func` is a host function of this store; `values` holds arguments of its type and has room for its results.
pub(crate) unsafe fn call(store: OpaqueMut<'_>, func: NonNull<FuncRef>, values: *mut ValRaw) -> Result<()> {
    let caller = store.root_context();
    // SAFETY: the context of a host function's reference is its entry, which lives as long as the store. The store's
    // data is of the closure's type: `Func` and `Linker` see to that when they make host functions.
    unsafe {
        let entry = (*func.as_ptr()).vmctx.cast::<HostFuncEntry>();
        call_in_scope(entry, caller, values)
    }
}

/// Calls a host function in a scope of roots of its own.
///
/// # Safety
/// The entry is one of the store of `caller`; the rest as [`HostCallable::call`].
unsafe fn call_in_scope(entry: *mut HostFuncEntry, caller: NonNull<VmContext>, values: *mut ValRaw) -> Result<()> {
    // SAFETY: the caller's contract. No borrow of the store lives while the closure runs.
    unsafe {
        let _scope = Scope { caller, began: OpaqueMut::from_vmctx(caller.as_ptr()).heap.roots.begin_scope() };
        let definition = (*entry).definition;
        definition.as_ref().callable.call(caller, values)
    }
}

/// The scope of roots of a host function. It ends when the function returns, and when it panics.
struct Scope {
    caller: NonNull<VmContext>,
    began: usize,
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: `call_in_scope` made it of a context whose store lives; the closure's borrows of it have ended.
        unsafe { OpaqueMut::from_vmctx(self.caller.as_ptr()) }.heap.roots.end_scope(self.began);
    }
}

/// The entry point of all host functions for compiled code, a [`crate::abi::HostShim`].
unsafe extern "C" fn shim(callee: *mut c_void, caller: *mut VmContext, values: *mut ValRaw, _count: usize) -> i64 {
    let call = || {
        // SAFETY: compiled code passes the context of the function reference that it calls, its own context, and an
        // array for the function's signature. Compiled code waits, so nobody else uses the store.
        unsafe {
            let entry = callee.cast::<HostFuncEntry>();
            debug_assert_eq!((*entry).header.magic, HOST_FUNC_MAGIC);
            call_in_scope(entry, NonNull::new_unchecked(caller), values)
        }
    };
    // Compiled frames have no landing pads for panics, so a panic stops here and resumes when they are left.
    let status = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => OK,
        // SAFETY: `caller` is the context of the code that waits; the host function and its borrows have ended.
        Ok(Err(error)) => exception::fail(&mut unsafe { OpaqueMut::from_vmctx(caller) }, error),
        Err(panic) => call::fail(Stop::Panic(panic)),
    };
    #[cfg(feature = "probes")]
    crate::runtime::unwind_proof::go_on();
    status
}

/// A closure that takes and returns [`Val`]s.
struct UntypedClosure<T, F> {
    ty: FuncType,
    closure: F,
    data: PhantomData<fn(T)>,
}

impl<T: 'static, F> HostCallable for UntypedClosure<T, F>
where
    F: Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync,
{
    unsafe fn call(&self, caller: NonNull<VmContext>, values: *mut ValRaw) -> Result<()> {
        // SAFETY: the caller's contract.
        let mut store = unsafe { OpaqueMut::from_vmctx(caller.as_ptr()) };
        // One buffer for arguments and results, which needs no allocation for most functions.
        let mut buffer = SmallVec::<[Val; 8]>::new();
        for (position, &ty) in self.ty.params.iter().enumerate() {
            // SAFETY: the caller's contract.
            buffer.push(unsafe { Val::from_raw(values.add(position).read(), ty, &mut store) });
        }
        buffer.extend(self.ty.results.iter().map(|&ty| Val::default_for_ty(ty)));
        let (params, results) = buffer.split_at_mut(self.ty.params.len());
        // SAFETY: the caller's contract.
        let reborrowed = unsafe { Caller::<T>::new(caller) };
        (self.closure)(reborrowed, params, results)?;
        for (position, (&ty, value)) in self.ty.results.iter().zip(results).enumerate() {
            let raw = value.to_raw(&store, ty, "a result of the host function")?;
            // SAFETY: the caller's contract.
            unsafe { values.add(position).write(raw) };
        }
        Ok(())
    }
}
