//! The ELF file around the sections. There is one layout, which the writer writes and the reader requires.
//!
//! Addresses are file offsets, so that mapping the whole file puts every segment at the address that its program header
//! gives. The reader accepts exactly what the writer writes: these sections, in this order, without overlap.

use super::arch::MACHINE;
use super::header;
use super::record::Flaw;
use crate::base::arch::PAGE;
use core::ops::Range;
use object::elf;
use object::endian::LittleEndian as LE;
use object::{U64, pod};
use std::borrow::Cow;

/// The alignment of `.eh_frame_hdr`, which follows `.eh_frame`.
pub(super) const INDEX_ALIGN: usize = 4;

/// The header of a section, without offset and size.
#[derive(Clone, Copy)]
struct Spec {
    name: &'static str,
    kind: elf::SectionType,
    flags: elf::SectionFlags,
    align: usize,
}

const TABLE: elf::SectionType = elf::SHT_PROGBITS;
const NOT_LOADED: elf::SectionFlags = elf::SectionFlags(0);

const fn table(name: &'static str, align: usize) -> Spec {
    Spec { name, kind: TABLE, flags: elf::SHF_ALLOC, align }
}

/// The sections that are mapped, in the order of the file.
const LOADED: [Spec; 12] = [
    table(".touchstone", 8),
    table(".touchstone.metadata", 1),
    Spec { name: ".text", kind: TABLE, flags: elf::SectionFlags(elf::SHF_ALLOC.0 | elf::SHF_EXECINSTR.0), align: PAGE },
    table(".eh_frame", 8),
    table(".eh_frame_hdr", INDEX_ALIGN),
    table(".touchstone.functions", 1),
    table(".touchstone.traps", 1),
    table(".touchstone.sourcemap", 1),
    table(".touchstone.names", 1),
    table(".touchstone.handlers", 1),
    table(".touchstone.stackmaps", 1),
    table(".touchstone.data", PAGE),
];

/// The sections of DWARF, in an order in which none refers to a later one.
pub(super) const DWARF_SECTIONS: [&str; 6] =
    [".debug_abbrev", ".debug_str", ".debug_line", ".debug_ranges", ".debug_loc", ".debug_info"];

/// The section of the table of the addresses in DWARF.
const ADDRESSES: &str = ".touchstone.addresses";

/// The sections for debuggers, which follow the mapped ones in an artifact with debug information: DWARF, and the table
/// of its addresses.
const DEBUG: [Spec; DWARF_SECTIONS.len() + 1] = {
    let mut specs = [unmapped(ADDRESSES); DWARF_SECTIONS.len() + 1];
    let mut position = 0;
    while position < DWARF_SECTIONS.len() {
        specs[position] = unmapped(DWARF_SECTIONS[position]);
        position += 1;
    }
    specs
};

const fn unmapped(name: &'static str) -> Spec {
    Spec { name, kind: TABLE, flags: NOT_LOADED, align: 1 }
}

/// The sections for tools, which follow all others.
const TOOLS: [Spec; 3] = [
    Spec { name: ".symtab", kind: elf::SHT_SYMTAB, flags: NOT_LOADED, align: 8 },
    Spec { name: ".strtab", kind: elf::SHT_STRTAB, flags: NOT_LOADED, align: 1 },
    Spec { name: ".shstrtab", kind: elf::SHT_STRTAB, flags: NOT_LOADED, align: 1 },
];

/// The number of section headers, with that of the null section, in an artifact with or without debug information.
const fn section_count(has_debug: bool) -> usize {
    1 + LOADED.len() + if has_debug { DEBUG.len() } else { 0 } + TOOLS.len()
}

/// The sections in the order of the file, without the null section. Writer and reader both follow this list.
fn specs(has_debug: bool) -> impl Iterator<Item = &'static Spec> {
    LOADED.iter().chain(if has_debug { &DEBUG[..] } else { &[] }).chain(&TOOLS)
}

