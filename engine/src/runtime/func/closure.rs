//! Closures as host functions.

use super::host::{HostCallable, HostDefinition};
use super::wasm_ty::{ValueList, for_each_arity};
use super::{Caller, WasmRet, WasmTy};
use crate::abi::ValRaw;
use crate::abi::vmctx::VmContext;
use crate::base::Result;
use crate::runtime::Engine;
use crate::runtime::store::OpaqueMut;
use crate::wasm::types::{FuncType, ValType};
use core::marker::PhantomData;
use core::ptr::NonNull;
use std::sync::Arc;

/// A closure that can be a host function: an optional [`Caller`], then up to 16 parameters that are [`WasmTy`], and a
/// result that is [`WasmRet`].
pub trait IntoFunc<T: 'static, Params, Results>: Send + Sync + 'static {
    /// Makes a host function of the closure.
    #[doc(hidden)]
    fn into_definition(self, engine: &Engine) -> Result<Arc<HostDefinition>>;
}

/// A closure, with a marker for its parameter and result types.
struct TypedClosure<F, Marker> {
    closure: F,
    marker: PhantomData<fn(Marker)>,
}

impl<F, Marker: 'static> TypedClosure<F, Marker> {
    /// Makes the definition of a host function whose parameters are of these types.
    fn definition<R: WasmRet>(engine: &Engine, closure: F, params: &[ValType]) -> Result<Arc<HostDefinition>>
    where
        TypedClosure<F, Marker>: HostCallable + 'static,
    {
        let ty = FuncType::new(params.iter().copied(), R::Values::TYPES.iter().copied());
        HostDefinition::new(engine, &ty, TypedClosure { closure, marker: PhantomData })
    }
}

/// Reads the arguments of a closure.
///
/// # Safety
/// `caller` is a context of a store that nobody else uses during the call; `values` holds arguments of the types `P`
/// that belong to it.
unsafe fn load_arguments<P: ValueList>(caller: NonNull<VmContext>, values: *mut ValRaw) -> P {
    // SAFETY: a slot is laid out as a `ValRaw`; the rest is the caller's contract.
    unsafe { P::from_slots(values.cast::<P::Slots>().read(), &mut OpaqueMut::from_vmctx(caller.as_ptr())) }
}

/// Writes the results of a closure to the array from which compiled code reads them.
///
/// # Safety
/// `caller` is a context of a store that nobody else uses during the call; `values` has room for the results.
unsafe fn store_results<R: WasmRet>(returned: R, caller: NonNull<VmContext>, values: *mut ValRaw) -> Result<()> {
    let results = returned.into_result()?;
    // SAFETY: the caller's contract.
    let store = unsafe { OpaqueMut::from_vmctx(caller.as_ptr()) };
    let slots = results.into_slots(&store)?;
    // SAFETY: a slot is laid out as a `ValRaw`, and the caller vouches for the room.
    unsafe { values.cast::<<R::Values as ValueList>::Slots>().write(slots) };
    Ok(())
}

macro_rules! into_func {
    ($($name:ident $value:ident)*) => {
        impl<T, F, R, $($name,)*> IntoFunc<T, ($($name,)*), R> for F
        where
            T: 'static,
            F: Fn($($name),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($name: WasmTy,)*
        {
            fn into_definition(self, engine: &Engine) -> Result<Arc<HostDefinition>> {
                let ignoring_caller = move |_: Caller<'_, T>, $($value: $name),*| self($($value),*);
                IntoFunc::<T, (Caller<'_, T>, $($name,)*), R>::into_definition(ignoring_caller, engine)
            }
        }

        impl<T, F, R, $($name,)*> IntoFunc<T, (Caller<'_, T>, $($name,)*), R> for F
        where
            T: 'static,
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($name: WasmTy,)*
        {
            fn into_definition(self, engine: &Engine) -> Result<Arc<HostDefinition>> {
                TypedClosure::<F, (T, R, $($name,)*)>::definition::<R>(engine, self, &[$($name::TYPE),*])
            }
        }

        impl<T, F, R, $($name,)*> HostCallable for TypedClosure<F, (T, R, $($name,)*)>
        where
            T: 'static,
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($name: WasmTy,)*
        {
            unsafe fn call(&self, caller: NonNull<VmContext>, values: *mut ValRaw) -> Result<()> {
                // SAFETY: the caller's contract.
                let ($($value,)*) = unsafe { load_arguments::<($($name,)*)>(caller, values) };
                // SAFETY: the caller's contract.
                let returned = (self.closure)(unsafe { Caller::<T>::new(caller) }, $($value),*);
                // SAFETY: the caller's contract.
                unsafe { store_results(returned, caller, values) }
            }
        }
    };
}

into_func!();
for_each_arity!(into_func);
