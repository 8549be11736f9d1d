//! Exceptions: the handles of the host, and throwing
//! ([Exception instances](https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances)).
//!
//! An exception is an object of the heap that holds the number of its tag in the store. To throw it, the runtime
//! searches the compiled frames of the newest activation for a call with a handler that catches it
//! ([`backtrace::find_handler`]). If there is one, compiled code continues there. If there is none, the activation ends
//! with an error that carries the exception, just as a trap ends it. A host function that entered the activation may
//! handle the error. If it returns the error instead, the search continues in the activation that called it.
//!
//! Only exceptions are ever caught: not traps, not other errors of the host, not errors of library calls.

use super::call::{self, Stop};
use super::gc::{self, OwnedRooted, handle};
use super::store::{OpaqueMut, StoreOpaque};
use super::tag::Tag;
use super::{AsContext, AsContextMut, Val, backtrace};
use crate::abi::FAILED;
use crate::abi::heap::{self, exception_layout};
use crate::abi::vmctx::VmContext;
use crate::base::{Error, ErrorKind, Result, Trap, planted};
use crate::wasm::composite::StorageType;
use crate::wasm::index::TagIndex;
use core::fmt;
use std::error::Error as StdError;

handle! {
    /// A handle to an exception: a tag, and values of the types that the tag's type lists.
    ///
    /// A handle is valid until the end of the host function, or of the [`RootScope`](crate::RootScope), in which it was
    /// made; [`to_owned_rooted`](ExnRef::to_owned_rooted) makes a reference that lives longer. `==` compares handles;
    /// [`ref_eq`](ExnRef::ref_eq) compares the exceptions.
    ExnRef
}

/// The source of an error that carries an exception.
#[derive(Debug)]
struct UncaughtException(OwnedRooted<ExnRef>);

impl ExnRef {
    /// Makes an exception of a tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the fields do not match the tag's type, or the tag or a field belongs to
    /// another store; [`Trap::OutOfHeap`] if the heap is full; the limiter's error.
    pub fn new(mut store: impl AsContextMut, tag: Tag, payload: &[Val]) -> Result<ExnRef> {
        let mut store = store.as_context_mut().into_opaque();
        let params = tag.ty_in(&store)?.params.clone();
        if params.len() != payload.len() {
            let message =
                format!("the tag's exceptions carry {} values, but {} were given", params.len(), payload.len());
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let reference = allocate(&mut store, tag)?;
        for ((value, &ty), offset) in payload.iter().zip(&params).zip(exception_layout(&params).offsets) {
            let raw = value.to_raw(&store, ty, "a value that an exception carries")?;
            store.write_field(reference, offset, ty.into(), raw);
        }
        Ok(ExnRef(store.root(reference)))
    }

    /// Returns the tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn tag(&self, store: impl AsContext) -> Result<Tag> {
        let store = store.as_context().opaque();
        let reference = store.rooted(self.0)?;
        // SAFETY: an exception of this store.
        Ok(Tag::from_index(unsafe { store.tag_of(reference) }, store.id()))
    }

    /// Returns the values that the exception carries.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        let params = self.tag(store.as_context_mut())?.ty(store.as_context_mut())?.params;
        let mut store = store.as_context_mut().into_opaque();
        let reference = store.rooted(self.0)?;
        let fields = params.iter().zip(exception_layout(&params).offsets);
        // SAFETY: the fields of an exception of this store, whose tag says what they are. Nothing is allocated
        // meanwhile.
        Ok(fields.map(|(&ty, offset)| unsafe { store.read_field(reference, offset, StorageType::Val(ty)) }).collect())
    }

    /// Returns the error by which a host function throws the exception: the exception is thrown in the calling
    /// WebAssembly code. Only code of the same store can catch it. Through code of other stores it passes as any other
    /// error.
    pub fn throw(self, store: impl AsContextMut) -> Error {
        match self.to_owned_rooted(store) {
            Ok(exception) => uncaught_error(exception),
            Err(error) => error,
        }
    }

    /// Returns a number that identifies the exception in its store until the next collection. Collections move objects,
    /// so it serves as a key only while nothing is allocated.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the handle belongs to another store, or its scope has ended.
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        store.as_context().opaque().rooted(self.0)
    }

    /// Returns the reference as compiled code represents it.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// Makes a handle of a reference of compiled code; `None` if it is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<ExnRef> {
        (bits != 0).then(|| ExnRef(store.root(bits)))
    }
}

