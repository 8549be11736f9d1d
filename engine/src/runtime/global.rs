//! Globals.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
/// A global.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Global {}
impl Global {
    /// A new global.
    pub fn new(_store: impl AsContextMut, _ty: GlobalType, _value: Val) -> Result<Global> {
        todo!()
    }
    /// The type.
    pub fn ty(&self, _store: impl AsContext) -> Result<GlobalType> {
        todo!()
    }
    /// The value.
    pub fn get(&self, _store: impl AsContext) -> Result<Val> {
        todo!()
    }
    /// Sets the value of a mutable global.
    pub fn set(&self, _store: impl AsContextMut, _value: Val) -> Result<()> {
        todo!()
    }
}
