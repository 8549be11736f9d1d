//! Placeholder: routines for library calls that the CPU has no instruction for.

use cranelift_codegen::ir;
use cranelift_codegen::isa::TargetIsa;

pub(crate) fn build(_libcall: ir::LibCall, _isa: &dyn TargetIsa) -> Option<ir::Function> {
    None
}
