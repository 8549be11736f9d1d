//! Section `.touchstone.handlers`: the exception handlers of each call.
//!
//! The table has the shape of [`sites`](super::sites). The word of a site is its frame offset: sp = fp - frame offset
//! at the start of a handler. An item is a handler of 12 bytes. The first handler that matches is taken.
//!
//! ```text
//! +0  u32  index of the tag in the module; 0xffff_ffff for a handler of all exceptions
//! +4  u32  position of the vmctx of the tag's instance, in bytes from sp; 0 for a handler of all exceptions
//! +8  u32  start of the handler, in bytes from the start of .text; it is in the function of the call
//! ```

use super::functions::Functions;
use super::record::{Flaw, word};
use super::sites::Sites;
use crate::base::TextOffset;
use crate::wasm::index::TagIndex;

const ITEM: usize = 12;
const ALL: u32 = u32::MAX;

/// The handler table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Handlers<'a>(Sites<'a, ITEM>);

/// The handlers of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallSite<'a> {
    /// The frame offset: sp = fp - frame offset at the start of a handler.
    pub(crate) frame_offset: u32,
    items: &'a [[u8; ITEM]],
}

/// A handler of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    /// The exceptions that it takes.
    pub(crate) catch: Catch,
    /// The start of its code.
    pub(crate) target: TextOffset,
}

/// The exceptions that a handler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catch {
    /// All exceptions, and in an entry trampoline everything else that stops a call.
    All,
    /// The exceptions of a tag of the module, in the instance whose vmctx is in the frame `context` bytes from sp.
    Tag { tag: TagIndex, context: u32 },
}

impl<'a> Handlers<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Handlers<'a> {
        Handlers(Sites::new(bytes))
    }

    /// Returns the number of calls with handlers.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the handlers of the call that returns to `offset`.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<CallSite<'a>> {
        let (frame_offset, items) = self.0.find(offset)?;
        Some(CallSite { frame_offset, items })
    }

    /// Checks the table of a module with `tags` tags and a `.text` of `text` bytes.
    pub(super) fn check(
        bytes: &'a [u8],
        text: u32,
        tags: usize,
        functions: &Functions<'_>,
    ) -> Result<Handlers<'a>, Flaw> {
        let check = |site: TextOffset, frame_offset: u32, items: &[[u8; ITEM]]| {
            let function = site.0.checked_sub(1).and_then(|call| functions.lookup(TextOffset(call)));
            let function = function.ok_or("a call with handlers is in no function")?;
            for Handler { catch, target } in items.iter().map(read) {
                if !(function.start..function.end).contains(&target) {
                    return Err("a handler is outside of the function of its call");
                }
                if let Catch::Tag { tag, context } = catch {
                    let end = u64::from(context) + 8;
                    if tag.index() >= tags || !end.is_multiple_of(8) || end > u64::from(frame_offset) {
                        return Err("a handler's tag does not exist, or its context is not in the frame");
                    }
                }
            }
            Ok(())
        };
        Sites::check(bytes, text, check).map(Handlers)
    }
}

impl<'a> CallSite<'a> {
    /// Returns the handlers, in the order in which they are tried.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = Handler> + 'a {
        self.items.iter().map(read)
    }
}

fn read(item: &[u8; ITEM]) -> Handler {
    let catch = match word(item, 0) {
        ALL => Catch::All,
        tag => Catch::Tag { tag: TagIndex(tag), context: word(item, 4) },
    };
    Handler { catch, target: TextOffset(word(item, 8)) }
}

/// Builds the table from the return address, frame offset and handlers of each call, sorted by return address.
#[cfg(feature = "compile")]
pub(crate) fn build(sites: &[(TextOffset, u32, Vec<Handler>)]) -> Vec<u8> {
    let item = |handler: &Handler| {
        let (tag, context) = match handler.catch {
            Catch::All => (ALL, 0),
            Catch::Tag { tag, context } => (tag.0, context),
        };
        let mut item = [0; ITEM];
        for (bytes, word) in item.chunks_exact_mut(4).zip([tag, context, handler.target.0]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        item
    };
    let site = |(offset, frame, handlers): &(TextOffset, u32, Vec<Handler>)| {
        (*offset, *frame, handlers.iter().map(item).collect())
    };
    super::sites::build(&sites.iter().map(site).collect::<Vec<_>>())
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::artifact::functions::{self, FunctionEntry, FunctionKind};
    use crate::wasm::index::FuncIndex;

    /// Two functions that share a text of 64 bytes.
    fn functions() -> Vec<u8> {
        let entry = |index, start, end| FunctionEntry {
            kind: FunctionKind::Function(FuncIndex(index)),
            start: TextOffset(start),
            end: TextOffset(end),
        };
        functions::build(&[entry(0, 0, 48), entry(1, 48, 64)])
    }

    fn all(target: u32) -> Handler {
        Handler { catch: Catch::All, target: TextOffset(target) }
    }

    fn tag(tag: u32, context: u32, target: u32) -> Handler {
        Handler { catch: Catch::Tag { tag: TagIndex(tag), context }, target: TextOffset(target) }
    }

    fn check(bytes: &[u8]) -> Result<Handlers<'_>, Flaw> {
        Handlers::check(bytes, 64, 3, &Functions::new(&functions()))
    }

    #[test]
    fn round_trip() {
        let sites = [
            (TextOffset(5), 16, vec![tag(2, 8, 40), all(47)]),
            (TextOffset(9), 0, vec![]),
            (TextOffset(64), 0, vec![all(63)]),
        ];
        let bytes = build(&sites);
        let table = check(&bytes).unwrap();
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
        let good = build(&[(TextOffset(5), 16, vec![tag(2, 8, 40), all(47)])]);
        assert!(check(&good).is_ok());
        for length in 0..good.len() {
            assert!(check(&good[..length]).is_err(), "cut to {length} bytes");
        }
        let wrong = |what: &str, at: u32, handler| {
            assert!(check(&build(&[(TextOffset(at), 16, vec![handler])])).is_err(), "{what}");
        };
        wrong("a handler in another function", 5, all(48));
        wrong("a handler before its function", 50, all(47));
        wrong("no call can return to the start", 0, all(47));
        wrong("a tag that does not exist", 5, tag(3, 8, 40));
        wrong("a context above the frame", 5, tag(2, 16, 40));
        wrong("a context that is not aligned", 5, tag(2, 4, 40));
        wrong("a context far away", 5, tag(2, u32::MAX - 7, 40));
        let mut broken = good.clone();
        broken[12] = 3;
        assert_eq!(check(&broken).err().map(|flaw| flaw.at), Some(4));
        assert_eq!(Handlers::new(&broken).lookup(TextOffset(5)), None);
    }
}
