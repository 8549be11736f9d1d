//! Section `.touchstone.functions`: the range of each function and trampoline in `.text`.
//!
//! ```text
//! record, 13 bytes, sorted by start; ranges do not overlap
//!   +0  u32  start, bytes from the start of .text
//!   +4  u32  end, exclusive
//!   +8  u8   kind: 0 function, 1 entry, 2 exit, 3 library-call trampoline, 4 instruction fallback
//!   +9  u32  function: its index in the module's function index space
//!            entry, exit: its position in the metadata's list of entries or exits
//!            library-call trampoline: the number of the library call
//!            instruction fallback: its number
//! ```
//!
//! The functions that the module defines come first, in order: record `i` is defined function `i`.

use super::record::{Flaw, check_order, find_last, records, whole_records, word};
use crate::abi::builtins::Builtin;
use crate::base::TextOffset;
use crate::wasm::index::{DefinedFuncIndex, FuncIndex};

const RECORD: usize = 13;

/// The kind of a piece of code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FunctionKind {
    /// A function of the module.
    Function(FuncIndex),
    /// The entry trampoline at this position of `Metadata::entries`.
    Entry(u32),
    /// The exit trampoline at this position of `Metadata::exits`.
    Exit(u32),
    /// The trampoline of a library call.
    Builtin(Builtin),
    /// An instruction fallback: a routine in place of an instruction that the CPU lacks.
    Fallback(u32),
}

/// A piece of code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FunctionEntry {
    /// The kind.
    pub(crate) kind: FunctionKind,
    /// The first byte.
    pub(crate) start: TextOffset,
    /// The end, exclusive.
    pub(crate) end: TextOffset,
}

impl FunctionKind {
    fn decode(kind: u8, index: u32) -> Option<FunctionKind> {
        Some(match kind {
            0 => FunctionKind::Function(FuncIndex(index)),
            1 => FunctionKind::Entry(index),
            2 => FunctionKind::Exit(index),
            3 => FunctionKind::Builtin(*Builtin::ALL.get(index as usize)?),
            4 => FunctionKind::Fallback(index),
            _ => return None,
        })
    }

    #[cfg(feature = "compile")]
    fn encode(self) -> (u8, u32) {
        match self {
            FunctionKind::Function(index) => (0, index.0),
            FunctionKind::Entry(position) => (1, position),
            FunctionKind::Exit(position) => (2, position),
            FunctionKind::Builtin(builtin) => (3, builtin as u32),
            FunctionKind::Fallback(number) => (4, number),
        }
    }
}

/// The function table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Functions<'a>(&'a [[u8; RECORD]]);

impl<'a> Functions<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Functions<'a> {
        Functions(records(bytes))
    }

    /// Returns the number of pieces of code.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns all pieces of code, in the order of `.text`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FunctionEntry> + 'a {
        self.0.iter().filter_map(decode)
    }

    /// Returns the piece of code that contains the byte at `offset`.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<FunctionEntry> {
        let entry = decode(&self.0[find_last(self.0, offset.0)?])?;
        (offset < entry.end).then_some(entry)
    }

    /// Returns the code of a function that the module defines.
    pub(crate) fn defined(&self, function: DefinedFuncIndex) -> Option<FunctionEntry> {
        let entry = decode(self.0.get(function.index())?)?;
        matches!(entry.kind, FunctionKind::Function(_)).then_some(entry)
    }

    /// Checks the table of a module with `imported` imported and `defined` defined functions, for a `.text` of `text`
    /// bytes.
    pub(super) fn check(bytes: &'a [u8], text: u32, imported: u32, defined: usize) -> Result<Functions<'a>, Flaw> {
        let records = whole_records::<RECORD>(bytes)?;
        check_order(records, text)?;
        Flaw::unless(records.len() >= defined, bytes.len(), "the table has too few functions for the module")?;
        let mut free = 0;
        for (position, record) in records.iter().enumerate() {
            let at = position * RECORD;
            let entry = decode(record).ok_or(Flaw::new(at, "a record is of no known kind"))?;
            Flaw::unless(entry.start.0 >= free, at, "two pieces of code overlap")?;
            Flaw::unless(entry.start < entry.end && entry.end.0 <= text, at, "a piece of code does not end in .text")?;
            free = entry.end.0;
            let expected = (position < defined).then(|| u64::from(imported) + position as u64);
            let found = match entry.kind {
                FunctionKind::Function(index) => Some(u64::from(index.0)),
                _ => None,
            };
            Flaw::unless(found == expected, at, "the functions differ from the module's")?;
        }
        Ok(Functions(records))
    }

    /// Returns whether a piece of code of this kind starts at `offset`.
    pub(super) fn starts_at(&self, offset: TextOffset, kind: FunctionKind) -> bool {
        self.lookup(offset).is_some_and(|entry| entry.start == offset && entry.kind == kind)
    }
}

