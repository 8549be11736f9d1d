//! Functions.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
use core::marker::PhantomData;
/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Func {}
impl Func {
    /// A host function of a type that is known at run time only. The closure reads its arguments and writes all its
    /// results.
    pub fn new<T: 'static>(
        _store: impl AsContextMut<Data = T>,
        _ty: FuncType,
        _call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Func {
        todo!()
    }
    /// A host function from a closure; its type follows from the closure's.
    pub fn wrap<T: 'static, Params, Results>(
        _store: impl AsContextMut<Data = T>,
        _call: impl IntoFunc<T, Params, Results>,
    ) -> Func {
        todo!()
    }
    /// The type.
    pub fn ty(&self, _store: impl AsContext) -> Result<FuncType> {
        todo!()
    }
    /// Calls the function.
    pub fn call(&self, _store: impl AsContextMut, _params: &[Val], _results: &mut [Val]) -> Result<()> {
        todo!()
    }
    /// The function with its type checked once.
    pub fn typed<P: WasmParams, R: WasmResults>(&self, _store: impl AsContext) -> Result<TypedFunc<P, R>> {
        todo!()
    }
}

/// What a host function sees of its caller.
pub struct Caller<'a, T: 'static> {
    store: PhantomData<&'a mut T>,
}
impl<T: 'static> Caller<'_, T> {
    /// The store's data.
    pub fn data(&self) -> &T {
        todo!()
    }
    /// The store's data.
    pub fn data_mut(&mut self) -> &mut T {
        todo!()
    }
    /// The engine.
    pub fn engine(&self) -> &Engine {
        todo!()
    }
    /// An export of the calling instance; `None` if it has none of this name, or the host called.
    pub fn get_export(&mut self, _name: &str) -> Option<Extern> {
        todo!()
    }
    /// The fuel that is left.
    pub fn fuel(&self) -> Result<u64> {
        todo!()
    }
    /// Sets the fuel that is left.
    pub fn set_fuel(&mut self, _fuel: u64) -> Result<()> {
        todo!()
    }
}

/// A closure that can be a host function.
pub trait IntoFunc<T: 'static, Params, Results>: Send + Sync + 'static {
    /// The function type.
    #[doc(hidden)]
    fn func_type(&self) -> FuncType;
}
macro_rules! into_func {
    ($($name:ident)*) => {
        impl<T: 'static, F, R, $($name: WasmTy,)*> IntoFunc<T, ($($name,)*), R> for F
        where F: Fn($($name),*) -> R + Send + Sync + 'static, R: WasmRet {
            fn func_type(&self) -> FuncType { todo!() }
        }
        impl<T: 'static, F, R, $($name: WasmTy,)*> IntoFunc<T, (Caller<'_, T>, $($name,)*), R> for F
        where F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static, R: WasmRet {
            fn func_type(&self) -> FuncType { todo!() }
        }
    };
}
into_func!();
into_func!(A1);
into_func!(A1 A2);
into_func!(A1 A2 A3);
into_func!(A1 A2 A3 A4);
into_func!(A1 A2 A3 A4 A5);
into_func!(A1 A2 A3 A4 A5 A6);
into_func!(A1 A2 A3 A4 A5 A6 A7);
into_func!(A1 A2 A3 A4 A5 A6 A7 A8);
