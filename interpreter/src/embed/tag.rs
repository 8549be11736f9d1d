//! Tags ([Tag instances](https://webassembly.github.io/spec/core/exec/runtime.html#tag-instances)).

use super::context::{AsContext, AsContextMut};
use super::item::item;
use crate::error::{Error, ErrorKind, Result};
use crate::store::TagInstance;
use crate::types::FuncType;
use alloc::format;

item! {
    /// A tag of a store.
    Tag, "tag", tags: TagInstance
}

impl Tag {
    /// Makes a tag. Its exceptions carry a value for each parameter of the type.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the type has results, or names a defined type that the store does not have.
    pub fn new(mut store: impl AsContextMut, ty: FuncType) -> Result<Tag> {
        if !ty.results().is_empty() {
            return Err(Error::new(ErrorKind::Usage, format!("a tag has no results, but its type is {ty}")));
        }
        let inner = store.as_context_mut().into_inner();
        let ty = inner.types.intern_func(&ty)?;
        inner.heap.learn_types(&inner.types);
        let address = inner.tags.len() as u32;
        inner.tags.push(TagInstance { ty });
        Ok(Tag::from_address(address, inner.id()))
    }

    /// Returns the type, which has no results.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the tag belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<FuncType> {
        let inner = store.as_context().inner();
        Ok(inner.types.func(self.entry(inner)?.ty).clone())
    }
}
