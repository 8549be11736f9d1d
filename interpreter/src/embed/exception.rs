//! Exceptions that pass the embedder
//! ([Exception instances](https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances)).
//!
//! An exception that nothing in an activation catches ends it with an error that carries the exception. A host function
//! that made the activation may handle the error. If it returns the error instead, the search goes on in the activation
//! that called it.

use super::context::{AsContext, AsContextMut};
use super::tag::Tag;
use crate::error::{Error, ErrorKind, Result};
use crate::slot::RawRef;
use crate::store::StoreInner;
use crate::values::{ExnRef, Val};
use alloc::vec::Vec;
use core::error::Error as StdError;
use core::fmt;

/// The source of an error that carries an exception.
#[derive(Debug)]
struct UncaughtException(ExnRef);

impl ExnRef {
    /// Makes an exception of a tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the payload does not match the tag's type, or the tag or a value belongs to
    /// another store; [`Trap::OutOfHeap`](crate::Trap::OutOfHeap) if the heap is full.
    pub fn new(mut store: impl AsContextMut, tag: Tag, payload: &[Val]) -> Result<ExnRef> {
        let inner = store.as_context_mut().into_inner();
        let ty = tag.entry(inner)?.ty;
        ExnRef::new_in(inner, tag.address(), ty, payload)
    }

    /// Returns the tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub fn tag(&self, store: impl AsContext) -> Result<Tag> {
        let inner = store.as_context().inner();
        Ok(Tag::from_address(self.tag_address(inner)?, inner.id()))
    }

    /// Returns the values that the exception carries.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        self.fields_in(store.as_context_mut().into_inner())
    }

    /// Returns the error by which a host function throws the exception: the exception is thrown in the calling
    /// WebAssembly code. Only code of the same store can catch it. Through code of other stores it passes as any other
    /// error.
    pub fn throw(self) -> Error {
        Error::new(ErrorKind::Exception, "uncaught exception").with_source(UncaughtException(self))
    }

    /// Returns a number that no other object of the store has as long as this one lives.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        self.address_in(store.as_context().inner())
    }
}

impl Error {
    /// Returns the exception that nothing caught, if this error carries one.
    pub fn as_exception(&self) -> Option<&ExnRef> {
        self.downcast_ref::<UncaughtException>().map(|source| &source.0)
    }
}

/// Returns the error that carries an exception of the store.
pub(crate) fn uncaught(store: &mut StoreInner, exception: RawRef) -> Error {
    ExnRef::from_raw(exception, store).expect("a thrown exception is not null").throw()
}

impl fmt::Display for UncaughtException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uncaught exception")
    }
}

impl StdError for UncaughtException {}
