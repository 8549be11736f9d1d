//! Stack switching
//! ([Stack switching](https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md)).
//!
//! The frames of all stacks that run lie in one list. Those of a continuation lie right above the frame that has
//! resumed it, as the specification's evaluation contexts lie inside each other, and a [`Prompt`] marks where they
//! begin. To suspend a stack is to take the frames above a prompt off the list, together with their slots: that is the
//! continuation. To resume one is to put them back. No slot holds the address of another one, so frames may come back
//! at any height.
//!
//! A search for a handler ends at the frames of the embedder: the functions of the host are on the native stack, which
//! cannot be taken apart.

use super::{Context, Exit, Frame, Stop, call, unwind};
use crate::Trap;
use crate::gc::{Continuation, Heap};
use crate::rewrite::rare::Rare;
use crate::rewrite::{Handler, HandlerLabel, StackSwitch, SwitchKind};
use crate::slot::RawRef;
use crate::store::{Function, FunctionKind, StoreInner};
use crate::types::TypeId;
use crate::values::Referents;

/// The beginning of a continuation that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prompt {
    /// The number of frames below it. The last of them has resumed it.
    pub(crate) depth: u32,
    /// The first slot: that of the arguments, which becomes that of the results.
    pub(crate) base: u32,
    /// The position of the handlers in the code of the frame that has resumed it.
    pub(crate) handlers: u32,
}

/// The result of an instruction. `Some` is the exit for a call of the host.
type Switched = Result<Option<Exit>, Stop>;

/// `cont.new x`.
pub(crate) fn cont_new(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let reference: RawRef = context.operand(rare, 0);
    let function = reference.as_func().ok_or(Trap::NullReference)?;
    let contents = Continuation { function: Some(function), ..Continuation::default() };
    let continuation = make(context.store, context.ty(rare.x), contents.size())?;
    fill(context.store, continuation, contents)?;
    context.set_result(rare, continuation);
    Ok(())
}

/// `cont.bind`: the arguments, of `y` slots, and the continuation lie in a row. `x` is the type of the result.
pub(crate) fn cont_bind(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let old = continuation(context.store, RawRef(context.slot(rare.row + rare.y)))?;
    let size = contents(&context.store.heap, old).size() + u64::from(rare.y) * size_of::<u64>() as u64;
    let new = make(context.store, context.ty(rare.x), size)?;
    let mut contents = take(&mut context.store.heap, old);
    contents.slots.extend((0..rare.y).map(|index| context.slot(rare.row + index)));
    fill(context.store, new, contents)?;
    context.set_result(rare, new);
    Ok(())
}

/// Removes the continuations that have returned, and returns the number of frames below the present stack. The frames
/// of the activation begin at `depth`.
pub(super) fn floor(store: &mut StoreInner, depth: usize) -> usize {
    while let Some(prompt) = store.prompts.last() {
        let below = prompt.depth as usize;
        if below <= depth {
            break;
        }
        if below < store.frames.len() {
            return below;
        }
        store.prompts.pop();
    }
    depth
}

/// Executes an instruction of the innermost frame that goes on with another stack. If it throws an exception, a handler
/// goes on. Returns the exit if no code can go on at once.
#[inline(never)]
pub(super) fn switch(store: &mut StoreInner, depth: usize, index: u32) -> Option<Exit> {
    match execute(store, depth, index) {
        Ok(exit) => exit,
        // The frame in which the exception is thrown is the innermost one by now.
        Err(stop) => unwind::handle(store, depth, stop).err().map(Exit::Stopped),
    }
}

/// Executes an instruction of the innermost frame that goes on with another stack.
///
/// # Errors
///
/// The reason to stop.
fn execute(store: &mut StoreInner, depth: usize, index: u32) -> Switched {
    let frame = *store.frames.last().expect("a function runs");
    let code = store.functions[frame.function as usize].code.as_deref().expect("a function that runs has code");
    let switch = code.switches[index as usize];
    match switch.kind {
        SwitchKind::Resume { handlers } => resume(store, frame, switch, handlers),
        SwitchKind::ResumeThrow { tag, handlers } => {
            let object = operand(store, frame, switch)?;
            let mut context = Context::new(store, frame);
            let tag = context.instance().tags[tag as usize];
            let ty = context.store.tags[tag as usize].ty;
            let make = |heap: &mut Heap, payload: &[u64]| heap.new_exception(tag, ty, payload);
            let exception = context.allocate_from_row(switch.row, switch.operands, make)?;
            resume_throw(store, frame, switch, object, exception, handlers)
        }
        SwitchKind::ResumeThrowRef { handlers } => {
            let object = operand(store, frame, switch)?;
            let exception = RawRef(store.stack[(frame.base + switch.row) as usize]);
            if exception.is_null() {
                return Err(Trap::NullReference.into());
            }
            resume_throw(store, frame, switch, object, exception, handlers)
        }
        SwitchKind::Suspend { tag } => suspend(store, depth, frame, switch, tag),
        SwitchKind::Switch { tag, ty } => switch_to(store, depth, frame, switch, tag, ty),
    }
}

