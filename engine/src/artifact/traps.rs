//! Section `.touchstone.traps`: why an instruction traps.
//!
//! ```text
//! record, 5 bytes, sorted by offset, one per offset
//!   +0  u32  offset of the trapping instruction, bytes from the start of .text
//!   +4  u8   the trap's stable code
//! ```

use super::record::{Flaw, exactly, records, rising, whole};
use crate::base::{TextOffset, Trap};

const RECORD: usize = 5;

/// The table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Traps<'a>(&'a [[u8; RECORD]]);

impl<'a> Traps<'a> {
    /// Reads the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Traps<'a> {
        Traps(records(bytes))
    }

    /// How many instructions may trap.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Why the instruction at `offset` traps; `None` if it is not one that may.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<Trap> {
        Trap::from_code(self.0[exactly(self.0, offset.0)?][4])
    }

    /// Checks the table of a `.text` of so many bytes.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<Traps<'a>, Flaw> {
        let records = whole::<RECORD>(bytes)?;
        rising(records, text)?;
        for (position, record) in records.iter().enumerate() {
            Flaw::unless(Trap::from_code(record[4]).is_some(), position * RECORD + 4, "a code names no trap")?;
        }
        Ok(Traps(records))
    }
}

/// Writes the table; records must come in the order of `.text`, one per offset.
#[cfg(feature = "compile")]
pub(crate) fn build(traps: &[(TextOffset, Trap)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(traps.len() * RECORD);
    for (offset, trap) in traps {
        bytes.extend(offset.0.to_le_bytes());
        bytes.push(trap.code());
    }
    bytes
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let traps: Vec<_> = Trap::ALL.iter().zip(0u32..).map(|(&trap, at)| (TextOffset(at * at), trap)).collect();
        let bytes = build(&traps);
        let table = Traps::check(&bytes, 1000).unwrap();
        assert_eq!(table.len(), traps.len());
        for (offset, trap) in traps {
            assert_eq!(table.lookup(offset), Some(trap));
        }
        assert_eq!(table.lookup(TextOffset(2)), None);
    }

    #[test]
    fn flaws_are_found() {
        let twice = build(&[(TextOffset(3), Trap::Unreachable), (TextOffset(3), Trap::Interrupted)]);
        assert!(Traps::check(&twice, 10).is_err());
        assert!(Traps::check(&twice[..5], 3).is_err(), "an offset behind the text");
        assert!(Traps::check(&twice[..5], 4).is_ok());
        assert!(Traps::check(&twice[..4], 4).is_err(), "half a record");
        assert_eq!(Traps::check(&[0, 0, 0, 0, 251], 1).err().map(|flaw| flaw.at), Some(4));
    }
}
