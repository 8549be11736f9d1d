//! From CLIF to machine code with everything that the artefact says about it.
//!
//! In: a finished [`ir::Function`] and the machine. Out: a [`CompiledCode`], whose positions are all relative to its own
//! start. Nothing here knows where the code will stand; `link` places it.

use crate::abi::builtins::Builtin;
use crate::abi::signature::LoweredSignature;
use crate::base::{Trap, WasmOffset};
use crate::wasm::index::DefinedFuncIndex;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::{self, ExternalName, LibCall};
use cranelift_codegen::isa::unwind::UnwindInfo;

/// What a piece of code is. The order of this type is the order of the pieces in `.text`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Symbol {
    /// A function of the module.
    Function(DefinedFuncIndex),
    /// The entry trampoline of a signature.
    Entry(LoweredSignature),
    /// The exit trampoline of a signature.
    Exit(LoweredSignature),
    /// The trampoline of a library call.
    Builtin(Builtin),
    /// A routine in place of an instruction that the CPU lacks.
    Soft(Soft),
}

/// The routines that stand in for instructions that the CPU lacks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Soft {
    CeilF32,
    CeilF64,
    FloorF32,
    FloorF64,
    TruncF32,
    TruncF64,
    NearestF32,
    NearestF64,
    FmaF32,
    FmaF64,
    Pshufb,
}

/// A piece of machine code and what the artefact's tables say about it. Offsets are bytes from its start.
#[derive(Debug)]
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
    pub(crate) frame_offset: Option<u32>,
    /// The first that matches is taken.
    pub(crate) handlers: Vec<Handler>,
}

/// An exception handler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Handler {
    /// What it catches; `None`: everything.
    pub(crate) tag: Option<u32>,
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

/// The name spaces of external functions in CLIF.
const FUNCTIONS: u32 = 0;
const BUILTINS: u32 = 1;

impl Symbol {
    /// The name under which CLIF refers to it; `None` for what is never called by name.
    pub(crate) fn name(&self) -> Option<ir::UserExternalName> {
        match *self {
            Symbol::Function(index) => Some(ir::UserExternalName::new(FUNCTIONS, index.0)),
            Symbol::Builtin(builtin) => Some(ir::UserExternalName::new(BUILTINS, builtin as u32)),
            Symbol::Entry(_) | Symbol::Exit(_) | Symbol::Soft(_) => None,
        }
    }

    /// The symbol that a relocation in `func` refers to.
    fn of(name: &ExternalName, func: &ir::Function) -> Symbol {
        match *name {
            ExternalName::User(name) => match func.params.user_named_funcs()[name] {
                ir::UserExternalName { namespace: FUNCTIONS, index } => Symbol::Function(DefinedFuncIndex(index)),
                ir::UserExternalName { index, .. } => Symbol::Builtin(Builtin::ALL[index as usize]),
            },
            ExternalName::LibCall(libcall) => {
                Symbol::Soft(Soft::of(libcall).expect("the translator emits nothing that needs another library call"))
            }
            _ => unreachable!("no other names are made here"),
        }
    }
}

impl Soft {
    /// All of them with the library calls that they answer, in order.
    const ALL: [(Soft, LibCall); 11] = [
        (Soft::CeilF32, LibCall::CeilF32),
        (Soft::CeilF64, LibCall::CeilF64),
        (Soft::FloorF32, LibCall::FloorF32),
        (Soft::FloorF64, LibCall::FloorF64),
        (Soft::TruncF32, LibCall::TruncF32),
        (Soft::TruncF64, LibCall::TruncF64),
        (Soft::NearestF32, LibCall::NearestF32),
        (Soft::NearestF64, LibCall::NearestF64),
        (Soft::FmaF32, LibCall::FmaF32),
        (Soft::FmaF64, LibCall::FmaF64),
        (Soft::Pshufb, LibCall::X86Pshufb),
    ];

    /// The routine for a library call.
    pub(crate) fn of(libcall: LibCall) -> Option<Soft> {
        Soft::ALL.iter().find(|entry| entry.1 == libcall).map(|entry| entry.0)
    }

    /// The library call that it answers.
    pub(crate) fn libcall(self) -> LibCall {
        Soft::ALL[self as usize].1
    }
}
