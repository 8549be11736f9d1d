//! The checks that every artifact passes before it is loaded. [`mod.rs`](super) says what they promise.

use super::elf::{self, Sections};
use super::functions::{FunctionKind, Functions};
use super::handlers::Handlers;
use super::header::{self, Header};
use super::metadata::{self, Metadata, Settings};
use super::names::Names;
use super::record::Flaw;
use super::source_map::SourceMap;
use super::stack_maps::StackMaps;
use super::traps::Traps;
use super::unwind::{self, FrameIndex};
use super::{debug_info, description, digest};
use crate::abi::signature::LoweredSignature;
use crate::base::{Config, DigestCheck, Error, ErrorKind, Result, TextOffset, planted};
use core::fmt;
use core::ops::Range;
use std::collections::BTreeSet;

const COMPILE_AGAIN: &str = "compile the module again";

/// Checks a whole artifact against this engine and its configuration. Returns the ranges of its sections and its
/// metadata. The loader must still check that this CPU has the features that the code needs.
///
/// # Errors
/// Of kind [`Artifact`](ErrorKind::Artifact), with the offset at which the artifact is wrong.
pub(crate) fn check(bytes: &[u8], config: &Config) -> Result<(Sections, Metadata)> {
    let (sections, metadata) = check_identity(bytes, config, config.digest_check)?;
    check_tables(bytes, &sections, &metadata)?;
    Ok((sections, metadata))
}

/// Checks an artifact that the caller vouches for, without reading its code and tables, so that they cost nothing
/// before they are used.
///
/// # Errors
/// Those of [`check`], except for flaws of the tables and of the whole file's digest.
pub(crate) fn check_trusted(bytes: &[u8], config: &Config) -> Result<(Sections, Metadata)> {
    check_identity(bytes, config, DigestCheck::Metadata)
}

/// Checks that an artifact is complete, was made by this engine, and fits the configuration.
fn check_identity(bytes: &[u8], config: &Config, digest: DigestCheck) -> Result<(Sections, Metadata)> {
    let (header, sections) = check_structure(bytes)?;
    check_digests(bytes, header, &sections, config.artifact_key.as_ref(), digest)?;
    let metadata = decode_metadata(bytes, &sections)?;
    check_target(&metadata, sections.metadata.start)?;
    check_settings(&metadata.settings, &Settings::from(config), sections.metadata.start)?;
    Ok((sections, metadata))
}

/// The number of bytes at the start of a file that [`check_head`] needs.
pub(crate) const HEAD: usize = header::START + header::SIZE;

/// Checks that a file of `length` bytes that starts with `bytes`, at least [`HEAD`] of them, can be a complete artifact
/// of this engine. The loader calls it before it copies a file, so that a large file of another kind costs nothing.
///
/// # Errors
/// Those of [`check`] that the start of the file shows.
pub(crate) fn check_head(bytes: &[u8], length: u64) -> Result<()> {
    read_head(bytes, length).map(|_| ())
}

fn read_head(bytes: &[u8], length: u64) -> Result<Header<'_>> {
    if bytes.is_empty() {
        return Err(refusal("the artifact is empty", 0));
    }
    elf::check_kind(bytes).map_err(|flaw| refusal(format!("not an artifact: {}", flaw.what), flaw.at))?;
    let header = Header::new(bytes).ok_or_else(|| {
        refusal(format!("truncated: {} bytes cannot hold an artifact's header", bytes.len()), bytes.len())
    })?;
    if !header.has_magic() {
        return Err(refusal("an ELF file, but not an artifact of this engine", header::START));
    }
    if header.fingerprint() != header::fingerprint() {
        let message = format!(
            "foreign artifact: made by another build of the engine ({}; this one is {}); {COMPILE_AGAIN}",
            header.producer(),
            header::producer()
        );
        return Err(refusal(message, header::fingerprint_at()));
    }
    let expected = header.length();
    if length != expected {
        let what = if length < expected { "truncated" } else { "altered" };
        let message = format!("{what}: {length} bytes, but the artifact had {expected}; {COMPILE_AGAIN}");
        return Err(refusal(message, if length < expected { bytes.len() } else { header::length_at() }));
    }
    Ok(header)
}

/// Checks that the bytes are a complete artifact of this engine, and that its sections are in order.
pub(super) fn check_structure(bytes: &[u8]) -> Result<(Header<'_>, Sections)> {
    let header = read_head(bytes, bytes.len() as u64)?;
    let sections =
        elf::read(bytes).map_err(|flaw| refusal(format!("altered: {}; {COMPILE_AGAIN}", flaw.what), flaw.at))?;
    Ok((header, sections))
}