/// The index of `.text` among the section headers.
#[cfg(feature = "compile")]
const TEXT_INDEX: u16 = 3;
const SEGMENT_COUNT: usize = 5;
const FILE_HEADER: usize = size_of::<elf::FileHeader64<LE>>();
const SEGMENT_HEADER: usize = size_of::<elf::ProgramHeader64<LE>>();
const SECTION_HEADER: usize = size_of::<elf::SectionHeader64<LE>>();
const SYMBOL: usize = size_of::<elf::Sym64<LE>>();
const _: () = assert!(FILE_HEADER + SEGMENT_COUNT * SEGMENT_HEADER == header::START);

/// The byte ranges of the sections, in the file and in its mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sections {
    /// The maker of the artifact, and its digests.
    pub(crate) header: Range<usize>,
    /// The module without its code, serialized.
    pub(crate) metadata: Range<usize>,
    /// The code, in whole pages.
    pub(crate) text: Range<usize>,
    /// The unwind information, directly after the text.
    pub(crate) eh_frame: Range<usize>,
    /// The binary-search table of the unwind information.
    pub(crate) eh_frame_hdr: Range<usize>,
    /// The table of functions.
    pub(crate) functions: Range<usize>,
    /// The table of traps.
    pub(crate) traps: Range<usize>,
    /// The source map.
    pub(crate) source_map: Range<usize>,
    /// The names of functions.
    pub(crate) names: Range<usize>,
    /// The table of exception handlers.
    pub(crate) handlers: Range<usize>,
    /// The stack maps.
    pub(crate) stack_maps: Range<usize>,
    /// The data segments, page-aligned.
    pub(crate) data: Range<usize>,
    /// The debug information, if there is any.
    pub(crate) debug: Option<DebugSections>,
    /// The symbols, for tools.
    pub(super) symbols: Range<usize>,
    /// The names of the symbols.
    pub(super) strings: Range<usize>,
    /// The section headers, which end the file.
    pub(super) headers: Range<usize>,
}

/// The byte ranges of the sections for debuggers, in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DebugSections {
    /// The sections of DWARF, in the order of [`DWARF_SECTIONS`]: each starts where the last one ends.
    pub(super) dwarf: [Range<usize>; DWARF_SECTIONS.len()],
    /// The table of the addresses in DWARF.
    pub(super) addresses: Range<usize>,
}

impl Sections {
    /// Names the ranges of all sections and of the section headers: those of [`specs`] and one more.
    fn new(ranges: &[Range<usize>]) -> Sections {
        let (loaded, others) = ranges.split_first_chunk::<{ LOADED.len() }>().expect("every artifact has them");
        let (others, [symbols, strings, _, headers]) = others.split_last_chunk().expect("every artifact has them");
        let debug = others.split_first_chunk().map(|(dwarf, others)| {
            let [addresses] = others else { unreachable!("one more section than DWARF has") };
            DebugSections { dwarf: dwarf.clone(), addresses: addresses.clone() }
        });
        let [symbols, strings, headers] = [symbols, strings, headers].map(Range::clone);
        let [
            header,
            metadata,
            text,
            eh_frame,
            eh_frame_hdr,
            functions,
            traps,
            source_map,
            names,
            handlers,
            stack_maps,
            data,
        ] = loaded.clone();
        Sections {
            header,
            metadata,
            text,
            eh_frame,
            eh_frame_hdr,
            functions,
            traps,
            source_map,
            names,
            handlers,
            stack_maps,
            data,
            debug,
            symbols,
            strings,
            headers,
        }
    }

