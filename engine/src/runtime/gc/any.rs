//! Objects of WebAssembly in the host's hands: `anyref` and what is below it.
//!
//! All of these are handles, which end with their scopes as [`ExternRef`]s do.

use super::roots::{Root, Rooted};
use super::{ExternRef, OpaqueMut, StoreOpaque, allocate, array};
use crate::abi::ValRaw;
use crate::abi::heap::{DESCRIPTOR, FIRST_SPECIAL, HEADER, Storage, StructLayout};
use crate::base::{Error, ErrorKind, Result, Trap};
use crate::runtime::store::{AsContext, AsContextMut};
use crate::runtime::values::Val;
use crate::wasm::composite::{CompositeType, FieldType, StorageType, StructType};
use crate::wasm::types::{CompositeKind, ConcreteType, HeapType};

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(Root);

        impl Rooted for $name {
            fn from_root(root: Root) -> $name {
                $name(root)
            }

            fn root(self) -> Root {
                self.0
            }
        }
    )*};
}

handles! {
    /// A reference to a struct, an array, an [`I31`] or a converted value of the host. Never null.
    ///
    /// Equal handles are one handle. Whether two of them refer to the same object, [`same`](AnyRef::same) says.
    AnyRef;
    /// A reference to a struct. Never null.
    StructRef;
    /// A reference to an array. Never null.
    ArrayRef;
}

/// An integer of 31 bits, which a reference holds in itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct I31(u32);

impl I31 {
    /// The low 31 bits of an integer, as `ref.i31` takes them.
    pub fn wrapping(value: i32) -> I31 {
        I31(value.cast_unsigned() << 1 | 1)
    }

    /// The value, sign-extended.
    pub fn get_s(self) -> i32 {
        self.0.cast_signed() >> 1
    }

    /// The value, zero-extended.
    pub fn get_u(self) -> u32 {
        self.0 >> 1
    }
}

impl AnyRef {
    /// A reference that holds an integer.
    pub fn from_i31(mut store: impl AsContextMut, value: I31) -> AnyRef {
        AnyRef(store.as_context_mut().into_opaque().root(value.0))
    }

    /// The most exact type of what this refers to: [`HeapType::I31`], [`HeapType::Exact`] of a type of structs or arrays,
    /// or [`HeapType::Any`] for a converted value of the host.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn ty(&self, store: impl AsContext) -> Result<HeapType> {
        let store = store.as_context().opaque();
        Ok(store.heap_type_of(store.rooted(self.0)?))
    }

    /// The integer, if this holds one.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<I31>> {
        let bits = store.as_context().opaque().rooted(self.0)?;
        Ok((bits & 1 == 1).then_some(I31(bits)))
    }

    /// The struct, if it is one. The handle is the same, and ends with the same scope.
    pub fn as_struct(&self, store: impl AsContext) -> Result<Option<StructRef>> {
        Ok(self.is_a(store, CompositeKind::Struct)?.then_some(StructRef(self.0)))
    }

    /// The array, if it is one. The handle is the same, and ends with the same scope.
    pub fn as_array(&self, store: impl AsContext) -> Result<Option<ArrayRef>> {
        Ok(self.is_a(store, CompositeKind::Array)?.then_some(ArrayRef(self.0)))
    }

    fn is_a(&self, store: impl AsContext, kind: CompositeKind) -> Result<bool> {
        Ok(self.ty(store)?.defined().is_some_and(|ty| ty.kind == kind))
    }

    /// Whether both refer to the same object, or hold the same integer, as `ref.eq` compares.
    pub fn same(&self, other: &AnyRef, store: impl AsContext) -> Result<bool> {
        let store = store.as_context().opaque();
        Ok(store.rooted(self.0)? == store.rooted(other.0)?)
    }

    /// Where this refers to: a number that nothing else in the store has until the next collection, which moves objects.
    /// For tables of the objects that are looked at while nothing is allocated.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        store.as_context().opaque().rooted(self.0)
    }

    /// The same reference as an `externref`, as `extern.convert_any` makes it.
    pub fn to_extern(self) -> ExternRef {
        ExternRef::from_root(self.0)
    }

    /// What WebAssembly sees.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// What WebAssembly code of this store holds; null is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<AnyRef> {
        (bits != 0).then(|| AnyRef(store.root(bits)))
    }
}

impl ExternRef {
    /// The same reference as an `anyref`, as `any.convert_extern` makes it.
    pub fn to_any(self) -> AnyRef {
        AnyRef(self.root())
    }
}

impl From<StructRef> for AnyRef {
    fn from(object: StructRef) -> AnyRef {
        AnyRef(object.0)
    }
}

