//! From CLIF to machine code with everything that the artifact says about it.
//!
//! In: a finished [`ir::Function`] and the machine. Out: a [`CompiledCode`], whose positions are all relative to its own
//! start. Nothing here knows where the code will stand; `link` places it.

use super::clif::{trap_code, trap_of};
use super::symbol::Symbol;
use crate::artifact::handlers::Catch;
use crate::base::{Error, ErrorKind, Result, Trap, WasmOffset};
use crate::wasm::index::TagIndex;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{self, InstBuilder, InstructionData};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::isa::unwind::UnwindInfo;
use cranelift_codegen::settings::OptLevel;
use cranelift_codegen::{
    CodegenError, CodegenResult, CompiledCode as MachineCode, Context, ExceptionContextLoc,
    FinalizedMachExceptionHandler, FinalizedRelocTarget,
};

/// A piece of machine code and what the artifact's tables say about it. Offsets are bytes from its start.
#[derive(Clone, Debug)]
pub(crate) struct CompiledCode {
    /// What it is.
    pub(crate) symbol: Symbol,
    /// Code and the constants behind it.
    pub(crate) code: Vec<u8>,
    /// A power of two.
    pub(crate) alignment: u32,
    /// Places that the linker fills.
    pub(crate) relocs: Vec<Relocation>,
    /// Instructions that can trap, sorted.
    pub(crate) traps: Vec<(u32, Trap)>,
    /// `[start, end)` comes from the instruction at this offset of the Wasm binary. Sorted, without overlap.
    pub(crate) source_map: Vec<(u32, u32, WasmOffset)>,
    /// How to unwind its frame.
    pub(crate) unwind: UnwindInfo,
    /// Calls with exception handlers, sorted.
    pub(crate) call_sites: Vec<CallSite>,
    /// Calls at which references stand in the frame, sorted.
    pub(crate) stack_maps: Vec<StackMap>,
}

/// A place that the linker fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Relocation {
    /// Where.
    pub(crate) offset: u32,
    /// How.
    pub(crate) kind: Reloc,
    /// With the address of what,
    pub(crate) target: Symbol,
    /// plus this.
    pub(crate) addend: i64,
}

/// A call with exception handlers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CallSite {
    /// Behind the call.
    pub(crate) return_offset: u32,
    /// Bytes from the stack pointer at the call up to the frame pointer.
    pub(crate) frame_offset: u32,
    /// The first that matches is taken.
    pub(crate) handlers: Vec<Handler>,
}

/// An exception handler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Handler {
    /// What it takes.
    pub(crate) catch: Catch,
    /// Where execution goes on.
    pub(crate) target: u32,
}

/// Where references stand in a frame during a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StackMap {
    /// Behind the call.
    pub(crate) return_offset: u32,
    /// Bytes from the stack pointer at the call up to the frame pointer.
    pub(crate) frame_size: u32,
    /// Bytes from the stack pointer at the call to each reference, sorted.
    pub(crate) slots: Vec<u32>,
}

/// Compiles functions, one after the other, and reuses what it allocated.
pub(crate) struct FunctionCompiler {
    context: Context,
    lower: Lowering,
}

/// The back half of the compiler: instruction selection, register allocation, emission.
type Lowering = Box<dyn FnMut(&dyn TargetIsa, &Context) -> CodegenResult<MachineCode> + Send>;

