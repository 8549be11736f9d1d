//! Functions: making them of closures, and calling them.

use super::activation::Activation;
use super::caller::Caller;
use super::closure::IntoFunc;
use super::context::{AsContext, AsContextMut, StoreContextMut};
use super::host::HostDefinition;
use super::typed::TypedFunc;
use super::wasm_ty::{WasmParams, WasmResults};
use crate::error::{Error, ErrorKind, Result};
use crate::store::StoreInner;
use crate::types::FuncType;
use crate::values::{Func, Val};
use alloc::format;
use alloc::sync::Arc;

impl Func {
    /// Makes a host function whose type is known at run time only.
    ///
    /// The closure receives the arguments and a slice of results, each zero or null, which it overwrites. An error that
    /// it returns stops the calling WebAssembly code. The call that entered WebAssembly returns that error unchanged,
    /// with a backtrace. A panic stops the code in the same way and goes on in the embedder.
    ///
    /// # Panics
    /// When the type names a defined type that the store does not have.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        Func::of_definition(store.as_context_mut(), HostDefinition::untyped(ty, call))
    }

    /// Makes a host function of a closure. The closure's type determines the function's type: an optional [`Caller`],
    /// then parameters that are [`WasmTy`](crate::WasmTy), and a result that is [`WasmRet`](crate::WasmRet).
    /// [`Func::new`] describes the effect of errors and panics.
    pub fn wrap<T: 'static, Params, Results>(
        mut store: impl AsContextMut<Data = T>,
        call: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        Func::of_definition(store.as_context_mut(), call.into_definition())
    }

    fn of_definition<T: 'static>(mut store: StoreContextMut<'_, T>, definition: HostDefinition<T>) -> Func {
        let address = Arc::new(definition).add(store.as_context_mut());
        let address = address.expect("the store has every type that is named, and room for another");
        Func::from_address(address, store.0.inner.id())
    }

    /// Returns the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType> {
        self.ty_in(store.as_context().inner()).cloned()
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
        let store = store.as_context_mut().0;
        let ty = self.ty_in(&store.inner)?.clone();
        check_counts(&ty, params.len(), results.len())?;
        let address = self.address(&store.inner)?;
        let mut activation = Activation::new(store)?;
        let mut slots = activation.slots();
        for (value, &ty) in params.iter().zip(ty.params()) {
            slots.put_value(value, ty, "the argument")?;
        }
        activation.run(address)?;
        let mut slots = activation.slots();
        for (result, &ty) in results.iter_mut().zip(ty.results()) {
            *result = slots.take_value(ty);
        }
        Ok(())
    }

    /// Returns the function as one of this type, so that calls need not check the type again.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the function is of another type or belongs to another store.
    pub fn typed<P: WasmParams, R: WasmResults>(&self, store: impl AsContext) -> Result<TypedFunc<P, R>> {
        let ty = self.ty_in(store.as_context().inner())?;
        if ty.params() != P::TYPES || ty.results() != R::TYPES {
            let wanted: FuncType = FuncType::new(P::TYPES.iter().copied(), R::TYPES.iter().copied());
            let message = format!("the function is of type {ty}, not {wanted}");
            return Err(Error::new(ErrorKind::Usage, message));
        }
        Ok(TypedFunc::unchecked(*self))
    }

    fn ty_in(self, store: &StoreInner) -> Result<&FuncType> {
        let address = self.address(store)?;
        Ok(store.types.func(store.functions[address as usize].ty))
    }
}

fn check_counts(ty: &FuncType, params: usize, results: usize) -> Result<()> {
    let counts = [("parameters", ty.params().len(), params), ("results", ty.results().len(), results)];
    for (what, wanted, given) in counts {
        if wanted != given {
            let message = format!("a function of type {ty} has {wanted} {what}, but {given} were given");
            return Err(Error::new(ErrorKind::Usage, message));
        }
    }
    Ok(())
}
