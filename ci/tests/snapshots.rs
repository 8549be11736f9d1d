//! The trap snapshots against the modules of their scripts. This test reads the modules by itself, because a blessed
//! mistake is still a mistake.
//!
//! For each frame of each snapshot, the function exists, has that name, and has an instruction at that offset. In the
//! innermost frame the instruction can raise that trap; in every other frame it is a call that can lead to the frame
//! inside. The test cannot tell which of several instructions of one kind trapped, or how often a function recurs: a
//! reviewer must count.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload, TypeRef};
use wast::{QuoteWat, WastDirective, WastExecute, Wat};

/// The part of a script's module that frames of a backtrace name.
#[derive(Default)]
struct Module {
    name: Option<String>,
    imported_functions: u32,
    function_names: HashMap<u32, String>,
    /// The instructions of each defined function, by offset in the binary.
    bodies: Vec<HashMap<u64, Instruction>>,
    /// For each defined function, whether it has a tail call, which replaces its frame by another function's.
    leaves_by_tail_call: Vec<bool>,
}

impl Module {
    /// Returns whether a call of this function can lead to another function's frame: it is imported, or has a tail
    /// call.
    fn may_be_replaced(&self, function: u32) -> bool {
        let Some(defined) = function.checked_sub(self.imported_functions) else { return true };
        self.leaves_by_tail_call[defined as usize]
    }
}

/// The kind of a frame's instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Instruction {
    Call(u32),
    CallIndirect,
    CallRef,
    /// An instruction that resumes a stack.
    Resume,
    /// Any other instruction, with the traps that it can raise.
    Other(&'static [&'static str]),
}

/// One frame of a snapshot: `MODULE!INDEX $NAME @0xOFFSET`. Both names may be missing.
#[derive(Debug)]
struct Frame {
    module: Option<String>,
    function: u32,
    name: Option<String>,
    offset: u64,
}

const MEMORY: &[&str] = &["memory-out-of-bounds"];
const ATOMIC: &[&str] = &["memory-out-of-bounds", "unaligned-atomic"];
const WAIT: &[&str] = &["memory-out-of-bounds", "unaligned-atomic", "expected-shared-memory"];
const TABLE: &[&str] = &["table-out-of-bounds"];
const NULL: &[&str] = &["null-reference"];
const ARRAY: &[&str] = &["null-reference", "array-out-of-bounds"];
const CONTINUATION: &[&str] = &["null-reference", "continuation-consumed"];
const RESUME_THROW: &[&str] = &["null-reference", "continuation-consumed", "exception"];
const SWITCH: &[&str] = &["null-reference", "continuation-consumed", "unhandled-tag"];
const CALL_INDIRECT: &[&str] = &["undefined-element", "uninitialized-element", "indirect-call-type-mismatch"];

/// Returns the traps that an instruction other than a call can raise, by its name in the text format.
fn traps(mnemonic: &str) -> &'static [&'static str] {
    let operation = mnemonic.split_once('.').map_or(mnemonic, |(_, operation)| operation);
    match mnemonic {
        "unreachable" => &["unreachable"],
        "throw" | "rethrow" => &["exception"],
        "throw.ref" => &["exception", "null-reference"],
        "memory.copy" | "memory.fill" | "memory.init" => MEMORY,
        "cont.new" => NULL,
        "cont.bind" => CONTINUATION,
        "suspend" => &["unhandled-tag", "exception"],
        "switch" => SWITCH,
        "ref.as_non_null" | "array.len" | "i31.get_s" | "i31.get_u" => NULL,
        "ref.cast_non_null" | "ref.cast_nullable" => &["cast-failure"],
        "ref.cast_desc_eq_non_null" | "ref.cast_desc_eq_nullable" => &["cast-failure", "null-reference"],
        "ref.get_desc" | "br.on_cast_desc_eq" | "br.on_cast_desc_eq_fail" => NULL,
        "struct.new_desc" | "struct.new_default_desc" => NULL,
        "array.get" | "array.get_s" | "array.get_u" | "array.set" | "array.fill" | "array.copy" => ARRAY,
        "array.init_data" => &["null-reference", "array-out-of-bounds", "memory-out-of-bounds"],
        "array.init_elem" => &["null-reference", "array-out-of-bounds", "table-out-of-bounds"],
        "array.new_data" => MEMORY,
        "array.new_elem" => TABLE,
        _ if mnemonic.starts_with("struct.get") || mnemonic == "struct.set" => NULL,
        "table.get" | "table.set" | "table.copy" | "table.fill" | "table.init" => TABLE,
        "memory.atomic_wait32" | "memory.atomic_wait64" => WAIT,
        _ if operation.starts_with("atomic_") => ATOMIC,
        _ if operation.starts_with("load") || operation.starts_with("store") => MEMORY,
        _ => match operation {
            "div_s" => &["integer-divide-by-zero", "integer-overflow"],
            "div_u" | "rem_s" | "rem_u" => &["integer-divide-by-zero"],
            "trunc_f32_s" | "trunc_f32_u" | "trunc_f64_s" | "trunc_f64_u" => {
                &["invalid-conversion-to-integer", "integer-overflow"]
            }
            _ => &[],
        },
    }
}

