//! Panics in the code of a linked engine: those that are part of a test are told from the engine's own.

use crate::{Failure, Phase, Refusal};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The payload of a panic that a host function was told to raise. Any other panic is a fault of the engine.
struct HostPanic(String);

/// Raises the panic of a host function without the panic hook, which would print a panic that is part of the test.
pub(crate) fn host_panic(text: &str) -> ! {
    resume_unwind(Box::new(HostPanic(text.to_string())))
}

/// Runs code of an engine, and turns a panic into a failure.
pub(crate) fn guarded<R>(run: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| match payload.downcast::<HostPanic>() {
        Ok(panic) => Err(Failure::Panic(panic.0)),
        Err(payload) => Err(Failure::Internal(panic_text(&*payload))),
    })
}

/// Runs code of an engine that loads a module, and turns a panic into a refusal.
pub(crate) fn guarded_load<R>(load: impl FnOnce() -> Result<R, Refusal>) -> Result<R, Refusal> {
    let refusal = |payload: &(dyn Any + Send)| Refusal { phase: Phase::Internal, message: panic_text(payload) };
    catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|payload| Err(refusal(&*payload)))
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("the engine panicked: {}", text.unwrap_or("no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_told_apart() {
        assert_eq!(guarded(|| host_panic("on purpose")), Err::<(), _>(Failure::Panic("on purpose".to_string())));
        let engine: Result<(), Failure> = guarded(|| resume_unwind(Box::new("a fault")));
        assert_eq!(engine, Err(Failure::Internal("the engine panicked: a fault".to_string())));
        let load: Result<(), Refusal> = guarded_load(|| resume_unwind(Box::new(7)));
        assert_eq!(load.map_err(|refusal| refusal.phase), Err(Phase::Internal));
    }
}
