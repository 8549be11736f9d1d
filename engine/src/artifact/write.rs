//! Assembles an artifact from its parts.

#[cfg(any(test, feature = "probes"))]
use super::check::check_structure;
use super::elf::{self, ElfSymbol};
use super::functions::{self, FunctionEntry, FunctionKind};
use super::handlers::{self, Handler};
use super::metadata::Metadata;
use super::{debug_info, digest, header, names, source_map, stack_maps, traps, unwind};
use crate::base::{Error, ErrorKind, Result, TextOffset, Trap, WasmOffset};
use crate::wasm::index::FuncIndex;
use gimli::write::{CommonInformationEntry, Dwarf, FrameDescriptionEntry};

pub(crate) use super::unwind::fde_address;
pub(crate) use crate::base::arch::PAGE;

/// The parts of an artifact. All parts that are about code are sorted by their offset in the text.
pub(crate) struct Parts<'a> {
    pub(crate) metadata: &'a Metadata,
    /// The code, relocated, in whole [`PAGE`]s.
    pub(crate) text: Vec<u8>,
    pub(crate) functions: &'a [FunctionEntry],
    pub(crate) cie: CommonInformationEntry,
    /// The unwind information of each function, for its [`fde_address`].
    pub(crate) fdes: Vec<FrameDescriptionEntry>,
    pub(crate) traps: &'a [(TextOffset, Trap)],
    pub(crate) source_map: &'a [(TextOffset, TextOffset, WasmOffset)],
    pub(crate) names: &'a [(FuncIndex, String)],
    pub(crate) handlers: &'a [(TextOffset, u32, Vec<Handler>)],
    pub(crate) stack_maps: &'a [(TextOffset, u32, Vec<u32>)],
    /// The data segments, end to end.
    pub(crate) data: &'a [u8],
    /// The debug information, if there is any. Its addresses are those of [`debug_info::address`].
    pub(crate) debug_info: Option<Dwarf>,
    /// The key of the digests, if they are keyed.
    pub(crate) key: Option<&'a [u8; 32]>,
}

/// Returns the bytes of the artifact.
///
/// # Errors
/// Of kind [`TooLarge`](ErrorKind::TooLarge) if a part exceeds what the format can hold.
pub(crate) fn write(mut parts: Parts<'_>) -> Result<Vec<u8>> {
    debug_assert!(parts.text.len().is_multiple_of(PAGE) && parts.functions.len() == parts.fdes.len());
    let text = u32::try_from(parts.text.len()).map_err(|_| too_large("4 GiB of code"))?;
    let metadata = postcard::to_allocvec(parts.metadata).map_err(too_large)?;
    let starts: Vec<TextOffset> = parts.functions.iter().map(|function| function.start).collect();
    let symbols: Vec<ElfSymbol<'_>> = parts.functions.iter().map(|function| symbol(function, &parts)).collect();
    let eh_frame = unwind::build_eh_frame(parts.cie, parts.fdes).map_err(too_large)?;
    let distance = eh_frame.len().next_multiple_of(elf::INDEX_ALIGN);
    let eh_frame_hdr = unwind::build_index(&eh_frame, distance, &starts, text);
    let contents = [
        vec![0; header::SIZE],
        metadata,
        parts.text,
        eh_frame,
        eh_frame_hdr,
        functions::build(parts.functions),
        traps::build(parts.traps),
        source_map::build(parts.source_map),
        names::build(parts.names),
        handlers::build(parts.handlers),
        stack_maps::build(parts.stack_maps),
        parts.data.to_vec(),
    ];
    let debug = parts.debug_info.as_mut().map(debug_info::build).transpose().map_err(too_large)?;
    let header = |length| header::build(length, parts.key.is_some()).to_vec();
    let (mut bytes, sections) = elf::write(contents, debug, &symbols, header).map_err(too_large)?;
    debug_info::finish(&mut bytes, &sections);
    digest::sign(&mut bytes, &sections, parts.key);
    Ok(bytes)
}

/// Signs altered bytes again: computes both digests, without a key, and writes them into their fields, as a forger
/// would. Returns whether the bytes still have the structure of an artifact; if not, they stay as they are. For tests
/// of the checks that follow the digests.
#[cfg(any(test, feature = "probes"))]
#[doc(hidden)]
pub fn sign_again(bytes: &mut [u8]) -> bool {
    let Ok((_, sections)) = check_structure(bytes) else { return false };
    digest::sign(bytes, &sections, None);
    true
}

fn too_large(what: impl core::fmt::Display) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the compiled module does not fit into one artifact: {what}"))
}

/// Returns the symbol that debuggers and profilers show for a piece of code.
fn symbol(function: &FunctionEntry, parts: &Parts<'_>) -> ElfSymbol<'static> {
    let signature = |list: &[(crate::abi::signature::LoweredSignature, TextOffset)], position: u32| {
        list.get(position as usize).map_or_else(String::new, |(signature, _)| signature.to_string())
    };
    let name = match function.kind {
        FunctionKind::Function(index) => match parts.names.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(position) => format!("wasm[{}]::{}", index.0, replace_unprintable(&parts.names[position].1)),
            Err(_) => format!("wasm[{}]", index.0),
        },
        FunctionKind::Entry(position) => format!("entry({})", signature(&parts.metadata.entries, position)),
        FunctionKind::Exit(position) => format!("exit({})", signature(&parts.metadata.exits, position)),
        FunctionKind::Builtin(builtin) => format!("builtin::{}", builtin.name()),
        FunctionKind::Fallback(number) => format!("fallback[{number}]"),
    };
    let size = function.end.0 - function.start.0;
    ElfSymbol { name: name.into(), address: function.start.0.into(), size: size.into() }
}

/// Returns the name with `_` for characters that a terminal or a string table cannot show.
fn replace_unprintable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c.is_whitespace() { '_' } else { c }).collect()
}
