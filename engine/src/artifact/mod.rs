//! The artifact: a compiled module as one ELF file. This room writes its tables and reads them; `compile::link` puts
//! one together, `runtime::code` loads one.
//!
//! # The format
//!
//! An ELF64 shared object whose addresses are its file offsets. Loading maps it whole and rebuilds nothing: every table
//! is sorted when it is written and binary-searched in place. Our own tables are little-endian and of alignment 1. The
//! two that are long, traps and source map, are searched by block and read from its start: [blocks].
//!
//! ```text
//! 0x000  ELF header, program headers
//! 0x158  .touchstone             who made it, digests            [header]
//!        .touchstone.metadata    the module without its code     [metadata]
//! page   .text                   whole pages, padded with traps
//!        .eh_frame               unwind information              [unwind]
//!        .eh_frame_hdr           its binary-search table         [unwind]
//!        .touchstone.functions   where functions stand           [functions]
//!        .touchstone.traps       why instructions trap           [traps]
//!        .touchstone.sourcemap   which instruction of the module [source_map]
//!        .touchstone.names       names of functions              [names]
//!        .touchstone.handlers    exception handlers              [handlers]
//!        .touchstone.stackmaps   where references stand          [stack_maps]
//! page   .touchstone.data        data segments, end to end
//!        .symtab .strtab .shstrtab, section headers: for tools
//! ```
//!
//! Each file beside this one documents its section and holds writer, reader and round-trip test. The text has no
//! relocations: library calls go through the vmctx.
//!
//! # Refusing
//!
//! [`check`] is the one way in. It refuses a truncated, altered or foreign artifact with an error that says what is
//! wrong, at which byte, and what to do. Whatever the bytes are, it neither panics nor reads outside them nor allocates
//! more than a small multiple of their length; and behind it every index and offset that the runtime follows is in
//! range, digest or no digest. What it cannot tell is whether the machine code, and the unwind instructions and
//! handlers with it, do what the module's types and the trampolines' signatures say. Whoever forges these can compute
//! the digest too: an embedder who loads artifacts from elsewhere sets `Config::artifact_key`.

mod arch;
mod blocks;
mod check;
mod description;
mod digest;
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

pub(crate) use check::{HEAD, check, check_head, check_trusted};
pub(crate) use elf::Sections;
pub use inspect::{
    DigestState, InspectedConfig, InspectedDigest, InspectedFunction, InspectedSection, Inspection, inspect,
};
pub(crate) use metadata::Metadata;
#[cfg(feature = "compile")]
pub use write::sign_again;
