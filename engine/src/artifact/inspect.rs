//! A description of an artifact for people and tools. It needs the bytes and, to check keyed digests, their key. It
//! needs neither the compiler nor the rest of the configuration that the artifact was made with.

use super::check::{check_records, check_structure, check_tables, decode_metadata};
use super::elf::Sections;
use super::functions::{FunctionEntry, FunctionKind, Functions};
use super::handlers::Handlers;
use super::metadata::{Metadata, Settings};
use super::names::Names;
use super::source_map::SourceMap;
use super::stack_maps::StackMaps;
use super::traps::Traps;
use super::unwind::FrameIndex;
use super::{digest, header};
use crate::base::{Config, MemoryChecks, Result, Tier};
use core::fmt;
use core::ops::Range;
use serde::Serialize;

/// The description of an artifact, and whether it is sound.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The size of the file in bytes.
    pub size: u64,
    /// The name and version of the engine that made the artifact.
    pub producer: String,
    /// The fingerprint of the format, in hexadecimal.
    pub fingerprint: String,
    /// The target of the code, as `ARCHITECTURE-SYSTEM`.
    pub target: String,
    /// The CPU features that the code may use.
    pub cpu_features: Vec<String>,
    /// The settings that the code was compiled with.
    pub config: InspectedConfig,
    /// The module's name, from its name section.
    pub module_name: Option<String>,
    /// The number of the module's imports.
    pub imports: usize,
    /// The number of the module's exports.
    pub exports: usize,
    /// The sections, in the order of the file, without those for symbols and names of sections.
    pub sections: Vec<InspectedSection>,
    /// The functions and trampolines, in the order of the text.
    pub functions: Vec<InspectedFunction>,
    /// The number of functions and trampolines with unwind information. A sound artifact has it for all of them.
    pub frames: usize,
    /// The number of instructions that can trap.
    pub traps: usize,
    /// The number of ranges in the source map.
    pub source_map: usize,
    /// The number of functions with a name.
    pub names: usize,
    /// The number of calls with exception handlers.
    pub handlers: usize,
    /// The number of calls with references in their frames.
    pub stack_maps: usize,
    /// The digest of the metadata.
    pub metadata_digest: InspectedDigest,
    /// The digest of the whole file.
    pub digest: InspectedDigest,
    /// The first flaw of metadata and tables; `None` if they are consistent.
    pub flaw: Option<String>,
}

/// The part of a configuration that shapes artifacts. An artifact loads only in an engine with the same settings.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedConfig {
    /// The compiler's tier.
    pub tier: Tier,
    /// The WebAssembly features that the module may use.
    pub features: Vec<String>,
    /// The way in which accesses outside a memory are caught.
    pub memory_checks: MemoryChecks,
    /// True if relaxed vector instructions return the same results on every machine.
    pub relaxed_simd_deterministic: bool,
    /// True if arithmetic makes no NaN but the positive canonical one.
    pub canonicalize_nans: bool,
    /// True if the code counts fuel.
    pub consume_fuel: bool,
    /// True if the code checks the epoch.
    pub epoch_interruption: bool,
    /// True if the artifact has debug information.
    pub debug_info: bool,
    /// The name of the fault that the compiler planted.
    #[cfg(feature = "planted-faults")]
    pub fault: Option<String>,
}

impl InspectedConfig {
    /// Returns the configuration of an engine that loads the artifact.
    pub fn to_config(&self) -> Config {
        let mut config = Config::new();
        config
            .tier(self.tier)
            .features(self.features.join(",").parse().expect("the list has names of features"))
            .memory_checks(self.memory_checks)
            .relaxed_simd_deterministic(self.relaxed_simd_deterministic)
            .canonicalize_nans(self.canonicalize_nans)
            .consume_fuel(self.consume_fuel)
            .epoch_interruption(self.epoch_interruption)
            .debug_info(self.debug_info);
        config
    }
}

/// A section of the file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedSection {
    /// The name.
    pub name: String,
    /// The offset of the first byte in the file.
    pub offset: u64,
    /// The size in bytes.
    pub size: u64,
}

/// A function or trampoline.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedFunction {
    /// The kind, with an index or a signature: `function 3`, `entry i32->i32`, ...
    pub kind: String,
    /// The name, from the name section.
    pub name: Option<String>,
    /// True for a function that the tier `Speed` compiled with the settings of `Quick`, because it is past the budget
    /// of optimization.
    pub unoptimized: bool,
    /// The offset of the first byte from the start of the text.
    pub start: u32,
    /// The offset of the end from the start of the text, exclusive.
    pub end: u32,
}

