//! Compiles CLIF to machine code, and collects what the artifact's tables say about it.
//!
//! In: a finished [`ir::Function`] and the target machine. Out: a [`CompiledCode`], whose offsets are relative to its
//! own start. `link` gives it an offset in the text.

use super::arch;
use super::clif::{trap_code, trap_of};
use super::symbol::Symbol;
use super::translate::LocalChange;
use super::value_locations::{self, Variables, Watched};
use crate::artifact::handlers::Catch;
use crate::base::{Error, ErrorKind, Result, Trap, WasmOffset};
use crate::wasm::index::{TagIndex, TypeIndex};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{self, InstBuilder, InstructionData};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::settings::OptLevel;
use cranelift_codegen::{
    CodegenError, CodegenResult, CompiledCode as MachineCode, Context, ExceptionContextLoc,
    FinalizedMachExceptionHandler, FinalizedRelocTarget, ValueLabelsRanges,
};
use gimli::write::CallFrameInstruction;

/// A piece of machine code and what the artifact's tables say about it. Offsets are bytes from its start.
#[derive(Clone, Debug)]
pub(crate) struct CompiledCode {
    /// The name of the piece.
    pub(crate) symbol: Symbol,
    /// The code, followed by the constants that it loads.
    pub(crate) code: Vec<u8>,
    /// The alignment of the start, a power of two.
    pub(crate) alignment: u32,
    /// The fields that the linker fills.
    pub(crate) relocs: Vec<Relocation>,
    /// The types of the functions that it calls by address, which may be the host's.
    pub(crate) called: Vec<TypeIndex>,
    /// True for a function past its budget, which was compiled with the settings of the tier `Quick`.
    pub(crate) is_unoptimized: bool,
    /// The offsets of the instructions that can trap, sorted.
    pub(crate) traps: Vec<(u32, Trap)>,
    /// Ranges `[start, end)` of code, each with the offset in the Wasm binary of the operator that it comes from.
    /// Sorted, without overlap.
    pub(crate) source_map: Vec<(u32, u32, WasmOffset)>,
    /// The rules for unwinding its frame, each with the offset that it holds from. Sorted.
    pub(crate) unwind: Vec<(u32, CallFrameInstruction)>,
    /// The calls with exception handlers, sorted.
    pub(crate) call_sites: Vec<CompiledCallSite>,
    /// The calls during which the frame holds references, sorted.
    pub(crate) stack_maps: Vec<CompiledStackMap>,
    /// The locations of parameters and locals, for debuggers; empty without debug information.
    pub(crate) variables: Variables,
}

/// A field of the code that the linker fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Relocation {
    /// The offset of the field.
    pub(crate) offset: u32,
    /// The field's form.
    pub(crate) kind: Reloc,
    /// The code that the field refers to.
    pub(crate) target: Symbol,
    /// A number that is added to the target's offset.
    pub(crate) addend: i64,
}

/// A call with exception handlers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CompiledCallSite {
    /// The offset after the call.
    pub(crate) return_offset: u32,
    /// The distance in bytes from the stack pointer at the call up to the frame pointer.
    pub(crate) frame_offset: u32,
    /// The handlers. The first that matches takes the exception.
    pub(crate) handlers: Vec<CompiledHandler>,
}

/// An exception handler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CompiledHandler {
    /// The exceptions that the handler takes.
    pub(crate) catch: Catch,
    /// The offset at which execution continues.
    pub(crate) target: u32,
}

/// The references that a frame holds during a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CompiledStackMap {
    /// The offset after the call.
    pub(crate) return_offset: u32,
    /// The distance in bytes from the stack pointer at the call up to the frame pointer.
    pub(crate) frame_size: u32,
    /// The distance in bytes from the stack pointer at the call to each reference, sorted.
    pub(crate) slots: Vec<u32>,
}

/// A compiler of single functions, which reuses its allocations.
pub(crate) struct FunctionCompiler {
    context: Context,
    lower: Lowering,
}

/// Cranelift's back end: instruction selection, register allocation, emission.
type Lowering = Box<dyn FnMut(&dyn TargetIsa, &Context) -> CodegenResult<MachineCode> + Send>;

impl Default for FunctionCompiler {
    fn default() -> FunctionCompiler {
        // Cranelift does not export the type of the register allocator's context. A closure can hold a value of the
        // type without naming it.
        let mut registers = Default::default();
        let lower = move |isa: &dyn TargetIsa, context: &Context| {
            let (func, domtree) = (&context.func, &context.domtree);
            let code = isa.compile_function(func, domtree, &mut registers, false, &mut ControlPlane::default())?;
            Ok(code.apply_params(&func.params))
        };
        FunctionCompiler { context: Context::new(), lower: Box::new(lower) }
    }
}

impl FunctionCompiler {
    /// Returns the function that is compiled next, which is empty.
    pub(crate) fn func(&mut self) -> &mut ir::Function {
        self.context.clear();
        &mut self.context.func
    }

