//! The meaning of our engine's errors.

use crate::engines::guard;
use crate::{Failure, Frame, Phase, Refusal, Trap, TrapKind};
use engine::{Error, ErrorKind};

/// Runs code of the engine.
pub(super) fn guarded<R>(run: impl FnOnce() -> Result<R, Error>) -> Result<R, Failure> {
    guard::guarded(|| run().map_err(|error| failure(&error)))
}

/// Runs code of the engine that loads a module.
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

fn trap_kind(trap: engine::Trap) -> TrapKind {
    match trap {
        engine::Trap::Unreachable => TrapKind::Unreachable,
        engine::Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        engine::Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        engine::Trap::UndefinedElement => TrapKind::UndefinedElement,
        engine::Trap::UninitializedElement => TrapKind::UninitializedElement,
        engine::Trap::IndirectCallTypeMismatch => TrapKind::IndirectCallTypeMismatch,
        engine::Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        engine::Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        engine::Trap::InvalidConversionToInteger => TrapKind::InvalidConversionToInteger,
        engine::Trap::NullReference => TrapKind::NullReference,
        engine::Trap::CastFailure => TrapKind::CastFailure,
        engine::Trap::ArrayOutOfBounds => TrapKind::ArrayOutOfBounds,
        engine::Trap::OutOfHeap => TrapKind::OutOfHeap,
        engine::Trap::StackOverflow => TrapKind::StackOverflow,
        engine::Trap::OutOfFuel => TrapKind::OutOfFuel,
        engine::Trap::Interrupted => TrapKind::Interrupted,
        engine::Trap::UnalignedAtomic => TrapKind::UnalignedAtomic,
        engine::Trap::ExpectedSharedMemory => TrapKind::ExpectedSharedMemory,
        _ => TrapKind::Other,
    }
}

/// The frames of a backtrace.
pub(super) fn frames(backtrace: &engine::Backtrace) -> Vec<Frame> {
    let frame = |frame: &engine::Frame| Frame {
        func_index: frame.func_index,
        func_name: frame.func_name.clone(),
        module_name: frame.module_name.clone(),
        module_offset: frame.module_offset.map(|offset| u64::from(offset.0)),
    };
    backtrace.frames.iter().map(frame).collect()
}

#[cfg(test)]
mod tests {
    /// Reports show frames of all engines in one form, whichever type they come in.
    #[test]
    fn frames_print_as_in_the_engine() {
        let module_offset = Some(engine::WasmOffset(0x5a));
        let name = |name: &str| Some(name.to_owned());
        for (module_name, func_name, module_offset) in
            [(None, None, None), (name("m"), None, module_offset), (name("m"), name("main"), module_offset)]
        {
            let frame = engine::Frame { module_name, func_index: 3, func_name, module_offset };
            let backtrace = engine::Backtrace { frames: vec![frame.clone()] };
            assert_eq!(super::frames(&backtrace)[0].to_string(), frame.to_string());
        }
    }
}
