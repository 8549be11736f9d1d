//! Tables ([Table instances](https://webassembly.github.io/spec/core/exec/runtime.html#syntax-tableinst)).

use super::{StoreLimits, refused};
use crate::error::Result;
use crate::memory::filled;
use crate::slot::RawRef;
use crate::trap::Trap;
use crate::types::{Limits, TableType};
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

/// The largest number of elements of a table, as in the JavaScript interface. It bounds the time that an instruction on
/// many elements takes.
const MOST_ELEMENTS: u64 = 10_000_000;

/// A table.
pub(crate) struct TableInstance {
    /// The elements: references as slots hold them.
    slots: Vec<u64>,
    ty: TableType,
}

impl TableInstance {
    /// Makes a table of the type's initial size, each element `init`.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource) if the table is too large, or the limits or the system refuse.
    pub(crate) fn new(ty: TableType, init: RawRef, limits: &StoreLimits) -> Result<TableInstance> {
        let length = ty.limits.min;
        if !limits.allow_table(length)? {
            return Err(refused(format!("the store's limit refuses a table of {length} elements")));
        }
        if length > MOST_ELEMENTS {
            let message = format!("a table of {length} elements is too large: the interpreter allows {MOST_ELEMENTS}");
            return Err(refused(message));
        }
        // Null is zero, so that a table of nulls stays untouched.
        let slots = filled(init.0, length as usize);
        let slots = slots.ok_or_else(|| refused(format!("the system refuses a table of {length} elements")))?;
        Ok(TableInstance { slots, ty })
    }

    /// Returns the declared type.
    pub(crate) fn ty(&self) -> TableType {
        self.ty
    }

    /// Returns the type with the present size as its minimum, by which an import is matched.
    pub(crate) fn current_type(&self) -> TableType {
        TableType { limits: Limits { min: self.length(), max: self.ty.limits.max }, ..self.ty }
    }

    /// Returns the number of elements.
    #[inline(always)]
    pub(crate) fn length(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Returns all elements, as slots hold them.
    pub(crate) fn slots(&self) -> &[u64] {
        &self.slots
    }

    /// Returns an element.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`] if the index is past the end.
    #[inline(always)]
    pub(crate) fn get(&self, index: u64) -> Result<RawRef, Trap> {
        self.element(index).ok_or(Trap::TableOutOfBounds)
    }

    /// Returns the address of a function that is called by its index.
    ///
    /// # Errors
    /// [`Trap::UndefinedElement`] if the index is past the end; [`Trap::UninitializedElement`] if the element is null.
    #[inline(always)]
    pub(crate) fn function(&self, index: u64) -> Result<u32, Trap> {
        let element = self.element(index).ok_or(Trap::UndefinedElement)?;
        element.as_func().ok_or(Trap::UninitializedElement)
    }

    #[inline(always)]
    fn element(&self, index: u64) -> Option<RawRef> {
        self.slots.get(usize::try_from(index).ok()?).map(|&bits| RawRef(bits))
    }

    /// Sets an element.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`] if the index is past the end.
    #[inline(always)]
    pub(crate) fn set(&mut self, index: u64, value: RawRef) -> Result<(), Trap> {
        let slot = usize::try_from(index).ok().and_then(|index| self.slots.get_mut(index));
        *slot.ok_or(Trap::TableOutOfBounds)? = value.0;
        Ok(())
    }

    /// Sets `length` elements from `at` on.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], with nothing set, if they do not lie inside the table.
    pub(crate) fn fill(&mut self, at: u64, value: RawRef, length: u64) -> Result<(), Trap> {
        let range = self.range(at, length)?;
        self.slots[range].fill(value.0);
        Ok(())
    }

    /// Sets the elements from `at` on to those of a segment from `from` on.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], with nothing set, if a range does not lie inside the table or the segment.
    pub(crate) fn init(&mut self, at: u64, segment: &[u64], from: u64, length: u64) -> Result<(), Trap> {
        let target = self.range(at, length)?;
        let source = range_within(segment.len(), from, length)?;
        self.slots[target].copy_from_slice(&segment[source]);
        Ok(())
    }

    /// Copies `length` elements within the table, as if all were read before the first is written.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], with nothing copied, if a range does not lie inside the table.
    pub(crate) fn copy_within(&mut self, to: u64, from: u64, length: u64) -> Result<(), Trap> {
        let (target, source) = (self.range(to, length)?, self.range(from, length)?);
        self.slots.copy_within(source, target.start);
        Ok(())
    }

    /// Returns the number of elements after a growth by `delta`; `None` if the type or the interpreter does not allow
    /// it.
    pub(crate) fn grown_length(&self, delta: u64) -> Option<u64> {
        let most = self.ty.limits.max.unwrap_or(MOST_ELEMENTS).min(MOST_ELEMENTS);
        self.length().checked_add(delta).filter(|&length| length <= most)
    }

    /// Grows by `delta` elements, each `init`. Returns the old size; `None`, with nothing changed, if the table cannot
    /// grow.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::ErrorKind::Resource), if the limits make an error of a growth that fails.
    pub(crate) fn grow(&mut self, delta: u64, init: RawRef, limits: &StoreLimits) -> Result<Option<u64>> {
        let Some(new) = self.grown_length(delta) else { return Ok(None) };
        if !limits.allow_table(new)? {
            return Ok(None);
        }
        if self.slots.try_reserve(delta as usize).is_err() {
            limits.hear_refusal(format!("the system refuses to let a table grow to {new} elements"))?;
            return Ok(None);
        }
        let old = self.length();
        self.slots.resize(new as usize, init.0);
        Ok(Some(old))
    }

    /// Returns the positions of a range of elements, after a check that they lie inside the table.
    fn range(&self, at: u64, length: u64) -> Result<Range<usize>, Trap> {
        range_within(self.slots.len(), at, length)
    }
}

/// Returns a range of positions among `count`.
///
/// # Errors
/// [`Trap::TableOutOfBounds`] if it does not lie among them.
fn range_within(count: usize, at: u64, length: u64) -> Result<Range<usize>, Trap> {
    match at.checked_add(length) {
        Some(end) if end <= count as u64 => Ok(at as usize..end as usize),
        _ => Err(Trap::TableOutOfBounds),
    }
}
