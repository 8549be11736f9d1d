//! The meaning of the interpreter's errors.

use crate::engines::guard;
use crate::{Failure, Frame, Phase, Refusal, Trap, TrapKind};
use interpreter::{Error, ErrorKind};

/// Runs code of the interpreter.
pub(super) fn guarded<R>(run: impl FnOnce() -> Result<R, Error>) -> Result<R, Failure> {
    guard::guarded(|| run().map_err(|error| failure(&error)))
}

/// Runs code of the interpreter that loads a module.
pub(super) fn guarded_load<R>(load: impl FnOnce() -> Result<R, Error>) -> Result<R, Refusal> {
    guard::guarded_load(|| load().map_err(|error| refusal(&error)))
}

fn refusal(error: &Error) -> Refusal {
    let phase = match error.kind() {
        ErrorKind::Malformed => Phase::Malformed,
        ErrorKind::Invalid => Phase::Invalid,
        ErrorKind::Unsupported | ErrorKind::TooLarge => Phase::Unsupported,
        ErrorKind::Resource => Phase::Resource,
        _ => Phase::Internal,
    };
    Refusal { phase, message: error.to_string() }
}

/// The failure that an error means, unless it is an exception.
pub(super) fn failure(error: &Error) -> Failure {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Trap(trap) => {
            let frames = error.backtrace().map(frames);
            Failure::Trap(Trap::new(trap_kind(trap), message, frames))
        }
        ErrorKind::Link => Failure::Link(message),
        ErrorKind::Host => Failure::Host(message),
        ErrorKind::Resource => Failure::Resource(message),
        ErrorKind::Usage => Failure::Usage(message),
        ErrorKind::Unsupported | ErrorKind::TooLarge => Failure::Unsupported(message),
        _ => Failure::Internal(message),
    }
}

fn trap_kind(trap: interpreter::Trap) -> TrapKind {
    match trap {
        interpreter::Trap::Unreachable => TrapKind::Unreachable,
        interpreter::Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        interpreter::Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        interpreter::Trap::UndefinedElement => TrapKind::UndefinedElement,
        interpreter::Trap::UninitializedElement => TrapKind::UninitializedElement,
        interpreter::Trap::IndirectCallTypeMismatch => TrapKind::IndirectCallTypeMismatch,
        interpreter::Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        interpreter::Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        interpreter::Trap::InvalidConversionToInteger => TrapKind::InvalidConversionToInteger,
        interpreter::Trap::NullReference => TrapKind::NullReference,
        interpreter::Trap::CastFailure => TrapKind::CastFailure,
        interpreter::Trap::ArrayOutOfBounds => TrapKind::ArrayOutOfBounds,
        interpreter::Trap::OutOfHeap => TrapKind::OutOfHeap,
        interpreter::Trap::StackOverflow => TrapKind::StackOverflow,
        interpreter::Trap::OutOfFuel => TrapKind::OutOfFuel,
        interpreter::Trap::Interrupted => TrapKind::Interrupted,
        interpreter::Trap::UnalignedAtomic => TrapKind::UnalignedAtomic,
        interpreter::Trap::ExpectedSharedMemory => TrapKind::ExpectedSharedMemory,
        interpreter::Trap::ContinuationConsumed => TrapKind::ContinuationConsumed,
        interpreter::Trap::UnhandledTag => TrapKind::UnhandledTag,
        _ => TrapKind::Other,
    }
}

/// The frames of a backtrace.
pub(super) fn frames(backtrace: &interpreter::Backtrace) -> Vec<Frame> {
    let frame = |frame: &interpreter::Frame| Frame {
        func_index: frame.func_index,
        func_name: frame.func_name.clone(),
        module_name: frame.module_name.clone(),
        module_offset: Some(frame.module_offset.into()),
    };
    backtrace.frames.iter().map(frame).collect()
}

#[cfg(test)]
mod tests {
    /// Reports show frames of all engines in one form, whichever type they come in.
    #[test]
    fn frames_print_as_in_the_interpreter() {
        let name = |name: &str| Some(name.to_owned());
        for (module_name, func_name) in [(None, None), (name("m"), None), (name("m"), name("main"))] {
            let frame = interpreter::Frame { module_name, func_index: 3, func_name, module_offset: 0x5a };
            let backtrace = interpreter::Backtrace { frames: vec![frame.clone()] };
            assert_eq!(super::frames(&backtrace)[0].to_string(), frame.to_string());
        }
    }
}
