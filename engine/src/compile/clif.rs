//! Conventions shared by everything that produces CLIF: types, signatures, trap codes, and flags of memory accesses.

use crate::abi::builtins::Builtin;
use crate::abi::signature::{LoweredSignature, MachineType};
use crate::base::Trap;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::{self, AbiParam, ArgumentPurpose, MemFlagsData, TrapCode, Type, types};
use cranelift_codegen::isa::CallConv;

/// Returns Cranelift's type for a WebAssembly type. A vector is an `I8X16` between operators, whatever its lanes are.
pub(super) fn clif_type(ty: ValType) -> Type {
    machine_type(MachineType::from(ty))
}

/// Returns Cranelift's type for a lowered type.
pub(super) fn machine_type(ty: MachineType) -> Type {
    match ty {
        MachineType::I32 => types::I32,
        MachineType::I64 => types::I64,
        MachineType::F32 => types::F32,
        MachineType::F64 => types::F64,
        MachineType::V128 => types::I8X16,
    }
}

/// Returns the signature of a function as WebAssembly code calls it: the callee's and the caller's context, then the
/// parameters.
pub(super) fn wasm_signature(signature: &LoweredSignature) -> ir::Signature {
    let values = |types: &[MachineType]| types.iter().map(|&ty| AbiParam::new(machine_type(ty))).collect::<Vec<_>>();
    let mut lowered = ir::Signature::new(CallConv::Tail);
    lowered.params.push(AbiParam::special(types::I64, ArgumentPurpose::VMContext));
    lowered.params.push(AbiParam::new(types::I64));
    lowered.params.extend(values(&signature.params));
    lowered.returns.extend(values(&signature.results));
    lowered
}

/// Returns the signature of a library call's trampoline (`convention` is `Tail`) or of the library call itself
/// (`convention` is the platform's).
pub(super) fn builtin_signature(builtin: Builtin, convention: CallConv) -> ir::Signature {
    let mut signature = ir::Signature::new(convention);
    signature.params.push(AbiParam::new(types::I64));
    signature.params.extend(builtin.params().iter().map(|&ty| AbiParam::new(machine_type(ty))));
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

/// Returns Cranelift's code for a trap.
pub(super) fn trap_code(trap: Trap) -> TrapCode {
    TrapCode::unwrap_user(trap.code())
}

/// Returns the trap for Cranelift's code. Cranelift reserves some codes for the traps that it emits on its own.
pub(super) fn trap_of(code: TrapCode) -> Trap {
    match code {
        TrapCode::STACK_OVERFLOW => Trap::StackOverflow,
        TrapCode::HEAP_OUT_OF_BOUNDS => Trap::MemoryOutOfBounds,
        TrapCode::INTEGER_OVERFLOW => Trap::IntegerOverflow,
        TrapCode::INTEGER_DIVISION_BY_ZERO => Trap::IntegerDivisionByZero,
        TrapCode::BAD_CONVERSION_TO_INTEGER => Trap::InvalidConversionToInteger,
        code => Trap::from_code(code.as_raw().get()).expect("all other codes come from `trap_code`"),
    }
}

/// Flags of an access to the engine's own structures, which exist and are aligned.
pub(super) fn trusted() -> MemFlagsData {
    MemFlagsData::trusted()
}

/// Flags of a load from the engine's own structures of a value that never changes while a function runs.
pub(super) fn constant() -> MemFlagsData {
    trusted().with_readonly().with_can_move()
}