    /// Returns the sections with their names, in the order of the file, without those for tools.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let ranges = [
            &self.header,
            &self.metadata,
            &self.text,
            &self.eh_frame,
            &self.eh_frame_hdr,
            &self.functions,
            &self.traps,
            &self.source_map,
            &self.names,
            &self.handlers,
            &self.stack_maps,
            &self.data,
        ];
        let debug = self.debug.iter().flat_map(|debug| debug.dwarf.iter().chain([&debug.addresses]));
        let ranges: Vec<Range<usize>> = ranges.into_iter().chain(debug).cloned().collect();
        specs(self.debug.is_some()).map(|spec| spec.name).zip(ranges)
    }

    /// Returns the program headers: kind, flags, bytes and alignment.
    fn segments(&self) -> [(elf::ProgramType, elf::ProgramFlags, Range<usize>, usize); SEGMENT_COUNT] {
        let code = elf::ProgramFlags(elf::PF_R.0 | elf::PF_X.0);
        let stack = elf::ProgramFlags(elf::PF_R.0 | elf::PF_W.0);
        [
            (elf::PT_LOAD, elf::PF_R, 0..self.text.start, PAGE),
            (elf::PT_LOAD, code, self.text.clone(), PAGE),
            (elf::PT_LOAD, elf::PF_R, self.text.end..self.data.end, PAGE),
            (elf::PT_GNU_EH_FRAME, elf::PF_R, self.eh_frame_hdr.clone(), INDEX_ALIGN),
            // Tools and kernels assume that a file without this header needs an executable stack.
            (elf::PT_GNU_STACK, stack, 0..0, 16),
        ]
    }
}

/// Checks that the bytes are a 64-bit little-endian shared object for this machine.
pub(super) fn check_kind(bytes: &[u8]) -> Result<(), Flaw> {
    let (file, _) =
        pod::from_bytes::<elf::FileHeader64<LE>>(bytes).map_err(|()| Flaw::new(0, "the file is too short"))?;
    let ident = &file.e_ident;
    Flaw::unless(ident.magic == elf::ELFMAG, 0, "it is not an ELF file")?;
    Flaw::unless(ident.class == elf::ELFCLASS64, 4, "it is not a 64-bit ELF file")?;
    Flaw::unless(ident.data == elf::ELFDATA2LSB, 5, "it is made for a big-endian machine")?;
    Flaw::unless(file.e_type.get(LE) == elf::ET_DYN, 16, "it is not an ELF shared object")?;
    Flaw::unless(file.e_machine.get(LE) == MACHINE, 18, "it is made for another machine")
}

/// Finds the sections of an artifact, if its ELF structure is exactly the one that the writer writes.
pub(super) fn read(bytes: &[u8]) -> Result<Sections, Flaw> {
    check_kind(bytes)?;
    let (file, _) =
        pod::from_bytes::<elf::FileHeader64<LE>>(bytes).map_err(|()| Flaw::new(0, "the file is too short"))?;
    let has_debug = usize::from(file.e_shnum.get(LE)) == section_count(true);
    check_file_header(file, has_debug)?;
    let tail = bytes.len().saturating_sub(section_count(has_debug) * SECTION_HEADER);
    Flaw::unless(file.e_shoff.get(LE) == tail as u64, 40, "the section headers do not end the file")?;
    let (headers, _) = pod::slice_from_bytes::<elf::SectionHeader64<LE>>(&bytes[tail..], section_count(has_debug))
        .map_err(|()| Flaw::new(40, "the section headers leave the file"))?;
    let sections = Sections::new(&read_sections(bytes, headers, tail, has_debug)?);
    check_layout(&sections)?;
    check_segments(bytes, &sections)?;
    Ok(sections)
}

