//! The meaning of a trap, which the interface tells by a message alone.

use super::objects::Trap;
use crate::trap_text::kinds_of;
use crate::{Exception, Failure, Frame, TrapKind};

/// The words before the reason in Wasmtime's messages, which begin with a backtrace.
const REASON: &str = "wasm trap: ";

/// The words before the last reason in Wasmtime's messages, where that is no trap.
const CAUSE: &str = "Caused by:\n    ";

/// The messages of Wasmtime and of our own library about an exception that nothing caught.
const THROWN: [&str; 2] = ["thrown Wasm exception", "uncaught exception"];

/// A failure, and the trap by which the library tells it.
pub(super) struct Error {
    pub(super) failure: Failure,
    /// `None` if the failure is ours.
    pub(super) trap: Option<Trap>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error { failure, trap: None }
    }
}

/// The beginning of a message about memory that the system refuses.
const OUT_OF_MEMORY: &str = "out of memory";

/// Returns the failure that a trap of a call means.
pub(super) fn of_call(message: &str, frames: Option<Vec<Frame>>) -> Failure {
    if THROWN.iter().any(|text| message.contains(text)) {
        return Failure::Exception(Exception { tag: None, payload: None, frames: None });
    }
    let trap = trap(message, frames);
    match trap.kind {
        TrapKind::Other if trap.message.starts_with(OUT_OF_MEMORY) => Failure::Resource(trap.message),
        _ => Failure::Trap(trap),
    }
}

/// Returns the failure that a trap of an instantiation means. The interface tells a wrong import in the same way as a
/// trap of the start function.
pub(super) fn of_instantiation(message: &str, frames: Option<Vec<Frame>>) -> Failure {
    let trap = trap(message, frames);
    if trap.kind != TrapKind::Other {
        return Failure::Trap(trap);
    }
    if message.contains("import") || message.contains("incompatible") {
        return Failure::Link(format!("incompatible import type: {message}"));
    }
    match of_call(message, trap.frames) {
        Failure::Trap(trap) if trap.frames.as_ref().is_none_or(Vec::is_empty) => Failure::Internal(trap.message),
        other => other,
    }
}

/// Reads the message of a trap.
fn trap(message: &str, frames: Option<Vec<Frame>>) -> crate::Trap {
    // A name in the backtrace may hold the same words, so the last ones count.
    let behind = |words| message.rsplit_once(words).map(|(_, reason)| reason);
    let reason = behind(REASON).or_else(|| behind(CAUSE)).unwrap_or(message);
    let reason = reason.lines().next().unwrap_or_default();
    let mut kinds = kinds_of(reason).into_iter();
    let mut trap = crate::Trap::new(kinds.next().unwrap_or(TrapKind::Other), reason, frames);
    trap.or_kinds = kinds.collect();
    trap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stands_behind_the_backtrace() {
        let message = "error while executing at wasm backtrace:\n    0: 0x1 - <unknown>!wasm trap: unreachable\n\n\
            Caused by:\n    wasm trap: integer overflow";
        assert_eq!(trap(message, None).kind, TrapKind::IntegerOverflow);
        assert_eq!(trap("uninitialized element", None).kind, TrapKind::UninitializedElement);
        assert_eq!(trap("broken", None).kind, TrapKind::Other);
        assert_eq!(trap("error\n\nCaused by:\n    out of memory (..)", None).message, "out of memory (..)");
        assert!(matches!(of_call("error\n\nCaused by:\n    out of memory (..)", None), Failure::Resource(_)));
        let both = trap("wasm trap: undefined element: out of bounds table access", None);
        assert!(both.may_be(TrapKind::UndefinedElement) && both.may_be(TrapKind::TableOutOfBounds));
    }

    #[test]
    fn an_instantiation_fails_in_three_ways() {
        assert!(matches!(of_instantiation("wasm trap: out of bounds memory access", None), Failure::Trap(_)));
        assert!(matches!(of_instantiation("incompatible import type for `a::b`", None), Failure::Link(_)));
        assert!(matches!(of_instantiation("no room", Some(Vec::new())), Failure::Internal(_)));
    }

    #[test]
    fn an_exception_is_no_trap() {
        assert!(matches!(of_call("thrown Wasm exception", None), Failure::Exception(_)));
        assert!(matches!(of_call("wasm trap: null reference", None), Failure::Trap(_)));
    }
}
