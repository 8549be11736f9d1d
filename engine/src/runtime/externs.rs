//! Externs and extern references.
use super::*;
use crate::base::*;
use crate::wasm::types::*;
use core::any::Any;

/// What an instance exports or imports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
}

impl Extern {
    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        todo!()
    }
    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        todo!()
    }
    /// The memory, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        todo!()
    }
    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        todo!()
    }
    /// The type, with the current size as the minimum.
    pub fn ty(&self, _store: impl AsContext) -> Result<ExternType> {
        todo!()
    }
}
macro_rules! from { ($($name:ident),*) => {$(
    impl From<$name> for Extern { fn from(item: $name) -> Extern { Extern::$name(item) } }
)*}; }
from!(Func, Table, Memory, Global);

/// A value of the host, held by a store, that WebAssembly can pass around.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExternRef {}

impl ExternRef {
    /// Puts a value into the store, where it stays as long as the store lives.
    pub fn new(_store: impl AsContextMut, _value: impl Any + Send + Sync) -> Result<ExternRef> {
        todo!()
    }
    /// The value.
    pub fn data<'a, T: 'static>(&self, _store: impl Into<StoreContext<'a, T>>) -> Result<&'a (dyn Any + Send + Sync)> {
        todo!()
    }
}
