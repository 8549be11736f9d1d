//! Sections `.eh_frame` and `.eh_frame_hdr`: unwind information, and its binary-search table.
//!
//! `.eh_frame` is the standard one, with pc-relative 32-bit addresses (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`). It follows
//! `.text` directly, at the same distance in the file and in memory, so that it needs no relocation. Four zero bytes
//! end it; without them the platform's unwinder would walk on into the next section.
//!
//! `.eh_frame_hdr` is the standard binary-search table
//! ([Linux Standard Base, section 10.6.2][lsb]),
//! in the target's byte order:
//!
//! ```text
//! +0  u8   version: 1
//! +1  u8   encoding of the pointer to .eh_frame: DW_EH_PE_pcrel | DW_EH_PE_sdata4
//! +2  u8   encoding of the count: DW_EH_PE_udata4
//! +3  u8   encoding of the table: DW_EH_PE_datarel | DW_EH_PE_sdata4
//! +4  i32  offset of .eh_frame from this field
//! +8  u32  number of records
//! +12 record, 8 bytes, sorted by function
//!       +0  i32  offset of the function from the start of this section
//!       +4  i32  offset of its FDE from the start of this section
//! ```
//!
//! [lsb]: https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/ehframechpt.html

use super::functions::{FunctionEntry, Functions};
use super::record::{Flaw, records, whole_records};
use gimli::{BaseAddresses, EhFrame, NativeEndian, UnwindSection};

const HEADER: usize = 12;
const RECORD: usize = 8;
const ENCODINGS: [u8; 4] = [
    1,
    gimli::DW_EH_PE_pcrel.0 | gimli::DW_EH_PE_sdata4.0,
    gimli::DW_EH_PE_udata4.0,
    gimli::DW_EH_PE_datarel.0 | gimli::DW_EH_PE_sdata4.0,
];

/// `.eh_frame_hdr`, read in place.
#[derive(Clone, Copy)]
pub(crate) struct FrameIndex<'a>(&'a [[u8; RECORD]]);

impl<'a> FrameIndex<'a> {
    /// Creates the index from the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> FrameIndex<'a> {
        FrameIndex(records(bytes.get(HEADER..).unwrap_or_default()))
    }

    /// Returns the number of functions with unwind information.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the address of the FDE that may cover `pc`, if this section is loaded at `base`. The FDE itself tells
    /// where its function ends.
    pub(crate) fn lookup(&self, pc: u64, base: u64) -> Option<u64> {
        let pc = i32::try_from(pc.wrapping_sub(base).cast_signed()).ok()?;
        let position = self.0.partition_point(|record| relative(record, 0) <= pc).checked_sub(1)?;
        base.checked_add_signed(relative(&self.0[position], 4).into())
    }
}

impl<'a> FrameIndex<'a> {
    /// Checks the index of `eh_frame`, which is `distance` bytes before it and follows the text directly. Both must
    /// name every function once, in the order of the text.
    pub(super) fn check(
        bytes: &'a [u8],
        eh_frame: &[u8],
        distance: usize,
        text: u32,
        functions: &Functions<'_>,
    ) -> Result<FrameIndex<'a>, Flaw> {
        let (header, table) = bytes.split_first_chunk::<HEADER>().ok_or(Flaw::new(0, "the index is too short"))?;
        Flaw::unless(header[..4] == ENCODINGS, 0, "the index has other encodings")?;
        let pointer = i64::from(native(header, 4)) + 4;
        Flaw::unless(pointer == -(distance as i64), 4, "the index does not point to .eh_frame")?;
        let table = whole_records::<RECORD>(table).map_err(|flaw| flaw.offset_by(HEADER))?;
        let count = usize::try_from(native(header, 8)) == Ok(table.len());
        Flaw::unless(count && table.len() == functions.len(), 8, "the number of records is wrong")?;
        let mut fde = Entry::at(eh_frame, 0).map_or(0, |cie| cie.end);
        for (position, (record, function)) in table.iter().zip(functions.iter()).enumerate() {
            let at = HEADER + position * RECORD;
            let start = i64::from(function.start.0) - i64::from(text) - distance as i64;
            Flaw::unless(i64::from(relative(record, 0)) == start, at, "a record does not point to its function")?;
            let found = i64::from(relative(record, 4)) == fde as i64 - distance as i64;
            Flaw::unless(found, at + 4, "a record does not point to the FDE of its function")?;
            fde = Entry::at(eh_frame, fde).map_or(eh_frame.len(), |entry| entry.end);
        }
        Ok(FrameIndex(table))
    }
}

/// The range of a CIE or FDE in `.eh_frame`.
struct Entry {
    /// The start of its body, after the length.
    body: usize,
    /// The end, exclusive.
    end: usize,
}

impl Entry {
    /// Returns the entry at this offset; `None` at the terminator or if the entry is incomplete.
    fn at(eh_frame: &[u8], offset: usize) -> Option<Entry> {
        let length = eh_frame.get(offset..)?.first_chunk().map(|length| u32::from_ne_bytes(*length))?;
        let body = offset + 4;
        let end = body.checked_add(length as usize)?;
        // A length of 0xffff_ffff would announce a 64-bit one; it never fits here.
        (length != 0 && end <= eh_frame.len()).then_some(Entry { body, end })
    }
}

