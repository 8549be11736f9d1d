//! Instances.
use super::*;
use crate::base::*;
/// An instance of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instance {}
impl Instance {
    /// Instantiates a module with these imports, in the module's order.
    pub fn new(_store: impl AsContextMut, _module: &Module, _imports: &[Extern]) -> Result<Instance> {
        todo!()
    }
    /// An export; `None` if there is none of this name.
    pub fn get_export(&self, _store: impl AsContextMut, _name: &str) -> Result<Option<Extern>> {
        todo!()
    }
    /// The exported function of this name.
    pub fn get_func(&self, _store: impl AsContextMut, _name: &str) -> Result<Func> {
        todo!()
    }
    /// The exported function of this name and type.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        _store: impl AsContextMut,
        _name: &str,
    ) -> Result<TypedFunc<P, R>> {
        todo!()
    }
    /// The exported memory of this name.
    pub fn get_memory(&self, _store: impl AsContextMut, _name: &str) -> Result<Memory> {
        todo!()
    }
    /// The exported table of this name.
    pub fn get_table(&self, _store: impl AsContextMut, _name: &str) -> Result<Table> {
        todo!()
    }
    /// The exported global of this name.
    pub fn get_global(&self, _store: impl AsContextMut, _name: &str) -> Result<Global> {
        todo!()
    }
    /// All exports, in the module's order.
    pub fn exports(&self, _store: impl AsContextMut) -> Result<Vec<(String, Extern)>> {
        todo!()
    }
    /// The module.
    pub fn module(&self, _store: impl AsContext) -> Result<Module> {
        todo!()
    }
}
