//! Functions of a statically known type.

use super::activation::Activation;
use super::context::AsContextMut;
use super::wasm_ty::{WasmParams, WasmResults};
use crate::error::Result;
use crate::values::Func;
use core::fmt;
use core::marker::PhantomData;

/// A [`Func`] of a statically known type. The type was checked when this was made, so a call does not check it.
pub struct TypedFunc<P, R> {
    func: Func,
    ty: PhantomData<fn(P) -> R>,
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
        let store = store.as_context_mut().0;
        let address = self.func.address(&store.inner)?;
        let mut activation = Activation::new(store)?;
        params.write(&mut activation.slots())?;
        activation.run(address)?;
        Ok(R::read(&mut activation.slots()))
    }

    /// Returns the function without its static type.
    pub fn func(&self) -> Func {
        self.func
    }

    /// Makes a typed function of one that is known to be of this type.
    pub(super) fn unchecked(func: Func) -> TypedFunc<P, R> {
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
