//! Section `.touchstone.stackmaps`: the references in each frame during a call.
//!
//! The table has the shape of [`sites`](super::sites). The word of a site is the size of its frame: sp = fp - frame
//! size. An item is a slot that holds a reference:
//!
//! ```text
//! +0  u32  offset from sp in bytes; the items of a list are sorted
//! ```

use super::record::{Flaw, word};
use super::sites::Sites;
use crate::base::TextOffset;

const ITEM: usize = 4;

/// The table of stack maps, read in place.
#[derive(Clone, Copy)]
pub(crate) struct StackMaps<'a>(Sites<'a, ITEM>);

/// The references in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackMap<'a> {
    /// The frame size: sp = fp - frame size.
    pub(crate) frame_size: u32,
    items: &'a [[u8; ITEM]],
}

impl<'a> StackMaps<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> StackMaps<'a> {
        StackMaps(Sites::new(bytes))
    }

    /// Returns the number of calls with references in their frames.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the references in the frame of the call that returns to `offset`.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<StackMap<'a>> {
        let (frame_size, items) = self.0.find(offset)?;
        Some(StackMap { frame_size, items })
    }

    /// Checks the table of a `.text` of `text` bytes.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<StackMaps<'a>, Flaw> {
        let check = |_, size, items: &[[u8; ITEM]]| {
            let sorted = items.is_sorted_by(|one, other| word(one, 0) < word(other, 0));
            let inside = items.last().is_none_or(|last| u64::from(word(last, 0)) + 4 <= u64::from(size));
            if !sorted || !inside {
                return Err("the slots of a stack map are unsorted or exceed the frame");
            }
            Ok(())
        };
        Sites::check(bytes, text, check).map(StackMaps)
    }
}

impl<'a> StackMap<'a> {
    /// Returns the slots that hold references, as offsets from sp in bytes.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> + 'a {
        self.items.iter().map(|item| word(item, 0))
    }
}

/// Builds the table from the return address, frame size and slots of each call, sorted by return address.
#[cfg(feature = "compile")]
pub(crate) fn build(maps: &[(TextOffset, u32, Vec<u32>)]) -> Vec<u8> {
    let site = |(offset, size, slots): &(TextOffset, u32, Vec<u32>)| {
        (*offset, *size, slots.iter().map(|slot| slot.to_le_bytes()).collect())
    };
    super::sites::build(&maps.iter().map(site).collect::<Vec<_>>())
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let maps = [(TextOffset(5), 32, vec![0, 4, 28]), (TextOffset(9), 16, vec![]), (TextOffset(20), 64, vec![8])];
        let bytes = build(&maps);
        let table = StackMaps::check(&bytes, 64).unwrap();
        assert_eq!(table.len(), 3);
        for (offset, size, slots) in maps {
            let map = table.lookup(offset).unwrap();
            assert_eq!(map.frame_size, size);
            assert_eq!(map.slots().collect::<Vec<_>>(), slots);
        }
        assert_eq!(table.lookup(TextOffset(0)), None);
    }

    #[test]
    fn flaws_are_found() {
        for (size, slots) in [(8, vec![8]), (8, vec![5]), (64, vec![8, 4]), (64, vec![4, 4])] {
            assert!(StackMaps::check(&build(&[(TextOffset(1), size, slots)]), 64).is_err());
        }
        let bytes = build(&[(TextOffset(65), 8, vec![4])]);
        assert!(StackMaps::check(&bytes, 64).is_err(), "a return address after the text");
        assert!(StackMaps::check(&bytes, 65).is_ok());
    }
}
