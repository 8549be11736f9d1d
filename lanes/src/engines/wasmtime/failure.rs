//! The meaning of Wasmtime's errors.

use crate::{Failure, Frame, Phase, Refusal, TrapKind};
use std::io;
use wasmtime::{Error, OutOfMemory, ThrownException, Trap, UnknownImportError, WasmBacktrace};

/// The failure that an error means, unless it is an exception.
pub(super) fn failure(error: &Error) -> Failure {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        // Without any frame, there is no backtrace.
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        let mut shown = crate::Trap::new(trap_kind(*trap), trap.to_string(), Some(frames));
        if *trap == Trap::TableOutOfBounds {
            shown.or_kinds.push(TrapKind::UndefinedElement);
        }
        return Failure::Trap(shown);
    }
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.clone(),
        None if error.is::<OutOfMemory>() => Failure::Resource(format!("{error:#}")),
        None => Failure::Internal(format!("{error:#}")),
    }
}

/// Turns an error of instantiation that the engine itself makes into a failure of linking or of a resource.
pub(super) fn instantiation_error(error: Error) -> Error {
    if error.is::<Trap>() || error.is::<ThrownException>() || error.is::<Failure>() {
        return error;
    }
    let text = format!("{error:#}");
    let failure = if is_of_linking(&error) { Failure::Link(text) } else { Failure::Resource(text) };
    failure.into()
}

/// The refusal that an error of loading means.
pub(super) fn refusal(error: &Error) -> Refusal {
    let phase = match error {
        error if error.is::<OutOfMemory>() || error.is::<io::Error>() => Phase::Resource,
        error if is_of_support(error) => Phase::Unsupported,
        _ => Phase::Rejected,
    };
    Refusal { phase, message: format!("{error:#}") }
}

/// Returns whether the imports are at fault. One of the two errors of linking has a type, the other only a text, which
/// is that of the official scripts.
fn is_of_linking(error: &Error) -> bool {
    error.is::<UnknownImportError>() || error.to_string().starts_with("incompatible import type")
}

/// Returns whether the engine lacks what the module needs. Only the text tells: the error's type is private.
fn is_of_support(error: &Error) -> bool {
    let texts = ["Unsupported feature", "Implementation limit exceeded"];
    error.chain().any(|cause| texts.iter().any(|text| cause.to_string().starts_with(text)))
}

/// Turns a growth that the engine could not perform into a failure, unless the limits of the type forbid it. Only the
/// text tells: these errors have no type.
pub(super) fn growth_failed(error: &Error) -> Result<(), Error> {
    let text = format!("{error:#}");
    if ["maximum size exceeded", "exceeds memory type's limits"].iter().any(|limit| text.ends_with(limit)) {
        return Ok(());
    }
    Err(Failure::Resource(text).into())
}

fn trap_kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::StackOverflow => TrapKind::StackOverflow,
        Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        Trap::IndirectCallToNull => TrapKind::UninitializedElement,
        Trap::BadSignature => TrapKind::IndirectCallTypeMismatch,
        Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        Trap::BadConversionToInteger => TrapKind::InvalidConversionToInteger,
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::NullReference => TrapKind::NullReference,
        Trap::CastFailure => TrapKind::CastFailure,
        Trap::ArrayOutOfBounds => TrapKind::ArrayOutOfBounds,
        Trap::HeapMisaligned => TrapKind::UnalignedAtomic,
        Trap::AtomicWaitNonSharedMemory => TrapKind::ExpectedSharedMemory,
        Trap::Interrupt => TrapKind::Interrupted,
        Trap::OutOfFuel => TrapKind::OutOfFuel,
        _ => TrapKind::Other,
    }
}

/// The frames of a backtrace.
pub(super) fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        func_index: frame.func_index(),
        func_name: frame.func_name().map(str::to_string),
        module_name: frame.module().name().map(str::to_string),
        module_offset: frame.module_offset().map(|offset| offset as u64),
    };
    backtrace.frames().iter().map(frame).collect()
}