fn check_file_header(file: &elf::FileHeader64<LE>, has_debug: bool) -> Result<(), Flaw> {
    let sections = section_count(has_debug);
    let ident = &file.e_ident;
    let found = (ident.version, ident.os_abi, ident.abi_version, ident.padding);
    let plain = found == (elf::EV_CURRENT, elf::ELFOSABI_NONE, 0, [0; 7]);
    Flaw::unless(plain, 6, "the ELF file is of another version or for another system")?;
    Flaw::unless(file.e_version.get(LE) == elf::EV_CURRENT.0.into(), 20, "the ELF file is of another version")?;
    let unused = (file.e_entry.get(LE), file.e_flags.get(LE).0);
    Flaw::unless(unused == (0, 0), 24, "the ELF header has an entry point or flags")?;
    let sizes = (file.e_ehsize.get(LE), file.e_phentsize.get(LE), file.e_shentsize.get(LE));
    let wanted = (FILE_HEADER as u16, SEGMENT_HEADER as u16, SECTION_HEADER as u16);
    Flaw::unless(sizes == wanted, 52, "the ELF header has wrong sizes of headers")?;
    Flaw::unless(file.e_phoff.get(LE) == FILE_HEADER as u64, 32, "the program headers do not follow the ELF header")?;
    Flaw::unless(usize::from(file.e_phnum.get(LE)) == SEGMENT_COUNT, 56, "the number of program headers is wrong")?;
    Flaw::unless(usize::from(file.e_shnum.get(LE)) == sections, 60, "the number of sections is wrong")?;
    let names = usize::from(file.e_shstrndx.get(LE).0);
    Flaw::unless(names == sections - 1, 62, "the section of names has the wrong index")
}

/// Returns the ranges of all sections, and of the section headers, which start at `tail`.
fn read_sections(
    bytes: &[u8],
    headers: &[elf::SectionHeader64<LE>],
    tail: usize,
    has_debug: bool,
) -> Result<Vec<Range<usize>>, Flaw> {
    let mut ranges = Vec::with_capacity(headers.len());
    let last = headers.len() - 1;
    let names = section_range(&headers[last], bytes, tail, tail + last * SECTION_HEADER)?;
    let null = pod::bytes_of(&headers[0]).iter().all(|&byte| byte == 0);
    Flaw::unless(null, tail, "the first section header is not empty")?;
    let mut free = header::START;
    for ((header, spec), index) in headers[1..].iter().zip(specs(has_debug)).zip(1..) {
        let at = tail + index * SECTION_HEADER;
        let name = bytes[names.clone()].get(header.sh_name.get(LE) as usize..).unwrap_or_default();
        let named = name.strip_prefix(spec.name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0));
        Flaw::unless(named, at, "a section is missing, or the sections are out of order")?;
        let range = section_range(header, bytes, tail, at)?;
        check_section(header, spec, index, &range).map_err(|flaw| flaw.offset_by(at))?;
        let follows = Some(range.start) == free.checked_next_multiple_of(spec.align);
        Flaw::unless(follows, at + 24, "a section does not follow the one before")?;
        free = range.end;
        ranges.push(range);
    }
    let follows = free.checked_next_multiple_of(8) == Some(tail);
    Flaw::unless(follows, 40, "the section headers do not follow the last section")?;
    ranges.push(tail..bytes.len());
    Ok(ranges)
}

/// Checks the fields of a section header, except for name, offset and size.
fn check_section(
    header: &elf::SectionHeader64<LE>,
    spec: &Spec,
    index: usize,
    range: &Range<usize>,
) -> Result<(), Flaw> {
    let kind = (header.sh_type.get(LE), header.sh_flags.get(LE).0);
    Flaw::unless(kind == (spec.kind, spec.flags.0), 4, "a section is of the wrong kind")?;
    let address = if spec.flags == NOT_LOADED { 0 } else { range.start as u64 };
    Flaw::unless(header.sh_addr.get(LE) == address, 16, "a section's address is not its file offset")?;
    let (link, info, entry) = match spec.kind {
        // The symbols have their names in the section that follows, and all of them are local.
        elf::SHT_SYMTAB => (index as u32 + 1, range.len() / SYMBOL, SYMBOL),
        _ => (0, 0, 0),
    };
    let found = (header.sh_link.get(LE), header.sh_info.get(LE), header.sh_entsize.get(LE));
    Flaw::unless(found == (link, info as u32, entry as u64), 40, "a section header has wrong references or sizes")?;
    Flaw::unless(range.len().is_multiple_of(entry.max(1)), 32, "a section ends within an entry")?;
    Flaw::unless(header.sh_addralign.get(LE) == spec.align as u64, 48, "a section header has the wrong alignment")
}

