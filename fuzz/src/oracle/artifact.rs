//! The artifact oracle: the loader refuses a forged artifact with a reason, or loads it without harm.
//!
//! Bytes of a real artifact are changed, and its digests are made to match, so that the loader has to look at the
//! tables themselves. A panic or a report of a sanitizer is a finding, and so is an altered artifact that is loaded
//! though its digests do not match.
//!
//! While a forgery is loaded, its tables are asked what traps, exceptions, collections and backtraces ask, and an
//! ordinary panic is raised and caught, for which the platform's unwinder reads all registered frames. A loaded
//! artifact is also instantiated and called, but only if nothing was changed except sections that may hold anything
//! without making the code unsafe to run: nobody can check machine code, or where its functions begin.

use super::mappings::find_writable_code;
use super::{Oracle, Registration, Report, Verdict};
use crate::generate::feature_set::{Audience, DRAWN};
use crate::generate::input::{Random, SEED_LEN, extend};
use crate::generate::mixed;
use arbitrary::{Result, Unstructured};
use engine::{Caller, Config, Engine, ErrorKind, Extern, ExternType, Linker, Module, Store, Tier, Val};
use lanes::Features;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::panic::{catch_unwind, resume_unwind};

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "artifact",
    summary: "forged artifacts are refused with a reason, or harmless",
    choices: SEED_LEN + CHOICES,
    make: |_| Box::new(Artifact::default()),
};

/// The number of real artifacts to start from.
const ORIGINALS: u8 = 24;
/// Bytes of choices for one forged artifact, besides the seed.
const CHOICES: usize = 160;
/// Fuel for instantiation and for each call.
const FUEL: u64 = 10_000;
/// The number of addresses that the tables of a loaded forgery are asked about.
const QUESTIONS: u64 = 64;
/// Bytes that unwind information is made of: augmentations, encodings, and call frame instructions.
const UNWIND_BYTES: &[u8] =
    b"zRLPSBeh\0\x1b\x40\x50\x9b\xff\x01\x0a\x0b\x0c\x0d\x0e\x0f\x10\x16\x2d\x2e\x41\x83\x86\x90\xc6";
/// Words that tables confuse with counts, offsets and ends.
const WORDS: &[u32] = &[0, 1, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_fffe, 0xffff_ffff];
/// The sections that the code does not depend on. (`.eh_frame` is not one of them: it decides where a frame ends.)
const HARMLESS: [&str; 3] = [".touchstone.sourcemap", ".touchstone.names", ".touchstone.data"];

/// A loader of artifacts: [`Module::deserialize`], or a test double that breaks its contract.
pub type Load = fn(&Engine, &[u8]) -> engine::Result<Module>;

/// Forges artifacts and hands them to the loader.
pub struct Artifact {
    load: Load,
    /// The real artifacts that were made so far, by number.
    originals: HashMap<u8, Original>,
    /// Counts of the inputs so far.
    pub counts: Counts,
}

/// Counts of forged artifacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Artifacts that the loader refused.
    pub refused: u64,
    /// Artifacts that were loaded, and whose code was not safe to call.
    pub loaded: u64,
    /// Artifacts that were loaded, instantiated and called.
    pub called: u64,
    /// Answers of the tables of loaded artifacts.
    pub answers: u64,
    /// Panics of the host that were raised while a forgery was loaded, and arrived.
    pub panics: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { refused, loaded, called, answers, panics } = self;
        write!(f, "forged artifacts: {refused} refused, {loaded} loaded, {called} loaded and called; ")?;
        write!(f, "{answers} answers of their tables, {panics} panics of the host on purpose")
    }
}

/// The result of loading a forged artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Fate {
    /// The loader refused it for this reason.
    Refused(String),
    /// It was loaded. Its code was not safe to call.
    Loaded,
    /// It was loaded and instantiated, and its functions were called.
    Called,
    /// The loader broke its contract in this way.
    Mishandled(String),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fate::Refused(reason) => write!(f, "refused: {reason}"),
            Fate::Loaded => f.write_str("loaded"),
            Fate::Called => f.write_str("loaded and called"),
            Fate::Mishandled(how) => f.write_str(how),
        }
    }
}

impl Default for Artifact {
    fn default() -> Artifact {
        Artifact::new(|engine, bytes| Module::deserialize(engine, bytes))
    }
}

impl Artifact {
    /// Makes an oracle for this loader.
    pub fn new(load: Load) -> Artifact {
        Artifact { load, originals: HashMap::new(), counts: Counts::default() }
    }

    /// Forges an artifact and hands it to the loader.
    fn forge(&mut self, input: &[u8]) -> Result<Fate> {
        let bytes = extend(input, SEED_LEN + CHOICES);
        let mut u = Unstructured::new(&bytes[SEED_LEN..]);
        let number = u.int_in_range(0..=ORIGINALS - 1)?;
        let original = self.originals.entry(number).or_insert_with(|| Original::new(number));
        original.forge(&mut u, self.load, &mut self.counts)
    }
}

