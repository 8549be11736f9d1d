//! Host functions over the leaf operations of an engine.

use super::context::EngineContext;
use super::walk;
use crate::{Behavior, HostCall, HostFunc};

/// Notes a call of a host function, with the objects that the arguments reach and the frames that are active.
pub(crate) fn note_call<C: EngineContext>(
    context: &mut C,
    function: &HostFunc,
    arguments: &[C::Val],
) -> Result<(), C::Error> {
    let frames = context.frames();
    let (arguments, objects) = walk::show(context, arguments)?;
    let (module, name) = (function.module.clone(), function.name.clone());
    context.keep_host_call(HostCall { module, name, arguments, objects, frames });
    Ok(())
}

/// Does what the behavior of a host function says.
pub(crate) fn act<C: EngineContext>(
    context: &mut C,
    behavior: &Behavior,
    arguments: &[C::Val],
    results: &mut [C::Val],
) -> Result<(), C::Error> {
    match behavior {
        Behavior::Return(values) => {
            for (result, &value) in results.iter_mut().zip(values) {
                *result = context.lower(value)?;
            }
            Ok(())
        }
        Behavior::Call => {
            let callee = arguments.first().and_then(C::as_func);
            let callee = callee.ok_or_else(|| C::host_error("the host was given no function to call"))?;
            context.call_back(&callee, &arguments[1..], results)
        }
        Behavior::Collect => context.collect(),
        Behavior::Fail(text) => Err(C::host_error(text)),
        Behavior::Panic(text) => Err(C::host_panic(text)),
    }
}
