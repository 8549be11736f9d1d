//! Linkers.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
use core::marker::PhantomData;
/// Names that modules can import.
pub struct Linker<T: 'static> {
    data: PhantomData<fn(T)>,
}
impl<T: 'static> Linker<T> {
    /// A linker that knows no name.
    pub fn new(_engine: &Engine) -> Linker<T> {
        todo!()
    }
    /// Whether a name may be defined again; off unless told.
    pub fn allow_shadowing(&mut self, _allow: bool) -> &mut Self {
        todo!()
    }
    /// Defines a name.
    pub fn define(
        &mut self,
        _store: impl AsContext<Data = T>,
        _module: &str,
        _name: &str,
        _item: impl Into<Extern>,
    ) -> Result<&mut Self> {
        todo!()
    }
    /// Defines a host function.
    pub fn func_new(
        &mut self,
        _module: &str,
        _name: &str,
        _ty: FuncType,
        _call: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<()> + Send + Sync + 'static,
    ) -> Result<&mut Self> {
        todo!()
    }
    /// Defines a host function.
    pub fn func_wrap<Params, Results>(
        &mut self,
        _module: &str,
        _name: &str,
        _call: impl IntoFunc<T, Params, Results>,
    ) -> Result<&mut Self> {
        todo!()
    }
    /// Defines all exports of an instance under a module name.
    pub fn instance(
        &mut self,
        _store: impl AsContextMut<Data = T>,
        _module: &str,
        _instance: Instance,
    ) -> Result<&mut Self> {
        todo!()
    }
    /// Instantiates a module and defines its exports under a module name.
    pub fn module(&mut self, _store: impl AsContextMut<Data = T>, _name: &str, _module: &Module) -> Result<&mut Self> {
        todo!()
    }
    /// What a name stands for.
    pub fn get(&self, _store: impl AsContextMut<Data = T>, _module: &str, _name: &str) -> Option<Extern> {
        todo!()
    }
    /// Instantiates a module with imports by name.
    pub fn instantiate(&self, _store: impl AsContextMut<Data = T>, _module: &Module) -> Result<Instance> {
        todo!()
    }
}
