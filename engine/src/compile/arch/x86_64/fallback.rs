//! Instruction fallbacks: routines in place of instructions that the CPU lacks.
//!
//! x86-64 has no rounding instruction before SSE4.1 and no byte shuffle before SSSE3. Without them, Cranelift calls a
//! routine instead and names it by a [`LibCall`]. This file builds these routines as CLIF. They are compiled into the
//! artifact with everything else, so that an artifact needs nothing of its host. They follow the System V convention,
//! use no instruction that needs a fallback itself, and leave no relocation. They cannot trap.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::*;
use cranelift_codegen::ir::{
    Function, InstBuilder, LibCall, MemFlagsData, StackSlotData, StackSlotKind, Type, UserFuncName, Value,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// An instruction fallback. Artifacts record its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Fallback {
    CeilF32,
    CeilF64,
    FloorF32,
    FloorF64,
    TruncF32,
    TruncF64,
    NearestF32,
    NearestF64,
    Pshufb,
}

impl Fallback {
    /// All fallbacks in the order of their numbers, each with the library call that it answers.
    const ALL: [(Fallback, LibCall); 9] = [
        (Fallback::CeilF32, LibCall::CeilF32),
        (Fallback::CeilF64, LibCall::CeilF64),
        (Fallback::FloorF32, LibCall::FloorF32),
        (Fallback::FloorF64, LibCall::FloorF64),
        (Fallback::TruncF32, LibCall::TruncF32),
        (Fallback::TruncF64, LibCall::TruncF64),
        (Fallback::NearestF32, LibCall::NearestF32),
        (Fallback::NearestF64, LibCall::NearestF64),
        (Fallback::Pshufb, LibCall::X86Pshufb),
    ];

    /// The fallback that answers a library call, if there is one.
    pub(crate) fn of(libcall: LibCall) -> Option<Fallback> {
        Fallback::ALL.iter().find(|entry| entry.1 == libcall).map(|entry| entry.0)
    }

    /// Builds the routine.
    pub(crate) fn build(self, isa: &dyn TargetIsa) -> Function {
        let libcall = Fallback::ALL[self as usize].1;
        let signature = libcall.signature(CallConv::SystemV, isa.pointer_type());
        let mut function = Function::with_name_signature(UserFuncName::default(), signature);
        let mut context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut function, &mut context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let params = builder.block_params(entry).to_vec();
        let result = self.emit(&mut builder, &params);
        builder.ins().return_(&[result]);
        builder.finalize(isa.frontend_config());
        function
    }

    /// Emits the routine's body and returns its result.
    fn emit(self, builder: &mut FunctionBuilder<'_>, params: &[Value]) -> Value {
        match self {
            Fallback::CeilF32 | Fallback::CeilF64 => round(builder, params[0], Rounding::Up),
            Fallback::FloorF32 | Fallback::FloorF64 => round(builder, params[0], Rounding::Down),
            Fallback::TruncF32 | Fallback::TruncF64 => round(builder, params[0], Rounding::Zero),
            Fallback::NearestF32 | Fallback::NearestF64 => round(builder, params[0], Rounding::Nearest),
            Fallback::Pshufb => shuffle_bytes(builder, params[0], params[1]),
        }
    }
}

/// The neighboring integer that a float is rounded to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Up,
    Down,
    Zero,
    Nearest,
}

/// Rounds a float to an integer.
///
/// Let `C` be the power of two from which on every float is an integer: 2^23 for `f32`, 2^52 for `f64`.
///
/// * `|x| < C`: the sum `|x| + C` lies in `[C, 2C]`, where floats are the integers, so that the addition itself rounds
///   to the nearest, ties to even, and subtracting `C` is exact. What remains is one step up or down where another
///   direction was asked for; it is exact as well. The sign of the result is always that of `x`: no rounding carries a
///   number across zero, and a result of zero must keep the sign.
/// * Otherwise `x` is an integer, an infinity or NaN: `x + 0` is `x`, and quiets NaN.
fn round(builder: &mut FunctionBuilder<'_>, x: Value, rounding: Rounding) -> Value {
    let ty = builder.func.dfg.value_type(x);
    let integers = float(builder, ty, if ty == F32 { 8_388_608.0 } else { 4_503_599_627_370_496.0 });
    let magnitude = builder.ins().fabs(x);
    let sum = builder.ins().fadd(magnitude, integers);
    let nearest = builder.ins().fsub(sum, integers);
    let unsigned = match rounding {
        Rounding::Nearest => nearest,
        Rounding::Zero => step(builder, nearest, FloatCC::GreaterThan, magnitude),
        Rounding::Down | Rounding::Up => {
            let condition = if rounding == Rounding::Down { FloatCC::GreaterThan } else { FloatCC::LessThan };
            let signed = builder.ins().fcopysign(nearest, x);
            step(builder, signed, condition, x)
        }
    };
    let rounded = builder.ins().fcopysign(unsigned, x);
    let zero = float(builder, ty, 0.0);
    let unchanged = builder.ins().fadd(x, zero);
    let is_small = builder.ins().fcmp(FloatCC::LessThan, magnitude, integers);
    builder.ins().select(is_small, rounded, unchanged)
}

