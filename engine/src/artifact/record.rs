//! The building blocks of our own tables: arrays of little-endian records of fixed size and alignment 1, which are read
//! in place, and the flaw that the check of a table reports.

/// A flaw of a table: what is wrong, and how many bytes from the start of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

impl Flaw {
    /// Creates a flaw `at` bytes from the start of the table.
    pub(super) fn new(at: usize, what: &'static str) -> Flaw {
        Flaw { at, what }
    }

    /// Returns the flaw as one of a larger table, which contains this one at offset `base`.
    pub(super) fn offset_by(self, base: usize) -> Flaw {
        Flaw { at: self.at + base, ..self }
    }

    /// Returns `Ok` if `good`, and the flaw otherwise.
    pub(super) fn unless(good: bool, at: usize, what: &'static str) -> Result<(), Flaw> {
        if good { Ok(()) } else { Err(Flaw::new(at, what)) }
    }
}

/// Returns the 32-bit word at offset `at` of a record.
pub(super) fn word<const N: usize>(record: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

/// Returns the records in `bytes`, without an incomplete one at the end.
pub(super) fn records<const N: usize>(bytes: &[u8]) -> &[[u8; N]] {
    bytes.as_chunks().0
}

/// Returns the records in `bytes`, which must hold nothing else.
pub(super) fn whole_records<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]], Flaw> {
    let (records, rest) = bytes.as_chunks();
    Flaw::unless(rest.is_empty(), bytes.len() - rest.len(), "the table ends within a record")?;
    Ok(records)
}

/// Splits a table that begins with the number of its records and ends with a pool that the records point into. Returns
/// the records and the pool.
pub(super) fn split_counted<const N: usize>(bytes: &[u8]) -> Result<(&[[u8; N]], &[u8]), Flaw> {
    let too_short = || Flaw::new(0, "the table is too short for its number of records");
    let (count, rest) = bytes.split_first_chunk().ok_or_else(too_short)?;
    let size = (u32::from_le_bytes(*count) as usize).checked_mul(N).ok_or_else(too_short)?;
    let (table, pool) = rest.split_at_checked(size).ok_or_else(too_short)?;
    Ok((records(table), pool))
}

/// Returns the position of the last record whose first word is at most `key`. The records are sorted by that word.
pub(super) fn find_last<const N: usize>(records: &[[u8; N]], key: u32) -> Option<usize> {
    records.partition_point(|record| word(record, 0) <= key).checked_sub(1)
}

/// Returns the position of the record whose first word is `key`. The records are sorted by that word.
pub(super) fn find<const N: usize>(records: &[[u8; N]], key: u32) -> Option<usize> {
    records.binary_search_by_key(&key, |record| word(record, 0)).ok()
}

/// Checks that the first words of the records are strictly increasing and less than `end`.
pub(super) fn check_order<const N: usize>(records: &[[u8; N]], end: u32) -> Result<(), Flaw> {
    let mut next = 0;
    for (position, record) in records.iter().enumerate() {
        let key = word(record, 0);
        Flaw::unless(key >= next, position * N, "a record is out of order")?;
        Flaw::unless(key < end, position * N, "a record points past the end of its range")?;
        next = key + 1;
    }
    Ok(())
}