impl Default for FunctionCompiler {
    fn default() -> FunctionCompiler {
        // The register allocator's context is not a type that Cranelift names to its users: it is inferred here.
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
    /// The function that is compiled next; empty.
    pub(crate) fn func(&mut self) -> &mut ir::Function {
        self.context.clear();
        &mut self.context.func
    }

    /// Compiles the function. Traps that belong to no operator (the stack check's) are put at `first`, the function's
    /// first operator.
    pub(crate) fn compile(
        &mut self,
        isa: &dyn TargetIsa,
        symbol: Symbol,
        first: Option<WasmOffset>,
    ) -> Result<CompiledCode> {
        let code = self.emit(isa).map_err(|error| refused(&symbol, &error))?;
        let unwind = code
            .create_unwind_info(isa)
            .map_err(|error| refused(&symbol, &error))?
            .expect("the settings ask for unwind information");
        let traps = traps(&code);
        Ok(CompiledCode {
            symbol,
            alignment: code.buffer.alignment.max(isa.function_alignment().preferred),
            relocs: relocations(&code, &self.context.func),
            source_map: source_map(&code, &traps, first),
            traps,
            unwind,
            call_sites: call_sites(&code),
            stack_maps: stack_maps(&code),
            code: code.buffer.data().to_vec(),
        })
    }

    fn emit(&mut self, isa: &dyn TargetIsa) -> CodegenResult<MachineCode> {
        self.context.verify_if(isa)?;
        if isa.flags().opt_level() != OptLevel::None {
            keep_stores(&mut self.context.func);
        }
        self.context.optimize(isa, &mut ControlPlane::default())?;
        pin_traps(&mut self.context.func);
        (self.lower)(isa, &self.context)
    }
}

fn refused(symbol: &Symbol, error: &CodegenError) -> Error {
    let kind = match error {
        CodegenError::CodeTooLarge | CodegenError::ImplLimitExceeded => ErrorKind::TooLarge,
        _ => ErrorKind::Unsupported,
    };
    Error::new(kind, format!("no code can be made for {symbol:?}: {error}"))
}

/// Keeps each store that can trap, so that the trap is found at the first of two stores to one address.
///
/// The optimizer drops a store that a later one overwrites, unless something between them could observe memory. Traps
/// do: a conditional one that never happens is dropped in its turn, after the observers have been counted.
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

/// Keeps each load that can trap an instruction of its own operator.
///
/// Instruction selection likes to fold a load into the instruction that uses its value, and the trap would then be
/// found at that instruction's operator. A sequence point, which is no code, before the next operator's first
/// instruction keeps the load where it is. It comes after optimization, to which it would be a barrier.
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

/// Cranelift's ranges, joined where they touch; then `first` for the traps that none covers: the check of the stack
/// limit runs before any operator, and what it jumps to stands behind the last one.
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
    // One byte is enough: a trap is looked up at its own address.
    map.extend(uncovered.into_iter().map(|at| (at, at + 1, first)));
    map.sort_by_key(|range| range.0);
    map
}

fn call_sites(code: &MachineCode) -> Vec<CallSite> {
    code.buffer
        .call_sites()
        .filter(|site| !site.exception_handlers.is_empty())
        .map(|site| CallSite {
            return_offset: site.ret_addr,
            frame_offset: site.frame_offset.expect("this target says how large frames are"),
            handlers: handlers(site.exception_handlers),
        })
        .collect()
}

/// A context holds for the tags behind it.
fn handlers(items: &[FinalizedMachExceptionHandler]) -> Vec<Handler> {
    let mut context = None;
    let handler = |item: &FinalizedMachExceptionHandler| match *item {
        FinalizedMachExceptionHandler::Tag(tag, target) => {
            let context = context.expect("a context stands before every tag");
            Some(Handler { catch: Catch::Tag { tag: TagIndex(tag.as_u32()), context }, target })
        }
        FinalizedMachExceptionHandler::Default(target) => Some(Handler { catch: Catch::All, target }),
        FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(offset)) => {
            context = Some(offset);
            None
        }
        FinalizedMachExceptionHandler::Context(ExceptionContextLoc::GPR(_)) => {
            unreachable!("no register outlives a call of the Tail convention")
        }
    };
    items.iter().filter_map(handler).collect()
}

fn stack_maps(code: &MachineCode) -> Vec<StackMap> {
    let stack_map = |&(return_offset, frame_size, ref map): &(u32, u32, ir::UserStackMap)| {
        let mut slots: Vec<u32> = map.entries().map(|(_, slot)| slot).collect();
        slots.sort_unstable();
        StackMap { return_offset, frame_size, slots }
    };
    code.buffer.user_stack_maps().iter().map(stack_map).collect()
}
