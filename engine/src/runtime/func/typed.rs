//! Functions whose type was checked once.

use super::{Func, WasmParams, WasmResults};
use crate::base::Result;
use crate::runtime::AsContextMut;
use core::fmt;
use core::marker::PhantomData;

/// A [`Func`] whose type was checked once, so that a call converts and checks nothing that it need not.
pub struct TypedFunc<P, R> {
    func: Func,
    ty: PhantomData<fn(P) -> R>,
}

/// The one array of a call: arguments, then results.
#[derive(Clone, Copy)]
#[repr(C)]
union Values<P: Copy, R: Copy> {
    params: P,
    results: R,
}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// Calls the function.
    ///
    /// # Errors
    /// As [`Func::call`].
    ///
    /// # Panics
    /// When a host function panics.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R> {
        let mut store = store.as_context_mut().into_opaque();
        store.check(self.func.store(), "function")?;
        let mut values = Values::<P::Slots, R::Slots> { params: params.into_slots(&store)? };
        // SAFETY: the function is of this type and store, and so are the arguments; a slot is laid out as a `ValRaw`. The
        // call has written the results when it returns without an error.
        unsafe {
            self.func.call_raw(&mut store, (&raw mut values).cast())?;
            Ok(R::from_slots(values.results, &mut store))
        }
    }

    /// The function, untyped.
    pub fn func(&self) -> Func {
        self.func
    }

    /// A function that is of this type.
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
