//! Globals of a store. Each is a value in 16 bytes that compiled code reads and writes.

use super::fixed::Fixed;
use super::store::{StoreId, StoreOpaque};
use super::{AsContext, AsContextMut, Val};
use crate::abi::ValRaw;
use crate::abi::heap::Storage;
use crate::abi::vmctx::GlobalDef;
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::{GlobalType, ValType};
use core::ptr::NonNull;

/// A global of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Global {
    store: StoreId,
    index: u32,
}

/// A global in its store.
pub(crate) struct GlobalEntry {
    /// The value, which is in the context of the instance that defines the global, or in `_own`.
    def: NonNull<GlobalDef>,
    /// The value of a global that the host made.
    _own: Option<Fixed<GlobalDef>>,
    pub(crate) ty: GlobalType,
}

// SAFETY: the definition lives in the entry or in an instance of the same store, and moves between threads with them.
unsafe impl Send for GlobalEntry {}
// SAFETY: `&GlobalEntry` allows reading only; writes by compiled code need an exclusive borrow of the store.
unsafe impl Sync for GlobalEntry {}

impl Global {
    /// Makes a global.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the value is not of the type's content or belongs to another store, or the
    /// type names a defined type that the engine does not have.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Global> {
        let mut store = store.as_context_mut().into_opaque();
        if let ValType::Ref(content) = ty.content {
            store.hold(content.heap)?;
        }
        let value = value.to_raw(&store, ty.content, "the global's value")?;
        let own = Fixed::new(GlobalDef(value.0));
        let entry = GlobalEntry { def: own.as_ptr(), _own: Some(own), ty };
        Ok(Global::add(&mut store, entry))
    }

    /// Returns the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<GlobalType> {
        Ok(self.entry(store.as_context().opaque())?.ty)
    }

    /// Returns the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        let (value, ty) = (entry.get(), entry.ty.content);
        // SAFETY: a global of this store holds a value of its type that belongs to the store.
        Ok(unsafe { Val::from_raw(value, ty, &mut store) })
    }

    /// Sets the value of a mutable global.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the global is immutable, the value is not of its type, or the value or the
    /// global belongs to another store.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<()> {
        let store = store.as_context_mut().into_opaque();
        let entry = self.entry(&store)?;
        if !entry.ty.mutable {
            return Err(Error::new(ErrorKind::Usage, "this global is immutable"));
        }
        entry.set(value.to_raw(&store, entry.ty.content, "the global's value")?);
        Ok(())
    }

    /// Returns the entry, after a check that the global belongs to the store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if it belongs to another store.
    pub(crate) fn entry<'a>(&self, store: &'a StoreOpaque) -> Result<&'a GlobalEntry> {
        store.check(self.store, "global")?;
        Ok(&store.globals[self.index as usize])
    }

    /// Returns the index of the global in its store.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Makes a handle to the global at an index of a store.
    pub(crate) fn from_index(index: u32, store: StoreId) -> Global {
        Global { store, index }
    }

    /// Adds a global to the store.
    pub(crate) fn add(store: &mut StoreOpaque, entry: GlobalEntry) -> Global {
        let index = u32::try_from(store.globals.len()).expect("memory ends long before 2^32 globals");
        store.globals.push(entry);
        Global { store: store.id(), index }
    }
}

impl GlobalEntry {
    /// Makes the entry of a global that an instance defines. `def` is in the instance's context.
    pub(crate) fn defined(def: NonNull<GlobalDef>, ty: GlobalType) -> GlobalEntry {
        GlobalEntry { def, _own: None, ty }
    }

    /// Returns the address of the definition that compiled code uses.
    pub(crate) fn def(&self) -> NonNull<GlobalDef> {
        self.def
    }

    /// Returns the value.
    pub(crate) fn get(&self) -> ValRaw {
        // SAFETY: the definition lives as long as the store, and nobody writes it while the store is borrowed.
        ValRaw(unsafe { (*self.def.as_ptr()).0 })
    }

    /// Visits the value if it is a reference that the collector follows.
    pub(crate) fn trace(&self, visit: &mut impl FnMut(&mut u32)) {
        if Storage::from(self.ty.content).is_traced() {
            let mut reference = self.get().low32();
            visit(&mut reference);
            self.set(ValRaw::from_bits(reference.into()));
        }
    }

    /// Sets the value, which is of the global's type and store.
    pub(crate) fn set(&self, value: ValRaw) {
        // SAFETY: the definition lives as long as the store; callers hold an exclusive borrow of it.
        unsafe { (*self.def.as_ptr()).0 = value.0 };
    }
}