/// A digest and the result of its check.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedDigest {
    /// The digest in the file, in hexadecimal.
    pub value: String,
    /// The result of the check.
    pub state: DigestState,
}

/// The result of the check of a digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum DigestState {
    /// The digest fits the bytes.
    Right,
    /// The digest does not fit the bytes and the key, if there is one: the bytes were altered, or the key is another.
    Wrong,
    /// The artifact says that the digest is keyed, and no key was given: nobody knows whether the bytes were altered.
    NeedsKey,
    /// A key was given, but the artifact says that the digest is not keyed: anybody can have made it. An engine with a
    /// key refuses such an artifact.
    NotKeyed,
}

/// Describes an artifact.
///
/// # Errors
/// Of kind [`Artifact`](crate::ErrorKind::Artifact) if the bytes are no artifact of this build of the engine, or if
/// their damage hides the sections or the metadata. The result describes any other damage.
pub fn inspect(bytes: &[u8]) -> Result<Inspection> {
    inspect_with_key(bytes, None)
}

/// Describes an artifact like [`inspect`], and checks its digests with the [key](crate::Config::artifact_key) that it
/// was made with.
///
/// # Errors
/// Those of [`inspect`].
pub fn inspect_with_key(bytes: &[u8], key: Option<&[u8; 32]>) -> Result<Inspection> {
    let (header, sections) = check_structure(bytes)?;
    let metadata = decode_metadata(bytes, &sections)?;
    let flaw = check_tables(bytes, &sections, &metadata).and_then(|()| check_records(bytes, &sections)).err();
    let state = |field: Range<usize>, compute: &dyn Fn() -> digest::Digest| {
        let state = match (header.keyed(), key) {
            (0, None) | (1, Some(_)) if bytes[field.clone()] == compute() => DigestState::Right,
            (1, None) => DigestState::NeedsKey,
            (0, Some(_)) => DigestState::NotKeyed,
            // A wrong digest, or one of an unknown kind.
            _ => DigestState::Wrong,
        };
        InspectedDigest { value: hex(&bytes[field]), state }
    };
    Ok(Inspection {
        size: bytes.len() as u64,
        producer: header.producer(),
        fingerprint: hex(header.fingerprint()),
        sections: sections.named().map(section).collect(),
        functions: functions(bytes, &sections, &metadata),
        frames: FrameIndex::new(&bytes[sections.eh_frame_hdr.clone()]).len(),
        traps: Traps::new(&bytes[sections.traps.clone()]).count(),
        source_map: SourceMap::new(&bytes[sections.source_map.clone()]).count(),
        names: Names::new(&bytes[sections.names.clone()]).len(),
        handlers: Handlers::new(&bytes[sections.handlers.clone()]).len(),
        stack_maps: StackMaps::new(&bytes[sections.stack_maps.clone()]).len(),
        metadata_digest: state(header::METADATA_DIGEST, &|| digest::metadata_digest(bytes, &sections, key)),
        digest: state(header::FULL_DIGEST, &|| digest::full_digest(bytes, key)),
        flaw: flaw.map(|flaw| flaw.to_string()),
        config: (&metadata.settings).into(),
        module_name: metadata.module.name,
        imports: metadata.module.imports.len(),
        exports: metadata.module.exports.len(),
        target: metadata.target,
        cpu_features: metadata.cpu_features,
    })
}

fn section((name, range): (&str, Range<usize>)) -> InspectedSection {
    InspectedSection { name: name.to_owned(), offset: range.start as u64, size: range.len() as u64 }
}

