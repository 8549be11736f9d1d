//! Makes a module record its own stack of calls.
//!
//! All modules of a case share a memory and two globals of one instance, [`MODULE`]. Slot `d` of the memory belongs to
//! the frame at depth `d`, counted from one. Before each instruction that may trap, throw or call, the frame writes the
//! number of that instruction, its *site*, into its slot, and its depth into the global `top`. So when something traps,
//! the slots up to `top` are the backtrace, as the module itself saw it: no unwinder, no table, no source map took
//! part.
//!
//! ```text
//! entry of a function    depth := top + step
//! before a call          step := 1
//! before a tail call     step := 0           the callee takes over the slot
//! ```
//!
//! Each call is also logged, with the slot of its frame: the log tells what the stack was when a host function was
//! called, though the function returned long ago. It has room for the first calls of an action.
//!
//! Nothing is recorded when a function returns or catches an exception: the next site of the frame that goes on sets
//! `top` again.

use super::extend::Extension;
use super::{Result, params};
use std::convert::Infallible;
use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    CodeSection, EntityType, Function, GlobalType, Instruction, MemArg, MemArgTarget, MemoryType, Module, ValType,
};
use wasmparser::{FunctionBody, KnownCustom, Name, Operator, Parser, Payload, TypeRef};

/// The name of the instance that holds the memory and the globals.
pub const MODULE: &str = "shadow";
/// The function of [`MODULE`] that begins anew. It returns the depth and the sites of the innermost frames, and then
/// the number of calls and the log of the first ones ([`read_entry`]).
pub const TAKE: &str = "take";
/// The number of sites that [`TAKE`] returns.
pub const SHOWN: usize = 40;

/// The number of logged calls that [`TAKE`] returns.
pub const LOGGED: usize = 64;

/// The size of a slot.
const SLOT: i32 = 4;
/// The pages of the slots: room for more frames than any stack.
const SLOT_PAGES: u64 = 32;
/// The pages of the memory.
const PAGES: u64 = SLOT_PAGES + 1;
/// The address of the log.
const LOG: u64 = SLOT_PAGES << 16;
/// The size of a logged call.
const ENTRY: i32 = 8;
/// The offset in the log of the entry that all further calls share.
const LAST: i32 = LOGGED as i32 * ENTRY;
/// The index of the memory in each module that records.
const MEMORY: u32 = 0;
/// The index of the global `top` in each module that records: the address of the slot of the last site.
const TOP: u32 = 0;
/// The index of the global `step` in each module that records.
const STEP: u32 = 1;
/// The index of the global `calls` in each module that records: the size of all entries, with those past the last.
const CALLS: u32 = 2;

/// An instruction that may be where a frame is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// The index of the function.
    pub function: u32,
    /// The function's name, if it has one.
    pub function_name: Option<String>,
    /// The module's name, if it has one.
    pub module_name: Option<String>,
    /// The offset of the instruction in the binary that records.
    pub offset: u64,
    /// True if the instruction is a tail call, whose frame is gone when the callee runs.
    pub is_tail_call: bool,
    /// True if the instruction may call a function of the host.
    pub may_leave: bool,
}

