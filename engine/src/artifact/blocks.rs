//! The shape of the tables `traps` and `source_map`: many small records, sorted, in blocks. A lookup searches for the
//! block in place and reads the block from its start.
//!
//! ```text
//! +0  u32  number of blocks
//! +4  block, 8 bytes, sorted by first offset
//!       +0  u32  offset of its first record, in bytes from the start of .text
//!       +4  u32  end of its records, in bytes from the start of the pool; they start where the previous block ends
//! ... the pool; a record is two numbers
//!       distance from the offset of the previous record, 0 for the first of a block
//!       a number with a meaning that depends on the table
//! ```
//!
//! A block has at most 64 records. A number is written in groups of seven bits, the lowest first. Each group is a byte
//! whose high bit says that another byte follows (LEB128). Most numbers take one byte.
//!
//! The index of blocks is checked before an artifact is loaded; the records are not. A lookup in forged records returns
//! a wrong answer or none, which is safe, because the runtime only shows the answers and never follows them.

use super::record::{Flaw, check_order, find_last, split_counted, word};
use crate::base::TextOffset;

const INDEX: usize = 8;
#[cfg(feature = "compile")]
const MOST: usize = 64;

/// A table of blocks, read in place.
#[derive(Clone, Copy, Default)]
pub(super) struct Blocks<'a> {
    index: &'a [[u8; INDEX]],
    pool: &'a [u8],
}

/// A record: an offset in `.text`, and the number that the table has for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) offset: u32,
    pub(super) number: u64,
}

impl<'a> Blocks<'a> {
    /// Creates the table from the section's bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Blocks<'a> {
        let (index, pool) = split_counted(bytes).unwrap_or_default();
        Blocks { index, pool }
    }

    /// Returns the records of the block that may contain `offset`, up to this offset.
    pub(super) fn records_up_to(&self, offset: TextOffset) -> impl Iterator<Item = Record> + 'a {
        let block = find_last(self.index, offset.0).and_then(|position| self.block(position));
        block.into_iter().flatten().take_while(move |record| record.offset <= offset.0)
    }

    /// Returns all blocks.
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockRecords<'a>> {
        (0..self.index.len()).filter_map(|position| self.block(position))
    }

    fn block(&self, position: usize) -> Option<BlockRecords<'a>> {
        let start = position.checked_sub(1).map_or(0, |before| word(&self.index[before], 4));
        let [offset, end] = [0, 4].map(|at| word(&self.index[position], at));
        let rest = self.pool.get(start as usize..end as usize)?;
        Some(BlockRecords { offset, rest })
    }

    /// Checks the table of a `.text` of `text` bytes, without its records.
    pub(super) fn check(bytes: &'a [u8], text: u32) -> Result<Blocks<'a>, Flaw> {
        let (index, pool) = split_counted(bytes)?;
        check_order(index, text).map_err(|flaw| flaw.offset_by(4))?;
        let mut start = 0;
        for (position, block) in index.iter().enumerate() {
            let end = word(block, 4);
            let inside = start < end && end as usize <= pool.len();
            Flaw::unless(inside, 4 + position * INDEX + 4, "the records of a block exceed the table")?;
            start = end;
        }
        Flaw::unless(start as usize == pool.len(), bytes.len(), "bytes follow the last block")?;
        Ok(Blocks { index, pool })
    }

    /// Checks that the records are strictly increasing and end where their block ends, and calls `check` for each
    /// record, which returns what is wrong with it.
    pub(super) fn check_records(
        &self,
        text: u32,
        mut check: impl FnMut(Record) -> Result<(), &'static str>,
    ) -> Result<(), Flaw> {
        let mut next = 0;
        for mut block in self.iter() {
            let at = |block: &BlockRecords<'_>| {
                4 + self.index.len() * INDEX + block.rest.as_ptr().addr() - self.pool.as_ptr().addr()
            };
            while !block.rest.is_empty() {
                let start = at(&block);
                let record = block.next().ok_or(Flaw::new(start, "a block ends within a record"))?;
                Flaw::unless(record.offset >= next, start, "a record is out of order")?;
                Flaw::unless(record.offset < text, start, "a record points past the end of its range")?;
                check(record).map_err(|what| Flaw::new(start, what))?;
                next = record.offset + 1;
            }
        }
        Ok(())
    }
}

/// An iterator over the records of a block.
#[derive(Clone, Copy)]
pub(super) struct BlockRecords<'a> {
    offset: u32,
    rest: &'a [u8],
}

