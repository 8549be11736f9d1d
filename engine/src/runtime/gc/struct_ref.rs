//! Handles of the host to structs.

use super::allocate::allocate;
use super::object::{composite, not_a};
use super::roots::handle;
use crate::abi::ValRaw;
use crate::abi::heap::{DESCRIPTOR, Storage, StructLayout};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::Val;
use crate::runtime::store::{AsContextMut, OpaqueMut, StoreOpaque};
use crate::wasm::composite::{CompositeType, FieldType, StructType};
use crate::wasm::types::{ConcreteType, HeapType};

handle! {
    /// A handle to a struct. Never null.
    ///
    /// A handle is valid until the end of the host function, or of the [`RootScope`](crate::RootScope), in which it was
    /// made; [`to_owned_rooted`](StructRef::to_owned_rooted) makes a reference that lives longer. `==` compares
    /// handles; [`ref_eq`](StructRef::ref_eq) compares the objects.
    StructRef
}

impl StructRef {
    /// Makes a struct of a type of the store's engine.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the engine does not have the type, it is not the type of a struct, its
    /// structs have descriptors, or the fields do not match it; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap
    /// is full; the limiter's error.
    pub fn new(mut store: impl AsContextMut, ty: ConcreteType, fields: &[Val]) -> Result<StructRef> {
        StructRef::make(&mut store.as_context_mut().into_opaque(), ty, fields, None)
    }

    /// Makes a struct with a descriptor, as `struct.new_desc` does.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the engine does not have the type, it is not the type of a struct, its
    /// structs have no descriptors, the descriptor is not of exactly the type that describes them, or the fields do not
    /// match it; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full; the limiter's error.
    pub fn new_desc(
        mut store: impl AsContextMut,
        ty: ConcreteType,
        fields: &[Val],
        descriptor: StructRef,
    ) -> Result<StructRef> {
        StructRef::make(&mut store.as_context_mut().into_opaque(), ty, fields, Some(descriptor))
    }

    /// Makes a struct, with a descriptor if one is given.
    fn make(
        store: &mut OpaqueMut<'_>,
        ty: ConcreteType,
        fields: &[Val],
        descriptor: Option<StructRef>,
    ) -> Result<StructRef> {
        let CompositeType::Struct(struct_type) = composite(store, ty)? else { return Err(not_a("struct", ty)) };
        check_descriptor(store, ty, &struct_type, descriptor)?;
        if fields.len() != struct_type.fields.len() {
            let message =
                format!("the struct has {} fields, but {} were given", struct_type.fields.len(), fields.len());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let layout = StructLayout::from(&struct_type);
        for (field, value) in struct_type.fields.iter().zip(fields) {
            value.to_raw(store, field.storage.unpacked(), "the field")?;
        }
        let object = allocate(store, ty.index, 0, layout.size.into())?;
        // The check before the allocation discards the raw values, and they are taken again here: the allocation may
        // have moved the objects to which they refer.
        if let Some(descriptor) = descriptor {
            let reference = ValRaw::from_bits(store.rooted(descriptor.0)?.into());
            store.write_field(object, DESCRIPTOR, Storage::Reference, reference);
        }
        for ((field, &offset), value) in struct_type.fields.iter().zip(&layout.offsets).zip(fields) {
            let value = value.to_raw(store, field.storage.unpacked(), "the field")?;
            store.write_field(object, offset, field.storage.into(), value);
        }
        Ok(StructRef(store.root(object)))
    }

    /// Returns the descriptor of the struct, as `ref.get_desc` does; `None` if structs of its type have no descriptors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn descriptor(&self, mut store: impl AsContextMut) -> Result<Option<StructRef>> {
        let mut store = store.as_context_mut().into_opaque();
        let object = store.rooted(self.0)?;
        if store.composite_of(object).clauses().1.is_none() {
            return Ok(None);
        }
        // SAFETY: the reference is a struct's.
        let (_, descriptor) = unsafe { store.header(object) };
        Ok(Some(StructRef(store.root(descriptor))))
    }

    /// Returns all fields. Packed fields are zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        let mut store = store.as_context_mut().into_opaque();
        let object = store.rooted(self.0)?;
        let CompositeType::Struct(ty) = store.composite_of(object) else { unreachable!("checked when it was made") };
        let fields = ty.fields.iter().zip(StructLayout::from(&ty).offsets);
        // SAFETY: each field holds a value of its type, of this store. Nothing is allocated meanwhile.
        Ok(fields.map(|(field, offset)| unsafe { store.read_field(object, offset, field.storage) }).collect())
    }

    /// Returns a field. A packed field is zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such field, the handle belongs to another store, or its scope
    /// has ended.
    pub fn field(&self, mut store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, field, offset) = self.locate(&store, index)?;
        // SAFETY: the field holds a value of its type, of this store.
        Ok(unsafe { store.read_field(object, offset, field.storage) })
    }

    /// Sets a mutable field. A packed field takes the low bits of the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such field, it is immutable, the value is not of its type, the
    /// handle belongs to another store, or its scope has ended.
    pub fn set_field(&self, mut store: impl AsContextMut, index: usize, value: Val) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, field, offset) = self.locate(&store, index)?;
        store.write_mutable(object, offset, field, value, "the field")
    }

    /// Returns the object, the type of a field, and the field's offset.
    fn locate(&self, store: &OpaqueMut<'_>, index: usize) -> Result<(u32, FieldType, u32)> {
        let object = store.rooted(self.0)?;
        let CompositeType::Struct(ty) = store.composite_of(object) else { unreachable!("checked when it was made") };
        match ty.fields.get(index) {
            Some(&field) => Ok((object, field, StructLayout::from(&ty).offsets[index])),
            None => {
                let message = format!("the struct has {} fields, and none of index {index}", ty.fields.len());
                Err(Error::new(ErrorKind::Usage, message))
            }
        }
    }
}

/// Checks that a descriptor is given if and only if structs of the type have one, and that it is of exactly the type
/// that describes them.
fn check_descriptor(
    store: &StoreOpaque,
    ty: ConcreteType,
    struct_type: &StructType,
    descriptor: Option<StructRef>,
) -> Result<()> {
    let given = match descriptor {
        Some(descriptor) => Some(store.heap_type_of(store.rooted(descriptor.0)?)),
        None => None,
    };
    let wanted = struct_type.descriptor.map(HeapType::Exact);
    if given == wanted {
        return Ok(());
    }
    let named = |ty: Option<HeapType>| ty.map_or_else(|| "no descriptor".to_owned(), |ty| format!("a descriptor {ty}"));
    let heap = HeapType::Concrete(ty);
    let message = format!("a struct of type {heap} needs {}, but {} was given", named(wanted), named(given));
    Err(Error::new(ErrorKind::Usage, message))
}