impl From<ArrayRef> for AnyRef {
    fn from(object: ArrayRef) -> AnyRef {
        AnyRef(object.0)
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

impl ArrayRef {
    /// A new array of a type that a module in the store, or its imports, name.
    ///
    /// # Errors
    /// As [`StructRef::new`].
    pub fn new(mut store: impl AsContextMut, ty: ConcreteType, elements: &[Val]) -> Result<ArrayRef> {
        let mut store = store.as_context_mut().into_opaque();
        let CompositeType::Array(element) = composite(&store, ty)? else { return Err(not_a("array", ty)) };
        let value_type = element.storage.unpacked();
        elements.iter().try_for_each(|value| value.to_raw(&store, value_type, "the element").map(drop))?;
        let length = u32::try_from(elements.len()).map_err(|_| Trap::OutOfHeap)?;
        let object = array::new(&mut store, ty.index, length)?;
        // The values are read again: the allocation may have moved what they refer to.
        for (index, value) in (0..).zip(elements) {
            let value = value.to_raw(&store, value_type, "the element")?;
            store.write_field(object, element_offset(element, index), element.storage.into(), value);
        }
        Ok(ArrayRef(store.root(object)))
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) if this belongs to another store, or its scope has ended.
    pub fn len(&self, store: impl AsContext) -> Result<u32> {
        let store = store.as_context().opaque();
        // SAFETY: the reference is an array's.
        Ok(unsafe { store.header(store.rooted(self.0)?).1 })
    }

    /// Whether there are none.
    pub fn is_empty(&self, store: impl AsContext) -> Result<bool> {
        Ok(self.len(store)? == 0)
    }

    /// An element; a packed one is zero-extended.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] past the end.
    pub fn get(&self, mut store: impl AsContextMut, index: u32) -> Result<Val> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.place(&store, index)?;
        // SAFETY: the element holds a value of its type, of this store.
        Ok(unsafe { store.read_field(object, offset, element.storage) })
    }

    /// Sets an element of a mutable array; of a value for a packed one, the low bits count.
    ///
    /// # Errors
    /// [`Trap::ArrayOutOfBounds`] past the end; kind [`Usage`](ErrorKind::Usage) also if the array is immutable, or the
    /// value is not of its type.
    pub fn set(&self, mut store: impl AsContextMut, index: u32, value: Val) -> Result<()> {
        let mut store = store.as_context_mut().into_opaque();
        let (object, element, offset) = self.place(&store, index)?;
        store.write_mutable(object, offset, element, value, "the element")
    }

    fn place(&self, store: &OpaqueMut<'_>, index: u32) -> Result<(u32, FieldType, u32)> {
        let object = store.rooted(self.0)?;
        let CompositeType::Array(element) = store.composite_of(object) else {
            unreachable!("checked when it was made")
        };
        // SAFETY: the reference is an array's.
        let (_, length) = unsafe { store.header(object) };
        if index < length {
            Ok((object, element, element_offset(element, index)))
        } else {
            Err(Trap::ArrayOutOfBounds.into())
        }
    }
}

impl StoreOpaque {
    /// The most exact type of what a reference refers to.
    pub(crate) fn heap_type_of(&self, reference: u32) -> HeapType {
        if reference & 1 == 1 {
            return HeapType::I31;
        }
        // SAFETY: a rooted reference that is no i31 is an object's.
        match unsafe { self.header(reference) } {
            (id, _) if id < FIRST_SPECIAL => {
                HeapType::Exact(ConcreteType { kind: self.sub_type(id).composite.kind(), index: id })
            }
            _ => HeapType::Any,
        }
    }

    /// What the type of an object describes.
    fn composite_of(&self, object: u32) -> CompositeType {
        // SAFETY: the reference is a struct's or an array's.
        let (id, _) = unsafe { self.header(object) };
        self.sub_type(id).composite.clone()
    }

    /// Reads a field or element, given by its offset.
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

    fn write_mutable(&mut self, object: u32, offset: u32, field: FieldType, value: Val, what: &str) -> Result<()> {
        if !field.mutable {
            return Err(Error::new(ErrorKind::Usage, format!("{what} is immutable")));
        }
        let value = value.to_raw(self, field.storage.unpacked(), what)?;
        self.write_field(object, offset, field.storage.into(), value);
        Ok(())
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

fn element_offset(element: FieldType, index: u32) -> u32 {
    HEADER + index * Storage::from(element.storage).size()
}

/// What a type of the store describes.
fn composite(store: &StoreOpaque, ty: ConcreteType) -> Result<CompositeType> {
    match store.known_type(ty.index) {
        Some(known) => Ok(known.composite.clone()),
        None => {
            Err(Error::new(ErrorKind::Usage, format!("no module of the store has a type {}", HeapType::Concrete(ty))))
        }
    }
}

fn not_a(what: &str, ty: ConcreteType) -> Error {
    Error::new(ErrorKind::Usage, format!("{} is not the type of a {what}", HeapType::Concrete(ty)))
}
