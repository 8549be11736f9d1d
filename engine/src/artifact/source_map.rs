//! Section `.touchstone.sourcemap`: which WebAssembly instruction a machine instruction comes from.
//!
//! ```text
//! record, 8 bytes, sorted by start
//!   +0  u32  start of a range, bytes from the start of .text; it reaches to the next record
//!   +4  u32  byte offset of the instruction in the WebAssembly binary; 0xffff_ffff if the range comes from none
//! ```

use super::record::{Flaw, last_at_most, records, rising, whole, word};
use crate::base::{TextOffset, WasmOffset};

const RECORD: usize = 8;
const NONE: u32 = u32::MAX;

/// The table, read in place.
#[derive(Clone, Copy)]
pub(crate) struct SourceMap<'a>(&'a [[u8; RECORD]]);

impl<'a> SourceMap<'a> {
    /// Reads the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> SourceMap<'a> {
        SourceMap(records(bytes))
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The WebAssembly instruction that the byte at `offset` comes from.
    pub(crate) fn lookup(&self, offset: TextOffset) -> Option<WasmOffset> {
        let wasm = word(&self.0[last_at_most(self.0, offset.0)?], 4);
        (wasm != NONE).then_some(WasmOffset(wasm))
    }

    /// Checks the table of a `.text` of so many bytes.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<SourceMap<'a>, Flaw> {
        let records = whole::<RECORD>(bytes)?;
        // The last record may be the one that ends the last range, at the very end of the text.
        rising(records, text.saturating_add(1))?;
        Ok(SourceMap(records))
    }
}

/// Writes the table from sorted ranges that do not overlap.
#[cfg(feature = "compile")]
pub(crate) fn build(ranges: &[(TextOffset, TextOffset, WasmOffset)]) -> Vec<u8> {
    let mut map: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    let mut add = |start: u32, wasm: u32| {
        map.pop_if(|&mut (last, _)| last == start);
        if map.last().map_or(NONE, |&(_, last)| last) != wasm {
            map.push((start, wasm));
        }
    };
    for &(start, end, wasm) in ranges.iter().filter(|(start, end, _)| start < end) {
        add(start.0, wasm.0);
        add(end.0, NONE);
    }
    map.iter().flat_map(|(start, wasm)| [start.to_le_bytes(), wasm.to_le_bytes()]).flatten().collect()
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
        assert_eq!(table.len(), 5, "neighbours of the same instruction are one range");
        for offset in 0..40 {
            let expected = ranges.iter().find(|(start, end, _)| (start.0..end.0).contains(&offset));
            assert_eq!(table.lookup(TextOffset(offset)), expected.map(|&(_, _, wasm)| wasm), "at {offset}");
        }
        assert_eq!(SourceMap::new(&[]).lookup(TextOffset(1)), None);
    }

    #[test]
    fn flaws_are_found() {
        let bytes = build(&[range(4, 8, 100), range(8, 12, 101)]);
        assert!(SourceMap::check(&bytes, 12).is_ok());
        assert!(SourceMap::check(&bytes, 11).is_err());
        assert!(SourceMap::check(&bytes[1..], 12).is_err());
        let mut swapped = bytes[8..16].to_vec();
        swapped.extend(&bytes[..8]);
        assert_eq!(SourceMap::check(&swapped, 12).err().map(|flaw| flaw.at), Some(8));
    }
}
