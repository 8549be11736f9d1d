//! Forged artifacts: bytes of a real one are changed, and the digests made to fit, so that the loader has to look.
//!
//! In: a stream of choices. Out: whether the loader refused. A panic or a sanitizer's word is the finding.
//! What is loaded is also instantiated and called if only such sections were changed as may say anything without
//! making the code unsafe to run: nobody can check machine code, nor where its functions start.

use crate::generate::case::Case;
use crate::generate::feature_set::{Audience, DRAWN};
use crate::generate::input::Random;
use arbitrary::{Result, Unstructured};
use engine::{Config, Engine, ErrorKind, Extern, Linker, Module, Store, Tier, Val};
use lanes::Features;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

/// What became of a forged artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The loader refused it; the message says why.
    Refused(String),
    /// It was loaded; its code was not safe to call.
    Loaded,
    /// It was loaded, instantiated, and its functions called.
    Called,
}

/// Real artifacts to start from: this many.
const ORIGINALS: u8 = 24;
/// Where the section `.touchstone` stands, and its two digests in it (`engine/src/artifact/header.rs`).
const HEADER: usize = 0x158;
const METADATA_DIGEST: Range<usize> = HEADER + 80..HEADER + 112;
const FULL_DIGEST: Range<usize> = HEADER + 112..HEADER + 144;
/// The field of the ELF header that says where the section headers stand: they end the part that is digested as
/// metadata.
const SECTION_HEADERS: Range<usize> = 0x28..0x30;
/// Sections whose bytes the code does not depend on. (`.eh_frame` is not among them: it decides where a frame ends.)
const HARMLESS: [&str; 3] = [".touchstone.sourcemap", ".touchstone.names", ".touchstone.data"];

/// Forges an artifact and hands it to the loader. `None` when the choices in `data` do not suffice.
///
/// # Panics
///
/// When the engine does, or when it refuses with an error of the wrong kind.
pub fn forge(data: &[u8]) -> Option<Fate> {
    let mut u = Unstructured::new(data);
    let original = u.int_in_range(0..=ORIGINALS - 1).ok()?;
    ORIGINALS_MADE.with_borrow_mut(|made| {
        let original = made.entry(original).or_insert_with(|| Original::new(original));
        original.forge(&mut u).ok()
    })
}

thread_local! {
    static ORIGINALS_MADE: RefCell<HashMap<u8, Original>> = RefCell::default();
}

/// A real artifact.
struct Original {
    engine: Engine,
    bytes: Vec<u8>,
    sections: Vec<(String, Range<usize>)>,
}

impl Original {
    /// The artifact number `k`: the same in every process.
    fn new(k: u8) -> Original {
        let mut config = Config::new();
        config
            .tier(if k.is_multiple_of(2) { Tier::Speed } else { Tier::Quick })
            .consume_fuel(true)
            .features(Features::WASM_2_0 | DRAWN)
            .compile_threads(Some(1));
        let engine = Engine::new(&config).expect("this machine runs the engine");
        let bytes = (0..)
            .filter_map(|attempt| {
                Case::new(&Random::new(u64::from(k) << 32 | attempt).next_u64().to_le_bytes(), Audience::OWN).ok()
            })
            .find_map(|case| engine.compile(&case.main).ok())
            .expect("there is always another input");
        let inspection = engine::inspect(&bytes).expect("a fresh artifact is sound");
        let at = |offset: u64| usize::try_from(offset).expect("the artifact is in memory");
        let sections = inspection.sections.into_iter();
        let sections = sections.map(|section| (section.name, at(section.offset)..at(section.offset + section.size)));
        Original { engine, bytes, sections: sections.collect() }
    }

