//! The names of pieces of code, in the order in which the artifact holds them.

use super::arch::Fallback;
use crate::abi::builtins::Builtin;
use crate::abi::signature::LoweredSignature;
use crate::wasm::index::DefinedFuncIndex;
use cranelift_codegen::ir::{self, ExternalName};

/// The name of a piece of code. The order of this type is the order of the pieces in `.text`.
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
    /// An instruction fallback.
    Fallback(Fallback),
}

/// The namespace of the module's functions among CLIF's external names.
const FUNCTIONS: u32 = 0;
/// The namespace of library calls among CLIF's external names.
const BUILTINS: u32 = 1;

impl Symbol {
    /// The external name that CLIF uses for the symbol, or `None` if CLIF never calls it by name.
    pub(super) fn name(&self) -> Option<ir::UserExternalName> {
        match *self {
            Symbol::Function(index) => Some(ir::UserExternalName::new(FUNCTIONS, index.0)),
            Symbol::Builtin(builtin) => Some(ir::UserExternalName::new(BUILTINS, builtin as u32)),
            // Trampolines are found through tables, and Cranelift itself emits the calls of fallbacks.
            Symbol::Entry(_) | Symbol::Exit(_) | Symbol::Fallback(_) => None,
        }
    }

    /// The symbol that a relocation in `func` refers to by `name`.
    pub(super) fn of(name: &ExternalName, func: &ir::Function) -> Symbol {
        match *name {
            ExternalName::User(name) => match func.params.user_named_funcs()[name] {
                ir::UserExternalName { namespace: FUNCTIONS, index } => Symbol::Function(DefinedFuncIndex(index)),
                ir::UserExternalName { index, .. } => Symbol::Builtin(Builtin::ALL[index as usize]),
            },
            ExternalName::LibCall(libcall) => {
                let fallback = Fallback::of(libcall);
                Symbol::Fallback(fallback.expect("the translator emits nothing that needs another library call"))
            }
            _ => unreachable!("the compiler makes no other names"),
        }
    }
}