fn check_digests(
    bytes: &[u8],
    header: Header<'_>,
    sections: &Sections,
    key: Option<&[u8; 32]>,
    check: DigestCheck,
) -> Result<()> {
    match (header.keyed(), key) {
        (0, None) | (1, Some(_)) => {}
        (1, None) => {
            let message = "the digest is keyed, but the engine has no `artifact_key`; configure the key";
            return Err(refusal(message, header::keyed_at()));
        }
        (0, Some(_)) => {
            let message = format!("the digest is not keyed, but the engine has an `artifact_key`; {COMPILE_AGAIN}");
            return Err(refusal(message, header::keyed_at()));
        }
        _ => return Err(refusal(format!("altered: an unknown kind of digest; {COMPILE_AGAIN}"), header::keyed_at())),
    }
    let cause = if key.is_some() { "altered, or made with another key" } else { "altered" };
    let compare = |what: &str, field: Range<usize>, digest: digest::Digest| {
        // `blake3::Hash` compares in constant time, so that a keyed digest cannot be guessed byte by byte.
        if blake3::Hash::from_bytes(digest) != bytes[field.clone()] {
            return Err(refusal(format!("{cause}: the digest of {what} is wrong; {COMPILE_AGAIN}"), field.start));
        }
        Ok(())
    };
    compare("the metadata", header::METADATA_DIGEST, digest::metadata_digest(bytes, sections, key))?;
    match check {
        DigestCheck::Full if planted!(DigestUnchecked) => Ok(()),
        DigestCheck::Full => compare("the file", header::FULL_DIGEST, digest::full_digest(bytes, key)),
        DigestCheck::Metadata => Ok(()),
    }
}

pub(super) fn decode_metadata(bytes: &[u8], sections: &Sections) -> Result<Metadata> {
    let start = sections.metadata.start;
    match postcard::take_from_bytes(&bytes[sections.metadata.clone()]) {
        Ok((metadata, [])) => Ok(metadata),
        Ok((_, rest)) => {
            let message = format!("altered: bytes follow the metadata; {COMPILE_AGAIN}");
            Err(refusal(message, sections.metadata.end - rest.len()))
        }
        Err(error) => Err(refusal(format!("altered: the metadata does not decode ({error}); {COMPILE_AGAIN}"), start)),
    }
}

fn check_target(metadata: &Metadata, at: usize) -> Result<()> {
    let host = metadata::host_target();
    if metadata.target == host {
        return Ok(());
    }
    let message = format!(
        "foreign artifact: compiled for {}, but this machine is {host}; {COMPILE_AGAIN} for this target",
        metadata.target.escape_debug()
    );
    Err(refusal(message, at))
}

fn check_settings(found: &Settings, expected: &Settings, at: usize) -> Result<()> {
    let differ = |what: &str, found: &dyn fmt::Debug, expected: &dyn fmt::Debug| {
        let message = format!(
            "foreign artifact: compiled with {what} {found:?}, but the engine is configured with {expected:?}; \
             {COMPILE_AGAIN}, or configure the engine as the artifact"
        );
        Err(refusal(message, at))
    };
    // Without `..`: a new setting cannot be forgotten here.
    let Settings {
        tier,
        features,
        memory_checks,
        relaxed_simd_deterministic,
        canonicalize_nans,
        consume_fuel,
        epoch_interruption,
        debug_info,
        #[cfg(feature = "planted-faults")]
        fault,
    } = found;
    if *tier != expected.tier {
        return differ("tier", tier, &expected.tier);
    }
    if *features != expected.features {
        return differ("WebAssembly features", features, &expected.features);
    }
    if *memory_checks != expected.memory_checks {
        return differ("memory checks", memory_checks, &expected.memory_checks);
    }
    if *relaxed_simd_deterministic != expected.relaxed_simd_deterministic {
        return differ("deterministic relaxed SIMD", relaxed_simd_deterministic, &expected.relaxed_simd_deterministic);
    }
    if *canonicalize_nans != expected.canonicalize_nans {
        return differ("canonical NaN results", canonicalize_nans, &expected.canonicalize_nans);
    }
    if *consume_fuel != expected.consume_fuel {
        return differ("fuel", consume_fuel, &expected.consume_fuel);
    }
    if *epoch_interruption != expected.epoch_interruption {
        return differ("epoch interruption", epoch_interruption, &expected.epoch_interruption);
    }
    if *debug_info != expected.debug_info {
        return differ("debug information", debug_info, &expected.debug_info);
    }
    #[cfg(feature = "planted-faults")]
    if *fault != expected.fault {
        return differ("planted fault", fault, &expected.fault);
    }
    Ok(())
}