/// Returns the range of a section, which must end before the section headers at `tail`. `at` is the offset of its
/// header.
fn section_range(
    header: &elf::SectionHeader64<LE>,
    bytes: &[u8],
    tail: usize,
    at: usize,
) -> Result<Range<usize>, Flaw> {
    let outside = Flaw::new(at + 24, "a section exceeds the file");
    let start = usize::try_from(header.sh_offset.get(LE)).map_err(|_| outside)?;
    let size = usize::try_from(header.sh_size.get(LE)).map_err(|_| outside)?;
    let end = start.checked_add(size).ok_or(outside)?;
    if end <= tail && end <= bytes.len() { Ok(start..end) } else { Err(outside) }
}

fn check_layout(sections: &Sections) -> Result<(), Flaw> {
    let text = &sections.text;
    let header = header::START..header::START + header::SIZE;
    Flaw::unless(
        sections.header == header,
        sections.header.start,
        "the section .touchstone has the wrong offset or size",
    )?;
    let pages = !text.is_empty() && text.len().is_multiple_of(PAGE) && text.len() <= i32::MAX as usize;
    Flaw::unless(pages, text.start, ".text is not a positive number of pages below 2 GiB")?;
    Flaw::unless(
        sections.eh_frame.start == text.end,
        sections.eh_frame.start,
        ".eh_frame does not follow .text directly",
    )?;
    // Unwind tables refer to the code by 32-bit distances.
    let near = sections.eh_frame_hdr.end - text.start <= i32::MAX as usize;
    Flaw::unless(near, sections.eh_frame_hdr.start, "the unwind information is too far from the code")
}

fn check_segments(bytes: &[u8], sections: &Sections) -> Result<(), Flaw> {
    let (headers, _) = pod::slice_from_bytes::<elf::ProgramHeader64<LE>>(&bytes[FILE_HEADER..], SEGMENT_COUNT)
        .map_err(|()| Flaw::new(FILE_HEADER, "the file is too short"))?;
    for (position, (kind, flags, range, align)) in sections.segments().into_iter().enumerate() {
        let header = &headers[position];
        let found = [
            header.p_offset.get(LE),
            header.p_vaddr.get(LE),
            header.p_paddr.get(LE),
            header.p_filesz.get(LE),
            header.p_memsz.get(LE),
            header.p_align.get(LE),
        ];
        let (start, size) = (range.start as u64, range.len() as u64);
        let good = header.p_type.get(LE) == kind
            && header.p_flags.get(LE) == flags
            && found == [start, start, start, size, size, align as u64];
        Flaw::unless(good, FILE_HEADER + position * SEGMENT_HEADER, "a program header does not match the sections")?;
    }
    Ok(())
}

/// The symbol of a function or trampoline.
pub(crate) struct ElfSymbol<'a> {
    pub(crate) name: Cow<'a, str>,
    /// The offset of the code in the file.
    pub(crate) address: u64,
    /// The size of the code in bytes.
    pub(crate) size: u64,
}

/// Lists the symbols of an artifact. What they say is not checked.
pub(crate) fn symbols<'a>(bytes: &'a [u8], sections: &Sections) -> impl Iterator<Item = ElfSymbol<'a>> {
    let strings = &bytes[sections.strings.clone()];
    let count = sections.symbols.len() / SYMBOL;
    let symbols = pod::slice_from_bytes::<elf::Sym64<LE>>(&bytes[sections.symbols.clone()], count);
    // The first one is the null symbol.
    symbols.expect("the section is that long").0.iter().skip(1).map(|symbol| {
        let name = strings.get(symbol.st_name.get(LE) as usize..).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        ElfSymbol {
            name: String::from_utf8_lossy(name),
            address: symbol.st_value.get(LE),
            size: symbol.st_size.get(LE),
        }
    })
}

