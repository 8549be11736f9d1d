//! A finding for people: who differs, where, under which options, and the modules as text or as a script.

use super::known::NewFinding;
use super::{javascript, script};
use crate::generate::case::{Action, Case};
use crate::oracle::Report;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// The number of lines up to which a module is part of the report itself.
const INLINE_LINES: usize = 120;

impl Report for NewFinding {
    fn signature(&self) -> String {
        self.finding.signature()
    }

    fn summary(&self) -> String {
        let lines = std::iter::once(self.finding.to_string()).chain(self.case.describe_settings());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Long modules are written to files in the directory for temporary files.
    fn details(&self) -> String {
        let mut text = String::new();
        for remark in &self.remarks {
            let _infallible = writeln!(text, "{remark}");
        }
        let _infallible = writeln!(text, "{}\n", self.summary());
        for (tier, options) in &self.case.options {
            let _infallible = writeln!(text, "{tier}: {options:?}");
        }
        let mut hasher = DefaultHasher::new();
        self.case.modules.hash(&mut hasher);
        let digest = hasher.finish();
        for (k, wasm) in self.case.modules.iter().enumerate() {
            add_module(&mut text, &name_module(&self.case, k), wasm, digest);
        }
        text
    }

    fn script(&self) -> Option<String> {
        Some(script::write(self))
    }

    fn javascript(&self) -> Result<String, String> {
        match javascript::find_obstacle(&self.case) {
            Some(obstacle) => Err(obstacle.to_string()),
            None => Ok(javascript::write(self)),
        }
    }
}

/// Returns the name of a module in reports: that of its first instance.
fn name_module(case: &Case, module: usize) -> String {
    let mut instances = case.actions.iter().filter_map(|action| match action {
        Action::Instantiate(instantiation) if instantiation.module == module => Some(instantiation.name.clone()),
        _ => None,
    });
    instances.next().unwrap_or_else(|| format!("{module}"))
}

/// Adds a module as text, or the path of the files that hold it.
fn add_module(text: &mut String, name: &str, wasm: &[u8], digest: u64) {
    let wat = format_module(wasm, true);
    let lines = wat.lines().count();
    if lines <= INLINE_LINES {
        let _infallible = write!(text, "\nmodule {name}:\n{wat}\n");
        return;
    }
    let path = std::env::temp_dir().join(format!("touchstone-{digest:016x}-{name}"));
    let _infallible = match save(&path, wasm, &wat) {
        Ok(()) => writeln!(text, "module {name} ({lines} lines): {0}.wat, {0}.wasm", path.display()),
        Err(error) => writeln!(text, "module {name} ({lines} lines) cannot be saved: {error}"),
    };
}

fn save(path: &Path, wasm: &[u8], wat: &str) -> std::io::Result<()> {
    std::fs::write(path.with_extension("wat"), wat)?;
    std::fs::write(path.with_extension("wasm"), wasm)
}

/// Returns the module as text, on request with the offset of each instruction, as backtraces show it.
pub(super) fn format_module(wasm: &[u8], offsets: bool) -> String {
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
