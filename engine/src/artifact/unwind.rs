//! Sections `.eh_frame` and `.eh_frame_hdr`: unwind information, and its binary-search table.
//!
//! `.eh_frame` is the standard one, with pc-relative 32-bit addresses (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`). It follows
//! `.text` directly, at the same distance in the file and in memory, so that it needs no relocation. It has one CIE,
//! which is always the same, and an FDE for each function, which holds at each of its instructions. Four zero bytes end
//! it; without them the platform's unwinder would walk on into the next section.
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

use super::arch::{CIE, FIRST_SLOT, FRAME_POPPED, FRAME_PUSHED, FRAME_SET, LINK, PUSHED_AT, SAVED};
use super::functions::{FunctionEntry, Functions};
use super::record::{Flaw, records, whole_records};
use crate::base::planted;

const HEADER: usize = 12;
const RECORD: usize = 8;
/// The size of the fields of an FDE, between its length and its instructions.
const FDE_FIELDS: usize = 13;
/// The alignment of CIE and FDEs.
const ENTRY_ALIGN: usize = 8;
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
        let searched = if planted!(UnwindIndexShort) { self.0.len().min(128) } else { self.0.len() };
        let position = self.0[..searched].partition_point(|record| relative(record, 0) <= pc).checked_sub(1)?;
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

/// Checks `.eh_frame`, which follows a text of `text` bytes directly: the CIE, one FDE for each function in the order
/// of the text, and the terminator. Unwinders read this section without checks of their own, and differ in what they
/// make of bytes that no compiler writes. Therefore every byte must be as the writer writes it.
pub(super) fn check_eh_frame(eh_frame: &[u8], text: u32, functions: &Functions<'_>) -> Result<(), Flaw> {
    let mut at = 0;
    if functions.len() > 0 {
        Flaw::unless(eh_frame.starts_with(&CIE), 0, "the CIE is not the one that the compiler makes")?;
        at = CIE.len();
    }
    for function in functions.iter() {
        let fde = Entry::at(eh_frame, at).ok_or(Flaw::new(at, "an FDE is missing"))?;
        check_fde(eh_frame, &fde, text, function)?;
        at = fde.end;
    }
    Flaw::unless(eh_frame[at..] == [0; 4] || planted!(TerminatorUnchecked), at, "the terminator is missing")
}

fn check_fde(eh_frame: &[u8], fde: &Entry, text: u32, function: FunctionEntry) -> Result<(), Flaw> {
    let (fields, instructions) = eh_frame[fde.body..fde.end]
        .split_first_chunk::<FDE_FIELDS>()
        .ok_or(Flaw::new(fde.body, "an FDE is too short"))?;
    let cie = usize::try_from(native(fields, 0)) == Ok(fde.body);
    Flaw::unless(cie, fde.body, "an FDE does not name the CIE")?;
    // The start is relative to its own field, 4 bytes into the body of the FDE.
    let field = i64::from(text) + fde.body as i64 + 4;
    let start = field + i64::from(native(fields, 4)) == i64::from(function.start.0);
    Flaw::unless(start, fde.body + 4, "an FDE does not point to its function")?;
    let length = function.end.0 - function.start.0;
    let covers = native(fields, 8).cast_unsigned() == length;
    Flaw::unless(covers, fde.body + 8, "an FDE does not cover its function")?;
    Flaw::unless(fields[12] == 0, fde.body + 12, "an FDE has augmentation data")?;
    Flaw::unless(fde.end.is_multiple_of(ENTRY_ALIGN), fde.body - 4, "the length of an FDE is not padded")?;
    check_instructions(instructions, length).map_err(|flaw| flaw.offset_by(fde.body + FDE_FIELDS))
}

/// Checks the call frame instructions of a function of `length` bytes. They describe a prologue and epilogues and
/// nothing else.
fn check_instructions(bytes: &[u8], length: u32) -> Result<(), Flaw> {
    let mut reader = Reader { rest: bytes, pc: PUSHED_AT };
    let unknown = Flaw::new(0, "an FDE has call frame instructions that the compiler does not make");
    let result = reader.prologue().and_then(|saved| reader.epilogues(&saved));
    result.map_err(|flaw| flaw.unwrap_or(unknown).offset_by(bytes.len() - reader.rest.len()))?;
    Flaw::unless(reader.pc < length, 0, "the code that an FDE describes is longer than its function")
}