/// Adds a distance to every address in the ELF structures of an artifact whose sections these are. Afterwards it is no
/// artifact, but an ELF file for tools that take the file's addresses for those of the loaded code.
pub(super) fn move_addresses(bytes: &mut [u8], sections: &Sections, distance: u64) {
    const COMPLETE: &str = "the sections are those of these bytes";
    let add = |field: &mut U64<LE>| field.set(LE, field.get(LE).wrapping_add(distance));
    let segments = pod::slice_from_bytes_mut::<elf::ProgramHeader64<LE>>(&mut bytes[FILE_HEADER..], SEGMENT_COUNT);
    for segment in segments.expect(COMPLETE).0.iter_mut().filter(|segment| segment.p_memsz.get(LE) != 0) {
        add(&mut segment.p_vaddr);
        add(&mut segment.p_paddr);
    }
    let count = sections.headers.len() / SECTION_HEADER;
    let headers = &mut bytes[sections.headers.clone()];
    let headers = pod::slice_from_bytes_mut::<elf::SectionHeader64<LE>>(headers, count).expect(COMPLETE).0;
    for header in headers.iter_mut().filter(|header| header.sh_flags.get(LE).0 != NOT_LOADED.0) {
        add(&mut header.sh_addr);
    }
    let count = sections.symbols.len() / SYMBOL;
    let symbols = &mut bytes[sections.symbols.clone()];
    let symbols = pod::slice_from_bytes_mut::<elf::Sym64<LE>>(symbols, count).expect(COMPLETE).0;
    // The first one is the null symbol.
    for symbol in symbols.iter_mut().skip(1) {
        add(&mut symbol.st_value);
    }
}

#[cfg(feature = "compile")]
pub(super) use write::{DebugContents, write};

#[cfg(feature = "compile")]
mod write {
    use super::*;
    use object::write::StringId;
    use object::write::elf::{FileHeader, ProgramHeader, SectionHeader, Sym, Writer};

    /// The bytes of every mapped section, in the order of the file.
    pub(in crate::artifact) type Contents = [Vec<u8>; LOADED.len()];

    /// The bytes of every section for debuggers, in the order of the file.
    pub(in crate::artifact) type DebugContents = [Vec<u8>; DEBUG.len()];

    /// Writes the file. Returns its bytes and the ranges of its sections. The addresses of symbols are offsets in
    /// `.text`. `header` makes the content of the section `.touchstone`, which has its size in `contents`, from the
    /// length of the file.
    ///
    /// # Errors
    /// If a part exceeds what an ELF file can hold.
    pub(in crate::artifact) fn write(
        contents: Contents,
        debug: Option<DebugContents>,
        symbols: &[ElfSymbol<'_>],
        header: impl FnOnce(u64) -> Vec<u8>,
    ) -> object::write::Result<(Vec<u8>, Sections)> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(object::Endianness::Little, true, &mut bytes);
        writer.reserve_file_header();
        writer.reserve_program_headers(SEGMENT_COUNT as u32);
        let has_debug = debug.is_some();
        let mut contents: Vec<Vec<u8>> = contents.into_iter().chain(debug.into_iter().flatten()).collect();
        let specs = || specs(has_debug).take(contents.len());
        let mut ranges = Vec::new();
        for (spec, content) in specs().zip(&contents) {
            let start = writer.reserve(content.len() as u64, spec.align as u64) as usize;
            ranges.push(start..start + content.len());
        }
        let name = |spec: &Spec| {
            writer.reserve_section_index();
            writer.add_section_name(spec.name.as_bytes())
        };
        let names: Vec<StringId> = specs().map(name).collect();
        let labels = reserve_symbols(&mut writer, symbols, &mut ranges)?;
        let sections = Sections::new(&ranges);
        let length = writer.reserved_len();
        contents[0] = header(length);

        write_headers(&mut writer, &sections)?;
        for (range, content) in ranges.iter().zip(&contents) {
            writer.pad_until(range.start as u64);
            writer.write(content);
        }
        write_symbols(&mut writer, symbols, &labels, &sections);
        write_section_headers(&mut writer, &names, &ranges, has_debug);
        debug_assert_eq!(writer.len(), length);
        Ok((bytes, sections))
    }

