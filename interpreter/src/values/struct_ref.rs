//! Handles to structs.

use super::handle::handle;
use super::referents::Referents;
use super::val::{Val, to_slots};
use crate::error::{Error, ErrorKind, Result};
use crate::types::{CompositeType, FieldType, TypeId};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

handle! {
    /// A handle to a struct. Never null.
    ///
    /// It keeps its object alive. `==` compares identities, as `ref.eq` does.
    StructRef
}

impl StructRef {
    /// Makes a struct of a type of the store, with a descriptor if the type's structs have one.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the store does not have the type, it is not the type of a struct, the fields
    /// do not match it, a descriptor is given or missing against the type, or it is not of exactly the type that
    /// describes these structs; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub(crate) fn new_in(
        store: &mut impl Referents,
        ty: TypeId,
        fields: &[Val],
        descriptor: Option<&StructRef>,
    ) -> Result<StructRef> {
        store.types().check(ty)?;
        let CompositeType::Struct(struct_type) = &store.types().get(ty).composite else {
            return Err(not_a(store, "a struct", ty));
        };
        if fields.len() != struct_type.fields.len() {
            let message =
                format!("the struct has {} fields, but {} were given", struct_type.fields.len(), fields.len());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let descriptor = check_descriptor(store, ty, descriptor)?;
        let types = struct_type.fields.iter().map(|field| field.storage.unpacked());
        let slots = to_slots(store, fields.iter().zip(types), "the field")?;
        let reference = store.allocate(|heap| heap.new_struct(ty, descriptor, &slots))?;
        Ok(StructRef::from_raw(reference, store).expect("a new object is not null"))
    }

    /// Returns the descriptor of the struct, as `ref.get_desc` does; `None` if structs of its type have no descriptors.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn descriptor_in(&self, store: &mut impl Referents) -> Result<Option<StructRef>> {
        let descriptor = store.heap().descriptor(self.object(store)?);
        Ok(StructRef::from_raw(descriptor, store))
    }

    /// Returns all fields. Packed fields are zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub(crate) fn fields_in(&self, store: &mut impl Referents) -> Result<Vec<Val>> {
        let count = store.types().structure(self.ty(store)?).fields.len();
        (0..count).map(|index| self.field_in(store, index)).collect()
    }

    /// Returns a field. A packed field is zero-extended.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such field, or the handle belongs to another store.
    pub(crate) fn field_in(&self, store: &mut impl Referents, index: usize) -> Result<Val> {
        let (object, field, slot) = self.locate(store, index)?;
        let ty = field.storage.unpacked();
        let slots: Vec<u64> = (0..ty.slots() as u32).map(|part| store.heap().field(object, slot + part)).collect();
        Ok(Val::take(ty, &mut &slots[..], store))
    }

    /// Sets a mutable field. A packed field takes the low bits of the value.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if there is no such field, it is immutable, the value is not of its type, or a
    /// handle belongs to another store.
    pub(crate) fn set_field_in(&self, store: &mut impl Referents, index: usize, value: &Val) -> Result<()> {
        let (object, field, slot) = self.locate(store, index)?;
        check_mutable(field, "the field")?;
        let slots = to_slots(store, [(value, field.storage.unpacked())], "the field")?;
        let mask = crate::gc::Storage::of(field.storage, |_| false).mask();
        for (part, bits) in (0..).zip(slots) {
            store.heap_mut().set_field(object, slot + part, bits & mask);
        }
        Ok(())
    }

    /// Returns the type.
    fn ty(&self, store: &impl Referents) -> Result<TypeId> {
        Ok(store.heap().type_of(self.object(store)?).expect("the handle is a struct's"))
    }

    /// Returns the object, the type of a field, and the field's first slot.
    fn locate(&self, store: &impl Referents, index: usize) -> Result<(u32, FieldType, u32)> {
        let (object, ty) = (self.object(store)?, self.ty(store)?);
        let fields = &store.types().structure(ty).fields;
        match fields.get(index) {
            Some(&field) => Ok((object, field, store.heap().struct_layout(ty).fields[index].0)),
            None => {
                let message = format!("the struct has {} fields, and none of index {index}", fields.len());
                Err(Error::new(ErrorKind::Usage, message))
            }
        }
    }
}

/// Checks that a descriptor is given if and only if structs of the type have one, and that it is of exactly the type
/// that describes them. Returns its object, or 0.
fn check_descriptor(store: &impl Referents, ty: TypeId, descriptor: Option<&StructRef>) -> Result<u32> {
    let given = match descriptor {
        Some(descriptor) => Some(descriptor.ty(store)?),
        None => None,
    };
    let wanted = store.types().get(ty).descriptor;
    if given == wanted {
        return descriptor.map_or(Ok(0), |descriptor| descriptor.object(store));
    }
    let named = |ty: Option<TypeId>| match ty {
        Some(ty) => format!("a descriptor {}", store.types().describe_defined(ty)),
        None => String::from("no descriptor"),
    };
    let message = format!(
        "a struct of type {} needs {}, but {} was given",
        store.types().describe_defined(ty),
        named(wanted),
        named(given)
    );
    Err(Error::new(ErrorKind::Usage, message))
}

/// Checks that a field or element is mutable. `what` names it.
pub(super) fn check_mutable(field: FieldType, what: &str) -> Result<()> {
    if field.mutable { Ok(()) } else { Err(Error::new(ErrorKind::Usage, format!("{what} is immutable"))) }
}

/// The error of a type that is not the type of `what`.
pub(super) fn not_a(store: &impl Referents, what: &str, ty: TypeId) -> Error {
    let text = store.types().describe_defined(ty);
    Error::new(ErrorKind::Usage, format!("{text} is not the type of {what}"))
}
