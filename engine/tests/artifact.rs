//! Artifacts of real modules, through the public interface: tools can read them, they are reproducible, and damaged or
//! foreign ones are refused. (`src/artifact/tests.rs` has the tests of forged artifacts.)
#![cfg(feature = "compile")]

use engine::{
    Config, DigestCheck, DigestState, Engine, ErrorKind, Features, Instance, MemoryChecks, Module, Store, Tier,
};
use std::io::Write;
use std::process::Command;

const TEXT: &str = r#"
    (module $sample
      (import "host" "log" (func $log (param i32 i64) (result i32)))
      (memory (export "memory") 1 2)
      (data (i32.const 16) "some bytes")
      (data $passive "more bytes")
      (table 4 funcref)
      (elem (i32.const 0) $divide $log $recurse)
      (global $count (mut i32) (i32.const 0))
      (func $divide (export "divide") (param i32 i32) (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.div_s (local.get 0) (local.get 1)))
      (func $recurse (export "recurse") (param i64) (result i64)
        (if (result i64) (i64.eqz (local.get 0))
          (then (i64.const 0))
          (else (i64.add (local.get 0) (call $recurse (i64.sub (local.get 0) (i64.const 1)))))))
      (func (export "init") (param i32)
        (memory.init $passive (local.get 0) (i32.const 0) (i32.const 10))
        (drop (memory.grow (i32.const 1))))
      (func (export "indirect") (param i32 i32 i32) (result i32)
        (call_indirect (param i32 i32) (result i32) (local.get 0) (local.get 1) (local.get 2)))
      (func (export "floats") (param f64 f32) (result f64)
        (f64.add (f64.nearest (local.get 0)) (f64.promote_f32 (f32.ceil (local.get 1))))))
"#;

fn engine(change: impl FnOnce(&mut Config)) -> Engine {
    let mut config = Config::new();
    change(&mut config);
    Engine::new(&config).expect("this host is supported")
}

fn artifact(engine: &Engine) -> Vec<u8> {
    let wasm = wat::parse_str(TEXT).expect("the sample parses");
    engine.compile(wasm).expect("the sample compiles")
}

/// Returns an engine for each tier.
fn tiers() -> impl Iterator<Item = Engine> {
    [Tier::Speed, Tier::Quick].into_iter().map(|tier| engine(|config| _ = config.tier(tier)))
}

/// Asserts that the engine refuses the bytes and says where. Returns the message.
#[track_caller]
fn refused(engine: &Engine, bytes: &[u8]) -> String {
    let Err(error) = Module::deserialize(engine, bytes) else { panic!("these bytes must be refused") };
    assert_eq!(error.kind(), ErrorKind::Artifact, "{error}");
    assert!(error.offset().is_some(), "{error}");
    error.to_string()
}

/// Runs a program of binutils on the artifact. Returns `None`, with a message, where it is not installed.
fn tool(program: &str, options: &[&str], artifact: &[u8]) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(artifact).expect("a temporary file can be written");
    let output = match Command::new(program).args(options).arg(file.path()).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: {program} (binutils) cannot be run: {error}");
            return None;
        }
    };
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.to_lowercase().contains("warning"), "{text}");
    Some(text)
}

