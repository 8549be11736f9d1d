//! Sections `.eh_frame` and `.eh_frame_hdr`: unwind information, and its binary-search table.
//!
//! `.eh_frame` is the standard one, with pc-relative 32-bit addresses (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`). It follows
//! `.text` directly, at the same distance in the file and in memory, so that it needs no relocation. It has one CIE,
//! which is always the same, and an FDE for each function, which describes the function's prologue. Four zero bytes end
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

use super::arch::{CIE, FIRST_SLOT, FRAME_PUSHED, FRAME_SET, PUSHED_AT, SAVED};
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

/// Checks the call frame instructions of a function of `length` bytes. They describe a prologue and nothing else: the
/// frame is pushed, the frame pointer is set, and registers are saved, each at the next lower slot from the one before.
fn check_instructions(bytes: &[u8], length: u32) -> Result<(), Flaw> {
    let mut prologue = Prologue { rest: bytes, pc: PUSHED_AT };
    let at = |prologue: &Prologue<'_>| bytes.len() - prologue.rest.len();
    let unknown = |at| Flaw::new(at, "an FDE has call frame instructions that the compiler does not make");
    prologue.take(&FRAME_PUSHED).ok_or(unknown(0))?;
    let has_frame_pointer = prologue.advance().and_then(|()| prologue.take(&FRAME_SET));
    has_frame_pointer.ok_or(unknown(at(&prologue)))?;
    let mut registers = SAVED.iter();
    let mut free = None;
    while prologue.rest.len() >= ENTRY_ALIGN || prologue.rest.iter().any(|&byte| byte != 0) {
        let start = at(&prologue);
        let (register, slot) = prologue.advance().and_then(|()| prologue.save()).ok_or(unknown(start))?;
        let good = registers.any(|&saved| saved == register) && slot >= FIRST_SLOT && slot == free.unwrap_or(slot);
        Flaw::unless(good, start, "an FDE saves a register that the compiler does not save there")?;
        free = Some(slot - 1);
    }
    Flaw::unless(prologue.pc < length, 0, "the prologue that an FDE describes is longer than its function")
}

/// A reader of call frame instructions. It takes the encodings that the writer chooses, which are the shortest.
struct Prologue<'a> {
    rest: &'a [u8],
    /// The offset in the function that the next rule holds from.
    pc: u32,
}

impl Prologue<'_> {
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
        let mut slot = 0u32;
        // A frame is below 2 GiB, so that four groups of seven bits suffice.
        for shift in [0, 7, 14, 21] {
            let byte = *self.rest.split_off_first()?;
            slot |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // A last byte of zero would make the number longer than it need be.
                return (byte != 0 || shift == 0).then_some((register, slot));
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

    /// Prologues that need every encoding of the writer.
    fn prologues() -> [Instructions; 3] {
        let [short, mut middle, mut long] = [4, 0x50, 0x1234].map(frame);
        middle.extend([(0x54, save(3, 5)), (0x58, save(12, 4)), (0x5f, save(15, 3))]);
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