/// Returns the name of an operator in the text format, from wasmparser's table of visitor names.
fn mnemonic(operator: &Operator<'_>) -> String {
    macro_rules! name {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $type:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => stringify!($visit),)*
                _ => "",
            }
        };
    }
    let name = wasmparser::for_each_operator!(name).trim_start_matches("visit_");
    // `visit_i32_div_s` is `i32.div_s`: only the first underscore stands for the dot.
    name.replacen('_', ".", 1)
}

fn read_module(binary: &[u8]) -> Module {
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(binary) {
        match payload.expect("the script's module decodes") {
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(|import| import.expect("the import decodes"));
                let functions = imports.filter(|import| matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                module.imported_functions = u32::try_from(functions.count()).expect("there are few imports");
            }
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().expect("the body decodes").into_iter_with_offsets();
                let operators: Vec<_> = operators.map(|operator| operator.expect("the operator decodes")).collect();
                module.leaves_by_tail_call.push(operators.iter().any(|(operator, _)| is_tail_call(operator)));
                module
                    .bodies
                    .push(operators.iter().map(|(operator, offset)| (*offset, instruction(operator))).collect());
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    // A malformed name section has no names; those before the fault do not count either.
                    if let Ok(names) = names.collect::<Result<Vec<_>, _>>() {
                        let _ = read_names(&mut module, names);
                    }
                }
            }
            _ => {}
        }
    }
    module
}

fn read_names(module: &mut Module, names: Vec<Name<'_>>) -> wasmparser::Result<()> {
    let mut functions = HashMap::new();
    for name in names {
        match name {
            Name::Module { name, .. } => module.name = Some(name.to_owned()),
            Name::Function(map) => {
                for naming in map {
                    let naming = naming?;
                    functions.insert(naming.index, naming.name.to_owned());
                }
            }
            _ => {}
        }
    }
    module.function_names = functions;
    Ok(())
}

fn instruction(operator: &Operator<'_>) -> Instruction {
    match operator {
        Operator::Call { function_index } => Instruction::Call(*function_index),
        Operator::CallIndirect { .. } => Instruction::CallIndirect,
        Operator::CallRef { .. } => Instruction::CallRef,
        Operator::Resume { .. } | Operator::ResumeThrow { .. } | Operator::ResumeThrowRef { .. } => Instruction::Resume,
        // Tail calls can trap, but they are never callers: their frames are gone by then.
        Operator::ReturnCallIndirect { .. } => Instruction::Other(CALL_INDIRECT),
        Operator::ReturnCallRef { .. } => Instruction::Other(NULL),
        other => Instruction::Other(traps(&mnemonic(other))),
    }
}

fn is_tail_call(operator: &Operator<'_>) -> bool {
    use Operator::{ReturnCall, ReturnCallIndirect, ReturnCallRef};
    matches!(operator, ReturnCall { .. } | ReturnCallIndirect { .. } | ReturnCallRef { .. })
}

