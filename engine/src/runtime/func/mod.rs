//! Functions of a store: handles, calls from the host, and host functions.

mod caller;
mod closure;
pub(super) mod host;
pub(super) mod linked;
mod typed;
mod wasm_ty;

pub use caller::Caller;
pub use closure::IntoFunc;
pub use typed::TypedFunc;
pub use wasm_ty::{WasmParams, WasmResults, WasmRet, WasmTy};

use super::call;
use super::store::{OpaqueMut, StoreId, StoreOpaque};
use super::{AsContext, AsContextMut, Val};
use crate::abi::ValRaw;
use crate::abi::vmctx::FuncRef;
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::{ConcreteType, FuncType};
use core::ptr::{self, NonNull};
use host::HostDefinition;
use smallvec::SmallVec;

/// A function of a store: one that a module defines, or one of the host.
///
/// Two handles are equal if they are the same function of the same store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Func {
    store: StoreId,
    /// Lives as long as the store.
    func_ref: NonNull<FuncRef>,
}

// SAFETY: the pointer is followed only together with a borrow of the store that it belongs to.
unsafe impl Send for Func {}
// SAFETY: `&Func` follows the pointer only together with a borrow of that store, too.
unsafe impl Sync for Func {}

impl Func {
    /// Makes a host function whose type is known at run time only.
    ///
    /// The closure receives the arguments and a slice of results, each zero or null, which it overwrites. An error that
    /// it returns stops the calling WebAssembly code. The call that entered WebAssembly returns that error unchanged,
    /// with a backtrace. A panic stops the code in the same way and resumes in the embedder.
    ///
    /// # Panics
    /// When the type names a defined type that the engine does not have, or the engine has no room for another type.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        let mut store = store.as_context_mut().into_opaque();
        HostDefinition::untyped(store.engine(), ty, call)
            .and_then(|definition| host::add(&mut store, definition))
            .expect("the engine has every type that is named, and room for another")
    }

    /// Makes a host function of a closure. The closure's type determines the function's type: an optional [`Caller`],
    /// then parameters that are [`WasmTy`], and a result that is [`WasmRet`]. [`Func::new`] describes the effect of
    /// errors and panics.
    ///
    /// # Panics
    /// When the engine has no room for another type.
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        call: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        let mut store = store.as_context_mut().into_opaque();
        let definition = call.into_definition(store.engine());
        definition
            .and_then(|definition| host::add(&mut store, definition))
            .expect("the engine has room for another type")
    }

    /// Returns the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType> {
        self.ty_in(store.as_context().opaque()).cloned()
    }

    /// Calls the function. `results` has one element for each result; their old values are overwritten.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage), before anything runs, if a count or type does not match the function's, or a
    /// value or the function belongs to another store; [`Trap`](ErrorKind::Trap) with a backtrace if the code traps;
    /// [`Exception`](ErrorKind::Exception) if nothing catches an exception; the error of a host function.
    ///
    /// # Panics
    /// When a host function panics.
    pub fn call(&self, mut store: impl AsContextMut, params: &[Val], results: &mut [Val]) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let mut values = SmallVec::<[ValRaw; 8]>::new();
        self.prepare(&store, params, results.len(), &mut values)?;
        // SAFETY: `prepare` has checked the arguments and made room for the results.
        unsafe { self.call_raw(&mut store, values.as_mut_ptr())? };
        for (position, (result, raw)) in results.iter_mut().zip(values).enumerate() {
            let ty = self.ty_in(&store)?.results[position];
            // SAFETY: the call left results of its type and store.
            *result = unsafe { Val::from_raw(raw, ty, &mut store) };
        }
        Ok(())
    }

    /// Returns the function as one of this type, so that calls need not check the type again.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function is of another type or belongs to another store.
    pub fn typed<P: WasmParams, R: WasmResults>(&self, store: impl AsContext) -> Result<TypedFunc<P, R>> {
        let store = store.as_context();
        let ty = self.ty_in(store.opaque())?;
        if *ty.params != *P::TYPES || *ty.results != *R::TYPES {
            let wanted = FuncType::new(P::TYPES.iter().copied(), R::TYPES.iter().copied());
            let message = format!("the function is of type {ty}, not {wanted}");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(TypedFunc::unchecked(*self))
    }

    /// Checks the arguments and writes them to an array that also has room for the results.
    fn prepare(
        &self,
        store: &StoreOpaque,
        params: &[Val],
        results: usize,
        values: &mut SmallVec<[ValRaw; 8]>,
    ) -> Result<()> {
        let ty = self.ty_in(store)?;
        for (what, wanted, given) in
            [("parameters", ty.params.len(), params.len()), ("results", ty.results.len(), results)]
        {
            if wanted != given {
                let message = format!("a function of type {ty} has {wanted} {what}, but {given} were given");
                return Err(Error::new(ErrorKind::Usage, message));
            }
        }
        for (value, &ty) in params.iter().zip(&ty.params) {
            values.push(value.to_raw(store, ty, "the argument")?);
        }
        values.resize(params.len().max(results), ValRaw::ZERO);
        Ok(())
    }

    /// Calls the function with raw values.
    ///
    /// # Safety
    /// The function belongs to the store. `values` holds arguments of its type that belong to the store too, and has
    /// room for its results.
    pub(crate) unsafe fn call_raw(&self, store: &mut OpaqueMut<'_>, values: *mut ValRaw) -> Result<()> {
        // A host function is called directly: there is no compiled code to enter, and its exit trampoline may be
        // missing. SAFETY: function references live as long as their store.
        if unsafe { (*self.func_ref.as_ptr()).host_call.is_none() } {
            // SAFETY: only host functions have no entry for the host; the rest is the caller's contract.
            return unsafe { host::call(store.reborrow(), self.func_ref, values) };
        }
        let max_stack = store.engine().config().max_wasm_stack;
        // SAFETY: the caller's contract. The reference to the function reference is shared, and nothing writes to a
        // WebAssembly function's. No reference to the store is alive.
        unsafe { call::invoke(store.context_ptr(), max_stack, self.func_ref.as_ref(), values) }
    }

    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// Returns the type, borrowed from the store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function belongs to another store.
    pub(crate) fn ty_in<'a>(&self, store: &'a StoreOpaque) -> Result<&'a FuncType> {
        let id = self.type_id(store)?;
        // SAFETY: the type of a function of this store.
        Ok(unsafe { store.func_type(id) })
    }

    /// Returns the name of the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function belongs to another store.
    pub(crate) fn type_name(&self, store: &StoreOpaque) -> Result<ConcreteType> {
        let id = self.type_id(store)?;
        // SAFETY: the type of a function of this store.
        Ok(unsafe { store.type_info(id) }.name)
    }

    /// Returns the canonical id of the type.
    pub(crate) fn type_id(&self, store: &StoreOpaque) -> Result<u32> {
        store.check(self.store, "function")?;
        // SAFETY: function references live as long as their store.
        Ok(unsafe { (*self.func_ref.as_ptr()).type_id })
    }

    pub(crate) fn func_ref(&self) -> NonNull<FuncRef> {
        self.func_ref
    }

    pub(crate) fn from_func_ref(func_ref: NonNull<FuncRef>, store: StoreId) -> Func {
        Func { store, func_ref }
    }

    /// Returns the reference as compiled code represents it; null for `None`.
    pub(crate) fn to_ptr(func: Option<Func>) -> *mut FuncRef {
        func.map_or(ptr::null_mut(), |func| func.func_ref.as_ptr())
    }

    /// Makes a handle of a reference of compiled code; `None` if it is null.
    ///
    /// # Safety
    /// The pointer is null or a function reference of the store.
    pub(crate) unsafe fn from_ptr(func: *mut FuncRef, store: StoreId) -> Option<Func> {
        NonNull::new(func).map(|func_ref| Func { store, func_ref })
    }
}
