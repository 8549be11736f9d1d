//! Host functions, independent of stores.

use super::caller::Caller;
use super::context::{AsContextMut, StoreContextMut};
use super::wasm_ty::{Slots, ValueList, WasmRet};
use crate::error::Result;
use crate::store::{Function, FunctionKind};
use crate::types::{FuncType, ValType};
use crate::values::Val;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The code of a host function. The arguments are in slots of the stack from the given one on, and the results go
/// there.
type HostCode<T> = dyn Fn(Caller<'_, T>, usize) -> Result<()> + Send + Sync;

/// A host function.
pub struct HostDefinition<T: 'static> {
    ty: FuncType,
    code: Box<HostCode<T>>,
}

impl<T: 'static> HostDefinition<T> {
    /// Makes a function of a closure that takes and returns values.
    pub(super) fn untyped(
        ty: FuncType,
        call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> HostDefinition<T> {
        let signature = ty.clone();
        let code = move |mut caller: Caller<'_, T>, base: usize| {
            let arguments = take_values(&mut slots(&mut caller, base), signature.params());
            let inner = &caller.store().0.inner;
            let results = signature.results().iter().map(|&ty| Val::default_in(ty, inner));
            let mut results: Vec<Val> = results.collect();
            call(caller.reborrow(), &arguments, &mut results)?;
            let mut slots = slots(&mut caller, base);
            for (value, &ty) in results.iter().zip(signature.results()) {
                slots.put_value(value, ty, "a result of the host function")?;
            }
            Ok(())
        };
        HostDefinition { ty, code: Box::new(code) }
    }

    /// Makes a function of a closure that takes and returns values of Rust's types.
    pub(super) fn typed<P: ValueList, R: WasmRet>(
        call: impl Fn(Caller<'_, T>, P) -> R + Send + Sync + 'static,
    ) -> HostDefinition<T> {
        let ty = FuncType::new(P::TYPES.iter().copied(), R::Values::TYPES.iter().copied());
        let code = move |mut caller: Caller<'_, T>, base: usize| {
            let arguments = P::read(&mut slots(&mut caller, base));
            let results = call(caller.reborrow(), arguments).into_result()?;
            results.write(&mut slots(&mut caller, base))
        };
        HostDefinition { ty, code: Box::new(code) }
    }

    /// Calls the function with the arguments that begin at a slot of the stack, where it leaves the results.
    pub(super) fn call(&self, caller: Caller<'_, T>, base: usize) -> Result<()> {
        (self.code)(caller, base)
    }

    /// Returns the number of slots that the arguments or the results take.
    pub(super) fn slots(&self) -> usize {
        self.ty.param_slots().max(self.ty.result_slots())
    }

    /// Adds the function to a store. Returns its address.
    ///
    /// # Errors
    /// Kind [`Usage`](crate::ErrorKind::Usage) if the type names a type that the store does not have.
    pub(super) fn add(self: Arc<HostDefinition<T>>, store: StoreContextMut<'_, T>) -> Result<u32> {
        let StoreContextMut(store) = store;
        let inner = &mut store.inner;
        let ty = inner.types.intern_func(&self.ty)?;
        inner.heap.learn_types(&inner.types);
        let kind = FunctionKind::Host(store.hosts.len() as u32);
        store.hosts.push(self);
        Ok(inner.add_function(Function { ty, instance: u32::MAX, kind, code: None }))
    }

    /// Adds the function of a linker to a store, unless the store already has it. Returns its address.
    ///
    /// # Errors
    /// Those of [`add`](HostDefinition::add).
    pub(super) fn add_once(self: &Arc<HostDefinition<T>>, store: StoreContextMut<'_, T>) -> Result<u32> {
        // The store holds the definition, so no other one gets the same address while the store lives.
        let key = Arc::as_ptr(self).addr();
        if let Some(&address) = store.0.linked.get(&key) {
            return Ok(address);
        }
        let address = self.clone().add(StoreContextMut(&mut *store.0))?;
        store.0.linked.insert(key, address);
        Ok(address)
    }
}

fn slots<'a, T: 'static>(caller: &'a mut Caller<'_, T>, base: usize) -> Slots<'a> {
    Slots::new(caller.as_context_mut().into_inner(), base)
}

/// Takes values of these types.
pub(super) fn take_values(slots: &mut Slots<'_>, types: &[ValType]) -> Vec<Val> {
    types.iter().map(|&ty| slots.take_value(ty)).collect()
}