/// Returns every module of a script that can be instantiated, including modules whose instantiation must trap.
fn modules(path: &Path) -> Vec<Module> {
    let text = fs::read_to_string(path).expect("the script can be read");
    let mut lexer = wast::lexer::Lexer::new(&text);
    lexer.allow_confusing_unicode(true);
    let buffer = wast::parser::ParseBuffer::new_with_lexer(lexer).expect("the script has known tokens");
    let script = wast::parser::parse::<wast::Wast<'_>>(&buffer).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let binaries = script.directives.into_iter().filter_map(|directive| match directive {
        WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => Some(encode(&mut module)),
        WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => Some(encode_text(module)),
        _ => None,
    });
    binaries.map(|binary| read_module(&binary)).collect()
}

fn encode(module: &mut QuoteWat<'_>) -> Vec<u8> {
    module.encode().expect("the module encodes")
}

fn encode_text(module: Wat<'_>) -> Vec<u8> {
    encode(&mut QuoteWat::Wat(module))
}

/// Returns the traps of a snapshot: the line, the kind, and the frames, the innermost first.
fn read_snapshot(text: &str) -> Vec<(u32, String, Vec<Frame>)> {
    let mut traps: Vec<(u32, String, Vec<Frame>)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(' ') {
            let frames = &mut traps.last_mut().expect("a frame follows its trap").2;
            frames.push(read_frame(line.trim()));
        } else {
            let (number, kind) = line.split_once(' ').expect("a trap has a line and a kind");
            traps.push((number.parse().expect("the line is a number"), kind.to_owned(), Vec::new()));
        }
    }
    traps
}

fn read_frame(text: &str) -> Frame {
    let (function, offset) = text.rsplit_once(" @0x").expect("a frame has an offset");
    // A function's name can contain anything: the index ends where the first ` $` begins.
    let (function, name) = match function.split_once(" $") {
        Some((function, name)) => (function, Some(name.to_owned())),
        None => (function, None),
    };
    let (module, function) = function.rsplit_once('!').expect("a frame has a module, if only a nameless one");
    Frame {
        module: (!module.is_empty()).then(|| module.to_owned()),
        function: function.parse().expect("the index is a number"),
        name,
        offset: u64::from_str_radix(offset, 16).expect("the offset is hexadecimal"),
    }
}

/// Returns the instruction at the frame's offset in each module of the script that the frame can belong to.
fn instructions(modules: &[Module], frame: &Frame) -> Vec<Instruction> {
    let candidates = modules.iter().filter(|module| module.name == frame.module);
    let found = candidates.filter_map(|module| {
        let defined = frame.function.checked_sub(module.imported_functions)?;
        let has_name = module.function_names.get(&frame.function) == frame.name.as_ref();
        let instruction = module.bodies.get(usize::try_from(defined).ok()?)?.get(&frame.offset)?;
        let instruction = match instruction {
            // The frame inside can be of any function, not only of this one.
            Instruction::Call(callee) if module.may_be_replaced(*callee) => Instruction::CallIndirect,
            other => other.clone(),
        };
        has_name.then_some(instruction)
    });
    found.collect()
}

/// Returns the first fault of a trap's frames, the innermost first.
fn find_fault(modules: &[Module], kind: &str, frames: &[Frame]) -> Option<String> {
    for (depth, frame) in frames.iter().enumerate() {
        let found = instructions(modules, frame);
        let within = depth.checked_sub(1).map(|within| &frames[within]);
        let possible = found.iter().any(|instruction| match (instruction, within) {
            (Instruction::Other(traps), None) => traps.contains(&kind),
            (Instruction::CallIndirect, None) => CALL_INDIRECT.contains(&kind),
            (Instruction::CallRef, None) => NULL.contains(&kind),
            (Instruction::Resume, None) => RESUME_THROW.contains(&kind),
            (Instruction::Call(_), None) | (Instruction::Other(_), Some(_)) => false,
            // A table, a reference, an import or the host can lead to any function.
            (Instruction::CallIndirect | Instruction::CallRef | Instruction::Resume, Some(_)) => true,
            (Instruction::Call(callee), Some(within)) => *callee == within.function && frame.module == within.module,
        });
        if !possible {
            return Some(format!("frame {depth}, {frame:?}, is at {found:?}"));
        }
    }
    None
}

