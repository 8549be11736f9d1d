//! Functions of a statically known type.

use super::{Func, WasmParams, WasmResults};
use crate::base::Result;
use crate::runtime::AsContextMut;
use core::fmt;
use core::marker::PhantomData;

/// A [`Func`] of a statically known type. The type was checked when this was made, so a call does not check it.
pub struct TypedFunc<P, R> {
    func: Func,
    ty: PhantomData<fn(P) -> R>,
}

/// The array of a call: the arguments before the call, the results after it.
#[derive(Clone, Copy)]
#[repr(C)]
union CallValues<P: Copy, R: Copy> {
    params: P,
    results: R,
}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage), before anything runs, if a value or the function belongs to another
    /// store; [`Trap`](crate::ErrorKind::Trap) with a backtrace if the code traps;
    /// [`Exception`](crate::ErrorKind::Exception) if nothing catches an exception; the error of a host function.
    ///
    /// # Panics
    /// When a host function panics.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.func.store(), "function")?;
        // The entry trampoline reads the arguments from this array and writes the results over them, so the array is as
        // long as the longer of both.
        let mut values = CallValues::<P::Slots, R::Slots> { params: params.into_slots(&store)? };
        // SAFETY: the function is of this type and store, and so are the arguments; a slot is laid out as a `ValRaw`.
        // The call has written the results when it returns without an error.
        unsafe {
            self.func.call_raw(&mut store, (&raw mut values).cast())?;
            Ok(R::from_slots(values.results, &mut store))
        }
    }

    /// Returns the function without its static type.
    pub fn func(&self) -> Func {
        self.func
    }

    /// Makes a typed function of one that is known to be of this type.
    pub(crate) fn unchecked(func: Func) -> TypedFunc<P, R> {
        TypedFunc { func, ty: PhantomData }
    }
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> TypedFunc<P, R> {
        *self
    }
}

impl<P, R> Copy for TypedFunc<P, R> {}

impl<P, R> fmt::Debug for TypedFunc<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedFunc").field(&self.func).finish()
    }
}
