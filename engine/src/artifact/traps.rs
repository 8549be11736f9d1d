//! Section `.touchstone.traps`: the trap of each instruction that can trap.
//!
//! The table has the shape of [`blocks`](super::blocks). A record has the offset of an instruction and the stable code
//! of its trap.

use super::blocks::{Blocks, Record};
use super::record::Flaw;
use crate::base::{TextOffset, Trap};

/// The trap table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Traps<'a>(Blocks<'a>);

impl<'a> Traps<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Traps<'a> {
        Traps(Blocks::new(bytes))
    }

    /// Returns the number of instructions that can trap.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(Iterator::count).sum()
    }

    /// Returns the trap of the instruction at `offset`; `None` if it cannot trap.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<Trap> {
        trap(self.0.records_up_to(offset).last().filter(|record| record.offset == offset.0)?)
    }

    /// Checks the table of a `.text` of `text` bytes, without its records.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<Traps<'a>, Flaw> {
        Blocks::check(bytes, text).map(Traps)
    }

    /// Checks the records of the table.
    pub(super) fn check_records(&self, text: u32) -> Result<(), Flaw> {
        self.0.check_records(text, |record| trap(record).map(drop).ok_or("a code names no trap"))
    }
}

fn trap(record: Record) -> Option<Trap> {
    Trap::from_code(u8::try_from(record.number).ok()?)
}

/// Builds the table. The traps must be in the order of `.text`, one per offset.
#[cfg(feature = "compile")]
pub(crate) fn build(traps: &[(TextOffset, Trap)]) -> Vec<u8> {
    let record = |(offset, trap): &(TextOffset, Trap)| Record { offset: offset.0, number: trap.code().into() };
    super::blocks::build(traps, |block| block.iter().map(record).collect::<Vec<_>>())
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let traps: Vec<_> = Trap::ALL.iter().zip(0u32..).map(|(&trap, at)| (TextOffset(at * at), trap)).collect();
        let bytes = build(&traps);
        let table = Traps::check(&bytes, 1000).unwrap();
        table.check_records(1000).unwrap();
        assert_eq!(table.count(), traps.len());
        for (offset, trap) in traps {
            assert_eq!(table.lookup(offset), Some(trap));
        }
        assert_eq!(table.lookup(TextOffset(2)), None);
        assert_eq!(Traps::new(&[]).lookup(TextOffset(0)), None);
    }

    #[test]
    fn flaws_are_found() {
        let bytes = build(&[(TextOffset(3), Trap::Unreachable), (TextOffset(9), Trap::Interrupted)]);
        assert!(Traps::check(&bytes, 3).is_err(), "an offset after the text");
        assert!(Traps::check(&bytes, 9).unwrap().check_records(9).is_err(), "another one");
        assert!(Traps::check(&bytes, 10).unwrap().check_records(10).is_ok());
        let mut unknown = bytes.clone();
        *unknown.last_mut().unwrap() = 127;
        let flaw = Traps::check(&unknown, 10).unwrap().check_records(10).unwrap_err();
        assert_eq!((flaw.at, flaw.what), (bytes.len() - 2, "a code names no trap"));
        assert_eq!(Traps::new(&unknown).lookup(TextOffset(9)), None);
    }
}
