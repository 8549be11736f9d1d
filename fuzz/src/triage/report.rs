//! A finding as a person wants to read it: who differs, where, under which options, and the modules as text.

use super::known::New;
use crate::generate::graft::LIBRARY;
use lanes::{Features, Reference, Value};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Modules of at most so many lines stand in the report itself.
const INLINE_LINES: usize = 120;

/// The report of a finding. Long modules are written to files in the directory for temporary files.
pub fn report(New { finding, case }: &New) -> String {
    let mut text = format!("{finding}\n\n");
    for (tier, options) in &case.options {
        let _infallible = writeln!(text, "{tier}: {options:?}");
    }
    let mut hasher = DefaultHasher::new();
    case.main.hash(&mut hasher);
    let digest = hasher.finish();
    let library = case.library.iter().map(|wasm| ("library", wasm));
    for (name, wasm) in library.chain([("main", &case.main)]) {
        let wat = text_of(wasm, true);
        let lines = wat.lines().count();
        if lines <= INLINE_LINES {
            let _infallible = write!(text, "\nmodule {name}:\n{wat}\n");
            continue;
        }
        let path = std::env::temp_dir().join(format!("touchstone-{digest:016x}-{name}"));
        let _infallible = match save(&path, wasm, &wat) {
            Ok(()) => writeln!(text, "module {name} ({lines} lines): {0}.wat, {0}.wasm", path.display()),
            Err(error) => writeln!(text, "module {name} ({lines} lines) cannot be saved: {error}"),
        };
    }
    text
}

/// A finding as a script that makes the same calls. It needs the fuzzer's host functions if its modules import them.
pub fn script(New { finding, case }: &New) -> String {
    let features: String = (case.needed - Features::WASM_2_0).names().map(|name| format!(", {name}")).collect();
    let mut text = format!(";;! features: 2.0{features}\n");
    for line in finding.to_string().lines() {
        let _infallible = writeln!(text, ";; {line}");
    }
    for host in &case.hosts {
        let _infallible = writeln!(text, ";; host function {}.{}: {:?}", host.module, host.name, host.behavior);
    }
    if let Some(library) = &case.library {
        let _infallible = writeln!(text, "{}(register {LIBRARY:?})", text_of(library, false));
    }
    text += &text_of(&case.main, false);
    for call in &case.calls {
        let arguments: String = call.arguments.iter().map(|&value| format!(" {}", constant(value))).collect();
        let _infallible = writeln!(text, "(invoke {:?}{arguments})", call.function);
    }
    text
}

/// The module's text, with the offset of each instruction as it stands in frames if wanted.
fn text_of(wasm: &[u8], offsets: bool) -> String {
    let mut text = String::new();
    let printed = wasmprinter::Config::new()
        .print_offsets(offsets)
        .name_unnamed(offsets)
        .print(wasm, &mut wasmprinter::PrintFmtWrite(&mut text));
    match printed {
        Ok(()) => text,
        Err(error) => format!(";; cannot be printed: {error}"),
    }
}

/// A value as scripts write it.
fn constant(value: Value) -> String {
    match value {
        Value::I32(value) => format!("(i32.const {value})"),
        Value::I64(value) => format!("(i64.const {value})"),
        Value::F32(bits) => {
            let sign = if bits >> 31 == 0 { "" } else { "-" };
            match f32::from_bits(bits) {
                value if value.is_nan() => format!("(f32.const {sign}nan:{:#x})", bits & 0x7f_ffff),
                value => format!("(f32.const {value:?})"),
            }
        }
        Value::F64(bits) => {
            let sign = if bits >> 63 == 0 { "" } else { "-" };
            match f64::from_bits(bits) {
                value if value.is_nan() => format!("(f64.const {sign}nan:{:#x})", bits & 0xf_ffff_ffff_ffff),
                value => format!("(f64.const {value:?})"),
            }
        }
        Value::V128(bits) => format!("(v128.const i64x2 {:#x} {:#x})", bits & u128::from(u64::MAX), bits >> 64),
        Value::Ref(Reference::Extern(number)) => format!("(ref.extern {number})"),
        Value::Ref(Reference::Null(heap)) => format!("(ref.null {heap})"),
        Value::Ref(Reference::Host(number)) => format!("(ref.host {number})"),
        // Scripts have no such argument.
        Value::Ref(reference) => format!("(; {reference} ;) (ref.null any)"),
    }
}

fn save(path: &Path, wasm: &[u8], wat: &str) -> std::io::Result<()> {
    std::fs::write(path.with_extension("wat"), wat)?;
    std::fs::write(path.with_extension("wasm"), wasm)
}