    fn forge(&self, u: &mut Unstructured<'_>) -> Result<Fate> {
        let mut bytes = self.bytes.clone();
        let mut touched = Vec::new();
        for _ in 0..u.int_in_range(1..=8)? {
            touched.push(self.edit(u, &mut bytes)?);
        }
        if !u.ratio(1, 8)? {
            self.fit_digests(&mut bytes);
        }
        // Whatever the bytes are, describing them must work or fail in order.
        let _described = engine::inspect(&bytes).map(|inspection| inspection.to_string());
        let module = match Module::deserialize(&self.engine, &bytes) {
            Ok(module) => module,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Artifact, "refused for the wrong reason: {error:?}");
                return Ok(Fate::Refused(error.to_string()));
            }
        };
        let _names: Vec<_> = module.exports().map(|export| export.name.to_string()).collect();
        assert_eq!(module.serialize(), bytes, "what was loaded is not what was given");
        let harmless = |at: &usize| {
            let inside =
                |(name, range): &(String, Range<usize>)| HARMLESS.contains(&name.as_str()) && range.contains(at);
            self.sections.iter().any(inside) && bytes.len() == self.bytes.len()
        };
        if !touched.iter().all(harmless) {
            return Ok(Fate::Loaded);
        }
        self.call(&module);
        Ok(Fate::Called)
    }

    /// Changes a few bytes, mostly inside one section, and returns the place.
    fn edit(&self, u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<usize> {
        let whole = 0..self.bytes.len();
        let range = if u.ratio(1, 8)? { whole } else { u.choose(&self.sections)?.1.clone() };
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
                let word = *u.choose(&[0u32, 1, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff])?;
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
                // What lies behind the section changed, too.
                return Ok(if range.contains(&(at + length - 1)) { at } else { 0 });
            }
            _ if u.ratio(1, 4)? => bytes.truncate(at),
            _ => bytes[at] = !bytes[at],
        }
        // Words may reach over the end of the section.
        Ok(if range.contains(&(at + 3)) { at } else { 0 })
    }

    /// Writes the digests that the bytes have. If even the places are gone, the digests stay wrong.
    fn fit_digests(&self, bytes: &mut [u8]) {
        let metadata = self.sections.iter().find(|(name, _)| name == ".touchstone.metadata");
        let (Some((_, metadata)), true) = (metadata, bytes.len() > FULL_DIGEST.end) else { return };
        let headers = bytes[SECTION_HEADERS].try_into().expect("the field has eight bytes");
        let headers = usize::try_from(u64::from_le_bytes(headers)).unwrap_or(usize::MAX);
        let (Some(metadata), Some(headers)) = (bytes.get(metadata.clone()), bytes.get(headers..)) else { return };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..METADATA_DIGEST.start]).update(metadata).update(headers);
        let digest = *hasher.finalize().as_bytes();
        bytes[METADATA_DIGEST].copy_from_slice(&digest);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..FULL_DIGEST.start]).update(&bytes[FULL_DIGEST.end..]);
        let digest = *hasher.finalize().as_bytes();
        bytes[FULL_DIGEST].copy_from_slice(&digest);
    }

    /// Runs the exported functions. What they return is not looked at: the data may be anything.
    fn call(&self, module: &Module) {
        let mut store = Store::new(&self.engine, ());
        let mut linker = Linker::new(&self.engine);
        for import in module.imports() {
            let engine::ExternType::Func(ty) = &import.ty else { continue };
            let results = ty.results.to_vec();
            let zeros = move |_: engine::Caller<'_, ()>, _: &[Val], out: &mut [Val]| {
                out.iter_mut().zip(&results).for_each(|(out, &ty)| *out = Val::default_for_ty(ty));
                Ok(())
            };
            linker.allow_shadowing(true);
            linker.func_new(import.module, import.name, ty.clone(), zeros).expect("shadowing is allowed");
        }
        store.set_fuel(10_000).expect("fuel is on");
        let Ok(instance) = linker.instantiate(&mut store, module) else { return };
        for (_, export) in instance.exports(&mut store).expect("the instance is of this store") {
            let Extern::Func(function) = export else { continue };
            let ty = function.ty(&store).expect("the function is of this store");
            let arguments: Vec<_> = ty.params.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            let mut results: Vec<_> = ty.results.iter().map(|&ty| Val::default_for_ty(ty)).collect();
            store.set_fuel(10_000).expect("fuel is on");
            let _ends = function.call(&mut store, &arguments, &mut results);
        }
    }
}
