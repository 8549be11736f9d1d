//! Tags of a store, which tell one kind of exception from another. Tags are distinct even where their types are equal.

use super::store::{StoreId, StoreOpaque};
use super::type_registry::RegisteredTypes;
use super::{AsContext, AsContextMut};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::FuncType;

/// A tag of a store.
///
/// Handles are equal if they refer to the same tag of the same store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tag {
    store: StoreId,
    index: u32,
}

/// A tag in its store.
pub(crate) struct TagEntry {
    /// The canonical id of the tag's type.
    type_id: u32,
    /// Keeps the type id of a tag that the host made in use. The module keeps the id of a tag that it defines.
    _types: Option<RegisteredTypes>,
}

impl Tag {
    /// Makes a tag. Its exceptions carry a value for each parameter of the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type has results, or names a defined type that the engine does not
    /// have; [`Resource`](ErrorKind::Resource) if the engine has no room for another type.
    pub fn new(mut store: impl AsContextMut, ty: FuncType) -> Result<Tag> {
        if !ty.results.is_empty() {
            return Err(Error::new(ErrorKind::Usage, format!("a tag has no results, but its type is {ty}")));
        }
        let mut store = store.as_context_mut().into_opaque();
        let types = RegisteredTypes::function(store.engine().types(), &ty)?;
        let type_id = types.ids()[0];
        Ok(Tag::add(&mut store, TagEntry { type_id, _types: Some(types) }))
    }

    /// Returns the type, which has no results.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the tag belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType> {
        self.ty_in(store.as_context().opaque()).cloned()
    }

    /// Returns the type, borrowed from the store.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the tag belongs to another store.
    pub(crate) fn ty_in<'a>(&self, store: &'a StoreOpaque) -> Result<&'a FuncType> {
        let id = self.type_id(store)?;
        // SAFETY: the type of a tag of this store.
        Ok(unsafe { store.func_type(id) })
    }

    /// Returns the canonical id of the type.
    pub(crate) fn type_id(&self, store: &StoreOpaque) -> Result<u32> {
        store.check(self.store, "tag")?;
        Ok(store.tags[self.index as usize].type_id())
    }

    /// Returns the number by which the store's exceptions refer to the tag.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn from_index(index: u32, store: StoreId) -> Tag {
        Tag { store, index }
    }

    /// Adds a tag to the store.
    pub(crate) fn add(store: &mut StoreOpaque, entry: TagEntry) -> Tag {
        let index = u32::try_from(store.tags.len()).expect("memory ends long before 2^32 tags");
        store.tags.push(entry);
        Tag { store: store.id(), index }
    }
}

impl TagEntry {
    /// Makes the entry of a tag that a module defines.
    pub(crate) fn defined(type_id: u32) -> TagEntry {
        TagEntry { type_id, _types: None }
    }

    /// Returns the canonical id of the type.
    pub(crate) fn type_id(&self) -> u32 {
        self.type_id
    }
}
