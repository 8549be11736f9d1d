//! Calls, as far as the loop does not make them itself.

use super::{Exit, Frame, Stop};
use crate::Trap;
use crate::rewrite::Site;
use crate::store::{FunctionKind, StoreInner};

/// Enters a function for which the loop has no code, or no room. `Some` is the exit for a call of the host.
#[cold]
pub(super) fn prepare(store: &mut StoreInner, callee: u32, base: u32) -> Result<Option<Exit>, Stop> {
    if let FunctionKind::Host(_) = store.functions[callee as usize].kind {
        let caller = store.frames.last().expect("a function runs").instance;
        return Ok(Some(Exit::Host { function: callee, base, caller }));
    }
    enter(store, callee, base)?;
    Ok(None)
}

/// Pushes the frame of a WebAssembly function whose arguments begin at `base`, with its other locals zero
/// ([Invocation](https://webassembly.github.io/spec/core/exec/instructions.html#exec-invoke)).
///
/// # Errors
///
/// [`Trap::StackOverflow`] if there is no room for the frame.
pub(crate) fn enter(store: &mut StoreInner, callee: u32, base: u32) -> Result<(), Stop> {
    let code = store.code(callee)?;
    let (parameters, locals, slots) = (code.parameters as usize, code.locals as usize, code.slots as usize);
    let start = base as usize;
    if store.frames.len() >= store.max_depth {
        return Err(Trap::StackOverflow.into());
    }
    store.reserve_stack(start + slots)?;
    let instance = store.functions[callee as usize].instance;
    store.frames.push(Frame { function: callee, instance, pc: 0, base });
    store.stack[start + parameters..start + locals].fill(0);
    Ok(())
}

/// Enters a function in place of the innermost one. `Some` is the exit for a call of the host.
pub(super) fn replace(store: &mut StoreInner, callee: u32) -> Result<Option<Exit>, Stop> {
    // The stack must be known to have room before the frame that would report the trap is gone.
    if let FunctionKind::Wasm(_) = store.functions[callee as usize].kind {
        let slots = store.code(callee)?.slots as usize;
        let base = store.frames.last().expect("a function runs").base as usize;
        store.reserve_stack(base + slots)?;
    }
    let left = store.frames.pop().expect("a function runs");
    if let FunctionKind::Host(_) = store.functions[callee as usize].kind {
        return Ok(Some(Exit::Host { function: callee, base: left.base, caller: left.instance }));
    }
    enter(store, callee, left.base)?;
    Ok(None)
}

/// Returns the callee of an indirect call
/// ([`call_indirect`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-call-indirect)).
pub(super) fn indirect(store: &StoreInner, instance: u32, site: Site, index: u64) -> Result<u32, Trap> {
    let instance = &store.instances[instance as usize];
    let table = &store.tables[instance.tables[site.table as usize] as usize];
    let callee = table.function(index)?;
    let (ty, wanted) = (store.functions[callee as usize].ty, instance.types[site.ty as usize]);
    if ty == wanted || store.types.is_subtype(ty, wanted) { Ok(callee) } else { Err(Trap::IndirectCallTypeMismatch) }
}