#[test]
fn one_fde_and_one_symbol_per_function_and_trampoline() {
    for engine in tiers() {
        let bytes = artifact(&engine);
        let inspection = engine::inspect(&bytes).unwrap();
        let text = inspection.sections.iter().find(|section| section.name == ".text").unwrap();
        let ranges: Vec<(u64, u64)> = inspection
            .functions
            .iter()
            .map(|function| (text.offset + u64::from(function.start), text.offset + u64::from(function.end)))
            .collect();
        assert_eq!(inspection.functions.iter().filter(|function| function.kind.starts_with("function ")).count(), 5);
        assert!(inspection.functions.iter().any(|function| function.kind.starts_with("entry ")));
        assert!(inspection.functions.iter().any(|function| function.kind.starts_with("exit ")));

        let Some(frames) = tool("readelf", &["--debug-dump=frames", "-W"], &bytes) else { return };
        let found: Vec<&str> = frames.lines().filter_map(|line| line.split("pc=").nth(1)).collect();
        let expected: Vec<_> = ranges.iter().map(|(start, end)| format!("{start:016x}..{end:016x}")).collect();
        assert_eq!(found, expected);
        assert!(frames.contains("ZERO terminator"));

        let Some(symbols) = tool("readelf", &["-s", "-W"], &bytes) else { return };
        for (start, end) in ranges {
            let symbol = symbols.lines().find(|line| line.contains(&format!("{start:016x}")));
            let symbol = symbol.unwrap_or_else(|| panic!("no symbol at {start:#x}: {symbols}"));
            assert!(symbol.contains(&format!(" {} FUNC", end - start)), "{symbol}");
        }
        assert!(symbols.contains("divide"), "functions have their names: {symbols}");
    }
}

#[test]
fn tools_read_structure_and_code() {
    for engine in tiers() {
        let bytes = artifact(&engine);
        let Some(structure) = tool("readelf", &["-hlS", "-W"], &bytes) else { return };
        for expected in ["DYN (Shared object file)", "GNU_EH_FRAME", ".eh_frame_hdr", ".touchstone.traps"] {
            assert!(structure.contains(expected), "{expected}: {structure}");
        }
        let Some(relocations) = tool("readelf", &["-r", "-W"], &bytes) else { return };
        assert!(relocations.contains("There are no relocations"), "{relocations}");
        let Some(code) = tool("objdump", &["-d"], &bytes) else { return };
        assert!(code.contains("divide") && code.contains("idiv"), "{code}");
        assert!(!code.contains("(bad)"), "everything in .text is code: {code}");
    }
}

#[test]
fn same_module_same_bytes() {
    for tier in [Tier::Speed, Tier::Quick] {
        let compiled = |threads| artifact(&engine(|config| _ = config.tier(tier).compile_threads(threads)));
        let first = compiled(Some(1));
        for threads in [Some(1), Some(2), Some(4), None] {
            assert!(compiled(threads) == first, "{threads:?} threads make another artifact");
        }
        let engine = engine(|config| _ = config.tier(tier));
        let module = Module::new(&engine, TEXT).unwrap();
        assert!(module.serialize() == first, "the text makes another artifact than its binary");
        assert!(Module::deserialize(&engine, &first).unwrap().serialize() == first, "loading changes the bytes");
    }
}

