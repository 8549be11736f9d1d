//! Tags: what tells one kind of exception from another. A tag is itself and no other, whatever its type is.

use super::store::{StoreId, StoreOpaque};
use super::type_registry::RegisteredTypes;
use super::{AsContext, AsContextMut};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::FuncType;

/// A tag of a store.
///
/// Two handles are equal if they are the same tag of the same store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tag {
    store: StoreId,
    index: u32,
}

/// A tag in its store.
pub(crate) struct TagEntry {
    /// The canonical id of its type.
    type_id: u32,
    /// Keeps the id of a tag that the host made; that of a module's tag is kept by the module, and that by the store.
    _types: Option<RegisteredTypes>,
}

impl Tag {
    /// A new tag. The parameters of the type are what its exceptions carry.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type has results; [`Resource`](ErrorKind::Resource) if the engine has used
    /// up its type ids.
    pub fn new(mut store: impl AsContextMut, ty: FuncType) -> Result<Tag> {
        if !ty.results.is_empty() {
            return Err(Error::new(ErrorKind::Usage, format!("a tag has no results, but its type is {ty}")));
        }
        let mut store = store.as_context_mut().into_opaque();
        let types = RegisteredTypes::function(store.engine().types(), &ty)?;
        let type_id = types.ids()[0];
        store.add_type(type_id, &types.types()[0]);
        Ok(Tag::add(&mut store, TagEntry { type_id, _types: Some(types) }))
    }

    /// The type, which has no results.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the tag belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType> {
        self.ty_in(store.as_context().opaque()).cloned()
    }

    pub(crate) fn ty_in<'a>(&self, store: &'a StoreOpaque) -> Result<&'a FuncType> {
        Ok(store.func_type(self.type_id(store)?))
    }

    /// The canonical id of the type.
    pub(crate) fn type_id(&self, store: &StoreOpaque) -> Result<u32> {
        store.check(self.store, "tag")?;
        Ok(store.tags[self.index as usize].type_id)
    }

    /// The number by which the store's exceptions name it.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn from_index(index: u32, store: StoreId) -> Tag {
        Tag { store, index }
    }

    /// Makes a tag part of the store.
    pub(crate) fn add(store: &mut StoreOpaque, entry: TagEntry) -> Tag {
        let index = u32::try_from(store.tags.len()).expect("memory ends long before 2^32 tags");
        let params = store.func_type(entry.type_id).params.clone();
        store.heap.add_exception(entry.type_id, &params);
        store.tags.push(entry);
        Tag { store: store.id(), index }
    }
}

impl TagEntry {
    /// A tag that a module defines.
    pub(crate) fn defined(type_id: u32) -> TagEntry {
        TagEntry { type_id, _types: None }
    }
}
