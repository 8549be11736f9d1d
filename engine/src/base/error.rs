//! The one error type of the crate: a kind, a message, a byte offset where one applies, and a backtrace for traps.

use super::backtrace::Backtrace;
use super::trap::Trap;
use core::fmt;
use std::error::Error as StdError;

/// `Result` with [`Error`] as its error.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An error of the engine. It is one word wide; the details are boxed.
pub struct Error(Box<Inner>);

struct Inner {
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
    /// The binary does not decode as a module, or the text does not parse.
    Malformed,
    /// The module decodes but does not validate.
    Invalid,
    /// The module needs a feature that is off or that this engine lacks.
    Unsupported,
    /// The module exceeds a limit of this engine.
    TooLarge,
    /// An import is missing or has another type.
    Link,
    /// Execution trapped.
    Trap(Trap),
    /// Nothing caught an exception; [`as_exception`](Error::as_exception) returns it.
    Exception,
    /// A host function returned an error, which is the [`source`](StdError::source).
    Host,
    /// An artifact was refused: truncated, altered, or made for something else.
    Artifact,
    /// The operating system or a limiter refused memory, address space or a count.
    Resource,
    /// A file could not be read or written.
    Io,
    /// The embedder misused the interface: wrong argument types, an item of another store, a missing export.
    Usage,
}

impl Error {
    /// Creates an error of `kind`. The message says what is wrong and, where it helps, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, message: message.into(), offset: None, backtrace: None, source: None }))
    }

    /// Creates an error of a host function. The embedder receives `source` unchanged.
    pub fn host(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        let source = source.into();
        let mut error = Error::new(ErrorKind::Host, source.to_string());
        error.0.source = Some(source);
        error
    }

    /// Creates the error of a trap, without a backtrace.
    pub fn trap(trap: Trap) -> Error {
        Error::new(ErrorKind::Trap(trap), trap.text())
    }

    /// Adds the byte offset in the input (a module or an artifact) at which the error is.
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

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
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

    /// Returns the byte offset in the input at which the error is, if it has one.
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
    fn from(trap: Trap) -> Error {
        Error::trap(trap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn an_error_shows_its_offset() {
        let error = Error::new(ErrorKind::Malformed, "unexpected end of section").at(0x1f);
        assert_eq!(error.to_string(), "unexpected end of section (at byte 0x1f)");
    }
}
