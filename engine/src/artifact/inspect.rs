//! An artifact described for people and tools, from its bytes alone: neither the compiler nor the configuration that it
//! was made with is needed.

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
use crate::base::{MemoryChecks, Result, Tier};
use core::fmt;
use serde::Serialize;

/// What an artifact says of itself, and whether it is sound.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Bytes of the file.
    pub size: u64,
    /// The engine that made it.
    pub producer: String,
    /// The format's fingerprint, in hexadecimal.
    pub fingerprint: String,
    /// What the code runs on, as `ARCHITECTURE-SYSTEM`.
    pub target: String,
    /// The CPU features that the code may use.
    pub cpu_features: Vec<String>,
    /// What was asked of the compiler.
    pub config: InspectedConfig,
    /// The module's name, from its name section.
    pub module_name: Option<String>,
    /// How many imports the module has.
    pub imports: usize,
    /// How many exports the module has.
    pub exports: usize,
    /// The mapped sections, in the order of the file.
    pub sections: Vec<InspectedSection>,
    /// Functions and trampolines, in the order of the text.
    pub functions: Vec<InspectedFunction>,
    /// How many functions and trampolines have unwind information: all of them in a sound artifact.
    pub frames: usize,
    /// How many instructions may trap.
    pub traps: usize,
    /// How many ranges the source map has.
    pub source_map: usize,
    /// How many functions have names.
    pub names: usize,
    /// How many calls have exception handlers.
    pub handlers: usize,
    /// How many calls have references in their frames.
    pub stack_maps: usize,
    /// The digest of the metadata.
    pub metadata_digest: InspectedDigest,
    /// The digest of every byte.
    pub digest: InspectedDigest,
    /// What is wrong with metadata or tables; `None` if they hold together.
    pub flaw: Option<String>,
}

/// The part of the configuration that shapes code: an artifact loads only where it is the same.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedConfig {
    /// The compiler's tier.
    pub tier: Tier,
    /// The WebAssembly features that the module may use.
    pub features: Vec<String>,
    /// How accesses outside a memory are caught.
    pub memory_checks: MemoryChecks,
    /// Whether relaxed vector instructions give the same results on every machine.
    pub relaxed_simd_deterministic: bool,
    /// Whether the code counts fuel.
    pub consume_fuel: bool,
    /// Whether the code checks the epoch.
    pub epoch_interruption: bool,
    /// The name of the fault that the compiler planted.
    #[cfg(feature = "planted-faults")]
    pub fault: Option<String>,
}

/// A section of the file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedSection {
    /// Its name.
    pub name: String,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
}

/// A function or trampoline.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedFunction {
    /// What it is: `function 3`, `entry i32->i32`, ...
    pub kind: String,
    /// Its name, from the name section.
    pub name: Option<String>,
    /// Its first byte, from the start of the text.
    pub start: u32,
    /// The byte behind its last one.
    pub end: u32,
}

/// A digest and what became of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct InspectedDigest {
    /// The digest as the file has it, in hexadecimal.
    pub value: String,
    /// Whether it is right.
    pub state: DigestState,
}

/// Whether a digest is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum DigestState {
    /// The bytes are those that were written.
    Right,
    /// The bytes were altered.
    Wrong,
    /// The digest is keyed: only who has the key can tell.
    Keyed,
}

/// Describes an artifact.
///
/// # Errors
/// Of kind [`Artifact`](crate::ErrorKind::Artifact) if the bytes are no artifact of this version of the engine, or too
/// damaged to tell where its parts are. Damage that leaves the parts in place is described in the result instead.
pub fn inspect(bytes: &[u8]) -> Result<Inspection> {
    let (header, sections) = check_structure(bytes)?;
    let metadata = decode_metadata(bytes, &sections)?;
    let flaw = check_tables(bytes, &sections, &metadata).and_then(|()| check_records(bytes, &sections)).err();
    let keyed = header.keyed() != 0;
    let metadata_digest = digest::metadata_digest(bytes, &sections, None);
    let digest = digest::full_digest(bytes, None);
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
        metadata_digest: inspect_digest(&bytes[header::METADATA_DIGEST], metadata_digest, keyed),
        digest: inspect_digest(&bytes[header::FULL_DIGEST], digest, keyed),
        flaw: flaw.map(|flaw| flaw.to_string()),
        config: (&metadata.settings).into(),
        module_name: metadata.module.name,
        imports: metadata.module.imports.len(),
        exports: metadata.module.exports.len(),
        target: metadata.target,
        cpu_features: metadata.cpu_features,
    })
}

fn section((name, range): (&str, core::ops::Range<usize>)) -> InspectedSection {
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
        FunctionKind::Soft(number) => format!("soft {number}"),
    };
    let name = |kind| match kind {
        FunctionKind::Function(index) => names.function(index).map(str::to_owned),
        _ => None,
    };
    let table = Functions::new(&bytes[sections.functions.clone()]);
    let inspect = |entry: FunctionEntry| InspectedFunction {
        kind: describe(entry.kind),
        name: name(entry.kind),
        start: entry.start.0,
        end: entry.end.0,
    };
    table.iter().map(inspect).collect()
}

fn inspect_digest(found: &[u8], computed: digest::Digest, keyed: bool) -> InspectedDigest {
    let state = match (keyed, found == computed) {
        (true, _) => DigestState::Keyed,
        (false, true) => DigestState::Right,
        (false, false) => DigestState::Wrong,
    };
    InspectedDigest { value: hex(found), state }
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
            consume_fuel: settings.consume_fuel,
            epoch_interruption: settings.epoch_interruption,
            #[cfg(feature = "planted-faults")]
            fault: settings.fault.map(|fault| format!("{fault:?}")),
        }
    }
}

impl Inspection {
    /// Whether the artifact is sound as far as its bytes tell: tables hold together, and no digest is wrong.
    pub fn is_sound(&self) -> bool {
        let wrong = |digest: &InspectedDigest| digest.state == DigestState::Wrong;
        self.flaw.is_none() && !wrong(&self.metadata_digest) && !wrong(&self.digest)
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
        writeln!(f, "fuel             {}", config.consume_fuel)?;
        writeln!(f, "epoch            {}", config.epoch_interruption)?;
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
        for InspectedFunction { kind, name, start, end } in &self.functions {
            let name = name.as_deref().map(|name| format!(" {}", name.escape_debug())).unwrap_or_default();
            writeln!(f, "{start:#10x} {end:#10x}  {kind}{name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for InspectedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            DigestState::Right => "right",
            DigestState::Wrong => "WRONG",
            DigestState::Keyed => "keyed",
        };
        write!(f, "{} {state}", self.value)
    }
}
