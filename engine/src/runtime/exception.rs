//! Exceptions ([Exception instances](https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances)): throwing
//! one, and what the host sees of it.
//!
//! An exception is an object of the heap that names its tag by the number that the tag has in the store. Throwing it is a
//! search: up the compiled frames of the newest activation, for a call with a handler that takes it
//! ([`backtrace::find_handler`]). If there is one, compiled code goes on there. If not, the activation ends with an error
//! that carries the exception, as it would with a trap. A host function that made the call may catch it; when the error
//! comes back out of a host function, the search goes on in the activation around it.
//!
//! Nothing else is ever caught: not traps, not errors of the host, not what a library call refuses.

use super::call::{self, Stop};
use super::gc::{self, OwnedRooted, handle};
use super::store::{OpaqueMut, StoreOpaque};
use super::tag::Tag;
use super::{AsContext, AsContextMut, Val, backtrace};
use crate::abi::FAILED;
use crate::abi::heap::{self, exception_layout};
use crate::abi::vmctx::VmContext;
use crate::base::{Error, ErrorKind, Result, Trap};
use crate::wasm::composite::StorageType;
use crate::wasm::index::TagIndex;
use core::fmt;
use std::error::Error as StdError;

handle! {
    /// An exception of a store: a tag, and the values that the tag's type says it carries.
    ///
    /// This is a handle: it ends with the call of the host function, or the [`RootScope`](crate::RootScope), in which it was
    /// made, and [`OwnedRooted`] holds the exception for longer. Equal handle are one handle.
    ExnRef
}

/// The source of an error that carries an exception.
#[derive(Debug)]
struct Thrown(OwnedRooted<ExnRef>);

impl ExnRef {
    /// A new exception of a tag.
    ///
    /// # Errors
    /// Kind [`Usage`](ErrorKind::Usage) if the payload is not what the tag's type says, or something belongs to another
    /// store; [`Trap::OutOfHeap`] if the heap is full.
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

    /// The tag.
    ///
    /// # Errors
    /// Here and below: kind [`Usage`](ErrorKind::Usage) if the exception belongs to another store, or the handle's scope
    /// has ended.
    pub fn tag(&self, store: impl AsContext) -> Result<Tag> {
        let store = store.as_context().opaque();
        let reference = store.rooted(self.0)?;
        // SAFETY: an exception of this store.
        Ok(Tag::from_index(unsafe { store.tag_of(reference) }, store.id()))
    }

    /// What it carries.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>> {
        let params = self.tag(store.as_context_mut())?.ty(store.as_context_mut())?.params;
        let mut store = store.as_context_mut().into_opaque();
        let reference = store.rooted(self.0)?;
        let fields = params.iter().zip(exception_layout(&params).offsets);
        // SAFETY: the fields of an exception of this store, whose tag says what they are. Nothing is allocated meanwhile.
        Ok(fields.map(|(&ty, offset)| unsafe { store.read_field(reference, offset, StorageType::Val(ty)) }).collect())
    }

    /// The error by which a host function throws the exception in the WebAssembly code that called it. Where code of the
    /// same store catches the exception, the error is gone; code of other stores lets it pass as an error.
    pub fn throw(self, store: impl AsContextMut) -> Error {
        self.to_owned_rooted(store).map_or_else(|error| error, thrown)
    }

    /// Where the exception is, as [`AnyRef::address`](crate::AnyRef::address) says it of objects.
    ///
    /// # Errors
    /// As [`ExnRef::tag`].
    pub fn address(&self, store: impl AsContext) -> Result<u32> {
        store.as_context().opaque().rooted(self.0)
    }

    /// What WebAssembly sees.
    pub(crate) fn bits(self, store: &StoreOpaque) -> Result<u32> {
        store.rooted(self.0)
    }

    /// What WebAssembly code of this store holds; null is null.
    pub(crate) fn from_bits(bits: u32, store: &mut StoreOpaque) -> Option<ExnRef> {
        (bits != 0).then(|| ExnRef(store.root(bits)))
    }
}

impl Error {
    /// The exception that nothing caught, if that is why execution stopped.
    pub fn as_exception(&self) -> Option<&OwnedRooted<ExnRef>> {
        self.downcast_ref::<Thrown>().map(|thrown| &thrown.0)
    }
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("uncaught exception")
    }
}

impl StdError for Thrown {}

fn thrown(exception: OwnedRooted<ExnRef>) -> Error {
    let source = Thrown(exception);
    Error::new(ErrorKind::Exception, source.to_string()).with_source(source)
}

/// Makes an exception that carries zeroes. Returns the reference. May collect.
pub(super) fn allocate(store: &mut OpaqueMut<'_>, tag: Tag) -> Result<u32> {
    let size = exception_layout(&tag.ty_in(store)?.params).size;
    let type_id = tag.type_id(store)?;
    let reference = gc::allocate(store, heap::EXCEPTION, type_id, size.into())?;
    // SAFETY: the field is part of every exception.
    unsafe { store.field(reference, heap::EXCEPTION_TAG).cast::<u64>().write(tag.index().into()) };
    Ok(reference)
}

/// `throw_ref`: throws an exception of this store where compiled code has called the library. If a handler of the newest
/// activation takes it, the answer is [`FAILED`], and [`raise`](call::raise) goes on there.
///
/// # Errors
/// The error that ends the activation: nobody there takes the exception, or it is null.
pub(super) fn throw(store: &mut OpaqueMut<'_>, reference: u32) -> Result<i64> {
    if reference == 0 {
        return Err(Trap::NullReference.into());
    }
    match catch(store, reference) {
        true => Ok(FAILED),
        false => Err(thrown(OwnedRooted::of(store, reference))),
    }
}

/// A host function returned an error: if it carries an exception of the store, the exception is thrown where compiled code
/// has called the host.
pub(super) fn fail(store: &mut OpaqueMut<'_>, error: Error) -> i64 {
    match error.as_exception().and_then(|exception| exception.reference(store)) {
        Some(reference) if catch(store, reference) => FAILED,
        _ => call::fail(Stop::Error(error)),
    }
}

/// Looks for a handler in the newest activation. If there is one, [`raise`](call::raise) goes on there. Nothing may be
/// allocated until then.
fn catch(store: &mut OpaqueMut<'_>, reference: u32) -> bool {
    let context = store.context_ptr();
    // SAFETY: the callers have an exception of this store.
    let thrown = unsafe { store.tag_of(reference) };
    let takes = |context: *const VmContext, tag: TagIndex| {
        // SAFETY: a handler's context is that of an instance whose code waits, so it lives.
        let instance = unsafe { (*context).instance };
        store.instances[instance as usize].tag(tag) == thrown
    };
    // SAFETY: the store's code waits for this function.
    let handler = unsafe { backtrace::find_handler(context, takes) };
    let Some(handler) = handler else { return false };
    // SAFETY: as above.
    unsafe { call::resume_at(context, handler, reference.into()) };
    true
}

impl StoreOpaque {
    /// The number of an exception's tag.
    ///
    /// # Safety
    /// The reference is an exception of this store.
    unsafe fn tag_of(&self, reference: u32) -> u32 {
        // SAFETY: the field is part of every exception.
        unsafe { self.field(reference, heap::EXCEPTION_TAG).cast::<u32>().read() }
    }
}