/// A reader of call frame instructions. It takes the encodings that the writer chooses, which are the shortest.
struct Reader<'a> {
    rest: &'a [u8],
    /// The offset in the function that the next rule holds from.
    pc: u32,
}

/// The reason why instructions are refused; none if the compiler does not make such instructions.
type Reason = Option<Flaw>;

impl Reader<'_> {
    /// Takes the instructions of a prologue: the frame is pushed, the frame pointer is set, the frame moves down if
    /// the function makes room for the arguments of a tail call, and registers are saved, each at the next lower slot
    /// from the one before. Returns the saved registers.
    fn prologue(&mut self) -> Result<Vec<u8>, Reason> {
        self.take(&FRAME_PUSHED).ok_or(None)?;
        self.advance().ok_or(None)?;
        self.take(&FRAME_SET).ok_or(None)?;
        if self.follows(gimli::DW_CFA_def_cfa_offset.0) {
            self.growth().ok_or(None)?;
        }
        let mut registers = SAVED.iter();
        let (mut saved, mut free) = (Vec::new(), None);
        while !self.is_at_end() && !self.follows(gimli::DW_CFA_remember_state.0) {
            let at = self.rest;
            self.advance().ok_or(None)?;
            let (register, slot) = self.save().ok_or(None)?;
            if !registers.any(|&one| one == register) || slot < FIRST_SLOT || slot != free.unwrap_or(slot) {
                self.rest = at;
                return Err(Some(Flaw::new(0, "an FDE saves a register that the compiler does not save there")));
            }
            saved.push(register);
            free = Some(slot - 1);
        }
        Ok(saved)
    }

    /// Takes the instructions of a frame that moves down: the CFA is farther above the frame pointer for a while.
    fn growth(&mut self) -> Option<()> {
        self.advance()?;
        let farther = self.cfa_offset()?;
        self.advance()?;
        (farther > LINK && self.cfa_offset()? == LINK).then_some(())
    }

    /// Takes the instructions of epilogues: the registers are back, then the frame is popped, and the frame is there
    /// again for the code that follows, if any does.
    fn epilogues(&mut self, saved: &[u8]) -> Result<(), Reason> {
        while !self.is_at_end() {
            self.epilogue(saved).ok_or(None)?;
            if !self.is_at_end() {
                self.advance().ok_or(None)?;
                self.take(&[gimli::DW_CFA_restore_state.0]).ok_or(None)?;
            }
        }
        Ok(())
    }

    fn epilogue(&mut self, saved: &[u8]) -> Option<()> {
        self.advance()?;
        self.take(&[gimli::DW_CFA_remember_state.0])?;
        if !saved.is_empty() {
            saved.iter().try_for_each(|register| self.take(&[gimli::DW_CFA_restore.0 | register]))?;
            self.advance()?;
        }
        self.take(&FRAME_POPPED)
    }

    /// Returns whether only padding is left.
    fn is_at_end(&self) -> bool {
        self.rest.len() < ENTRY_ALIGN && self.rest.iter().all(|&byte| byte == 0)
    }

    /// Returns whether this operation follows, after an advance.
    fn follows(&self, operation: u8) -> bool {
        let mut ahead = Reader { rest: self.rest, pc: self.pc };
        ahead.advance().is_some() && ahead.rest.first() == Some(&operation)
    }

    /// Takes these bytes.
    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(bytes)?;
        Some(())
    }

    /// Takes an instruction that advances the offset (`DW_CFA_advance_loc` and its longer forms).
    fn advance(&mut self) -> Option<()> {
        let operation = *self.rest.split_off_first()?;
        let (distance, least) = match (operation, gimli::DwCfa(operation)) {
            (0x41..=0x7f, _) => (u32::from(operation & 0x3f), 1),
            (_, gimli::DW_CFA_advance_loc1) => (u32::from(*self.rest.split_off_first()?), 0x40),
            (_, gimli::DW_CFA_advance_loc2) => (u16::from_ne_bytes(self.array()?).into(), 0x100),
            (_, gimli::DW_CFA_advance_loc4) => (u32::from_ne_bytes(self.array()?), 0x1_0000),
            _ => return None,
        };
        self.pc = self.pc.checked_add(distance)?;
        (distance >= least).then_some(())
    }

    /// Takes an instruction that says where a register is saved (`DW_CFA_offset`). Returns the register and the slot,
    /// in words below the CFA.
    fn save(&mut self) -> Option<(u8, u32)> {
        let operation = *self.rest.split_off_first()?;
        let register = operation.checked_sub(gimli::DW_CFA_offset.0).filter(|&register| register < 0x40)?;
        Some((register, self.number()?))
    }

    /// Takes an instruction that changes the distance of the CFA from its register (`DW_CFA_def_cfa_offset`).
    fn cfa_offset(&mut self) -> Option<u32> {
        self.take(&[gimli::DW_CFA_def_cfa_offset.0])?;
        self.number()
    }

    /// Takes a number in LEB128.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0u32;
        // A frame is below 2 GiB: slots, in words, have four groups of seven bits at most, and arguments fewer.
        for shift in [0, 7, 14, 21] {
            let byte = *self.rest.split_off_first()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // A last byte of zero would make the number longer than it need be.
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }
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

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::artifact::functions::{self, FunctionKind};
    use crate::artifact::tests::cie;
    use crate::base::TextOffset;
    use crate::wasm::index::FuncIndex;
    use gimli::write::CallFrameInstruction::{self, *};
    use gimli::write::{Address, EndianVec, Expression, FrameDescriptionEntry, FrameTable};
    use gimli::{Register, X86_64};

    const TEXT: u32 = 1 << 20;
    const FUNCTIONS: [(u32, u32); 3] = [(0, 40), (64, 1024), (0x1000, 0x30000)];
    const UNKNOWN: &str = "call frame instructions that the compiler does not make";
    const SAVE: &str = "a register that the compiler does not save there";

    type Instructions = Vec<(u32, CallFrameInstruction)>;

    fn table() -> Vec<u8> {
        let entry = |(index, (start, end)): (u32, (u32, u32))| FunctionEntry {
            kind: FunctionKind::Function(FuncIndex(index)),
            start: TextOffset(start),
            end: TextOffset(end),
        };
        functions::build(&(0..).zip(FUNCTIONS).map(entry).collect::<Vec<_>>())
    }

    fn check(eh_frame: &[u8]) -> Result<(), Flaw> {
        check_eh_frame(eh_frame, TEXT, &Functions::new(&table()))
    }

    fn save(register: u16, slot: i32) -> CallFrameInstruction {
        Offset(Register(register), -8 * slot)
    }

    /// The instructions of a frame whose frame pointer is set at this offset.
    fn frame(set: u32) -> Instructions {
        vec![(1, CfaOffset(16)), (1, Offset(X86_64::RBP, -16)), (set, CfaRegister(X86_64::RBP))]
    }

    /// The instructions of an epilogue whose last move of the stack pointer ends at `reset`, and that returns at
    /// `popped`.
    fn epilogue(saved: &[u16], reset: u32, popped: u32) -> Instructions {
        let restored = saved.iter().map(|&register| (reset, Restore(Register(register))));
        let popped = [(popped, Cfa(X86_64::RSP, 8)), (popped, Restore(X86_64::RBP))];
        std::iter::once((reset, RememberState)).chain(restored).chain(popped).collect()
    }

    /// Functions that need every encoding of the writer.
    fn prologues() -> [Instructions; 3] {
        let [short, mut middle, mut long] = [4, 0x50, 0x1234].map(frame);
        middle.extend([(0x54, save(3, 5)), (0x58, save(12, 4)), (0x5f, save(15, 3))]);
        middle.extend(epilogue(&[3, 12, 15], 0x68, 0x6c));
        middle.push((0x6d, RestoreState));
        middle.extend(epilogue(&[3, 12, 15], 0x268, 0x26c));
        long.extend([(0x1240, CfaOffset(16 + 0x120)), (0x1250, CfaOffset(16))]);
        long.extend([(0x2_3456, save(13, 300)), (0x2_345a, save(14, 299))]);
        [short, middle, long]
    }

    fn section(prologues: [Instructions; 3]) -> Vec<u8> {
        let fdes = prologues.into_iter().zip(FUNCTIONS).map(|(instructions, (start, end))| {
            let mut fde = FrameDescriptionEntry::new(fde_address(TextOffset(start), TEXT as usize), end - start);
            instructions.into_iter().for_each(|(offset, instruction)| fde.add_instruction(offset, instruction));
            fde
        });
        build_eh_frame(cie(), fdes.collect()).unwrap()
    }

    /// A section whose first FDE has these instructions in place of its own, without padding.
    fn with_bytes(instructions: &[u8]) -> Vec<u8> {
        let original = section(prologues());
        let end = Entry::at(&original, CIE.len()).unwrap().end;
        let mut bytes = original[..CIE.len() + 4 + FDE_FIELDS].to_vec();
        bytes.extend(instructions);
        let length = u32::try_from(bytes.len() - CIE.len() - 4).unwrap();
        bytes[CIE.len()..CIE.len() + 4].copy_from_slice(&length.to_ne_bytes());
        let at = bytes.len();
        bytes.extend(&original[end..]);
        // The FDEs that moved refer to the CIE and to their functions by distance.
        let moved = at as i32 - end as i32;
        let mut fde = at;
        while let Some(entry) = Entry::at(&bytes, fde) {
            for (field, by) in [(0, moved), (4, -moved)] {
                let field = &mut bytes[entry.body + field..][..4];
                let value = i32::from_ne_bytes(field.try_into().unwrap()) + by;
                field.copy_from_slice(&value.to_ne_bytes());
            }
            fde = entry.end;
        }
        bytes
    }

    /// Instructions and the padding that belongs to them.
    fn padded(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = parts.concat();
        let size = (4 + FDE_FIELDS + bytes.len()).next_multiple_of(ENTRY_ALIGN);
        bytes.resize(size - 4 - FDE_FIELDS, 0);
        bytes
    }

    /// Reads a section as gimli does, and writes it again.
    fn write_again(eh_frame: &[u8]) -> Option<Vec<u8>> {
        let section = gimli::EhFrame::new(eh_frame, gimli::NativeEndian);
        let frames = FrameTable::from(&section, &|address| Some(Address::Constant(address))).ok()?;
        let mut section = gimli::write::EhFrame(EndianVec::new(gimli::NativeEndian));
        frames.write_eh_frame(&mut section).ok()?;
        Some([section.0.slice(), &[0; 4]].concat())
    }

    #[test]
    fn what_the_writer_writes_is_accepted() {
        let bytes = section(prologues());
        assert_eq!(bytes[..CIE.len()], CIE);
        check(&bytes).unwrap();
        assert_eq!(write_again(&bytes), Some(bytes));
        check(&with_bytes(&padded(&[&FRAME_PUSHED, &[0x43], &FRAME_SET]))).unwrap();
        check_eh_frame(&[0; 4], TEXT, &Functions::new(&[])).unwrap();
    }

    /// A reader that takes the last of two fields and one that takes the first agree only on what the writer writes.
    #[test]
    fn a_changed_byte_is_refused_or_as_the_writer_writes_it() {
        let original = section(prologues());
        let mut accepted = 0;
        for at in 0..original.len() {
            let mut bytes = original.clone();
            for value in 0..=u8::MAX {
                bytes[at] = value;
                if value != original[at] && check(&bytes).is_ok() {
                    assert!(at >= CIE.len(), "byte {at} of the CIE");
                    assert_eq!(write_again(&bytes), Some(bytes.clone()), "byte {at} is {value:#x}");
                    accepted += 1;
                }
            }
        }
        assert!(accepted > 100, "{accepted}: prologues of other lengths are as good");
    }

    #[track_caller]
    fn refused(what: &str, why: &str, bytes: &[u8]) {
        let flaw = check(bytes).expect_err(what);
        assert!(flaw.what.contains(why), "{what}: {}", flaw.what);
    }

    #[test]
    fn other_cies_are_refused() {
        let original = section(prologues());
        let forged = |what, cie: &[u8]| refused(what, "the CIE", &[cie, &original[CIE.len()..]].concat());
        let patch = |from: usize, new: &[u8]| [&CIE[..from], new, &CIE[from + new.len()..]].concat();
        forged("two R, absolute then relative", &patch(9, b"zRR\0\x01\x78\x10\x02\x00\x1b\x0c\x07\x08\x90\x01"));
        forged("two R, relative then absolute", &patch(9, b"zRR\0\x01\x78\x10\x02\x1b\x00\x0c\x07\x08\x90\x01"));
        forged("a personality", &patch(9, b"zPR\0\x01\x78\x10\x03\x00\x00\x1b"));
        forged("a pointer to data of a language", &patch(9, b"zLR\0\x01\x78\x10\x02\x00\x1b"));
        forged("a signal frame", &patch(9, b"zRS\0\x01\x78\x10\x01\x1b"));
        forged("old GNU augmentation", &patch(9, b"eh\0"));
        forged("swapped factors", &patch(12, &[0x78, 1]));
        forged("another return register", &patch(14, &[17]));
        forged("absolute addresses", &patch(16, &[0]));
        forged("another CFA", &patch(18, &[6]));
        forged("the return address elsewhere", &patch(21, &[2]));
        forged("an instruction more", &patch(22, &[0x0a]));
        forged("version 3", &patch(8, &[3]));
        forged("an FDE in its place", &patch(4, &[4]));
        forged("a 64-bit length", &patch(0, &[0xff; 4]));
        forged("longer padding", &[&patch(0, &[28])[..], &[0; 8]].concat());
        forged("two CIEs", &[&CIE[..], &CIE].concat()[1..]);
    }

    #[test]
    fn other_instructions_are_refused() {
        let expression = || Expression::raw(vec![gimli::DW_OP_lit0.0, gimli::DW_OP_deref.0]);
        let added = |what: &str, why: &str, more: Instructions| {
            let mut prologues = prologues();
            prologues[0].extend(more);
            refused(what, why, &section(prologues));
        };
        let rbx = X86_64::RBX;
        added("an expression for the CFA", UNKNOWN, vec![(8, CfaExpression(expression()))]);
        added("an expression for an address", UNKNOWN, vec![(8, Expression(rbx, expression()))]);
        added("an expression for a value", UNKNOWN, vec![(8, ValExpression(rbx, expression()))]);
        added("a value", UNKNOWN, vec![(8, ValOffset(rbx, -24))]);
        added("a register in another", UNKNOWN, vec![(8, CallFrameInstruction::Register(rbx, X86_64::R12))]);
        added("an undefined register", UNKNOWN, vec![(8, Undefined(X86_64::RA))]);
        added("the same value", UNKNOWN, vec![(8, SameValue(rbx))]);
        added("a restored register", UNKNOWN, vec![(8, Restore(X86_64::RBP))]);
        added("a state without an end", UNKNOWN, vec![(8, RememberState)]);
        added("a state without a start", UNKNOWN, vec![(8, RestoreState)]);
        added("a state and its end", UNKNOWN, vec![(8, RememberState), (9, RestoreState)]);
        added("arguments", UNKNOWN, vec![(8, ArgsSize(8))]);
        added("another CFA", UNKNOWN, vec![(8, Cfa(X86_64::RBP, 16))]);
        added("another offset", UNKNOWN, vec![(8, CfaOffset(24))]);
        added("another frame pointer", UNKNOWN, vec![(8, CfaRegister(X86_64::RSP))]);
        added("a slot above the frame", UNKNOWN, vec![(8, Offset(rbx, 8))]);
        added("a save at once", UNKNOWN, vec![(4, save(3, 3))]);
        added("the return address", SAVE, vec![(8, save(16, 3))]);
        added("the frame pointer again", SAVE, vec![(8, save(6, 3))]);
        added("a register that no call saves", SAVE, vec![(8, save(0, 3))]);
        added("the slot of the frame pointer", SAVE, vec![(8, save(3, 2))]);
        added("the slot of the return address", SAVE, vec![(8, save(3, 1))]);
        added("a slot twice", SAVE, vec![(8, save(3, 3)), (12, save(12, 3))]);
        added("a gap", SAVE, vec![(8, save(3, 5)), (12, save(12, 3))]);
        added("registers out of order", SAVE, vec![(8, save(12, 4)), (12, save(3, 3))]);
        added("a register twice", SAVE, vec![(8, save(3, 4)), (12, save(3, 3))]);
        added("more than the function", "longer than its function", vec![(40, save(3, 3))]);
    }

    #[test]
    fn epilogues_are_complete() {
        let (set, last) = ([0x43, FRAME_SET[0], FRAME_SET[1]], FRAME_POPPED);
        let saves = [0x44, 0x83, 4, 0x44, 0x8c, 3];
        let function = |parts: &[&[u8]]| with_bytes(&padded(&[&FRAME_PUSHED[..], &set, &parts.concat()]));
        let plain = [&[0x48, 0x0a], &last[..]].concat();
        let again = [&[0x41, 0x0b], &plain[..]].concat();
        let restoring = [&[0x48, 0x0a, 0xc3, 0xcc, 0x43], &last[..]].concat();
        check(&function(&[&plain])).unwrap();
        check(&function(&[&plain, &[0x41, 0x0b]])).unwrap();
        check(&function(&[&plain, &again])).unwrap();
        check(&function(&[&saves, &restoring])).unwrap();
        let forged = |what: &str, parts: &[&[u8]]| refused(what, UNKNOWN, &function(parts));
        forged("an epilogue of nothing", &[&[0x48, 0x0a]]);
        forged("an epilogue at once", &[&[0x0a], &last]);
        forged("the frame is not popped", &[&[0x48, 0x0a, 0x42, 0x0b]]);
        forged("the frame pointer is not the caller's", &[&[0x48, 0x0a], &last[..3]]);
        forged("another stack pointer", &[&[0x48, 0x0a, 0x0c, 7, 16, 0xc6]]);
        forged("an epilogue in an epilogue", &[&plain, &plain]);
        forged("the frame is there again at once", &[&plain, &[0x0b]]);
        forged("the frame is there again twice", &[&plain, &[0x41, 0x0b, 0x41, 0x0b]]);
        forged("a save after an epilogue", &[&plain, &[0x41, 0x0b], &saves]);
        forged("registers that are not restored", &[&saves, &plain]);
        forged("a register that is not restored", &[&saves, &[0x48, 0x0a, 0xc3, 0x43], &last]);
        forged("registers restored too late", &[&saves, &[0x48, 0x0a, 0x43, 0xc3, 0xcc], &last]);
        forged("a register that was not saved", &[&[0x48, 0x0a, 0xc3, 0x43], &last]);
        let long = [&[0x03, 0, 1, 0x0a], &last[..]].concat();
        refused("an epilogue behind the end", "longer than its function", &function(&[&long]));
    }

    #[test]
    fn a_frame_moves_down_and_stays_there() {
        let function = |parts: &[u8]| with_bytes(&padded(&[&FRAME_PUSHED, &[0x43], &FRAME_SET, parts]));
        check(&function(&[0x47, 0x0e, 0x30, 0x4c, 0x0e, 0x10])).unwrap();
        check(&function(&[0x47, 0x0e, 0x90, 0x02, 0x4c, 0x0e, 0x10, 0x44, 0x83, 3])).unwrap();
        let forged = |what: &str, parts: &[u8]| refused(what, UNKNOWN, &function(parts));
        forged("it moves for ever", &[0x47, 0x0e, 0x30]);
        forged("it moves up", &[0x47, 0x0e, 8, 0x4c, 0x0e, 0x10]);
        forged("it does not move", &[0x47, 0x0e, 0x10, 0x4c, 0x0e, 0x10]);
        forged("it ends elsewhere", &[0x47, 0x0e, 0x30, 0x4c, 0x0e, 0x18]);
        forged("it moves twice", &[0x47, 0x0e, 0x30, 0x4c, 0x0e, 0x10, 0x41, 0x0e, 0x30, 0x4c, 0x0e, 0x10]);
        forged("it moves after a save", &[0x44, 0x83, 3, 0x47, 0x0e, 0x30, 0x4c, 0x0e, 0x10]);
        forged("a longer form of a distance", &[0x47, 0x0e, 0xb0, 0, 0x4c, 0x0e, 0x10]);
    }

    #[test]
    fn other_encodings_are_refused() {
        let forged = |what: &str, why: &str, parts: &[&[u8]]| refused(what, why, &with_bytes(&padded(parts)));
        let (pushed, set) = (&FRAME_PUSHED[..], &FRAME_SET[..]);
        forged("nothing", UNKNOWN, &[]);
        forged("no frame pointer", UNKNOWN, &[pushed]);
        forged("the frame pointer at once", UNKNOWN, &[pushed, set]);
        forged("an advance by nothing", UNKNOWN, &[pushed, &[0x40], set]);
        forged("a longer form of a short advance", UNKNOWN, &[pushed, &[0x02, 3], set]);
        forged("a still longer one", UNKNOWN, &[pushed, &[0x03, 3, 0], set]);
        forged("the longest one", UNKNOWN, &[pushed, &[0x04, 3, 0, 0, 0], set]);
        forged("an absolute location", UNKNOWN, &[pushed, &[0x01, 3, 0, 0, 0], set]);
        forged("a window of registers", UNKNOWN, &[pushed, &[0x43], set, &[0x44, 0x2d]]);
        forged("a slot of two bytes for one", UNKNOWN, &[pushed, &[0x43], set, &[0x44, 0x83, 0x83, 0]]);
        forged("an instruction after padding", UNKNOWN, &[pushed, &[0x43], set, &[0, 0x44, 0x83, 3]]);
        forged("too much padding", UNKNOWN, &[pushed, &[0x43], set, &[0; 8]]);
        forged("an end that wraps", UNKNOWN, &[pushed, &[0x43], set, &[0x04, 0xff, 0xff, 0xff, 0xff, 0x83, 3]]);
        let open = [pushed, &[0x43], set, &[0x44, 0x83, 0x83, 0x83, 0x83, 0x83, 0x83]].concat();
        refused("a slot without an end", UNKNOWN, &with_bytes(&open));
        let mut short = padded(&[pushed, &[0x43], set]);
        short.pop();
        refused("too little padding", "not padded", &with_bytes(&short));
    }

    #[test]
    fn other_orders_are_refused() {
        let original = section(prologues());
        let first = Entry::at(&original, CIE.len()).unwrap().end;
        let second = Entry::at(&original, first).unwrap().end;
        let (cie, fde) = (&original[..CIE.len()], &original[CIE.len()..first]);
        let end = original.len() - 4;
        let forged = |what: &str, why: &str, parts: &[&[u8]]| refused(what, why, &parts.concat());
        forged("an FDE twice", "does not name the CIE", &[cie, fde, fde, &original[second..]]);
        forged("an FDE less", "does not name the CIE", &[cie, &original[first..]]);
        forged("an FDE less at the end", "an FDE is missing", &[&original[..second], &[0; 4]]);
        forged("an FDE more", "the terminator", &[&original[..end], fde, &[0; 4]]);
        forged("bytes after the end", "the terminator", &[&original, &[0; 4]]);
        forged("no end", "the terminator", &[&original[..end]]);
        let mut overlap = original.clone();
        overlap[CIE.len() + 12] += 1;
        refused("a range that reaches into the next", "does not cover", &overlap);
        overlap[CIE.len() + 12] -= 1;
        overlap[CIE.len() + 8] += 1;
        refused("a range that starts late", "does not point", &overlap);
    }
}
