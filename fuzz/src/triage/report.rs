//! A finding for people: who differs, where, under which options, and the modules as text or as a script.

use super::known::NewFinding;
use crate::generate::case::{Action, Call, Case, Instantiation};
use crate::oracle::Report;
use lanes::{Features, Reference, Value};
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
        let mut text = format!("{}\n\n", self.summary());
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

    /// The script makes the same calls. It needs the fuzzer's host functions if its modules import them.
    fn script(&self) -> Option<String> {
        let case = &self.case;
        let mut text = ";;! features: 2.0".to_string();
        for name in (case.needed - Features::WASM_2_0).names() {
            let _infallible = write!(text, ", {name}");
        }
        text.push('\n');
        for line in self.summary().lines() {
            let _infallible = writeln!(text, ";; {line}");
        }
        for host in &case.hosts {
            let _infallible = writeln!(text, ";; host function {}.{}: {:?}", host.module, host.name, host.behavior);
        }
        for (k, wasm) in case.modules.iter().enumerate() {
            text += &define_module(&name_module(case, k), wasm);
        }
        for action in &case.actions {
            let _infallible = match action {
                Action::Instantiate(Instantiation { module, name }) => {
                    let module = name_module(case, *module);
                    writeln!(text, "(module instance ${name} $module-{module})\n(register {name:?} ${name})")
                }
                Action::Call(Call { instance, function, arguments }) => {
                    let arguments: String =
                        arguments.iter().map(|&value| format!(" {}", format_constant(value))).collect();
                    writeln!(text, "(invoke ${instance} {function:?}{arguments})")
                }
            };
        }
        Some(text)
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

/// Returns the definition of the module `$module-NAME`, which takes the place of the module's own name.
fn define_module(name: &str, wasm: &[u8]) -> String {
    let text = format_module(wasm, false);
    let rest = text.strip_prefix("(module").unwrap_or(&text);
    let rest = match rest.strip_prefix(" $") {
        Some(named) => &named[named.find(|next: char| next.is_whitespace() || next == ')').unwrap_or(0)..],
        None => rest,
    };
    format!("(module definition $module-{name}{rest}")
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
fn format_module(wasm: &[u8], offsets: bool) -> String {
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

/// Returns the constant of a script that is this value.
fn format_constant(value: Value) -> String {
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
