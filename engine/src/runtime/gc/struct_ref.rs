//! Structs in the host's hands.

use super::AnyRef;
use super::allocate::allocate;
use super::object::{composite, not_a};
use super::roots::{Rooted, handle};
use crate::abi::ValRaw;
use crate::abi::heap::{DESCRIPTOR, Storage, StructLayout};
use crate::base::{Error, ErrorKind, Result};
use crate::runtime::Val;
use crate::runtime::store::{AsContextMut, OpaqueMut, StoreOpaque};
use crate::wasm::composite::{CompositeType, FieldType, StructType};
use crate::wasm::types::{ConcreteType, HeapType};

handle! {
    /// A reference to a struct. Never null.
    StructRef
}

impl From<StructRef> for AnyRef {
    fn from(object: StructRef) -> AnyRef {
        AnyRef::from_root(object.0)
    }
}

impl StructRef {
    /// A new struct of a type that a module in the store, or its imports, name.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type is not one of structs that the store knows, its structs have
    /// descriptors, or the fields do not fit; [`Trap::OutOfHeap`] if the heap is full, or what the limiter says.
    pub fn new(mut store: impl AsContextMut, ty: ConcreteType, fields: &[Val]) -> Result<StructRef> {
        StructRef::make(&mut store.as_context_mut().into_opaque(), ty, fields, None)
    }

    /// A new struct with this descriptor, as `struct.new_desc` makes it.
    ///
    /// # Errors
    /// As [`StructRef::new`]; kind [`Usage`](ErrorKind::Usage) also if the type's structs have no descriptors, or this one
    /// is not of exactly the type that describes them.
    pub fn new_desc(
        mut store: impl AsContextMut,
        ty: ConcreteType,
        fields: &[Val],
        descriptor: StructRef,
    ) -> Result<StructRef> {
        StructRef::make(&mut store.as_context_mut().into_opaque(), ty, fields, Some(descriptor))
    }

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
        let check = |(&field, value): (&FieldType, &Val)| value.to_raw(store, field.storage.unpacked(), "the field");
        struct_type.fields.iter().zip(fields).try_for_each(|field| check(field).map(drop))?;
        let object = allocate(store, ty.index, 0, layout.size.into())?;
        // The values are read again: the allocation may have moved what they refer to.
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

    /// What describes the struct, as `ref.get_desc` reads it; `None` if structs of its type have no descriptors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
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

    /// All fields; packed ones are zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        let mut store = store.as_context_mut().into_opaque();
        let object = store.rooted(self.0)?;
        let CompositeType::Struct(ty) = store.composite_of(object) else { unreachable!("checked when it was made") };
        let fields = ty.fields.iter().zip(StructLayout::from(&ty).offsets);
        // SAFETY: each field holds a value of its type, of this store. Nothing is allocated meanwhile.
        Ok(fields.map(|(field, offset)| unsafe { store.read_field(object, offset, field.storage) }).collect())
    }

    /// A field; a packed one is zero-extended.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) also if there is no such field.
    pub fn field(&self, mut store: impl AsContextMut, index: usize) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, field, offset) = self.place(&store, index)?;
        // SAFETY: the field holds a value of its type, of this store.
        Ok(unsafe { store.read_field(object, offset, field.storage) })
    }

    /// Sets a mutable field; of a value for a packed one, the low bits count.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) also if the field is immutable, or the value is not of its type.
    pub fn set_field(&self, mut store: impl AsContextMut, index: usize, value: Val) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, field, offset) = self.place(&store, index)?;
        store.write_mutable(object, offset, field, value, "the field")
    }

    fn place(&self, store: &OpaqueMut<'_>, index: usize) -> Result<(u32, FieldType, u32)> {
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

/// Structs of the type are made with a descriptor of exactly the type that describes them, or with none.
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
    let message = format!("structs of type {heap} are made with {}, but with {} this was", named(wanted), named(given));
    Err(Error::new(ErrorKind::Usage, message))
}
