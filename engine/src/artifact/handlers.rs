//! Section `.touchstone.handlers`: which calls have exception handlers, and where these stand.
//!
//! The shape is that of [`sites`](super::sites). A site's word is its frame offset: sp = fp - frame offset where the
//! handler starts; 0xffff_ffff if the site has none. An item is a handler, 8 bytes; the first that matches counts:
//!
//! ```text
//! +0  u32  tag; 0xffff_ffff if it takes every exception
//! +4  u32  the handler, bytes from the start of .text
//! ```

use super::record::{Flaw, word};
use super::sites::Sites;
use crate::base::TextOffset;

const ITEM: usize = 8;
const NONE: u32 = u32::MAX;

/// The table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Handlers<'a>(Sites<'a, ITEM>);

/// The handlers of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallSite<'a> {
    /// sp = fp - frame offset where a handler starts.
    pub(crate) frame_offset: Option<u32>,
    items: &'a [[u8; ITEM]],
}

/// A handler of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    /// The tag that it takes; `None` takes every exception.
    pub(crate) tag: Option<u32>,
    /// Where it stands.
    pub(crate) target: TextOffset,
}

impl<'a> Handlers<'a> {
    /// Reads the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Handlers<'a> {
        Handlers(Sites::new(bytes))
    }

    /// How many calls have handlers.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The handlers of the call that returns to `offset`.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<CallSite<'a>> {
        let (frame_offset, items) = self.0.find(offset)?;
        Some(CallSite { frame_offset: (frame_offset != NONE).then_some(frame_offset), items })
    }

    /// Checks the table of a `.text` of so many bytes.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<Handlers<'a>, Flaw> {
        let check = |_, items: &[[u8; ITEM]]| match items.iter().all(|item| word(item, 4) < text) {
            true => Ok(()),
            false => Err("a handler stands outside .text"),
        };
        Sites::check(bytes, text, check).map(Handlers)
    }
}

impl<'a> CallSite<'a> {
    /// The handlers, in the order in which they are tried.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = Handler> + 'a {
        self.items.iter().map(|item| Handler {
            tag: Some(word(item, 0)).filter(|&tag| tag != NONE),
            target: TextOffset(word(item, 4)),
        })
    }
}

/// Writes the table: for each call its return address, frame offset and handlers, sorted by return address.
#[cfg(feature = "compile")]
pub(crate) fn build(sites: &[(TextOffset, Option<u32>, Vec<Handler>)]) -> Vec<u8> {
    let item = |handler: &Handler| {
        let mut item = [0; ITEM];
        item[..4].copy_from_slice(&handler.tag.unwrap_or(NONE).to_le_bytes());
        item[4..].copy_from_slice(&handler.target.0.to_le_bytes());
        item
    };
    let site = |(offset, frame, handlers): &(TextOffset, Option<u32>, Vec<Handler>)| {
        (*offset, frame.unwrap_or(NONE), handlers.iter().map(item).collect())
    };
    super::sites::build(&sites.iter().map(site).collect::<Vec<_>>())
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let handler = |tag, target| Handler { tag, target: TextOffset(target) };
        let sites = [
            (TextOffset(5), Some(16), vec![handler(Some(7), 40), handler(None, 50)]),
            (TextOffset(9), None, vec![]),
            (TextOffset(64), Some(0), vec![handler(None, 63)]),
        ];
        let bytes = build(&sites);
        let table = Handlers::check(&bytes, 64).unwrap();
        assert_eq!(table.len(), 3);
        for (offset, frame, handlers) in sites {
            let site = table.lookup(offset).unwrap();
            assert_eq!(site.frame_offset, frame);
            assert_eq!(site.handlers().collect::<Vec<_>>(), handlers);
        }
        assert_eq!(table.lookup(TextOffset(6)), None);
    }

    #[test]
    fn flaws_are_found() {
        let handlers = vec![Handler { tag: None, target: TextOffset(63) }];
        let bytes = build(&[(TextOffset(5), Some(16), handlers)]);
        assert!(Handlers::check(&bytes, 64).is_ok());
        assert!(Handlers::check(&bytes, 63).is_err(), "a handler behind the text");
        for length in 0..bytes.len() {
            assert!(Handlers::check(&bytes[..length], 64).is_err(), "cut to {length} bytes");
        }
        let mut broken = bytes.clone();
        broken[12] = 2;
        assert_eq!(Handlers::check(&broken, 64).err().map(|flaw| flaw.at), Some(4));
        assert_eq!(Handlers::new(&broken).lookup(TextOffset(5)), None);
    }
}
