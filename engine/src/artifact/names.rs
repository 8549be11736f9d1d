//! Section `.touchstone.names`: function names, from the module's name section.
//!
//! ```text
//! +0  u32  number of records
//! +4  record, 12 bytes, sorted by function
//!       +0  u32  index in the function index space
//!       +4  u32  start of the name, in bytes from the start of the pool
//!       +8  u32  end of the name, exclusive
//! ... the pool: names as UTF-8
//! ```

use super::record::{Flaw, check_order, find, split_counted, word};
use crate::wasm::index::FuncIndex;

const RECORD: usize = 12;

/// The names, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    records: &'a [[u8; RECORD]],
    pool: &'a [u8],
}

impl<'a> Names<'a> {
    /// Creates the table from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Names<'a> {
        let (records, pool) = split_counted(bytes).unwrap_or_default();
        Names { records, pool }
    }

    /// Returns the number of functions with a name.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns the name of a function.
    pub(crate) fn function(&self, function: FuncIndex) -> Option<&'a str> {
        self.name(&self.records[find(self.records, function.0)?])
    }

    fn name(&self, record: &[u8; RECORD]) -> Option<&'a str> {
        let bytes = self.pool.get(word(record, 4) as usize..word(record, 8) as usize)?;
        core::str::from_utf8(bytes).ok()
    }

    /// Checks the table of a module with `functions` functions.
    pub(super) fn check(bytes: &'a [u8], functions: usize) -> Result<Names<'a>, Flaw> {
        let (records, pool) = split_counted(bytes)?;
        check_order(records, u32::try_from(functions).unwrap_or(u32::MAX)).map_err(|flaw| flaw.offset_by(4))?;
        let names = Names { records, pool };
        for (position, record) in records.iter().enumerate() {
            let good = names.name(record).is_some();
            Flaw::unless(good, 4 + position * RECORD, "a name is not UTF-8 within the table")?;
        }
        Ok(names)
    }
}

/// Builds the table. The names must be sorted by function.
#[cfg(feature = "compile")]
pub(crate) fn build(names: &[(FuncIndex, String)]) -> Vec<u8> {
    let offset = |length: usize| u32::try_from(length).expect("a binary below 4 GiB has less than 4 GiB of names");
    let mut pool: Vec<u8> = Vec::new();
    let mut bytes = Vec::from(offset(names.len()).to_le_bytes());
    for (function, name) in names {
        bytes.extend(function.0.to_le_bytes());
        bytes.extend(offset(pool.len()).to_le_bytes());
        pool.extend(name.as_bytes());
        bytes.extend(offset(pool.len()).to_le_bytes());
    }
    bytes.extend(pool);
    bytes
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let names = [(FuncIndex(0), "zero"), (FuncIndex(3), ""), (FuncIndex(4), "quatre é")];
        let bytes = build(&names.map(|(function, name)| (function, name.to_owned())));
        let table = Names::check(&bytes, 5).unwrap();
        assert_eq!(table.len(), 3);
        for (function, name) in names {
            assert_eq!(table.function(function), Some(name));
        }
        assert_eq!(table.function(FuncIndex(1)), None);
        assert_eq!(Names::check(&build(&[]), 0).unwrap().len(), 0);
    }

    #[test]
    fn flaws_are_found() {
        let bytes = build(&[(FuncIndex(0), "a".to_owned()), (FuncIndex(2), "bc".to_owned())]);
        assert!(Names::check(&bytes, 2).is_err(), "a function that the module lacks");
        for length in 0..bytes.len() {
            assert!(Names::check(&bytes[..length], 3).is_err(), "cut to {length} bytes");
        }
        let mut broken = bytes.clone();
        *broken.last_mut().unwrap() = 0xff;
        assert_eq!(Names::check(&broken, 3).err().map(|flaw| flaw.at), Some(16));
        assert_eq!(Names::new(&broken).function(FuncIndex(2)), None);
        assert_eq!(Names::new(&[255; 7]).len(), 0);
    }
}