    /// Returns the function as it was translated.
    pub(crate) fn translated(&self) -> &ir::Function {
        &self.context.func
    }

    /// Compiles the function. Traps that belong to no operator (those of the stack check) are attributed to `first`,
    /// the function's first operator. `locals` are those that debuggers show.
    pub(crate) fn compile(
        &mut self,
        isa: &dyn TargetIsa,
        symbol: Symbol,
        first: Option<WasmOffset>,
        locals: Option<Vec<LocalChange>>,
    ) -> Result<CompiledCode> {
        let (code, watched) = self.emit(isa, locals).map_err(|error| codegen_error(&symbol, &error))?;
        let unwind = arch::call_frame_rules(code.buffer.data(), &reached_blocks(&code))
            .map_err(|reason| Error::new(ErrorKind::Unsupported, format!("{symbol:?} cannot be unwound: {reason}")))?;
        let traps = traps(&code);
        let source_map = source_map(&code, &traps, first);
        let variables =
            watched.map(|(watched, ranges)| watched.locate(&code, &ranges, &self.context.func, isa, &source_map));
        Ok(CompiledCode {
            symbol,
            alignment: code.buffer.alignment.max(isa.function_alignment().preferred),
            relocs: relocations(&code, &self.context.func),
            source_map,
            variables: variables.unwrap_or_default(),
            called: Vec::new(),
            is_unoptimized: false,
            traps,
            unwind,
            call_sites: call_sites(&code),
            stack_maps: stack_maps(&code),
            code: code.buffer.data().to_vec(),
        })
    }

    fn emit(
        &mut self,
        isa: &dyn TargetIsa,
        mut locals: Option<Vec<LocalChange>>,
    ) -> CodegenResult<(MachineCode, Option<(Watched, ValueLabelsRanges)>)> {
        if let Some(locals) = &mut locals {
            value_locations::resolve(locals, &self.context.func, isa)?;
        }
        self.context.verify_if(isa)?;
        // Without optimization no store is ever dropped.
        if isa.flags().opt_level() != OptLevel::None {
            keep_stores(&mut self.context.func);
        }
        self.context.optimize(isa, &mut ControlPlane::default())?;
        pin_traps(&mut self.context.func);
        let code = (self.lower)(isa, &self.context)?;
        let Some(locals) = locals else { return Ok((code, None)) };
        let watched = Watched::label(&mut self.context.func, locals, isa);
        let labeled = (self.lower)(isa, &self.context)?;
        let watched = is_same_code(&code, &labeled).then_some((watched, labeled.value_labels_ranges));
        Ok((code, watched))
    }
}

/// Returns whether two pieces of code are the same, except for their prologues.
fn is_same_code(one: &MachineCode, other: &MachineCode) -> bool {
    body(one) == body(other)
}

/// Returns the offset of the code after the prologue, and that code.
fn body(code: &MachineCode) -> Option<(u32, &[u8])> {
    let start = *reached_blocks(code).first()?;
    Some((start, &code.buffer.data()[start as usize..]))
}

/// Returns offsets of blocks that can be reached, sorted: the first one, and targets of edges. Cranelift's list of
/// blocks also has some that it has removed, and what stands there may be constants.
pub(super) fn reached_blocks(code: &MachineCode) -> Vec<u32> {
    let mut blocks: Vec<u32> = code.bb_edges.iter().map(|&(_, to)| to).chain(code.bb_starts.first().copied()).collect();
    blocks.sort_unstable();
    blocks
}

fn codegen_error(symbol: &Symbol, error: &CodegenError) -> Error {
    let kind = match error {
        CodegenError::CodeTooLarge | CodegenError::ImplLimitExceeded => ErrorKind::TooLarge,
        _ => ErrorKind::Unsupported,
    };
    Error::new(kind, format!("{symbol:?} cannot be compiled: {error}"))
}

/// Keeps the optimizer from dropping stores that can trap.
///
/// The optimizer drops a store that a later one overwrites, and the trap would be found at the later store. It keeps
/// the store if something between the two can observe memory, as a trap can. This function puts a conditional trap that
/// never happens before each such store. The optimizer removes that trap, but only after it has decided about the
/// stores.
fn keep_stores(func: &mut ir::Function) {
    let mut cursor = FuncCursor::new(func);
    while cursor.next_block().is_some() {
        while let Some(inst) = cursor.next_inst() {
            if let InstructionData::Store { flags, .. } = cursor.func.dfg.insts[inst]
                && !cursor.func.dfg.mem_flags[flags].notrap()
            {
                let never = cursor.ins().iconst(ir::types::I32, 0);
                cursor.ins().trapnz(never, trap_code(Trap::Unreachable));
            }
        }
    }
}

