//! Tags: the kinds of exceptions.

use crate::error::OrRaise;
use crate::store::{Store, StoreArg};
use crate::types::TagType;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// A kind of exceptions. Two tags are equal if they are the same tag of the same store.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct Tag {
    store: Py<Store>,
    pub(crate) item: engine::Tag,
}

#[pymethods]
impl Tag {
    /// Makes a tag.
    #[new]
    fn py_new(store: StoreArg<'_>, ty: &TagType) -> PyResult<Tag> {
        let store = store.0;
        Store::enter(&store, |context| {
            Ok(Tag::new(&store, engine::Tag::new(context, ty.0.clone()).or_raise(store.py())?))
        })
    }

    /// Returns the type.
    fn r#type(&self, store: StoreArg<'_>) -> PyResult<TagType> {
        let store = store.0;
        Store::enter(&store, |context| Ok(TagType(self.item.ty(&*context).or_raise(store.py())?)))
    }

    fn __eq__(&self, other: &Tag) -> bool {
        self.item == other.item
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self.item)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl Tag {
    /// Wraps a tag of the store.
    pub(crate) fn new(store: &Bound<'_, Store>, item: engine::Tag) -> Tag {
        Tag { store: store.clone().unbind(), item }
    }
}