fn scripts() -> Vec<PathBuf> {
    files_with("wast")
}

/// Returns the files of our own scripts with this extension, sorted.
fn files_with(wanted: &str) -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let folders = [tests.clone(), tests.join("../interpreter/tests/ahead")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("the scripts' directory can be read"));
    let paths = entries.map(|entry| entry.expect("the directory can be read").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == wanted)).collect();
    files.sort();
    files
}

#[test]
fn frames_stand_at_instructions_that_trap_or_call() {
    let (mut traps, mut frames, mut deepest) = (0, 0, 0);
    let mut wrong = Vec::new();
    for script in scripts() {
        let Ok(snapshot) = fs::read_to_string(script.with_extension("traps")) else { continue };
        let modules = modules(&script);
        for (line, kind, trace) in read_snapshot(&snapshot) {
            traps += 1;
            frames += trace.len();
            deepest = deepest.max(trace.len());
            wrong
                .extend(find_fault(&modules, &kind, &trace).map(|what| format!("{}:{line}: {what}", script.display())));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    println!("{traps} traps with {frames} frames, the deepest trace has {deepest}");
    assert!(traps >= 200 && deepest >= 50, "the snapshots are not all there: {traps} traps, depth {deepest}");
}

/// A script in which something traps has a snapshot, and a snapshot has a script.
#[test]
fn every_trapping_script_has_a_snapshot() {
    let scripts = scripts();
    assert!(scripts.len() >= 45, "{} scripts", scripts.len());
    for script in &scripts {
        let text = fs::read_to_string(script).expect("the script can be read");
        let traps = ["(assert_trap", "(assert_exhaustion", "(assert_exception", "(assert_suspension"]
            .iter()
            .any(|stops| text.contains(stops));
        assert_eq!(script.with_extension("traps").is_file(), traps, "{}", script.display());
    }
    for path in files_with("traps") {
        assert!(scripts.contains(&path.with_extension("wast")), "{} has no script", path.display());
    }
}

/// The check must notice each mistake that a wrong source map or a wrong unwinder would make.
#[test]
fn planted_mistakes_are_noticed() {
    let text = "(module $m (func $f (drop (i32.div_u (i32.const 1) (i32.const 0)))) (func $g nop (call $f)))";
    let buffer = wast::parser::ParseBuffer::new(text).expect("known tokens");
    let modules = [read_module(&encode_text(wast::parser::parse(&buffer).expect("a module")))];
    let offset = |function: usize, wanted: &Instruction| {
        let mut found = modules[0].bodies[function].iter().filter(|(_, instruction)| *instruction == wanted);
        *found.next().expect("the function has such an instruction").0
    };
    let division = offset(0, &Instruction::Other(&["integer-divide-by-zero"]));
    let call = offset(1, &Instruction::Call(0));
    let wrong = |kind: &str, frames: &[String]| {
        let frames: Vec<Frame> = frames.iter().map(|frame| read_frame(frame)).collect();
        find_fault(&modules, kind, &frames).is_some()
    };
    let inner = |shift: u64| format!("m!0 $f @{:#x}", division + shift);
    let outer = |shift: u64| format!("m!1 $g @{:#x}", call - shift);
    let zero = "integer-divide-by-zero";
    assert!(!wrong(zero, &[inner(0), outer(0)]));
    assert!(wrong("unreachable", &[inner(0), outer(0)]), "the division cannot raise this");
    assert!(wrong(zero, &[inner(1), outer(0)]), "the next instruction");
    assert!(wrong(zero, &[inner(0), outer(1)]), "the instruction before the call");
    assert!(wrong(zero, &[outer(0)]), "a call cannot divide by zero");
    assert!(wrong(zero, &[inner(0), outer(0), outer(0)]), "this call does not lead there");
    assert!(wrong(zero, &[format!("m!0 $h @{division:#x}")]), "another name");
    assert!(wrong(zero, &[format!("n!0 $f @{division:#x}")]), "another module");
}