/// Keeps each load that can trap among the instructions of its own operator.
///
/// Instruction selection folds a load into the instruction that uses its value if it can, and the trap would then be
/// found at that instruction's operator. A sequence point before the first instruction of the next operator prevents
/// this. It emits no code. It is inserted after optimization, for which it would be a barrier.
fn pin_traps(func: &mut ir::Function) {
    let mut cursor = FuncCursor::new(func);
    while cursor.next_block().is_some() {
        let mut pending: Option<ir::SourceLoc> = None;
        while let Some(inst) = cursor.next_inst() {
            let location = cursor.func.srcloc(inst);
            if pending.is_some_and(|pending| pending != location) {
                cursor.ins().sequence_point();
                pending = None;
            }
            if let InstructionData::Load { flags, .. } = cursor.func.dfg.insts[inst]
                && !cursor.func.dfg.mem_flags[flags].notrap()
            {
                pending = Some(location);
            }
        }
    }
}

fn relocations(code: &MachineCode, func: &ir::Function) -> Vec<Relocation> {
    let relocation = |reloc: &cranelift_codegen::FinalizedMachReloc| {
        let FinalizedRelocTarget::ExternalName(name) = &reloc.target else {
            unreachable!("references within a function are resolved when it is emitted");
        };
        Relocation { offset: reloc.offset, kind: reloc.kind, target: Symbol::of(name, func), addend: reloc.addend }
    };
    code.buffer.relocs().iter().map(relocation).collect()
}

fn traps(code: &MachineCode) -> Vec<(u32, Trap)> {
    let mut traps: Vec<_> = code.buffer.traps().iter().map(|trap| (trap.offset, trap_of(trap.code))).collect();
    traps.sort_by_key(|&(offset, _)| offset);
    traps.dedup();
    assert!(traps.windows(2).all(|pair| pair[0].0 != pair[1].0), "an instruction traps for one reason");
    traps
}

/// Returns Cranelift's ranges, with adjacent ranges of one operator joined. Traps that no range covers are attributed
/// to `first`: the check of the stack limit runs before any operator, and its trap is located after the last one.
fn source_map(code: &MachineCode, traps: &[(u32, Trap)], first: Option<WasmOffset>) -> Vec<(u32, u32, WasmOffset)> {
    let Some(first) = first else {
        return Vec::new();
    };
    let mut map: Vec<(u32, u32, WasmOffset)> = Vec::new();
    for range in code.buffer.get_srclocs_sorted() {
        if range.loc.is_default() || range.start == range.end {
            continue;
        }
        let offset = WasmOffset(range.loc.bits());
        match map.last_mut() {
            Some(last) if last.1 == range.start && last.2 == offset => last.1 = range.end,
            _ => map.push((range.start, range.end, offset)),
        }
    }
    let covered = |at: u32| {
        let before = map.partition_point(|range| range.0 <= at);
        before.checked_sub(1).is_some_and(|last| at < map[last].1)
    };
    let uncovered: Vec<u32> = traps.iter().map(|trap| trap.0).filter(|&at| !covered(at)).collect();
    // A trap is looked up by its own address, so that a range of one byte is enough.
    map.extend(uncovered.into_iter().map(|at| (at, at + 1, first)));
    map.sort_by_key(|range| range.0);
    map
}

fn call_sites(code: &MachineCode) -> Vec<CompiledCallSite> {
    code.buffer
        .call_sites()
        .filter(|site| !site.exception_handlers.is_empty())
        .map(|site| CompiledCallSite {
            return_offset: site.ret_addr,
            frame_offset: site.frame_offset.expect("Cranelift knows the size of frames on this target"),
            handlers: handlers(site.exception_handlers),
        })
        .collect()
}

/// Converts the handlers of a call. A context in Cranelift's list applies to all tags after it.
fn handlers(items: &[FinalizedMachExceptionHandler]) -> Vec<CompiledHandler> {
    let mut context = None;
    let handler = |item: &FinalizedMachExceptionHandler| match *item {
        FinalizedMachExceptionHandler::Tag(tag, target) => {
            let context = context.expect("the translator puts a context before the tags");
            Some(CompiledHandler { catch: Catch::Tag { tag: TagIndex(tag.as_u32()), context }, target })
        }
        FinalizedMachExceptionHandler::Default(target) => Some(CompiledHandler { catch: Catch::All, target }),
        FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(offset)) => {
            context = Some(offset);
            None
        }
        FinalizedMachExceptionHandler::Context(ExceptionContextLoc::GPR(_)) => {
            unreachable!("no register is preserved across a call of the Tail convention")
        }
    };
    items.iter().filter_map(handler).collect()
}

fn stack_maps(code: &MachineCode) -> Vec<CompiledStackMap> {
    let stack_map = |&(return_offset, frame_size, ref map): &(u32, u32, ir::UserStackMap)| {
        let mut slots: Vec<u32> = map.entries().map(|(_, slot)| slot).collect();
        slots.sort_unstable();
        CompiledStackMap { return_offset, frame_size, slots }
    };
    code.buffer.user_stack_maps().iter().map(stack_map).collect()
}