impl Iterator for BlockRecords<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let distance = u32::try_from(read_number(&mut self.rest)?).ok()?;
        self.offset = self.offset.checked_add(distance)?;
        Some(Record { offset: self.offset, number: read_number(&mut self.rest)? })
    }
}

/// Reads a number from the front of `bytes`; `None` if they end within it or it has too many bytes.
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Builds the table. `records` must be sorted by offset, one per offset. `encode` returns the encoded records of a
/// block.
#[cfg(feature = "compile")]
pub(super) fn build<R, I: IntoIterator<Item = Record>>(records: &[R], encode: impl Fn(&[R]) -> I) -> Vec<u8> {
    let small = |number: usize| u32::try_from(number).expect("the table is shorter than 4 GiB");
    let blocks = records.chunks(MOST);
    let mut bytes = Vec::from(small(blocks.len()).to_le_bytes());
    let mut pool = Vec::new();
    for block in blocks {
        let mut last = None;
        for Record { offset, number } in encode(block) {
            if last.is_none() {
                bytes.extend(offset.to_le_bytes());
            }
            write_number(&mut pool, (offset - last.unwrap_or(offset)).into());
            write_number(&mut pool, number);
            last = Some(offset);
        }
        bytes.extend(small(pool.len()).to_le_bytes());
    }
    bytes.extend(pool);
    bytes
}

#[cfg(feature = "compile")]
fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    fn sample() -> Vec<Record> {
        let numbers = (0..300u32).map(|n| Record { offset: 3 + n * n, number: u64::from(n % 7) << (n % 60) });
        numbers.chain([Record { offset: 1 << 30, number: u64::MAX }]).collect()
    }

    fn table(records: &[Record]) -> Vec<u8> {
        build(records, |block| block.to_vec())
    }

    #[test]
    fn round_trip() {
        let bytes = table(&sample());
        let blocks = Blocks::check(&bytes, 1 << 31).unwrap();
        blocks.check_records(1 << 31, |_| Ok(())).unwrap();
        assert!(blocks.iter().flatten().eq(sample()));
        assert_eq!(blocks.iter().count(), sample().len().div_ceil(MOST));
        for record in sample() {
            assert_eq!(blocks.records_up_to(TextOffset(record.offset)).last(), Some(record));
            assert_eq!(
                blocks.records_up_to(TextOffset(record.offset + 1)).last().map(|found| found.offset >= record.offset),
                Some(true)
            );
        }
        assert_eq!(blocks.records_up_to(TextOffset(2)).count(), 0);
        let bytes = table(&[]);
        let nothing = Blocks::check(&bytes, 0).unwrap();
        assert_eq!((nothing.iter().count(), nothing.records_up_to(TextOffset(9)).count()), (0, 0));
    }

    #[test]
    fn flaws_are_found() {
        let bytes = table(&sample());
        let flaw = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            let records = |blocks: Blocks<'_>| blocks.check_records(1 << 31, |_| Ok(()));
            Blocks::check(&bytes, 1 << 31).and_then(records).unwrap_err().what
        };
        assert!(flaw(2, 1).contains("too short"));
        assert!(flaw(4 + INDEX + 1, 0).contains("out of order"));
        assert!(flaw(8 + 3, 0x7f).contains("exceed"));
        assert!(flaw(bytes.len() - 1, 0x81).contains("within a record"));
        let last = 4 + (sample().len().div_ceil(MOST) - 1) * INDEX;
        assert!(flaw(last + 3, 0x7f).contains("past the end"));
        assert!(Blocks::check(&bytes[..bytes.len() - 1], 1 << 31).is_err());
        let longer = [&bytes[..], &[0]].concat();
        assert!(Blocks::check(&longer, 1 << 31).err().unwrap().what.contains("follow"));
        let refuse = |_| Err("no record is right");
        assert_eq!(Blocks::new(&bytes).check_records(1 << 31, refuse).unwrap_err().what, "no record is right");
    }

    /// A lookup ends, whatever the bytes are.
    #[test]
    fn forged_tables_can_be_asked() {
        let bytes = table(&sample());
        for at in 0..bytes.len() {
            for change in [0x01, 0x7f, 0x80, 0xff] {
                let mut forged = bytes.clone();
                forged[at] ^= change;
                let blocks = Blocks::new(&forged);
                for offset in [0, 3, 1000, 1 << 30, u32::MAX] {
                    assert!(blocks.records_up_to(TextOffset(offset)).all(|record| record.offset <= offset));
                }
            }
        }
    }
}
