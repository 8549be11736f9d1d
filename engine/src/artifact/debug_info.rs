//! Debug information: the sections of DWARF and `.touchstone.addresses`. An artifact has them if it was compiled with
//! [`Config::debug_info`](crate::Config::debug_info).
//!
//! In the file, addresses in DWARF are file offsets, like all others. A debugger that learns of loaded code from its
//! process takes the addresses of an ELF file for those of the code, so it gets a copy with other addresses, a
//! [`loaded_image`]. `.touchstone.addresses` tells where DWARF has addresses: offsets of 64-bit numbers from the start
//! of the first section of DWARF, 4 bytes each, sorted.

use super::elf::{self, DebugSections, Sections};
use super::record::{self, Flaw};
use core::ops::Range;

/// Returns the artifact as an ELF file for debuggers of this process, in which it is loaded at `base`; `None` if it has
/// no debug information.
pub(crate) fn loaded_image(bytes: &[u8], sections: &Sections, base: u64) -> Option<Vec<u8>> {
    let debug = sections.debug.as_ref()?;
    let mut image = bytes.to_vec();
    elf::move_addresses(&mut image, sections, base);
    move_dwarf(&mut image, debug, base);
    Some(image)
}

/// Adds a distance to every address in DWARF.
fn move_dwarf(bytes: &mut [u8], debug: &DebugSections, distance: u64) {
    let (before, after) = bytes.split_at_mut(debug.addresses.start);
    let dwarf = &mut before[dwarf(debug)];
    for record in record::records::<4>(&after[..debug.addresses.len()]) {
        // A table that was checked has no other records.
        let rest = dwarf.get_mut(record::word(record, 0) as usize..).unwrap_or_default();
        if let Some(address) = rest.first_chunk_mut() {
            *address = u64::from_le_bytes(*address).wrapping_add(distance).to_le_bytes();
        }
    }
}

/// Returns the bytes of all sections of DWARF.
fn dwarf(debug: &DebugSections) -> Range<usize> {
    debug.dwarf[0].start..debug.addresses.start
}

/// Checks the table of addresses.
pub(super) fn check(bytes: &[u8], debug: &DebugSections) -> Result<(), Flaw> {
    let records = record::whole_records::<4>(&bytes[debug.addresses.clone()])?;
    let end = dwarf(debug).len().saturating_sub(size_of::<u64>() - 1);
    record::check_order(records, u32::try_from(end).unwrap_or(u32::MAX))
}

#[cfg(feature = "compile")]
pub(crate) use write::address;
#[cfg(feature = "compile")]
pub(super) use write::{build, finish};

#[cfg(feature = "compile")]
mod write {
    use super::*;
    use crate::artifact::elf::{DWARF_SECTIONS, DebugContents};
    use crate::base::TextOffset;
    use gimli::write::{Address, Dwarf, EndianVec, Error, Result, Writer};
    use gimli::{LittleEndian, SectionId};

    /// Returns the address of an offset in `.text`, for DWARF that [`build`] writes.
    pub(crate) fn address(offset: TextOffset) -> Address {
        Address::Symbol { symbol: 0, addend: offset.0.into() }
    }

    /// Writes DWARF, whose addresses all come from [`address`]. They are offsets in `.text` until [`finish`] completes
    /// them.
    ///
    /// # Errors
    /// If DWARF exceeds what its sections or the table of addresses can hold.
    pub(in crate::artifact) fn build(dwarf: &mut Dwarf) -> Result<DebugContents> {
        let mut sections =
            gimli::write::Sections::new(SectionWriter { bytes: EndianVec::new(LittleEndian), addresses: Vec::new() });
        dwarf.write(&mut sections)?;
        let mut contents = DebugContents::default();
        let [written @ .., addresses] = &mut contents;
        let mut written = DWARF_SECTIONS.iter().zip(written).peekable();
        let mut start = 0;
        sections.for_each_mut(|id: SectionId, section| {
            let Some((_, content)) = written.next_if(|(name, _)| **name == id.name()) else {
                assert_eq!(section.len(), 0, "an artifact has no {}", id.name());
                return Ok(());
            };
            for &address in &section.addresses {
                let address = u32::try_from(start + address).map_err(|_| Error::OffsetOutOfBounds)?;
                addresses.extend(address.to_le_bytes());
            }
            *content = section.bytes.take();
            start += content.len();
            Ok(())
        })?;
        Ok(contents)
    }

    /// Completes the addresses in the artifact that DWARF was written into.
    pub(in crate::artifact) fn finish(bytes: &mut [u8], sections: &Sections) {
        if let Some(debug) = &sections.debug {
            move_dwarf(bytes, debug, sections.text.start as u64);
        }
    }