impl Oracle for Artifact {
    fn check(&mut self, input: &[u8]) -> Verdict {
        // Choices that lead to no change are no finding.
        let Ok(fate) = self.forge(input) else { return Verdict::NoCase };
        match fate {
            Fate::Refused(_) => self.counts.refused += 1,
            Fate::Loaded => self.counts.loaded += 1,
            Fate::Called => self.counts.called += 1,
            Fate::Mishandled(how) => return Verdict::Found(Box::new(Mishandled(how))),
        }
        Verdict::Passed(Box::new(fate))
    }

    fn executed(&self) -> u64 {
        let Counts { refused, loaded, called, .. } = self.counts;
        refused + loaded + called
    }

    fn statistics(&self) -> &dyn fmt::Display {
        &self.counts
    }

    fn counts(&self) -> Value {
        serde_json::to_value(self.counts).expect("names and numbers always serialize")
    }

    fn set_counts(&mut self, counts: Value) -> Result<(), serde_json::Error> {
        self.counts = serde_json::from_value(counts)?;
        Ok(())
    }
}

/// A finding: the loader broke its contract.
struct Mishandled(String);

impl Report for Mishandled {
    fn signature(&self) -> String {
        // The message is followed by what differs from finding to finding.
        self.0.split(':').next().unwrap_or_default().to_string()
    }

    fn summary(&self) -> String {
        self.0.clone()
    }
}

/// A real artifact.
struct Original {
    engine: Engine,
    bytes: Vec<u8>,
    sections: Vec<Section>,
    /// The CPU features that its code may use, by name.
    cpu_features: Vec<String>,
}

struct Section {
    name: String,
    range: Range<usize>,
}

impl Original {
    /// Makes the artifact with this number: the same in every process.
    fn new(number: u8) -> Original {
        let mut config = Config::new();
        config
            .tier(if number.is_multiple_of(2) { Tier::Speed } else { Tier::Quick })
            .consume_fuel(true)
            .features(Features::WASM_2_0 | DRAWN)
            .compile_threads(Some(1));
        let engine = Engine::new(&config).expect("this machine runs the engine");
        let bytes = compile_some_case(&engine, number);
        let inspection = engine::inspect(&bytes).expect("a fresh artifact is sound");
        let at = |offset: u64| usize::try_from(offset).expect("the artifact is in memory");
        let sections = inspection.sections.into_iter().map(|section| {
            let range = at(section.offset)..at(section.offset + section.size);
            Section { name: section.name, range }
        });
        Original { engine, sections: sections.collect(), bytes, cpu_features: inspection.cpu_features }
    }

    fn forge(&self, u: &mut Unstructured<'_>, load: Load, counts: &mut Counts) -> Result<Fate> {
        let mut bytes = self.bytes.clone();
        let mut harmless = true;
        // Half of the forgeries have one flaw only, so that some of them are loaded.
        let most = if u.arbitrary()? { 1 } else { 8 };
        for _ in 0..u.int_in_range(1..=most)? {
            let offset = self.edit(u, &mut bytes)?;
            harmless &= self.is_harmless(offset);
        }
        // If the structure is gone, the digests stay wrong: the loader refuses the bytes before it looks at them.
        let is_signed = !u.ratio(1, 8)? && engine::sign_again(&mut bytes);
        // Whatever the bytes are, describing them must succeed or fail without a panic.
        let described = engine::inspect(&bytes);
        let _text = described.as_ref().map(ToString::to_string);
        let module = match load(&self.engine, &bytes) {
            Ok(module) => module,
            Err(error) if error.kind() == ErrorKind::Artifact => return Ok(Fate::Refused(error.to_string())),
            Err(error) => return Ok(Fate::Mishandled(format!("refused for the wrong reason: {error:?}"))),
        };
        let _names: Vec<_> = module.exports().map(|export| export.name.to_string()).collect();
        if !is_signed && bytes != self.bytes {
            return Ok(Fate::Mishandled("altered bytes were loaded though their digests do not match".to_string()));
        }
        if let Some(mapping) = find_writable_code() {
            return Ok(Fate::Mishandled(format!("loaded code is writable: {mapping}")));
        }
        let named = described.map(|inspection| inspection.cpu_features).unwrap_or_default();
        if let Some(strange) = named.iter().find(|feature| !self.cpu_features.contains(feature)) {
            return Ok(Fate::Mishandled(format!("code for another CPU was loaded: it may use {strange:?}")));
        }
        if module.serialize() != bytes {
            return Ok(Fate::Mishandled("the loaded bytes are not the given ones".to_string()));
        }
        counts.answers += self.ask(&module, u.arbitrary()?);
        if !panic_and_catch() {
            return Ok(Fate::Mishandled("a panic of the host does not arrive".to_string()));
        }
        counts.panics += 1;
        if !harmless || bytes.len() != self.bytes.len() {
            return Ok(Fate::Loaded);
        }
        self.call(&module);
        Ok(Fate::Called)
    }

