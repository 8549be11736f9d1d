//! Section `.touchstone.sourcemap`: the WebAssembly instruction of each machine instruction.
//!
//! The table has the shape of [`blocks`](super::blocks). A record is a range of `.text` that reaches to the next
//! record. Its number is 0 if the range comes from no instruction. Otherwise it is `1 + zigzag(d)`. Here `d` is the
//! distance from the previous instruction's offset in the WebAssembly binary to this one's, in 32 bits; the first
//! instruction of a block is measured from 0. `zigzag(d)` is `2 * d` for `d >= 0` and `-2 * d - 1` for `d < 0`.

use super::blocks::{Blocks, Record};
use super::record::Flaw;
use crate::base::{TextOffset, WasmOffset};

/// The source map, read in place.
#[derive(Clone, Copy)]
pub(crate) struct SourceMap<'a>(Blocks<'a>);

impl<'a> SourceMap<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> SourceMap<'a> {
        SourceMap(Blocks::new(bytes))
    }

    /// Returns the number of ranges.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(Iterator::count).sum()
    }

    /// Returns the offset of the WebAssembly instruction that the byte at `offset` comes from.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<WasmOffset> {
        let (mut wasm, mut found) = (0, false);
        for record in self.0.records_up_to(offset) {
            found = record.number != 0;
            if found {
                wasm = add_zigzag(wasm, record.number - 1);
            }
        }
        found.then_some(WasmOffset(wasm))
    }

    /// Checks the table of a `.text` of `text` bytes, without its records.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<SourceMap<'a>, Flaw> {
        // The last record may only end the last range, at the end of the text.
        Blocks::check(bytes, text.saturating_add(1)).map(SourceMap)
    }

    /// Checks the records of the table.
    pub(super) fn check_records(&self, text: u32) -> Result<(), Flaw> {
        let check = |record: Record| match u32::try_from(record.number.saturating_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err("an instruction is farther away than a binary is long"),
        };
        self.0.check_records(text.saturating_add(1), check)
    }
}

/// Returns the offset at a zigzag-coded distance from `start`.
fn add_zigzag(start: u32, distance: u64) -> u32 {
    let distance = distance as u32;
    start.wrapping_add(distance >> 1 ^ (distance & 1).wrapping_neg())
}

/// Returns the zigzag-coded distance from `start` to `end`.
#[cfg(feature = "compile")]
fn zigzag(start: u32, end: u32) -> u64 {
    let distance = end.wrapping_sub(start).cast_signed();
    (distance << 1 ^ distance >> 31).cast_unsigned().into()
}

/// Builds the table from sorted ranges that do not overlap.
#[cfg(feature = "compile")]
pub(crate) fn build(ranges: &[(TextOffset, TextOffset, WasmOffset)]) -> Vec<u8> {
    let mut map: Vec<(u32, Option<u32>)> = Vec::with_capacity(ranges.len());
    let mut add = |start: u32, wasm: Option<u32>| {
        // A range that starts where the last one ends replaces the gap between them; ranges of one
        // instruction become one.
        map.pop_if(|&mut (last, _)| last == start);
        if map.last().and_then(|&(_, last)| last) != wasm {
            map.push((start, wasm));
        }
    };
    for &(start, end, wasm) in ranges.iter().filter(|(start, end, _)| start < end) {
        add(start.0, Some(wasm.0));
        add(end.0, None);
    }
    super::blocks::build(&map, |block| {
        let mut last = 0;
        let mut record = |&(offset, wasm): &(u32, Option<u32>)| {
            let number = wasm.map_or(0, |wasm| zigzag(core::mem::replace(&mut last, wasm), wasm) + 1);
            Record { offset, number }
        };
        block.iter().map(&mut record).collect::<Vec<_>>()
    })
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    fn range(start: u32, end: u32, wasm: u32) -> (TextOffset, TextOffset, WasmOffset) {
        (TextOffset(start), TextOffset(end), WasmOffset(wasm))
    }

    #[test]
    fn round_trip() {
        let ranges = [range(4, 8, 100), range(8, 12, 100), range(12, 13, 7), range(13, 13, 8), range(20, 32, 90)];
        let bytes = build(&ranges);
        let table = SourceMap::check(&bytes, 32).unwrap();
        table.check_records(32).unwrap();
        assert_eq!(table.count(), 5, "neighbors of the same instruction are one range");
        for offset in 0..40 {
            let expected = ranges.iter().find(|(start, end, _)| (start.0..end.0).contains(&offset));
            assert_eq!(table.lookup(TextOffset(offset)), expected.map(|&(_, _, wasm)| wasm), "at {offset}");
        }
        assert_eq!(SourceMap::new(&[]).lookup(TextOffset(1)), None);
    }

    #[test]
    fn instructions_may_be_anywhere() {
        let offsets = [0, u32::MAX, 1, 1 << 31, u32::MAX - 1, 0, 1 << 30].repeat(30);
        let ranges: Vec<_> = offsets.into_iter().zip(0..).map(|(wasm, at)| range(at * 3, at * 3 + 2, wasm)).collect();
        let bytes = build(&ranges);
        let table = SourceMap::check(&bytes, 1000).unwrap();
        table.check_records(1000).unwrap();
        for (start, end, wasm) in ranges {
            assert_eq!((table.lookup(start), table.lookup(end)), (Some(wasm), None));
        }
    }

    #[test]
    fn flaws_are_found() {
        let bytes = build(&[range(4, 8, 100), range(8, 12, 101)]);
        let check = |bytes, text| SourceMap::check(bytes, text).and_then(|table| table.check_records(text));
        assert!(check(&bytes, 12).is_ok());
        assert!(check(&bytes, 11).is_err());
        assert!(check(&bytes[1..], 12).is_err());
        let mut far = bytes.clone();
        far.truncate(bytes.len() - 1);
        far.extend([0xff, 0xff, 0xff, 0xff, 0x7f]);
        far[8] += 4;
        assert!(check(&far, 12).unwrap_err().what.contains("farther"));
    }
}
