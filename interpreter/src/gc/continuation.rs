//! Continuations: the rest of an execution as a value
//! ([Stack switching][proposal]).
//!
//! An object names its contents, which leave the heap when the continuation is consumed. The object stays, so that a
//! second use is noticed. Its size counts the contents as they are, so that suspended stacks come up against the limit
//! of the heap.
//!
//! [proposal]: https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md

use super::heap::{CONTINUATION, Failure, Heap, object};
use crate::execute::{Frame, Prompt};
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::TypeId;
use alloc::vec::Vec;

/// The cells of a continuation: the header and its type.
pub(super) const CELLS: usize = 2;

/// The bytes that the object of a continuation counts, without its contents.
pub(super) const OBJECT_SIZE: u64 = 16;

/// The bytes that contents count, without their frames and slots.
const CONTENTS_SIZE: u64 = 112;

/// The contents of a continuation: a function that is still to be called, or frames that are suspended.
#[derive(Default, Debug)]
pub(crate) struct Continuation {
    /// The address of the function, if it has not been called.
    pub(crate) function: Option<u32>,
    /// The frames, the outermost first. Their bases count from the first slot of the continuation.
    pub(crate) frames: Vec<Frame>,
    /// The beginnings of the continuations among the frames, which count from the first slot and frame.
    pub(crate) prompts: Vec<Prompt>,
    /// The slots of the frames, and the arguments that are bound already.
    pub(crate) slots: Vec<u64>,
}

impl Continuation {
    /// Returns the bytes that the contents count.
    pub(crate) fn size(&self) -> u64 {
        Continuation::size_of(self.frames.len(), self.prompts.len(), self.slots.len())
    }

    /// Returns the bytes that contents with these numbers of parts count.
    pub(crate) fn size_of(frames: usize, prompts: usize, slots: usize) -> u64 {
        let parts = frames * size_of::<Frame>() + prompts * size_of::<Prompt>() + slots * size_of::<u64>();
        CONTENTS_SIZE + (parts as u64).next_multiple_of(8)
    }
}

impl Heap {
    /// Makes a continuation of a type, which is consumed until [`fill_continuation`](Heap::fill_continuation) gives it
    /// contents that count `size` bytes.
    pub(crate) fn new_continuation(&mut self, ty: TypeId, size: u64) -> Result<RawRef, Failure> {
        let at = self.allocate(CONTINUATION, 0, CELLS, OBJECT_SIZE + size)?;
        self.arena.write(at + 1, ty.0.into());
        Ok(object(at))
    }

    /// Gives a new continuation its contents.
    ///
    /// # Errors
    /// [`Trap::OutOfHeap`] if there are 2^32 continuations.
    pub(crate) fn fill_continuation(&mut self, object: u32, contents: Continuation) -> Result<(), Trap> {
        let number = self.continuations.insert(contents).and_then(|number| number.checked_add(1));
        let word = number.ok_or(Trap::OutOfHeap)?;
        self.arena.write(object as usize, u64::from(CONTINUATION) | u64::from(word) << 32);
        Ok(())
    }

    /// Returns the contents of a continuation; `None` if it is consumed.
    pub(crate) fn continuation(&self, object: u32) -> Option<&Continuation> {
        self.continuations.get(self.contents_of(object)?)
    }

    /// Consumes a continuation and returns its contents; `None` if it was consumed before.
    pub(crate) fn take_continuation(&mut self, object: u32) -> Option<Continuation> {
        let contents = self.continuations.remove(self.contents_of(object)?)?;
        self.arena.write(object as usize, CONTINUATION.into());
        self.pacing.used -= contents.size();
        Some(contents)
    }

    /// Returns the type of a continuation; `None` if the object is another one.
    pub(crate) fn continuation_type(&self, object: u32) -> Option<TypeId> {
        let (kind, _) = self.header(object as usize);
        (kind == CONTINUATION).then(|| TypeId(self.arena.read(object as usize + 1) as u32))
    }

    /// Returns the number of the contents of a continuation; `None` if it is consumed.
    fn contents_of(&self, object: u32) -> Option<u32> {
        match self.header(object as usize) {
            (CONTINUATION, word) => word.checked_sub(1),
            _ => None,
        }
    }
}