fn decode(record: &[u8; RECORD]) -> Option<FunctionEntry> {
    Some(FunctionEntry {
        kind: FunctionKind::decode(record[8], word(record, 9))?,
        start: TextOffset(word(record, 0)),
        end: TextOffset(word(record, 4)),
    })
}

/// Builds the table. The entries must be in the order of `.text`.
#[cfg(feature = "compile")]
pub(crate) fn build(entries: &[FunctionEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * RECORD);
    for entry in entries {
        let (kind, index) = entry.kind.encode();
        bytes.extend(entry.start.0.to_le_bytes());
        bytes.extend(entry.end.0.to_le_bytes());
        bytes.push(kind);
        bytes.extend(index.to_le_bytes());
    }
    bytes
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    fn entry(kind: FunctionKind, start: u32, end: u32) -> FunctionEntry {
        FunctionEntry { kind, start: TextOffset(start), end: TextOffset(end) }
    }

    fn sample() -> Vec<FunctionEntry> {
        vec![
            entry(FunctionKind::Function(FuncIndex(2)), 0, 10),
            entry(FunctionKind::Function(FuncIndex(3)), 16, 20),
            entry(FunctionKind::Entry(0), 32, 40),
            entry(FunctionKind::Exit(1), 48, 50),
            entry(FunctionKind::Builtin(Builtin::MemoryGrow), 64, 70),
            entry(FunctionKind::Fallback(7), 80, 90),
        ]
    }

    #[test]
    fn round_trip() {
        let bytes = build(&sample());
        let table = Functions::check(&bytes, 96, 2, 2).unwrap();
        assert_eq!(table.iter().collect::<Vec<_>>(), sample());
        for entry in sample() {
            assert_eq!(table.lookup(entry.start), Some(entry));
            assert_eq!(table.lookup(TextOffset(entry.end.0 - 1)), Some(entry));
            assert_eq!(table.lookup(entry.end), None, "padding belongs to no function");
        }
        assert_eq!(table.defined(DefinedFuncIndex(1)), Some(sample()[1]));
        assert_eq!(table.defined(DefinedFuncIndex(2)), None);
        assert_eq!(Functions::new(&[]).lookup(TextOffset(0)), None);
    }

    #[test]
    fn flaws_are_found() {
        let refused = |entries: &[FunctionEntry], what: &str| {
            let flaw = Functions::check(&build(entries), 96, 2, 2).err().expect(what);
            assert!(flaw.what.contains(what), "{flaw:?}");
        };
        let mut entries = sample();
        entries.swap(2, 3);
        refused(&entries, "out of order");
        let mut entries = sample();
        entries[0].end = TextOffset(17);
        refused(&entries, "overlap");
        let mut entries = sample();
        entries[5].end = TextOffset(97);
        refused(&entries, "does not end");
        let mut entries = sample();
        entries[1].kind = FunctionKind::Function(FuncIndex(9));
        refused(&entries, "differ from the module");
        refused(&sample()[..1], "too few");
        let mut bytes = build(&sample());
        bytes[8] = 9;
        assert_eq!(Functions::check(&bytes, 96, 2, 2).err().map(|flaw| flaw.at), Some(0));
    }
}