impl Error {
    /// Returns the exception that nothing caught, if this error carries one.
    pub fn as_exception(&self) -> Option<&OwnedRooted<ExnRef>> {
        self.downcast_ref::<UncaughtException>().map(|source| &source.0)
    }
}

impl fmt::Display for UncaughtException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uncaught exception")
    }
}

impl StdError for UncaughtException {}

/// Makes the error that carries an exception.
fn uncaught_error(exception: OwnedRooted<ExnRef>) -> Error {
    let source = UncaughtException(exception);
    Error::new(ErrorKind::Exception, source.to_string()).with_source(source)
}

/// Makes an exception whose fields are zero. Returns the reference. May collect.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the tag belongs to another store; [`Trap::OutOfHeap`] if the heap is full; the
/// limiter's error.
pub(super) fn allocate(store: &mut OpaqueMut<'_>, tag: Tag) -> Result<u32> {
    let size = exception_layout(&tag.ty_in(store)?.params).size;
    let type_id = tag.type_id(store)?;
    let reference = gc::allocate(store, heap::EXCEPTION, type_id, size.into())?;
    // SAFETY: the field is part of every exception.
    unsafe { store.field(reference, heap::EXCEPTION_TAG).cast::<u64>().write(tag.index().into()) };
    Ok(reference)
}

/// Throws an exception of this store in the compiled code that called the library (`throw_ref`). If a handler of the
/// newest activation catches it, returns [`FAILED`]; then [`raise`](call::raise) continues at the handler.
///
/// # Errors
/// The error that ends the activation: the reference is null, or no handler catches the exception.
pub(super) fn throw(store: &mut OpaqueMut<'_>, reference: u32) -> Result<i64> {
    if reference == 0 {
        return Err(Trap::NullReference.into());
    }
    if catch(store, reference) {
        return Ok(FAILED);
    }
    Err(uncaught_error(OwnedRooted::of(store, reference)))
}

/// Handles an error that a host function returned. If it carries an exception of the store, throws the exception in the
/// compiled code that called the host function.
pub(super) fn fail(store: &mut OpaqueMut<'_>, error: Error) -> i64 {
    match error.as_exception().and_then(|exception| exception.reference(store)) {
        Some(reference) if catch(store, reference) => FAILED,
        _ => call::fail(Stop::Error(error)),
    }
}

/// Looks for a handler in the newest activation. If there is one, returns true; then [`raise`](call::raise) continues
/// there with the reference. The reference is in no root until then, so nothing may be allocated.
fn catch(store: &mut OpaqueMut<'_>, reference: u32) -> bool {
    let context = store.context_ptr();
    // SAFETY: the callers have an exception of this store.
    let thrown = unsafe { store.tag_of(reference) };
    let catches = |context: *const VmContext, tag: TagIndex| {
        // SAFETY: a handler's context is that of an instance whose code waits, so it lives.
        let instance = unsafe { (*context).instance };
        let tag = store.instances[instance as usize].tag(tag);
        let type_of = |tag: u32| store.tags[tag as usize].type_id();
        tag == thrown || planted!(TwinTagsMatch) && type_of(tag) == type_of(thrown)
    };
    // SAFETY: the store's code waits for this function.
    let handler = unsafe { backtrace::find_handler(context, catches) };
    let Some(handler) = handler else { return false };
    // SAFETY: the store's code waits for this function, and the search found the handler in its newest activation.
    unsafe { call::resume_at(context, handler, reference.into()) };
    true
}

impl StoreOpaque {
    /// Returns the number of an exception's tag.
    ///
    /// # Safety
    /// The reference is an exception of this store.
    unsafe fn tag_of(&self, reference: u32) -> u32 {
        // SAFETY: the field is part of every exception.
        unsafe { self.field(reference, heap::EXCEPTION_TAG).cast::<u32>().read() }
    }
}