/// Returns the module [`MODULE`].
pub fn module() -> Vec<u8> {
    let results = "i32 ".repeat(SHOWN + 1);
    // A slot below the first one is empty memory, at address zero.
    let slots: String = (0..i32::try_from(SHOWN).unwrap_or_default())
        .map(|k| {
            let address = format!("(i32.sub (local.get 0) (i32.const {}))", k * SLOT);
            format!("(i32.load (select {address} (i32.const 0) (i32.gt_s {address} (i32.const 0))))\n")
        })
        .collect();
    let calls: String = (0..LOGGED)
        .map(|k| format!("(i64.load offset={LOG} (i32.const {}))", k * usize::try_from(ENTRY).unwrap_or_default()))
        .collect();
    let text = format!(
        "(module (memory (export \"stack\") {PAGES} {PAGES})
            (global $top (export \"top\") (mut i32) (i32.const 0))
            (global $step (export \"step\") (mut i32) (i32.const {SLOT}))
            (global $calls (export \"calls\") (mut i32) (i32.const 0))
            (func (export {TAKE:?}) (result {results} i32 {logged}) (local i32 i32)
                (local.set 0 (global.get $top)) (local.set 1 (global.get $calls))
                (global.set $top (i32.const 0)) (global.set $step (i32.const {SLOT}))
                (global.set $calls (i32.const 0))
                (i32.div_s (local.get 0) (i32.const {SLOT}))
                {slots}
                (i32.div_u (local.get 1) (i32.const {ENTRY}))
                {calls}))",
        logged = "i64 ".repeat(LOGGED)
    );
    wat::parse_str(text).expect("the module is well-formed")
}

/// Returns the depth and the site of a logged call.
pub fn read_entry(entry: i64) -> Option<(usize, usize)> {
    let [slot, site] = [entry >> 32, entry & i64::from(u32::MAX)];
    Some((usize::try_from(slot / i64::from(SLOT)).ok()?, usize::try_from(site).ok()?))
}

/// Returns `wasm` so that it records its stack, where its sites are numbered on from those in `sites`, which grows.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn record(wasm: &[u8], sites: &mut Vec<Site>) -> Result<Vec<u8>> {
    let first = sites.len();
    let mut recorder = Recorder { params: params(wasm)?.into_iter(), next: first, bodies: Vec::new() };
    recorder.parse_core_module(&mut Module::new(), Parser::new(0), wasm)?;
    let memory =
        MemoryType { minimum: PAGES, maximum: Some(PAGES), memory64: false, shared: false, page_size_log2: None };
    let global = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    let import = |name: &str, ty: EntityType| (MODULE.to_string(), name.to_string(), ty);
    let globals = ["top", "step", "calls"].map(|name| import(name, global.into()));
    let imports = [import("stack", memory.into())].into_iter().chain(globals).collect();
    let extension = Extension { imports, bodies: recorder.bodies, ..Extension::default() };
    let recording = extension.apply(wasm)?;
    find_sites(&recording, first..recorder.next, sites)?;
    Ok(recording)
}

/// Makes the bodies that record, with the indices that the module has after the change.
struct Recorder {
    /// The numbers of parameters of the functions whose bodies are still to come.
    params: std::vec::IntoIter<usize>,
    /// The number of the next site.
    next: usize,
    bodies: Vec<Function>,
}

impl Reencode for Recorder {
    type Error = Infallible;

    fn memory_index(&mut self, memory: u32) -> Result<u32> {
        Ok(memory + 1)
    }

    fn global_index(&mut self, global: u32) -> Result<u32> {
        Ok(global + 3)
    }

    fn parse_function_body(&mut self, _: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let mut depth = self.params.next().ok_or(Error::InvalidCodeSectionSize)?;
        let mut locals = Vec::new();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.push((count, self.val_type(ty)?));
            depth += count as usize;
        }
        locals.push((1, ValType::I32));
        let depth = u32::try_from(depth).expect("a valid function has fewer than 2^32 locals");
        let mut function = Function::new(locals);
        for instruction in [
            Instruction::GlobalGet(TOP),
            Instruction::GlobalGet(STEP),
            Instruction::I32Add,
            Instruction::LocalSet(depth),
        ] {
            function.instruction(&instruction);
        }
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let operator = reader.read()?;
            self.note(&operator, depth, &mut function);
            function.instruction(&self.instruction(operator)?);
        }
        self.bodies.push(function);
        Ok(())
    }
}

impl Recorder {
    /// Adds the code that records an instruction, if it may be where a frame is. The last instruction of it is the
    /// store.
    fn note(&mut self, operator: &Operator<'_>, depth: u32, function: &mut Function) {
        let step = match find_kind(operator) {
            SiteKind::None => return,
            SiteKind::Trap => None,
            SiteKind::Call => Some(SLOT),
            SiteKind::TailCall => Some(0),
        };
        let site = i32::try_from(self.next).expect("a case has fewer than 2^31 instructions");
        self.next += 1;
        if let Some(step) = step {
            function.instruction(&Instruction::I32Const(step)).instruction(&Instruction::GlobalSet(STEP));
            log_call(depth, site, function);
        }
        for instruction in [
            Instruction::LocalGet(depth),
            Instruction::GlobalSet(TOP),
            Instruction::LocalGet(depth),
            Instruction::I32Const(site),
            Instruction::I32Store(MemArg { offset: 0, align: 2, target: MemArgTarget::Memory(MEMORY), ordering: None }),
        ] {
            function.instruction(&instruction);
        }
    }
}

/// Adds the code that logs a call.
fn log_call(depth: u32, site: i32, function: &mut Function) {
    for instruction in [
        // The address: entries past the last one replace each other.
        Instruction::GlobalGet(CALLS),
        Instruction::I32Const(LAST),
        Instruction::GlobalGet(CALLS),
        Instruction::I32Const(LAST),
        Instruction::I32LtU,
        Instruction::Select,
        // The entry.
        Instruction::LocalGet(depth),
        Instruction::I64ExtendI32U,
        Instruction::I64Const(32),
        Instruction::I64Shl,
        Instruction::I64Const(site.into()),
        Instruction::I64Or,
        Instruction::I64Store(MemArg { offset: LOG, align: 3, target: MemArgTarget::Memory(MEMORY), ordering: None }),
        Instruction::GlobalGet(CALLS),
        Instruction::I32Const(ENTRY),
        Instruction::I32Add,
        Instruction::GlobalSet(CALLS),
    ] {
        function.instruction(&instruction);
    }
}

enum SiteKind {
    /// It never stops, and calls nothing.
    None,
    /// It may trap or throw.
    Trap,
    Call,
    TailCall,
}

fn find_kind(operator: &Operator<'_>) -> SiteKind {
    use Operator as O;
    match operator {
        O::Call { .. } | O::CallIndirect { .. } | O::CallRef { .. } => SiteKind::Call,
        O::ReturnCall { .. } | O::ReturnCallIndirect { .. } | O::ReturnCallRef { .. } => SiteKind::TailCall,
        O::Nop
        | O::Block { .. }
        | O::Loop { .. }
        | O::If { .. }
        | O::Else
        | O::End
        | O::Br { .. }
        | O::BrIf { .. }
        | O::BrTable { .. }
        | O::BrOnNull { .. }
        | O::BrOnNonNull { .. }
        | O::BrOnCast { .. }
        | O::BrOnCastFail { .. }
        | O::Return
        | O::Try { .. }
        | O::Catch { .. }
        | O::CatchAll
        | O::Delegate { .. }
        | O::TryTable { .. }
        | O::Drop
        | O::Select
        | O::TypedSelect { .. }
        | O::LocalGet { .. }
        | O::LocalSet { .. }
        | O::LocalTee { .. }
        | O::GlobalGet { .. }
        | O::GlobalSet { .. }
        | O::I32Const { .. }
        | O::I64Const { .. }
        | O::F32Const { .. }
        | O::F64Const { .. }
        | O::V128Const { .. }
        | O::RefNull { .. }
        | O::RefFunc { .. }
        | O::RefIsNull
        | O::RefEq
        | O::I32Add
        | O::I32Sub
        | O::I32Mul
        | O::I32And
        | O::I32Or
        | O::I32Xor
        | O::I32Eqz
        | O::I64Add
        | O::I64Sub
        | O::I64Mul => SiteKind::None,
        _ => SiteKind::Trap,
    }
}

/// Adds the sites with these numbers, which follow the code that records them.
fn find_sites(wasm: &[u8], numbers: Range<usize>, sites: &mut Vec<Site>) -> Result<()> {
    let (mut imported, mut function, mut names, mut module_name) = (0, 0, Vec::new(), None);
    let first = sites.len();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
                function = imported;
            }
            Payload::CodeSectionEntry(body) => {
                for (operator, offset) in find_body_sites(&body)? {
                    let is_tail_call = matches!(find_kind(&operator), SiteKind::TailCall);
                    let may_leave = may_leave(&operator, imported);
                    let (function_name, module_name) = (None, None);
                    sites.push(Site { function, function_name, module_name, offset, is_tail_call, may_leave });
                }
                function += 1;
            }
            Payload::CustomSection(section) => {
                let KnownCustom::Name(section) = section.as_known() else { continue };
                for name in section {
                    match name? {
                        Name::Module { name, .. } => module_name = Some(name.to_string()),
                        Name::Function(map) => names = map.into_iter().collect::<std::result::Result<Vec<_>, _>>()?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    debug_assert_eq!(sites.len() - first, numbers.len(), "each site is found");
    for site in &mut sites[first..] {
        let naming = names.iter().find(|naming| naming.index == site.function);
        site.function_name = naming.map(|naming| naming.name.to_string());
        site.module_name = module_name.clone();
    }
    Ok(())
}

/// Returns whether an instruction may call a function of the host, in a module with this many imported functions.
fn may_leave(operator: &Operator<'_>, imported: u32) -> bool {
    match operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => *function_index < imported,
        _ => matches!(find_kind(operator), SiteKind::Call | SiteKind::TailCall),
    }
}

/// Returns the instructions right after the stores that record them, with their offsets, in order.
fn find_body_sites<'a>(body: &FunctionBody<'a>) -> Result<Vec<(Operator<'a>, u64)>> {
    let mut reader = body.get_operators_reader()?;
    const STACK: wasmparser::MemArgTarget = wasmparser::MemArgTarget::Memory(MEMORY);
    let (mut found, mut is_recorded) = (Vec::new(), false);
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        // Nothing else stores numbers of 32 bits there.
        let records = matches!(operator, Operator::I32Store { memarg } if memarg.target == STACK);
        if std::mem::replace(&mut is_recorded, records) {
            found.push((operator, offset));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_records_is_valid() {
        let text = r#"(module $m (import "a" "f" (func $f)) (memory 1) (global $g (mut i32) (i32.const 7))
            (func $g (param i32) (call $f) (i32.store (local.get 0) (global.get $g)) (return_call $g (i32.const 1))))"#;
        let mut sites = Vec::new();
        let wasm = record(&wat::parse_str(text).expect("it parses"), &mut sites).expect("it is valid");
        assert!(lanes::is_valid_with(&wasm, lanes::Features::all()));
        let shown: Vec<_> = sites.iter().map(|site| (site.function, site.function_name.as_deref())).collect();
        assert_eq!(shown, [(1, Some("g")); 3]);
        assert_eq!(sites[0].module_name.as_deref(), Some("m"));
        let opcodes: Vec<_> = sites.iter().map(|site| wasm[usize::try_from(site.offset).expect("small")]).collect();
        assert_eq!(opcodes, [0x10, 0x36, 0x12], "call, i32.store, return_call");
        assert_eq!([0, 1, 2].map(|site| sites[site].may_leave), [true, false, false], "$f may be of the host");
        assert_eq!([0, 1, 2].map(|site| sites[site].is_tail_call), [false, false, true]);
        assert!(lanes::is_valid_with(&module(), lanes::Features::WASM_2_0));
    }
}