/// `n`, or its neighbor on the other side of `bound` if `n condition bound` holds: the one below if `n` is too great,
/// the one above if it is too small.
fn step(builder: &mut FunctionBuilder<'_>, n: Value, condition: FloatCC, bound: Value) -> Value {
    let ty = builder.func.dfg.value_type(n);
    let one = float(builder, ty, 1.0);
    let neighbor = match condition {
        FloatCC::GreaterThan => builder.ins().fsub(n, one),
        _ => builder.ins().fadd(n, one),
    };
    let is_past = builder.ins().fcmp(condition, n, bound);
    builder.ins().select(is_past, neighbor, n)
}

/// A constant that is the same number in both types.
fn float(builder: &mut FunctionBuilder<'_>, ty: Type, value: f64) -> Value {
    match ty {
        F32 => builder.ins().f32const(value as f32),
        _ => builder.ins().f64const(value),
    }
}

/// `pshufb`: byte `i` of the result is zero if the high bit of `lanes[i]` is set, and `bytes[lanes[i] % 16]` otherwise.
///
/// Without the instruction the way through memory is the shortest: `bytes` and `lanes` go into stack slots, each byte
/// of the result is fetched by its lane and written to a third slot.
fn shuffle_bytes(builder: &mut FunctionBuilder<'_>, bytes: Value, lanes: Value) -> Value {
    let mut slot = || builder.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 16, 4));
    let (bytes_slot, lanes_slot, result_slot) = (slot(), slot(), slot());
    builder.ins().stack_store(I64, bytes, bytes_slot, 0);
    builder.ins().stack_store(I64, lanes, lanes_slot, 0);
    let base = builder.ins().stack_addr(I64, bytes_slot, 0);
    let low_bits = builder.ins().iconst(I64, 15);
    let sign_bit = builder.ins().iconst(I8, 7);
    for i in 0..16 {
        let lane = builder.ins().stack_load(I64, I8, lanes_slot, i);
        let index = builder.ins().uextend(I64, lane);
        let index = builder.ins().band(index, low_bits);
        let address = builder.ins().iadd(base, index);
        let byte = builder.ins().load(I8, MemFlagsData::trusted(), address, 0);
        let is_zero = builder.ins().sshr(lane, sign_bit);
        let byte = builder.ins().band_not(byte, is_zero);
        builder.ins().stack_store(I64, byte, result_slot, i);
    }
    builder.ins().stack_load(I64, I8X16, result_slot, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Config, CpuFeatures, Tier};
    use crate::compile::isa;
    use cranelift_codegen::Context;
    use cranelift_codegen::control::ControlPlane;

    /// Each routine verifies and compiles for the baseline in both tiers, and refers to nothing.
    #[test]
    fn routines_stand_alone() {
        for tier in [Tier::Speed, Tier::Quick] {
            let mut config = Config::new();
            config.tier(tier).cpu_features(CpuFeatures::Baseline);
            let isa = isa::build(&config, config.tier).expect("the baseline is always there");
            for (number, (fallback, libcall)) in Fallback::ALL.into_iter().enumerate() {
                assert_eq!((fallback as usize, Fallback::of(libcall)), (number, Some(fallback)));
                let function = fallback.build(&*isa);
                cranelift_codegen::verify_function(&function, &*isa).expect("the routine is well-formed");
                let mut context = Context::for_function(function);
                let code = context.compile(&*isa, &mut ControlPlane::default()).expect("the routine compiles");
                assert!(code.buffer.relocs().is_empty(), "{libcall} refers to something else");
                assert!(code.buffer.traps().is_empty(), "{libcall} can trap");
            }
        }
    }
}