fn functions(bytes: &[u8], sections: &Sections, metadata: &Metadata) -> Vec<InspectedFunction> {
    let names = Names::new(&bytes[sections.names.clone()]);
    let signature = |list: &[(crate::abi::signature::LoweredSignature, _)], position: u32| {
        list.get(position as usize).map_or_else(|| "unknown".to_owned(), |(signature, _)| signature.to_string())
    };
    let describe = |kind| match kind {
        FunctionKind::Function(index) => format!("function {}", index.0),
        FunctionKind::Entry(position) => format!("entry {}", signature(&metadata.entries, position)),
        FunctionKind::Exit(position) => format!("exit {}", signature(&metadata.exits, position)),
        FunctionKind::Builtin(builtin) => format!("builtin {}", builtin.name()),
        FunctionKind::Fallback(number) => format!("fallback {number}"),
    };
    let name = |kind| match kind {
        FunctionKind::Function(index) => names.function(index).map(str::to_owned),
        _ => None,
    };
    let is_unoptimized = |kind| match kind {
        FunctionKind::Function(index) => {
            metadata.module.defined(index).is_some_and(|index| metadata.unoptimized.binary_search(&index).is_ok())
        }
        _ => false,
    };
    let table = Functions::new(&bytes[sections.functions.clone()]);
    let inspect = |entry: FunctionEntry| InspectedFunction {
        kind: describe(entry.kind),
        name: name(entry.kind),
        unoptimized: is_unoptimized(entry.kind),
        start: entry.start.0,
        end: entry.end.0,
    };
    table.iter().map(inspect).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<&Settings> for InspectedConfig {
    fn from(settings: &Settings) -> InspectedConfig {
        InspectedConfig {
            tier: settings.tier,
            features: settings.features.names().map(str::to_owned).collect(),
            memory_checks: settings.memory_checks,
            relaxed_simd_deterministic: settings.relaxed_simd_deterministic,
            canonicalize_nans: settings.canonicalize_nans,
            consume_fuel: settings.consume_fuel,
            epoch_interruption: settings.epoch_interruption,
            debug_info: settings.debug_info,
            #[cfg(feature = "planted-faults")]
            fault: settings.fault.map(|fault| format!("{fault:?}")),
        }
    }
}

impl Inspection {
    /// Returns whether the artifact is sound as far as its bytes show: metadata and tables are consistent, and both
    /// digests were checked and are right.
    pub fn is_sound(&self) -> bool {
        let right = |digest: &InspectedDigest| digest.state == DigestState::Right;
        self.flaw.is_none() && right(&self.metadata_digest) && right(&self.digest)
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        writeln!(f, "artifact of {} bytes, made by {}", self.size, self.producer)?;
        writeln!(f, "fingerprint      {}", self.fingerprint)?;
        writeln!(f, "target           {}", self.target)?;
        writeln!(f, "CPU features     {}", self.cpu_features.join(" "))?;
        writeln!(f, "tier             {:?}", config.tier)?;
        writeln!(f, "features         {}", config.features.join(" "))?;
        writeln!(f, "memory checks    {:?}", config.memory_checks)?;
        writeln!(
            f,
            "relaxed SIMD     {}",
            if config.relaxed_simd_deterministic { "deterministic" } else { "machine's" }
        )?;
        writeln!(f, "NaN results      {}", if config.canonicalize_nans { "canonical" } else { "machine's" })?;
        writeln!(f, "fuel             {}", config.consume_fuel)?;
        writeln!(f, "epoch            {}", config.epoch_interruption)?;
        writeln!(f, "debug info       {}", config.debug_info)?;
        #[cfg(feature = "planted-faults")]
        if let Some(fault) = &config.fault {
            writeln!(f, "planted fault    {fault}")?;
        }
        writeln!(f, "module           {}", self.module_name.as_deref().unwrap_or("(no name)").escape_debug())?;
        writeln!(f, "imports          {}", self.imports)?;
        writeln!(f, "exports          {}", self.exports)?;
        writeln!(f, "unwind entries   {}", self.frames)?;
        writeln!(f, "traps            {}", self.traps)?;
        writeln!(f, "source map       {} ranges", self.source_map)?;
        writeln!(f, "names            {}", self.names)?;
        writeln!(f, "handlers         {} calls", self.handlers)?;
        writeln!(f, "stack maps       {} calls", self.stack_maps)?;
        writeln!(f, "metadata digest  {}", self.metadata_digest)?;
        writeln!(f, "digest           {}", self.digest)?;
        writeln!(f, "tables           {}", self.flaw.as_deref().unwrap_or("sound"))?;
        writeln!(f, "\nsections\n    offset       size  name")?;
        for InspectedSection { name, offset, size } in &self.sections {
            writeln!(f, "{offset:#10x} {size:#10x}  {name}")?;
        }
        writeln!(f, "\nfunctions, from the start of .text\n     start        end  what")?;
        for InspectedFunction { kind, name, unoptimized, start, end } in &self.functions {
            let name = name.as_deref().map(|name| format!(" {}", name.escape_debug())).unwrap_or_default();
            let budget = if *unoptimized { " (not optimized: past the budget)" } else { "" };
            writeln!(f, "{start:#10x} {end:#10x}  {kind}{name}{budget}")?;
        }
        Ok(())
    }
}

impl fmt::Display for InspectedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            DigestState::Right => "right",
            DigestState::Wrong => "WRONG",
            DigestState::NeedsKey => "not verified: needs the key",
            DigestState::NotKeyed => "not verified: not keyed, but a key was given",
        };
        write!(f, "{} {state}", self.value)
    }
}