    /// Reserves the sections for tools and the section headers, and adds their ranges to `ranges`.
    fn reserve_symbols<'a>(
        writer: &mut Writer<'a>,
        symbols: &'a [ElfSymbol<'_>],
        ranges: &mut Vec<Range<usize>>,
    ) -> object::write::Result<Vec<StringId>> {
        writer.reserve_null_symbol_index();
        let labels = symbols.iter().map(|symbol| {
            writer.reserve_symbol_index(None);
            writer.add_string(symbol.name.as_bytes())
        });
        let labels = labels.collect();
        writer.reserve_symtab_section_index();
        writer.reserve_strtab_section_index();
        writer.reserve_shstrtab_section_index();
        writer.require_strtab();
        let mut reserved =
            |writer: &Writer<'_>, start: u64| ranges.push(start as usize..writer.reserved_len() as usize);
        let start = writer.reserved_len().next_multiple_of(8);
        writer.reserve_symtab();
        reserved(writer, start);
        let start = writer.reserved_len();
        writer.reserve_strtab()?;
        reserved(writer, start);
        let start = writer.reserved_len();
        writer.reserve_shstrtab()?;
        reserved(writer, start);
        let start = writer.reserved_len().next_multiple_of(8);
        writer.reserve_section_headers();
        reserved(writer, start);
        Ok(labels)
    }

    fn write_headers(writer: &mut Writer<'_>, sections: &Sections) -> object::write::Result<()> {
        writer.write_file_header(&FileHeader {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_type: elf::ET_DYN,
            e_machine: MACHINE,
            e_entry: 0,
            e_flags: elf::FileFlags(0),
        })?;
        writer.write_align_program_headers();
        for (p_type, p_flags, range, align) in sections.segments() {
            let (start, size) = (range.start as u64, range.len() as u64);
            writer.write_program_header(&ProgramHeader {
                p_type,
                p_flags,
                p_offset: start,
                p_vaddr: start,
                p_paddr: start,
                p_filesz: size,
                p_memsz: size,
                p_align: align as u64,
            });
        }
        Ok(())
    }

    fn write_symbols(writer: &mut Writer<'_>, symbols: &[ElfSymbol<'_>], labels: &[StringId], sections: &Sections) {
        writer.write_null_symbol();
        for (symbol, &label) in symbols.iter().zip(labels) {
            writer.write_symbol(&Sym {
                section: None,
                st_name: writer.string_offset(Some(label)),
                st_info: elf::SymbolInfo::new(elf::STB_LOCAL, elf::STT_FUNC),
                st_other: elf::SymbolOther(0),
                st_shndx: elf::SymbolSection(TEXT_INDEX),
                st_value: sections.text.start as u64 + symbol.address,
                st_size: symbol.size,
            });
        }
        writer.write_strtab();
        writer.write_shstrtab();
    }

    fn write_section_headers(writer: &mut Writer<'_>, names: &[StringId], ranges: &[Range<usize>], has_debug: bool) {
        writer.write_null_section_header();
        for ((spec, &name), range) in specs(has_debug).zip(names).zip(ranges) {
            writer.write_section_header(&SectionHeader {
                sh_name: writer.section_name_offset(Some(name)),
                sh_type: spec.kind,
                sh_flags: spec.flags,
                sh_addr: if spec.flags == NOT_LOADED { 0 } else { range.start as u64 },
                sh_offset: range.start as u64,
                sh_size: range.len() as u64,
                sh_link: 0,
                sh_info: 0,
                sh_addralign: spec.align as u64,
                sh_entsize: 0,
            });
        }
        let locals = writer.symbol_count();
        writer.write_symtab_section_header(locals);
        writer.write_strtab_section_header();
        writer.write_shstrtab_section_header();
    }
}