/// `resume`.
fn resume(store: &mut StoreInner, frame: Frame, switch: StackSwitch, handlers: u32) -> Switched {
    let object = operand(store, frame, switch)?;
    let prompt = Prompt { depth: store.frames.len() as u32, base: frame.base + switch.row, handlers };
    reserve(store, object, prompt)?;
    store.prompts.push(prompt);
    let contents = take(&mut store.heap, object);
    reinstate(store, prompt, contents, switch.operands)
}

/// `resume_throw` and `resume_throw_ref`: resumes a stack by an exception in place of results.
fn resume_throw(
    store: &mut StoreInner,
    frame: Frame,
    switch: StackSwitch,
    object: u32,
    exception: RawRef,
    handlers: u32,
) -> Switched {
    let prompt = Prompt { depth: store.frames.len() as u32, base: frame.base + switch.row, handlers };
    reserve(store, object, prompt)?;
    let contents = take(&mut store.heap, object);
    // A function that was never called has no handlers: the exception goes right through.
    if contents.function.is_none() {
        store.prompts.push(prompt);
        reinstate(store, prompt, contents, 0)?;
    }
    Err(Stop::Exception(exception))
}

/// `suspend`: makes a continuation of the stack up to the innermost handler of a tag, which receives it after the
/// operands.
fn suspend(store: &mut StoreInner, depth: usize, frame: Frame, switch: StackSwitch, tag: u32) -> Switched {
    let takes = |handler: &Handler| handler.label;
    let (position, label) = find(store, depth, frame, tag, takes).ok_or(Trap::UnhandledTag)?;
    let HandlerLabel { slot, ty, target } = label;
    let parent = store.frames[store.prompts[position].depth as usize - 1];
    let ty = store.instances[parent.instance as usize].types[ty as usize];
    let start = frame.base + switch.row;
    let continuation = capture(store, position, start, ty)?;
    store.prompts.truncate(position);
    let (start, at, count) = (start as usize, (parent.base + slot) as usize, switch.operands as usize);
    store.stack.copy_within(start..start + count, at);
    store.stack[at + count] = continuation.0;
    store.frames.last_mut().expect("the frame that has resumed").pc = target;
    Ok(None)
}

/// `switch`: makes a continuation of the stack up to the innermost handler of a tag, and resumes another one in its
/// place, which receives it after the operands.
fn switch_to(store: &mut StoreInner, depth: usize, frame: Frame, switch: StackSwitch, tag: u32, ty: u32) -> Switched {
    let object = operand(store, frame, switch)?;
    let takes = |handler: &Handler| handler.label.is_none().then_some(());
    let (position, ()) = find(store, depth, frame, tag, takes).ok_or(Trap::UnhandledTag)?;
    let prompt = store.prompts[position];
    reserve(store, object, prompt)?;
    let ty = store.instances[frame.instance as usize].types[ty as usize];
    let start = frame.base + switch.row;
    let own = capture(store, position, start, ty)?;
    let (start, count) = (start as usize, switch.operands as usize);
    store.stack[start + count] = own.0;
    store.stack.copy_within(start..=start + count, prompt.base as usize);
    let contents = take(&mut store.heap, object);
    reinstate(store, prompt, contents, switch.operands + 1)
}

/// Returns the innermost handler that takes a tag of an instance, and the position of its prompt.
fn find<T>(
    store: &StoreInner,
    depth: usize,
    frame: Frame,
    tag: u32,
    takes: impl Fn(&Handler) -> Option<T>,
) -> Option<(usize, T)> {
    let tag = store.instances[frame.instance as usize].tags[tag as usize];
    for (position, prompt) in store.prompts.iter().enumerate().rev() {
        let below = prompt.depth as usize;
        if below <= depth {
            return None;
        }
        let parent = store.frames[below - 1];
        let code = store.functions[parent.function as usize].code.as_deref()?;
        let tags = &store.instances[parent.instance as usize].tags;
        let own = code.handlers[prompt.handlers as usize].iter();
        if let Some(found) = own.filter(|handler| tags[handler.tag as usize] == tag).find_map(&takes) {
            return Some((position, found));
        }
    }
    None
}