    /// The writer of a section, which records where it writes addresses.
    #[derive(Clone)]
    struct SectionWriter {
        bytes: EndianVec<LittleEndian>,
        addresses: Vec<usize>,
    }

    impl Writer for SectionWriter {
        type Endian = LittleEndian;

        fn endian(&self) -> LittleEndian {
            LittleEndian
        }

        fn len(&self) -> usize {
            self.bytes.len()
        }

        fn write(&mut self, bytes: &[u8]) -> Result<()> {
            self.bytes.write(bytes)
        }

        fn write_at(&mut self, offset: usize, bytes: &[u8]) -> Result<()> {
            self.bytes.write_at(offset, bytes)
        }

        fn write_address(&mut self, address: Address, size: u8) -> Result<()> {
            let Address::Symbol { addend, .. } = address else { return self.bytes.write_address(address, size) };
            self.addresses.push(self.len());
            self.bytes.write_sdata(addend, size)
        }
    }
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::artifact::tests::sample_with_debug_info;
    use crate::artifact::{check, sign_again};
    use crate::base::{Config, TextOffset};
    use gimli::write::{AttributeValue, Dwarf, LineProgram, Unit};
    use gimli::{Encoding, Format};
    use object::LittleEndian;
    use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

    /// An artifact whose DWARF has one unit, at offset 32 of the text.
    fn sample() -> (Vec<u8>, Sections) {
        let encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };
        let mut unit = Unit::new(encoding, LineProgram::none());
        let address = AttributeValue::Address(address(TextOffset(32)));
        let root = unit.root();
        unit.get_mut(root).set(gimli::DW_AT_low_pc, address);
        let mut dwarf = Dwarf::new();
        dwarf.units.add(unit);
        let bytes = sample_with_debug_info(dwarf);
        let (sections, _) = check(&bytes, Config::new().debug_info(true)).unwrap();
        (bytes, sections)
    }

    /// The address in the unit.
    fn low_pc(bytes: &[u8], sections: &Sections) -> u64 {
        let debug = sections.debug.as_ref().unwrap();
        let [.., info] = &debug.dwarf;
        // It ends the unit, whose last byte ends its list of children.
        u64::from_le_bytes(*bytes[info.clone()].last_chunk().unwrap())
    }

    #[test]
    fn an_image_has_the_addresses_of_loaded_code() {
        let (bytes, sections) = sample();
        let base = 0x7fff_1234_5000;
        assert_eq!(low_pc(&bytes, &sections), sections.text.start as u64 + 32);
        let image = loaded_image(&bytes, &sections, base).unwrap();
        assert_eq!(low_pc(&image, &sections), base + sections.text.start as u64 + 32);
        let find = |bytes: &[u8]| {
            let file = object::elf::FileHeader64::<LittleEndian>::parse(bytes).unwrap();
            let table = file.sections(LittleEndian, bytes).unwrap();
            let symbols = table.symbols(LittleEndian, bytes, object::elf::SHT_SYMTAB).unwrap();
            let symbols: Vec<u64> = symbols.iter().skip(1).map(|symbol| symbol.st_value.get(LittleEndian)).collect();
            let mapped = table.iter().filter(|section| section.sh_flags(LittleEndian).0 != 0);
            let segments = file.program_headers(LittleEndian, bytes).unwrap().iter();
            let mapped = mapped.map(|section| section.sh_addr(LittleEndian));
            let segments = segments.take(4).map(|segment| segment.p_vaddr(LittleEndian));
            symbols.into_iter().chain(mapped).chain(segments).collect::<Vec<u64>>()
        };
        let (before, after) = (find(&bytes), find(&image));
        assert_eq!(before.len(), 8 + 12 + 4);
        assert_eq!(after, before.iter().map(|address| address + base).collect::<Vec<_>>());
        assert_eq!(image[sections.text.clone()], bytes[sections.text.clone()]);
    }

    #[test]
    fn forged_tables_of_addresses_are_refused() {
        let (bytes, sections) = sample();
        let debug = sections.debug.as_ref().unwrap();
        let end = dwarf(debug).len() as u32;
        for forged in [end - 7, end, u32::MAX] {
            let mut bytes = bytes.clone();
            bytes[debug.addresses.clone()].copy_from_slice(&forged.to_le_bytes());
            assert!(sign_again(&mut bytes));
            let error = check(&bytes, Config::new().debug_info(true)).unwrap_err();
            assert!(error.to_string().contains("past the end"), "{error}");
            // A trusted file is not checked. The record is left alone.
            loaded_image(&bytes, &sections, 1 << 40).unwrap();
        }
    }
}
