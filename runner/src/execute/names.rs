//! The modules, instances and threads that a script has defined, by name.

use super::{Miss, Verdict};
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
    Failed,
    Unsupported,
}

impl<T> Slot<T> {
    /// The slot of an item whose directive ended with this verdict and defined nothing.
    pub(super) fn missing(verdict: &Verdict) -> Slot<T> {
        if matches!(verdict, Err(Miss::Unsupported(_))) { Slot::Unsupported } else { Slot::Failed }
    }
}

impl<T: Copy> Names<T> {
    pub(super) fn new(noun: &'static str) -> Names<T> {
        Names { noun, named: HashMap::new(), last: Slot::Failed }
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
            Some(id) => self.named.get(id).copied().unwrap_or(Slot::Failed),
            None => self.last,
        };
        match (slot, id) {
            (Slot::Present(item), _) => Ok(item),
            (Slot::Unsupported, _) => Err(Miss::Unsupported(format!("the {noun} is missing: it was unsupported"))),
            (Slot::Failed, Some(id)) => Err(Miss::Failed(format!("there is no {noun} ${id}"))),
            (Slot::Failed, None) => {
                Err(Miss::Failed(format!("there is no {noun}: the last one failed, or there was none")))
            }
        }
    }
}
