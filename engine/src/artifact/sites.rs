//! The shape of the tables `handlers` and `stack_maps`: call sites, each with a word and a list.
//!
//! ```text
//! +0  u32  number of sites
//! +4  site, 12 bytes, sorted by return address
//!       +0  u32  return address, in bytes from the start of .text
//!       +4  u32  the site's word
//!       +8  u32  end of its list, in items from the start of the pool; the list starts where the previous one ends
//! ... the pool of items, ITEM bytes each
//! ```

use super::record::{Flaw, check_order, find, records, split_counted, whole_records, word};
use crate::base::TextOffset;

const SITE: usize = 12;

/// A table of call sites, read in place.
#[derive(Clone, Copy)]
pub(super) struct Sites<'a, const ITEM: usize> {
    sites: &'a [[u8; SITE]],
    items: &'a [[u8; ITEM]],
}

impl<'a, const ITEM: usize> Sites<'a, ITEM> {
    /// Creates the table from the section's bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (sites, pool) = split_counted(bytes).unwrap_or_default();
        Sites { sites, items: records(pool) }
    }

    /// Returns the number of sites.
    pub(super) fn len(&self) -> usize {
        self.sites.len()
    }

    /// Returns the word and the list of the call site that returns to `offset`.
    pub(super) fn find(&self, offset: TextOffset) -> Option<(u32, &'a [[u8; ITEM]])> {
        self.site(find(self.sites, offset.0)?)
    }

    fn site(&self, position: usize) -> Option<(u32, &'a [[u8; ITEM]])> {
        let start = position.checked_sub(1).map_or(0, |before| word(&self.sites[before], 8));
        let site = &self.sites[position];
        Some((word(site, 4), self.items.get(start as usize..word(site, 8) as usize)?))
    }

    /// Checks the table of a `.text` of `text` bytes, and calls `check` for each site, which returns what is wrong with
    /// it.
    pub(super) fn check(
        bytes: &'a [u8],
        text: u32,
        check: impl Fn(TextOffset, u32, &[[u8; ITEM]]) -> Result<(), &'static str>,
    ) -> Result<Self, Flaw> {
        let (sites, pool) = split_counted(bytes)?;
        // A call can be a function's last instruction, so that its return address is the end of the text.
        check_order(sites, text.saturating_add(1)).map_err(|flaw| flaw.offset_by(4))?;
        let items = whole_records(pool).map_err(|flaw| flaw.offset_by(bytes.len() - pool.len()))?;
        let table = Sites { sites, items };
        for (position, site) in sites.iter().enumerate() {
            let at = 4 + position * SITE;
            let (value, list) =
                table.site(position).ok_or(Flaw::new(at, "the list of a call site exceeds the table"))?;
            check(TextOffset(word(site, 0)), value, list).map_err(|what| Flaw::new(at, what))?;
        }
        Ok(table)
    }
}

/// Builds the table. The sites must be sorted by return address.
#[cfg(feature = "compile")]
pub(super) fn build<const ITEM: usize>(sites: &[(TextOffset, u32, Vec<[u8; ITEM]>)]) -> Vec<u8> {
    let count = |items: usize| u32::try_from(items).expect("lists are shorter than the text, which is below 2 GiB");
    let mut pool = 0;
    let mut bytes = Vec::from(count(sites.len()).to_le_bytes());
    for (offset, word, list) in sites {
        pool += list.len();
        bytes.extend(offset.0.to_le_bytes());
        bytes.extend(word.to_le_bytes());
        bytes.extend(count(pool).to_le_bytes());
    }
    bytes.extend(sites.iter().flat_map(|(_, _, list)| list.as_flattened()));
    bytes
}