/// Checks `.eh_frame`, which follows a text of `text` bytes directly: one CIE, one FDE for each function in the order
/// of the text, and the terminator. The platform's unwinder reads this section without checks of its own.
pub(super) fn check_eh_frame(eh_frame: &[u8], text: u32, functions: &Functions<'_>) -> Result<(), Flaw> {
    let mut at = 0;
    if functions.len() > 0 {
        let cie = Entry::at(eh_frame, 0).ok_or(Flaw::new(0, "the CIE is missing"))?;
        check_cie(eh_frame)?;
        at = cie.end;
    }
    for function in functions.iter() {
        let fde = Entry::at(eh_frame, at).ok_or(Flaw::new(at, "an FDE is missing"))?;
        check_fde(eh_frame, &fde, text, function)?;
        at = fde.end;
    }
    Flaw::unless(eh_frame[at..] == [0; 4], at, "the terminator is missing")
}

fn check_cie(eh_frame: &[u8]) -> Result<(), Flaw> {
    let section = EhFrame::new(eh_frame, NativeEndian);
    let bases = BaseAddresses::default().set_eh_frame(0);
    let cie = section.cie_from_offset(&bases, 0.into()).map_err(|_| Flaw::new(0, "the CIE does not decode"))?;
    let augmentation = cie.fde_address_encoding() == Some(gimli::DwEhPe(ENCODINGS[1]))
        && cie.lsda_encoding().is_none()
        && cie.personality().is_none()
        && !cie.is_signal_trampoline();
    Flaw::unless(cie.version() == 1 && augmentation, 0, "the CIE is of a kind that the compiler does not make")
}

fn check_fde(eh_frame: &[u8], fde: &Entry, text: u32, function: FunctionEntry) -> Result<(), Flaw> {
    let fields = eh_frame[fde.body..fde.end].first_chunk::<13>();
    let fields = fields.ok_or(Flaw::new(fde.body, "an FDE is too short"))?;
    let cie = usize::try_from(native(fields, 0)) == Ok(fde.body);
    Flaw::unless(cie, fde.body, "an FDE does not name the CIE")?;
    // The start is relative to its own field, 4 bytes into the body of the FDE.
    let field = i64::from(text) + fde.body as i64 + 4;
    let start = field + i64::from(native(fields, 4)) == i64::from(function.start.0);
    Flaw::unless(start, fde.body + 4, "an FDE does not point to its function")?;
    let length = native(fields, 8).cast_unsigned() == function.end.0 - function.start.0;
    Flaw::unless(length, fde.body + 8, "an FDE does not cover its function")?;
    Flaw::unless(fields[12] == 0, fde.body + 12, "an FDE has augmentation data")
}

/// Returns the 32-bit word at offset `at`, in the target's byte order.
fn native<const N: usize>(bytes: &[u8; N], at: usize) -> i32 {
    i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn relative(record: &[u8; RECORD], at: usize) -> i32 {
    native(record, at)
}

#[cfg(feature = "compile")]
pub(crate) use write::fde_address;
#[cfg(feature = "compile")]
pub(super) use write::{build_eh_frame, build_index};

#[cfg(feature = "compile")]
mod write {
    use super::{ENCODINGS, Entry};
    use crate::base::TextOffset;
    use gimli::write::{Address, CommonInformationEntry, EhFrame, EndianVec, FrameDescriptionEntry, FrameTable};

    /// Returns the address of a function in its FDE. `.eh_frame` is written for address 0, so that the text of `text`
    /// bytes is below.
    pub(crate) fn fde_address(start: TextOffset, text: usize) -> Address {
        Address::Constant(u64::from(start.0).wrapping_sub(text as u64))
    }

    /// Builds `.eh_frame`. The FDEs must be in the order of the text.
    ///
    /// # Errors
    /// If an entry cannot be encoded.
    pub(in crate::artifact) fn build_eh_frame(
        mut cie: CommonInformationEntry,
        fdes: Vec<FrameDescriptionEntry>,
    ) -> gimli::write::Result<Vec<u8>> {
        cie.fde_address_encoding = gimli::DwEhPe(ENCODINGS[1]);
        let mut frames = FrameTable::default();
        let cie = frames.add_cie(cie);
        for fde in fdes {
            frames.add_fde(cie, fde);
        }
        let mut section = EhFrame(EndianVec::new(gimli::NativeEndian));
        frames.write_eh_frame(&mut section)?;
        let mut bytes = section.0.into_vec();
        bytes.extend([0; 4]);
        Ok(bytes)
    }

    /// Builds `.eh_frame_hdr`, which starts `distance` bytes after the start of `eh_frame`.
    pub(in crate::artifact) fn build_index(
        eh_frame: &[u8],
        distance: usize,
        functions: &[TextOffset],
        text: u32,
    ) -> Vec<u8> {
        let relative = |offset: i64| {
            let offset = i32::try_from(offset - distance as i64);
            offset.expect("text and unwind information are below 2 GiB").to_ne_bytes()
        };
        let mut bytes = Vec::from(ENCODINGS);
        // The pointer is relative to its own field, 4 bytes into this section.
        bytes.extend(relative(-4));
        bytes.extend(u32::try_from(functions.len()).expect("fewer functions than bytes of text").to_ne_bytes());
        let mut fde = Entry::at(eh_frame, 0).map_or(0, |cie| cie.end);
        for start in functions {
            bytes.extend(relative(i64::from(start.0) - i64::from(text)));
            bytes.extend(relative(fde as i64));
            fde = Entry::at(eh_frame, fde).map_or(fde, |entry| entry.end);
        }
        bytes
    }
}
