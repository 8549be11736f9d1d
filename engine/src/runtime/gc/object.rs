//! Access to objects by their types, for the host.

use crate::abi::ValRaw;
use crate::abi::heap::{FIRST_SPECIAL, Storage};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::Val;
use crate::runtime::store::StoreOpaque;
use crate::wasm::composite::{CompositeType, FieldType, StorageType};
use crate::wasm::types::{ConcreteType, HeapType};

impl StoreOpaque {
    /// Returns the most specific type of the value of a reference.
    pub(crate) fn heap_type_of(&self, reference: u32) -> HeapType {
        if reference & 1 == 1 {
            return HeapType::I31;
        }
        // SAFETY: a rooted reference that is no i31 is an object's.
        match unsafe { self.header(reference) } {
            // SAFETY: the type of an object of this store.
            (id, _) if id < FIRST_SPECIAL => HeapType::Exact(unsafe { self.type_info(id) }.name),
            _ => HeapType::Any,
        }
    }

    /// Returns the composite type of a struct or array.
    pub(super) fn composite_of(&self, object: u32) -> CompositeType {
        // SAFETY: the reference is a struct's or an array's, of this store.
        let info = unsafe { self.type_info(self.header(object).0) };
        info.ty.composite.clone()
    }

    /// Reads the field or element at `offset`.
    ///
    /// # Safety
    /// The object, which is of this store, has a field of this type there.
    pub(in crate::runtime) unsafe fn read_field(&mut self, object: u32, offset: u32, storage_type: StorageType) -> Val {
        let storage = Storage::from(storage_type);
        let mut bytes = ValRaw::ZERO;
        // SAFETY: the caller's contract; a field has at most 16 bytes.
        unsafe {
            core::ptr::copy_nonoverlapping(self.field(object, offset), bytes.0.as_mut_ptr(), storage.size() as usize);
            Val::from_raw(bytes, storage_type.unpacked(), self)
        }
    }

    /// Writes the field or element at `offset`, after a check of its mutability and type. `what` names it in errors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the field is immutable, or the value is not of its type or of another store.
    pub(super) fn write_mutable(
        &mut self,
        object: u32,
        offset: u32,
        field: FieldType,
        value: Val,
        what: &str,
    ) -> Result<()> {
        if !field.mutable {
            return Err(Error::new(ErrorKind::Usage, format!("{what} is immutable")));
        }
        let value = value.to_raw(self, field.storage.unpacked(), what)?;
        self.write_field(object, offset, field.storage.into(), value);
        Ok(())
    }
}

/// Returns the composite type of a type that the embedder names. The store holds it from then on.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the engine does not have the type.
pub(super) fn composite(store: &mut StoreOpaque, ty: ConcreteType) -> Result<CompositeType> {
    store.hold(HeapType::Concrete(ty))?;
    // SAFETY: the store holds it now.
    let info = unsafe { store.type_info(ty.index) };
    Ok(info.ty.composite.clone())
}

/// The error of a type that is not the type of a `what`.
pub(super) fn not_a(what: &str, ty: ConcreteType) -> Error {
    Error::new(ErrorKind::Usage, format!("{} is not the type of a {what}", HeapType::Concrete(ty)))
}