    /// Returns whether the code does not depend on the byte at `offset`.
    fn is_harmless(&self, offset: usize) -> bool {
        let mut harmless = self.sections.iter().filter(|section| HARMLESS.contains(&section.name.as_str()));
        harmless.any(|section| section.range.contains(&offset))
    }

    fn section(&self, name: &str) -> Range<usize> {
        let found = self.sections.iter().find(|section| section.name == name);
        found.expect("every artifact has the section").range.clone()
    }

    /// Asks the tables of a loaded forgery about addresses of the code and after it: some of them, and for one forgery
    /// in sixteen all. Returns the number of answers.
    fn ask(&self, module: &Module, seed: u64) -> u64 {
        let mut random = Random::new(seed);
        let end = self.section(".text").len() as u64 + 2;
        let answers: usize = if random.below(16) == 0 {
            (0..end).map(|address| engine::ask_tables(module, address)).sum()
        } else {
            (0..QUESTIONS).map(|_| engine::ask_tables(module, random.below(end))).sum()
        };
        (answers + engine::ask_functions(module)) as u64
    }

    /// Changes a byte of the unwind information, or puts one in, so that those that follow move by one.
    fn edit_unwind(&self, u: &mut Unstructured<'_>, bytes: &mut [u8]) -> Result<usize> {
        let section = self.section(".eh_frame");
        // The CIE and the first FDE decide most.
        let end = if u.arbitrary()? { section.end } else { section.end.min(section.start + 48) };
        // The section ends with a terminator of four bytes.
        let first = if u.ratio(1, 16)? { end.saturating_sub(4) } else { section.start };
        let at = u.int_in_range(first..=end - 1)?;
        if at >= bytes.len() {
            return Ok(0);
        }
        if u.ratio(1, 4)? {
            let end = end.min(at + 24).min(bytes.len());
            bytes.copy_within(at..end - 1, at + 1);
        }
        bytes[at] = *u.choose(UNWIND_BYTES)?;
        Ok(at)
    }

    /// Renames a CPU feature that the code may use to one that no machine has.
    fn edit_cpu_feature(&self, u: &mut Unstructured<'_>, bytes: &mut [u8]) -> Result<usize> {
        let Ok(feature) = u.choose(&self.cpu_features) else { return Ok(0) };
        let at = bytes.windows(feature.len()).position(|window| window == feature.as_bytes());
        if let Some(at) = at {
            bytes[at + feature.len() - 1] = b'!';
        }
        Ok(0)
    }

    /// Changes a record of the unwind information in such a way that the others are still found, as those who forge
    /// carefully would: its length with its neighbor, its function with its length, its CIE, or its contents. Returns
    /// the offset of the record.
    fn edit_record(&self, u: &mut Unstructured<'_>, bytes: &mut [u8]) -> Result<usize> {
        let section = self.section(".eh_frame");
        let records = find_records(bytes, section.clone());
        if records.len() < 2 {
            return Ok(section.start);
        }
        let k = u.choose_index(records.len() - 1)?;
        let (record, next, other) = (records[k].clone(), records[k + 1].clone(), u.choose(&records)?.clone());
        let mut write = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let number = |value: usize| u32::try_from(value).expect("a section is small");
        match u.int_in_range(0..=4)? {
            // It swallows the record after it.
            0 => write(record.start, number(next.end - record.start - 4)),
            // The record after it begins earlier or later.
            1 => {
                let end = next.start + 4 * u.int_in_range(0..=4)?;
                if end + 8 < next.end {
                    write(record.start, number(end - record.start - 4));
                    write(end, number(next.end - end - 4));
                }
            }
            // It belongs to another CIE, or to a record that is none.
            2 => write(record.start + 4, number(record.start + 4).wrapping_sub(number(other.start))),
            // Its function begins elsewhere, and ends where it ended or where another one ends.
            3 if record.len() > 16 && other.len() > 16 => {
                let delta: u32 = u.int_in_range(0..=64)?;
                let read = |at: usize| u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"));
                let length = read(if u.arbitrary()? { other.start } else { record.start } + 12);
                write(record.start + 8, read(record.start + 8).wrapping_add(delta));
                write(record.start + 12, length.wrapping_sub(delta));
            }
            // It has the contents of another one of its length, or of the beginning of a longer one.
            _ => {
                let length = record.len().min(other.len());
                bytes.copy_within(other.start + 8..other.start + length, record.start + 8);
            }
        }
        Ok(record.start)
    }

