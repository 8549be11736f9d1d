//! The one error type of the crate: a kind, a message, a byte offset where one applies, and a backtrace for traps.

use crate::backtrace::Backtrace;
use crate::trap::Trap;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::error::Error as StdError;
use core::fmt;

/// `Result` with [`Error`] as its error.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An error of the interpreter. It is one word wide; the details are boxed.
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    message: String,
    offset: Option<u64>,
    backtrace: Option<Backtrace>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The phase or rule that an [`Error`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes do not decode as a module.
    Malformed,
    /// The module decodes and breaks a rule of validation.
    Invalid,
    /// The module uses something that the interpreter lacks.
    Unsupported,
    /// The module exceeds a limit of the interpreter.
    TooLarge,
    /// An import is missing or has another type.
    Link,
    /// Execution trapped.
    Trap(Trap),
    /// Nothing caught an exception.
    Exception,
    /// A host function returned an error, which is the [`source`](StdError::source).
    Host,
    /// A limiter or the allocator refused memory, or a count of something reached its end.
    Resource,
    /// The embedder misused the interface: wrong types of arguments, an item of another store, a missing export.
    Usage,
}

impl Error {
    /// Creates an error of a kind. The message says what is wrong and, where it helps, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Details { kind, message: message.into(), offset: None, backtrace: None, source: None }))
    }

    /// Creates the error of a trap, without a backtrace.
    #[cold]
    pub fn trap(trap: Trap) -> Error {
        Error::new(ErrorKind::Trap(trap), trap.text())
    }

    /// Creates the error of a host function. The embedder receives `source` unchanged.
    pub fn host(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        let source = source.into();
        let mut error = Error::new(ErrorKind::Host, source.to_string());
        error.0.source = Some(source);
        error
    }

    /// Adds what the error comes from.
    #[must_use]
    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Adds the byte offset in the module at which the error is.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Error {
        self.0.offset = Some(offset);
        self
    }

    /// Adds the frames that were active when execution stopped.
    #[must_use]
    pub fn with_backtrace(mut self, backtrace: Backtrace) -> Error {
        self.0.backtrace = Some(backtrace);
        self
    }

    /// Returns the phase or rule that the error comes from.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the trap, if execution trapped.
    pub fn as_trap(&self) -> Option<Trap> {
        match self.0.kind {
            ErrorKind::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// Returns the message, without offset and backtrace.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the byte offset in the module at which the error is, if it has one.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Returns the WebAssembly frames that were active when execution stopped, if any were recorded.
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.0.backtrace.as_ref()
    }

    /// Returns the error of a host function, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.source.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match self.0.offset {
            Some(offset) => write!(f, " (at byte {offset:#x})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        match &self.0.backtrace {
            Some(backtrace) => write!(f, "\n{backtrace}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<Trap> for Error {
    #[cold]
    fn from(trap: Trap) -> Error {
        Error::trap(trap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn an_error_shows_its_offset_and_its_source() {
        let error = Error::new(ErrorKind::Malformed, "unexpected end").at(0x1f);
        assert_eq!(error.to_string(), "unexpected end (at byte 0x1f)");
        assert_eq!(format!("{error:?}"), "Malformed: unexpected end (at byte 0x1f)");
        let error = Error::host(Trap::Unreachable);
        assert_eq!((error.kind(), error.downcast_ref()), (ErrorKind::Host, Some(&Trap::Unreachable)));
        assert_eq!(Error::from(Trap::CastFailure).as_trap(), Some(Trap::CastFailure));
    }
}
