//! Globals ([Global instances](https://webassembly.github.io/spec/core/exec/runtime.html#global-instances)).

use super::context::{AsContext, AsContextMut};
use super::item::item;
use crate::error::{Error, ErrorKind, Result};
use crate::store::GlobalInstance;
use crate::types::GlobalType;
use crate::values::Val;

item! {
    /// A global of a store.
    Global, "global", globals: GlobalInstance
}

impl Global {
    /// Makes a global.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value is not of the type's content or belongs to another store, or the
    /// type names a defined type that the store does not have.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Global> {
        let inner = store.as_context_mut().into_inner();
        ty.content.defined().map_or(Ok(()), |name| inner.types.check(name))?;
        let bits = value.to_bits(inner, ty.content, "the global's value")?.0;
        let address = inner.globals.len() as u32;
        inner.globals.push(GlobalInstance::new(ty, [bits as u64, (bits >> 64) as u64]));
        Ok(Global::from_address(address, inner.id()))
    }

    /// Returns the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<GlobalType> {
        Ok(self.entry(store.as_context().inner())?.ty())
    }

    /// Returns the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut) -> Result<Val> {
        let inner = store.as_context_mut().into_inner();
        let global = self.entry(inner)?;
        let (ty, slots) = (global.ty().content, global.slots());
        Ok(Val::take(ty, &mut &slots[..], inner))
    }

    /// Sets the value of a mutable global.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global is immutable, the value is not of its type, or the value or the
    /// global belongs to another store.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<()> {
        let inner = store.as_context_mut().into_inner();
        let ty = self.entry(inner)?.ty();
        if !ty.mutable {
            return Err(Error::new(ErrorKind::Usage, "the global is immutable"));
        }
        let bits = value.to_bits(inner, ty.content, "the global's value")?.0;
        inner.globals[self.address() as usize].set_slots([bits as u64, (bits >> 64) as u64]);
        Ok(())
    }
}
