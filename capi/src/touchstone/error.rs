//! Reasons of failures.

use crate::vec::{wasm_byte_vec_t, write};
use core::cell::RefCell;
use core::mem::MaybeUninit;
use engine::{Error, ErrorKind, Result};

/// The number of a kind of errors.
pub type touchstone_error_kind_t = u8;

/// The module does not decode, or the text does not parse.
pub const TOUCHSTONE_ERROR_MALFORMED: touchstone_error_kind_t = 0;
/// The module does not validate.
pub const TOUCHSTONE_ERROR_INVALID: touchstone_error_kind_t = 1;
/// The module or configuration needs a feature that is off or that this engine lacks.
pub const TOUCHSTONE_ERROR_UNSUPPORTED: touchstone_error_kind_t = 2;
/// The module exceeds a limit of this engine.
pub const TOUCHSTONE_ERROR_TOO_LARGE: touchstone_error_kind_t = 3;
/// An import is missing or has another type.
pub const TOUCHSTONE_ERROR_LINK: touchstone_error_kind_t = 4;
/// Execution trapped.
pub const TOUCHSTONE_ERROR_TRAP: touchstone_error_kind_t = 5;
/// Nothing caught an exception.
pub const TOUCHSTONE_ERROR_EXCEPTION: touchstone_error_kind_t = 6;
/// A callback returned a trap, or a program of WASI ended.
pub const TOUCHSTONE_ERROR_HOST: touchstone_error_kind_t = 7;
/// An artifact was refused: truncated, altered, or made for something else.
pub const TOUCHSTONE_ERROR_ARTIFACT: touchstone_error_kind_t = 8;
/// The operating system or a limit refused memory, address space or a count.
pub const TOUCHSTONE_ERROR_RESOURCE: touchstone_error_kind_t = 9;
/// A file could not be read or written.
pub const TOUCHSTONE_ERROR_IO: touchstone_error_kind_t = 10;
/// The program misused the interface.
pub const TOUCHSTONE_ERROR_USAGE: touchstone_error_kind_t = 11;

/// The reason of a failure.
pub struct touchstone_error_t(pub(crate) Error);

thread_local! {
    /// The reason of the latest failure of this thread that nobody has asked for.
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Keeps the reason of a failure for [`touchstone_last_error`].
pub(crate) fn keep(error: Error) {
    // At the end of a thread there is nobody left to ask. The old error is dropped last, outside of the borrow.
    let _old = LAST.try_with(|last| last.borrow_mut().replace(error));
}

/// Returns a value, or keeps the reason why there is none.
pub(crate) fn report<T>(result: Result<T>) -> Option<T> {
    result.map_err(keep).ok()
}

/// Makes the error of a misuse.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}

/// Returns what a pointer that C passed points to.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the pointer is null.
pub(crate) fn non_null<T>(pointer: Option<T>, what: &str) -> Result<T> {
    pointer.ok_or_else(|| usage(format!("the pointer to the {what} is null")))
}

/// Returns the number of a kind.
pub(crate) fn number(kind: ErrorKind) -> touchstone_error_kind_t {
    match kind {
        ErrorKind::Malformed => TOUCHSTONE_ERROR_MALFORMED,
        ErrorKind::Invalid => TOUCHSTONE_ERROR_INVALID,
        ErrorKind::Unsupported => TOUCHSTONE_ERROR_UNSUPPORTED,
        ErrorKind::TooLarge => TOUCHSTONE_ERROR_TOO_LARGE,
        ErrorKind::Link => TOUCHSTONE_ERROR_LINK,
        ErrorKind::Trap(_) => TOUCHSTONE_ERROR_TRAP,
        ErrorKind::Exception => TOUCHSTONE_ERROR_EXCEPTION,
        ErrorKind::Host => TOUCHSTONE_ERROR_HOST,
        ErrorKind::Artifact => TOUCHSTONE_ERROR_ARTIFACT,
        ErrorKind::Resource => TOUCHSTONE_ERROR_RESOURCE,
        ErrorKind::Io => TOUCHSTONE_ERROR_IO,
        _ => TOUCHSTONE_ERROR_USAGE,
    }
}

/// Takes the reason why the latest function of this thread that failed without returning a trap did so. Null if there
/// is none, or it was taken.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_last_error() -> Option<Box<touchstone_error_t>> {
    let last = LAST.try_with(RefCell::take).ok().flatten();
    last.map(|error| Box::new(touchstone_error_t(error)))
}

/// Deletes an error.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_error_delete(_error: Option<Box<touchstone_error_t>>) {}

/// Returns the kind; 255 if the pointer is null.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_error_kind(error: Option<&touchstone_error_t>) -> touchstone_error_kind_t {
    error.map_or(touchstone_error_kind_t::MAX, |error| number(error.0.kind()))
}

/// Returns the message, which ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_error_message(
    error: Option<&touchstone_error_t>,
    out: Option<&mut MaybeUninit<wasm_byte_vec_t>>,
) {
    let message = error.map_or_else(String::new, |error| error.0.message().to_owned());
    write(out, message.bytes().chain([0]).collect());
}

/// Writes the offset, in bytes, of the fault in the module, text or artifact. Returns false if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_error_offset(
    error: Option<&touchstone_error_t>,
    out: Option<&mut MaybeUninit<u64>>,
) -> bool {
    let offset = error.and_then(|error| error.0.offset());
    if let Some(offset) = offset {
        write(out, offset);
    }
    offset.is_some()
}
