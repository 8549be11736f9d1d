//! Sections `.eh_frame` and `.eh_frame_hdr`: how to unwind a frame, and where to find out.
//!
//! `.eh_frame` is the standard one, with pc-relative 32-bit addresses (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`): it stands
//! right behind `.text`, at the same distance in the file and in memory, and needs no relocation. Four zero bytes end
//! it: the platform's unwinder would walk on without them.
//!
//! `.eh_frame_hdr` is the standard binary-search table
//! ([Linux Standard Base, section 10.6.2](https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/ehframechpt.html)),
//! in the target's byte order:
//!
//! ```text
//! +0  u8   version: 1
//! +1  u8   encoding of the pointer to .eh_frame: DW_EH_PE_pcrel | DW_EH_PE_sdata4
//! +2  u8   encoding of the count: DW_EH_PE_udata4
//! +3  u8   encoding of the table: DW_EH_PE_datarel | DW_EH_PE_sdata4
//! +4  i32  .eh_frame, from this field
//! +8  u32  number of records
//! +12 record, 8 bytes, sorted by function
//!       +0  i32  start of the function, from the start of this section
//!       +4  i32  its FDE, from the start of this section
//! ```

use super::record::records;

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
    /// Reads the section's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> FrameIndex<'a> {
        FrameIndex(records(bytes.get(HEADER..).unwrap_or_default()))
    }

    /// How many functions have unwind information.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The address of the FDE that may cover `pc`, when this section is loaded at `base`. The FDE itself tells where
    /// its function ends.
    pub(crate) fn lookup(&self, pc: u64, base: u64) -> Option<u64> {
        let pc = i32::try_from(pc.wrapping_sub(base).cast_signed()).ok()?;
        let position = self.0.partition_point(|record| relative(record, 0) <= pc).checked_sub(1)?;
        base.checked_add_signed(relative(&self.0[position], 4).into())
    }
}

fn relative(record: &[u8; RECORD], at: usize) -> i32 {
    i32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}