/// Checks that metadata and tables are consistent: whatever they point to exists. [`check_records`] checks the records
/// of blocks, which point to nothing.
pub(super) fn check_tables(bytes: &[u8], sections: &Sections, metadata: &Metadata) -> Result<()> {
    let module = &metadata.module;
    let start = sections.metadata.start;
    let broken = |what: String| refusal(format!("altered: {what}; {COMPILE_AGAIN}"), start);
    description::check(module, metadata.settings.features, sections.data.len()).map_err(broken)?;
    let part = |section: &Range<usize>| &bytes[section.clone()];
    let text = u32::try_from(sections.text.len()).expect("`elf::read` admits less than 2 GiB of text");
    let defined = module.functions.len() - module.imported_functions as usize;
    let functions = Functions::check(part(&sections.functions), text, module.imported_functions, defined)
        .map_err(at(&sections.functions))?;
    Traps::check(part(&sections.traps), text).map_err(at(&sections.traps))?;
    SourceMap::check(part(&sections.source_map), text).map_err(at(&sections.source_map))?;
    Names::check(part(&sections.names), module.functions.len()).map_err(at(&sections.names))?;
    Handlers::check(part(&sections.handlers), text, module.tags.len(), &functions).map_err(at(&sections.handlers))?;
    StackMaps::check(part(&sections.stack_maps), text).map_err(at(&sections.stack_maps))?;
    unwind::check_eh_frame(part(&sections.eh_frame), text, &functions).map_err(at(&sections.eh_frame))?;
    let distance = sections.eh_frame_hdr.start - sections.eh_frame.start;
    FrameIndex::check(part(&sections.eh_frame_hdr), part(&sections.eh_frame), distance, text, &functions)
        .map_err(at(&sections.eh_frame_hdr))?;
    if let Some(debug) = &sections.debug {
        debug_info::check(bytes, debug).map_err(at(&debug.addresses))?;
    }
    let unoptimized = &metadata.unoptimized;
    if !unoptimized.is_sorted_by(|one, other| one < other) || unoptimized.last().is_some_and(|i| i.index() >= defined) {
        return Err(broken("the list of functions past the budget is out of order or names others".to_owned()));
    }
    check_trampolines(metadata, &functions).map_err(broken)
}

/// Checks the records of blocks. Loading leaves this check out, because it takes time and nothing follows the records.
pub(super) fn check_records(bytes: &[u8], sections: &Sections) -> Result<()> {
    let text = u32::try_from(sections.text.len()).expect("`elf::read` admits less than 2 GiB of text");
    let traps = Traps::new(&bytes[sections.traps.clone()]);
    traps.check_records(text).map_err(at(&sections.traps))?;
    let source_map = SourceMap::new(&bytes[sections.source_map.clone()]);
    source_map.check_records(text).map_err(at(&sections.source_map))
}

/// Returns a function that turns a flaw of a section into an error.
fn at(section: &Range<usize>) -> impl Fn(Flaw) -> Error {
    let start = section.start;
    move |flaw| refusal(format!("altered: {}; {COMPILE_AGAIN}", flaw.what), start + flaw.at)
}

/// Checks that each trampoline in the metadata exists, and that the metadata has every trampoline that the runtime may
/// ask for.
fn check_trampolines(metadata: &Metadata, functions: &Functions<'_>) -> Result<(), String> {
    check_list(&metadata.entries, FunctionKind::Entry, functions)?;
    check_list(&metadata.exits, FunctionKind::Exit, functions)?;
    let listed = metadata.entries.len() + metadata.exits.len();
    let trampoline = |kind| matches!(kind, FunctionKind::Entry(_) | FunctionKind::Exit(_));
    if functions.iter().filter(|entry| trampoline(entry.kind)).count() != listed {
        return Err("the function table has trampolines that the metadata lacks".to_owned());
    }
    let module = &metadata.module;
    let (mut escapes, mut imported) = (BTreeSet::new(), BTreeSet::new());
    for (index, function) in module.functions.iter().enumerate() {
        if function.func_ref.is_some() {
            escapes.insert(function.ty);
        } else if index < module.imported_functions as usize {
            imported.insert(function.ty);
        }
    }
    let lower = |ty| LoweredSignature::from(module.signature(ty));
    if let Some(&ty) = escapes.iter().find(|&&ty| metadata.entry(&lower(ty)).is_none()) {
        return Err(format!("no entry trampoline for {}", module.signature(ty)));
    }
    // Instances copy the code of an import. Which other functions of the host the code calls, only the code tells.
    if let Some(&ty) = imported.iter().find(|&&ty| metadata.exit(&lower(ty)).is_none()) {
        return Err(format!("no exit trampoline for {}", module.signature(ty)));
    }
    Ok(())
}

/// Checks that a list of trampolines is sorted by signature, and that each has the right kind and position.
fn check_list(
    trampolines: &[(LoweredSignature, TextOffset)],
    kind: fn(u32) -> FunctionKind,
    functions: &Functions<'_>,
) -> Result<(), String> {
    if !trampolines.is_sorted_by(|(one, _), (other, _)| one < other) {
        return Err("the trampolines are not sorted".to_owned());
    }
    for ((_, offset), position) in trampolines.iter().zip(0..) {
        if !functions.starts_at(*offset, kind(position)) {
            return Err(format!("the metadata has a trampoline at {offset}, where none starts"));
        }
    }
    Ok(())
}

/// Creates the error of an artifact that is refused because of the byte at offset `at`.
fn refusal(message: impl Into<String>, at: usize) -> Error {
    Error::new(ErrorKind::Artifact, message).at(at as u64)
}