/// Takes the frames above a prompt, and their slots below `end`, off the stack. Returns the continuation that they are.
/// The slots keep what they hold.
fn capture(store: &mut StoreInner, position: usize, end: u32, ty: TypeId) -> Result<RawRef, Trap> {
    let Prompt { depth, base, .. } = store.prompts[position];
    let (frames, prompts) = (store.frames.len() - depth as usize, store.prompts.len() - position - 1);
    let reference = make(store, ty, Continuation::size_of(frames, prompts, (end - base) as usize))?;
    let frames = store.frames.drain(depth as usize..).map(|frame| Frame { base: frame.base - base, ..frame });
    let prompts = store.prompts.drain(position + 1..).map(|prompt| Prompt {
        depth: prompt.depth - depth,
        base: prompt.base - base,
        ..prompt
    });
    let slots = store.stack[base as usize..end as usize].into();
    let contents = Continuation { function: None, frames: frames.collect(), prompts: prompts.collect(), slots };
    fill(store, reference, contents)?;
    Ok(reference)
}

/// Makes sure that a continuation has room above a prompt.
///
/// # Errors
///
/// [`Trap::StackOverflow`] if it has not.
fn reserve(store: &mut StoreInner, object: u32, prompt: Prompt) -> Result<(), Stop> {
    let own = contents(&store.heap, object);
    let (function, saved) = (own.function, own.slots.len());
    if prompt.depth as usize + own.frames.len().max(1) > store.max_depth {
        return Err(Trap::StackOverflow.into());
    }
    // Each frame needs room of its own: one that has called another one goes on with more operands later.
    let ends = own.frames.iter().map(|frame| {
        let code = store.functions[frame.function as usize].code.as_deref();
        frame.base as usize + code.map_or(0, |code| code.slots as usize)
    });
    let frames = ends.max().unwrap_or(0);
    let called = function.map_or(Ok(0), |function| slots_of(store, function))?;
    Ok(store.reserve_stack(prompt.base as usize + frames.max(called).max(saved))?)
}

/// Returns the number of slots that a function needs. One of the host gets its arguments and leaves its results there.
fn slots_of(store: &mut StoreInner, function: u32) -> Result<usize, Stop> {
    let Function { kind, ty, .. } = &store.functions[function as usize];
    if let FunctionKind::Host(_) = kind {
        let ty = store.types.func(*ty);
        return Ok(ty.param_slots().max(ty.result_slots()));
    }
    Ok(store.code(function)?.slots as usize)
}

/// Puts the frames of a continuation, for which there is room, above a prompt. `arguments` slots from the prompt's base
/// on are those that the continuation still lacks.
fn reinstate(store: &mut StoreInner, prompt: Prompt, contents: Continuation, arguments: u32) -> Switched {
    let Prompt { depth, base, .. } = prompt;
    let (start, saved) = (base as usize, contents.slots.len());
    store.stack.copy_within(start..start + arguments as usize, start + saved);
    store.stack[start..start + saved].copy_from_slice(&contents.slots);
    store.frames.extend(contents.frames.iter().map(|frame| Frame { base: frame.base + base, ..*frame }));
    store.prompts.extend(contents.prompts.iter().map(|prompt| Prompt {
        depth: prompt.depth + depth,
        base: prompt.base + base,
        ..*prompt
    }));
    match contents.function {
        Some(function) => call::prepare(store, function, base),
        None => Ok(None),
    }
}

/// Returns the object of the continuation that is the last operand of an instruction.
fn operand(store: &StoreInner, frame: Frame, switch: StackSwitch) -> Result<u32, Trap> {
    continuation(store, RawRef(store.stack[(frame.base + switch.row + switch.operands) as usize]))
}

/// Returns the object of a continuation that is not consumed.
fn continuation(store: &StoreInner, reference: RawRef) -> Result<u32, Trap> {
    let object = reference.as_object().ok_or(Trap::NullReference)?;
    if store.heap.continuation(object).is_none() {
        return Err(Trap::ContinuationConsumed);
    }
    Ok(object)
}

/// Returns the contents of a continuation that is not consumed.
fn contents(heap: &Heap, object: u32) -> &Continuation {
    heap.continuation(object).expect("the continuation is not consumed")
}

/// Consumes a continuation that was not.
fn take(heap: &mut Heap, object: u32) -> Continuation {
    heap.take_continuation(object).expect("the continuation is not consumed")
}

/// Makes a continuation whose contents will count `size` bytes.
fn make(store: &mut StoreInner, ty: TypeId, size: u64) -> Result<RawRef, Trap> {
    store.allocate(|heap| heap.new_continuation(ty, size))
}

/// Gives a new continuation its contents.
fn fill(store: &mut StoreInner, continuation: RawRef, contents: Continuation) -> Result<(), Trap> {
    store.heap.fill_continuation(continuation.as_object().expect("a new object"), contents)
}
