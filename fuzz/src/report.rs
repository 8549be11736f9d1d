//! A finding as a person wants to read it: what differs, where, under which options, and the modules as text.

use crate::case::Case;
use crate::oracle::Finding;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Modules of at most so many lines stand in the report itself.
const INLINE_LINES: usize = 120;

/// The report of a finding.
pub fn report(case: &Case, finding: &Finding) -> String {
    let mut text = format!("{finding}\n\n");
    for (tier, options) in &case.options {
        let _infallible = writeln!(text, "{tier}: {options:?}");
    }
    let mut hasher = DefaultHasher::new();
    case.main.hash(&mut hasher);
    let digest = hasher.finish();
    let library = case.library.iter().map(|wasm| ("library", wasm));
    for (name, wasm) in library.chain([("main", &case.main)]) {
        let wat = text_of(wasm);
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

/// The module's text; each instruction has its offset, as it stands in frames.
fn text_of(wasm: &[u8]) -> String {
    let mut text = String::new();
    let printed = wasmprinter::Config::new()
        .print_offsets(true)
        .name_unnamed(true)
        .print(wasm, &mut wasmprinter::PrintFmtWrite(&mut text));
    match printed {
        Ok(()) => text,
        Err(error) => format!(";; cannot be printed: {error}"),
    }
}

fn save(path: &Path, wasm: &[u8], wat: &str) -> std::io::Result<()> {
    std::fs::write(path.with_extension("wat"), wat)?;
    std::fs::write(path.with_extension("wasm"), wasm)
}