    /// Changes a few bytes, mostly inside one section. Returns their offset, or 0 if they extend beyond the section.
    fn edit(&self, u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<usize> {
        match u.int_in_range(0..=11)? {
            0 | 1 => return self.edit_unwind(u, bytes),
            2 => return self.edit_record(u, bytes),
            3 if u.ratio(1, 3)? => return self.edit_cpu_feature(u, bytes),
            _ => {}
        }
        let whole = 0..self.bytes.len();
        let range = if u.ratio(1, 8)? { whole } else { u.choose(&self.sections)?.range.clone() };
        // The header decides most; the rest of a long section is like its beginning.
        let end = if u.arbitrary()? { range.end } else { range.end.min(range.start + 64) };
        if range.start >= end.min(bytes.len()) {
            return Ok(range.start);
        }
        let at = u.int_in_range(range.start..=end.min(bytes.len()) - 1)?;
        match u.int_in_range(0..=5)? {
            0 => bytes[at] ^= 1 << u.int_in_range(0..=7)?,
            1 => bytes[at] = u.arbitrary()?,
            2 => {
                let word = *u.choose(WORDS)?;
                bytes[at..].iter_mut().zip(word.to_le_bytes()).for_each(|(byte, new)| *byte = new);
            }
            3 => {
                let delta = u.int_in_range(-4..=4)?;
                bytes[at] = bytes[at].wrapping_add_signed(delta);
            }
            4 => {
                let from = u.choose_index(bytes.len())?;
                let length = u.int_in_range(1..=32)?.min(bytes.len() - from).min(bytes.len() - at);
                bytes.copy_within(from..from + length, at);
                return Ok(if range.contains(&(at + length - 1)) { at } else { 0 });
            }
            _ if u.ratio(1, 4)? => bytes.truncate(at),
            _ => bytes[at] = !bytes[at],
        }
        // A word may extend beyond the end of the section.
        Ok(if range.contains(&(at + 3)) { at } else { 0 })
    }

    /// Runs the exported functions and ignores what they return: the data may be anything.
    fn call(&self, module: &Module) {
        let mut store = Store::new(&self.engine, ());
        let linker = self.linker(module);
        store.set_fuel(FUEL).expect("fuel is on");
        let Ok(instance) = linker.instantiate(&mut store, module) else { return };
        for (_, export) in instance.exports(&mut store).expect("the instance is of this store") {
            let Extern::Func(function) = export else { continue };
            let ty = function.ty(&store).expect("the function is of this store");
            let arguments: Vec<_> = ty.params.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            let mut results: Vec<_> = ty.results.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            store.set_fuel(FUEL).expect("fuel is on");
            let _outcome = function.call(&mut store, &arguments, &mut results);
        }
    }

    /// Returns a linker whose functions return zeros.
    fn linker(&self, module: &Module) -> Linker<()> {
        let mut linker = Linker::new(&self.engine);
        linker.allow_shadowing(true);
        for import in module.imports() {
            let ExternType::Func(ty) = &import.ty else { continue };
            let results = ty.results.to_vec();
            let zeros = move |_: Caller<'_, ()>, _: &[Val], out: &mut [Val]| {
                out.iter_mut().zip(&results).for_each(|(out, &ty)| *out = Val::default_for_ty(ty));
                Ok(())
            };
            linker.func_new(import.module, import.name, ty.clone(), zeros).expect("shadowing is allowed");
        }
        linker
    }
}

/// Returns the records of a section of unwind information, each with its length, up to the terminator.
fn find_records(bytes: &[u8], section: Range<usize>) -> Vec<Range<usize>> {
    let mut records = Vec::new();
    let mut start = section.start;
    while let Some(length) = bytes.get(start..start + 4) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let end = usize::try_from(length).map_or(usize::MAX, |length| start.saturating_add(4).saturating_add(length));
        // A record has at least a pointer to its CIE.
        if length < 4 || end > section.end || end > bytes.len() {
            break;
        }
        records.push(start..end);
        start = end;
    }
    records
}

/// Raises an ordinary panic, without a message, and catches it. Returns whether it arrived.
fn panic_and_catch() -> bool {
    struct Raised;
    let caught = catch_unwind(|| resume_unwind(Box::new(Raised)));
    caught.is_err_and(|payload| payload.is::<Raised>())
}

/// Returns the artifact of the first case of this number's stream that the engine compiles.
fn compile_some_case(engine: &Engine, number: u8) -> Vec<u8> {
    for attempt in 0.. {
        let input = Random::new(u64::from(number) << 32 | attempt).next_u64().to_le_bytes();
        let Ok(case) = mixed::generate(&input, Audience::OWN) else { continue };
        let main = case.modules.last().expect("a case has a module");
        if let Ok(artifact) = engine.compile(main) {
            return artifact;
        }
    }
    unreachable!("there is always another input")
}
