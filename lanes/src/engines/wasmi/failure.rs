//! The meaning of wasmi's errors.

use crate::{Failure, Trap, TrapKind};
use wasmi::errors::{ErrorKind, HostError, InstantiationError, LinkerError};
use wasmi::{Error, TrapCode};

/// A failure crosses the engine's frames as the error of a host function.
impl HostError for Failure {}

/// The failure that an error means.
pub(super) fn failure(error: &Error) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    let message = error.to_string();
    if let Some(code) = error.as_trap_code() {
        return trap(code, message);
    }
    match error.kind() {
        ErrorKind::Linker(LinkerError::MissingDefinition { .. }) => Failure::Link(format!("unknown import: {message}")),
        ErrorKind::Linker(_) => Failure::Link(format!("incompatible import type: {message}")),
        ErrorKind::Instantiation(error) => instantiation_failure(error, message),
        ErrorKind::Func(_) => Failure::Usage(message),
        ErrorKind::Memory(_) | ErrorKind::Table(_) => Failure::Resource(message),
        _ => Failure::Internal(message),
    }
}

fn trap(code: TrapCode, message: String) -> Failure {
    let kind = match code {
        TrapCode::UnreachableCodeReached => TrapKind::Unreachable,
        TrapCode::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds => TrapKind::TableOutOfBounds,
        TrapCode::IndirectCallToNull => TrapKind::UninitializedElement,
        TrapCode::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        TrapCode::IntegerOverflow => TrapKind::IntegerOverflow,
        TrapCode::BadConversionToInteger => TrapKind::InvalidConversionToInteger,
        TrapCode::StackOverflow => TrapKind::StackOverflow,
        TrapCode::BadSignature => TrapKind::IndirectCallTypeMismatch,
        TrapCode::OutOfFuel => TrapKind::OutOfFuel,
        TrapCode::GrowthOperationLimited | TrapCode::OutOfSystemMemory => return Failure::Resource(message),
    };
    let mut trap = Trap::new(kind, message, None);
    if kind == TrapKind::TableOutOfBounds {
        trap.or_kinds.push(TrapKind::UndefinedElement);
    }
    Failure::Trap(trap)
}

fn instantiation_failure(error: &InstantiationError, message: String) -> Failure {
    match error {
        InstantiationError::ElementSegmentDoesNotFit { .. } => {
            Failure::Trap(Trap::new(TrapKind::TableOutOfBounds, message, None))
        }
        InstantiationError::ImportTypeMismatch { .. }
        | InstantiationError::GlobalTypeMismatch { .. }
        | InstantiationError::FuncTypeMismatch { .. }
        | InstantiationError::TableTypeMismatch { .. }
        | InstantiationError::MemoryTypeMismatch { .. } => {
            Failure::Link(format!("incompatible import type: {message}"))
        }
        _ => Failure::Resource(message),
    }
}
