//! The modules, instances and threads that a script has defined, by name.

use super::Miss;
use super::cause::Cause;
use std::collections::HashMap;

/// Items of one sort. A name stands for the item that was defined last under it, and no name for the last item of all.
pub(super) struct Names<T> {
    /// The sort, as messages call it.
    noun: &'static str,
    named: HashMap<String, Slot<T>>,
    last: Slot<T>,
}

/// An item, or why there is none.
#[derive(Clone, Copy)]
pub(super) enum Slot<T> {
    Present(T),
    /// No directive should have defined it.
    Undefined,
    /// A directive should have defined it.
    Missing(Cause),
}

impl<T> Slot<T> {
    /// The slot of an item that is missing for this cause.
    pub(super) fn missing(cause: Option<Cause>) -> Slot<T> {
        cause.map_or(Slot::Undefined, Slot::Missing)
    }
}

impl<T: Copy> Names<T> {
    pub(super) fn new(noun: &'static str) -> Names<T> {
        Names { noun, named: HashMap::new(), last: Slot::Undefined }
    }

    /// Defines an item. One that is missing hides an older item of its name: no directive may reach that by mistake.
    pub(super) fn set(&mut self, id: Option<&str>, item: Slot<T>) {
        self.last = item;
        if let Some(id) = id {
            self.named.insert(id.to_string(), item);
        }
    }

    /// Returns the item of a name, or the last one.
    pub(super) fn get(&self, id: Option<&str>) -> Result<T, Miss> {
        let noun = self.noun;
        let slot = match id {
            Some(id) => self.named.get(id).copied().unwrap_or(Slot::Undefined),
            None => self.last,
        };
        match (slot, id) {
            (Slot::Present(item), _) => Ok(item),
            (Slot::Missing(cause), _) => Err(cause.miss(&format!("the {noun} is missing"))),
            (Slot::Undefined, Some(id)) => Err(Miss::Failed(format!("there is no {noun} ${id}"))),
            (Slot::Undefined, None) => Err(Miss::Failed(format!("there is no {noun}"))),
        }
    }
}