#[test]
fn every_cut_is_refused() {
    let engine = engine(|_| ());
    let bytes = artifact(&engine);
    let inspection = engine::inspect(&bytes).unwrap();
    let borders = inspection.sections.iter().flat_map(|section| [section.offset, section.offset + section.size]);
    let borders = borders.flat_map(|border| [border - 1, border, border + 1]).map(|border| border as usize);
    for length in borders.chain((0..bytes.len()).step_by(331)).filter(|&length| length < bytes.len()) {
        let message = refused(&engine, &bytes[..length]);
        assert!(["truncated", "empty", "too short"].iter().any(|what| message.contains(what)), "{length}: {message}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let engine = engine(|_| ());
    let mut bytes = artifact(&engine);
    for at in (0..bytes.len()).step_by(61) {
        bytes[at] ^= 1 << (at % 8);
        refused(&engine, &bytes);
        bytes[at] ^= 1 << (at % 8);
    }
    Module::deserialize(&engine, &bytes).expect("every bit is back");
}

#[test]
fn a_file_goes_through_the_same_checks() {
    let engine = engine(|_| ());
    let bytes = artifact(&engine);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.cwasm");
    std::fs::write(&path, &bytes).unwrap();
    Module::deserialize_file(&engine, &path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(Module::deserialize_file(&engine, &path).err().map(|error| error.kind()), Some(ErrorKind::Artifact));
    std::fs::write(&path, b"").unwrap();
    assert_eq!(Module::deserialize_file(&engine, &path).err().map(|error| error.kind()), Some(ErrorKind::Artifact));
}

#[test]
fn another_configuration_is_refused_by_name() {
    let bytes = artifact(&engine(|_| ()));
    let refused = |change: fn(&mut Config)| refused(&engine(change), &bytes);
    assert!(refused(|config| _ = config.tier(Tier::Quick)).contains("tier"));
    assert!(refused(|config| _ = config.features(Features::WASM_1_0)).contains("features"));
    assert!(refused(|config| _ = config.memory_checks(MemoryChecks::Explicit)).contains("memory checks"));
    assert!(refused(|config| _ = config.relaxed_simd_deterministic(true)).contains("relaxed SIMD"));
    assert!(refused(|config| _ = config.canonicalize_nans(true)).contains("NaN"));
    assert!(refused(|config| _ = config.consume_fuel(true)).contains("fuel"));
    assert!(refused(|config| _ = config.epoch_interruption(true)).contains("epoch"));
    assert!(refused(|config| _ = config.artifact_key(Some([1; 32]))).contains("key"));
    // Settings that do not shape the code may differ.
    let lenient = engine(|config| _ = config.compile_threads(Some(1)).max_wasm_stack(1 << 16));
    Module::deserialize(&lenient, &bytes).unwrap();
}

#[test]
fn keyed_artifacts_load_with_their_key_alone() {
    let keyed = |key| engine(|config| _ = config.artifact_key(Some([key; 32])));
    let bytes = artifact(&keyed(1));
    Module::deserialize(&keyed(1), &bytes).unwrap();
    assert!(refused(&keyed(2), &bytes).contains("another key"));
    assert!(refused(&engine(|_| ()), &bytes).contains("no `artifact_key`"));
    let inspection = engine::inspect(&bytes).unwrap();
    assert_eq!(inspection.digest.state, DigestState::NeedsKey);
    assert!(!inspection.is_sound() && inspection.to_string().contains("not verified: needs the key"), "{inspection}");
}

#[test]
fn without_the_full_digest_the_metadata_is_still_checked() {
    let engine = engine(|config| _ = config.digest_check(DigestCheck::Metadata));
    let mut bytes = artifact(&engine);
    Module::deserialize(&engine, &bytes).unwrap();
    let inspection = engine::inspect(&bytes).unwrap();
    let metadata = inspection.sections.iter().find(|section| section.name == ".touchstone.metadata").unwrap();
    bytes[metadata.offset as usize + 3] ^= 1;
    assert!(refused(&engine, &bytes).contains("digest of the metadata"));
}

#[test]
fn an_inspection_needs_no_fitting_configuration() {
    let bytes = artifact(&engine(|config| _ = config.tier(Tier::Quick).consume_fuel(true)));
    let inspection = engine::inspect(&bytes).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
    assert_eq!(inspection.module_name.as_deref(), Some("sample"));
    assert_eq!(inspection.config.tier, Tier::Quick);
    assert!(inspection.config.consume_fuel);
    assert!(inspection.traps > 0 && inspection.source_map > 0 && inspection.names > 0);
    assert_eq!(inspection.frames, inspection.functions.len());
    assert!(inspection.to_string().contains("divide"));
    assert_eq!(engine::inspect(b"\0asm\x01\0\0\0").err().map(|error| error.kind()), Some(ErrorKind::Artifact));
}

#[test]
fn a_loaded_artifact_runs() {
    for engine in tiers() {
        let wasm = wat::parse_str(
            r#"(module (func (export "add") (param i32 i32) (result i32)
            local.get 0 local.get 1 i32.add))"#,
        );
        let bytes = engine.compile(wasm.unwrap()).unwrap();
        let module = Module::deserialize(&engine, &bytes).unwrap();
        drop(bytes);
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add").unwrap();
        assert_eq!(add.call(&mut store, (40, 2)).unwrap(), 42);
    }
}
