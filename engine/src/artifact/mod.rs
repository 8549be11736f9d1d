//! The artifact: a compiled module as one ELF file. This room writes and reads its tables. `compile::link` assembles an
//! artifact, and `runtime::code` loads one.
//!
//! # Format
//!
//! An artifact is an ELF64 shared object whose addresses are its file offsets. Loading maps it whole and rebuilds
//! nothing: every table is sorted when it is written, and binary-searched in place. ELF structures and DWARF have the
//! target's byte order. Our own tables are little-endian with alignment 1.
//!
//! ```text
//! offset section                 contents                                              file
//! 0x000  ELF header, program headers                                                   elf
//! 0x158  .touchstone             magic, fingerprint, producer, length, digests         header, digest
//!        .touchstone.metadata    the module without its code, target, settings         metadata
//! page   .text                   code, padded with traps to whole pages
//!        .eh_frame               unwind information, directly after .text              unwind
//!        .eh_frame_hdr           the binary-search table of .eh_frame                  unwind
//!        .touchstone.functions   the range of each function and trampoline             functions
//!        .touchstone.traps       the trap of each instruction that can trap            traps
//!        .touchstone.sourcemap   the Wasm instruction of each machine instruction      source_map
//!        .touchstone.names       function names                                        names
//!        .touchstone.handlers    the exception handlers of each call                   handlers
//!        .touchstone.stackmaps   the references in each frame during a call            stack_maps
//! page   .touchstone.data        data segments, end to end
//!        .debug_*                DWARF, if there is debug information                  debug_info
//!        .touchstone.addresses   the addresses in DWARF                                debug_info
//!        .symtab .strtab .shstrtab, section headers: for tools                         elf
//! ```
//!
//! The file in the last column documents the section, and has its writer, its reader and a round-trip test. Traps and
//! source map share the shape of `blocks`, handlers and stack maps that of `sites`. The code needs no relocation:
//! library calls go through the vmctx.
//!
//! The same module and configuration always give the same bytes.
//!
//! # Checks
//!
//! Every artifact passes [`check`](fn@check) before it is loaded. The check refuses a truncated, altered or foreign
//! artifact with an error that says what is wrong, at which byte, and what to do. For any bytes:
//!
//! - The check does not panic, reads nothing outside the bytes, and allocates at most a small multiple of their length.
//! - If it succeeds, every index and offset that the runtime follows is in range. This holds for forged bytes too,
//!   whose digests may fit.
//!
//! The check cannot tell whether the machine code, its unwind instructions and its exception handlers do what the
//! module's types and the trampolines' signatures say. A forger can write wrong code and digests that fit. An embedder
//! that loads artifacts from elsewhere therefore sets `Config::artifact_key`.

mod arch;
mod blocks;
mod check;
pub(crate) mod debug_info;
mod description;
pub(crate) mod digest;
mod elf;
pub(crate) mod functions;
pub(crate) mod handlers;
mod header;
mod inspect;
pub(crate) mod metadata;
pub(crate) mod names;
mod record;
mod sites;
pub(crate) mod source_map;
pub(crate) mod stack_maps;
#[cfg(all(test, feature = "compile"))]
pub(crate) mod tests;
pub(crate) mod traps;
pub(crate) mod unwind;
#[cfg(feature = "compile")]
pub(crate) mod write;

pub(crate) use arch::MACHINE;
pub(crate) use check::{HEAD, check, check_head, check_trusted};
pub(crate) use elf::{ElfSymbol, Sections, symbols};
pub use header::build_name;
#[cfg(feature = "compile")]
pub(crate) use header::producer;
pub use inspect::{
    DigestState, InspectedConfig, InspectedDigest, InspectedFunction, InspectedSection, Inspection, inspect,
    inspect_with_key,
};
pub(crate) use metadata::Metadata;
#[cfg(all(feature = "compile", any(test, feature = "probes")))]
pub use write::sign_again;
