//! Canonical NaNs: the deterministic profile
//! ([Profiles](https://webassembly.github.io/spec/core/appendix/profiles.html#deterministic-profile-small-mathit-det)).

use super::Rewriter;
use super::op::Op;
use super::rare::Rare;
use crate::execute::numeric;
use wasmparser::Operator;

/// The float type of a result that may be a NaN of any bits.
enum Float {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// Returns the type of the result, if the instruction may make a NaN whose bits the specification leaves open.
fn open_nan(operator: &Operator<'_>) -> Option<Float> {
    use Operator as O;
    Some(match operator {
        O::F32Add
        | O::F32Sub
        | O::F32Mul
        | O::F32Div
        | O::F32Min
        | O::F32Max
        | O::F32Ceil
        | O::F32Floor
        | O::F32Trunc
        | O::F32Nearest
        | O::F32Sqrt
        | O::F32DemoteF64 => Float::F32,
        O::F64Add
        | O::F64Sub
        | O::F64Mul
        | O::F64Div
        | O::F64Min
        | O::F64Max
        | O::F64Ceil
        | O::F64Floor
        | O::F64Trunc
        | O::F64Nearest
        | O::F64Sqrt
        | O::F64PromoteF32 => Float::F64,
        O::F32x4Add
        | O::F32x4Sub
        | O::F32x4Mul
        | O::F32x4Div
        | O::F32x4Min
        | O::F32x4Max
        | O::F32x4Ceil
        | O::F32x4Floor
        | O::F32x4Trunc
        | O::F32x4Nearest
        | O::F32x4Sqrt
        | O::F32x4DemoteF64x2Zero
        | O::F32x4RelaxedMadd
        | O::F32x4RelaxedNmadd
        | O::F32x4RelaxedMin
        | O::F32x4RelaxedMax => Float::F32x4,
        O::F64x2Add
        | O::F64x2Sub
        | O::F64x2Mul
        | O::F64x2Div
        | O::F64x2Min
        | O::F64x2Max
        | O::F64x2Ceil
        | O::F64x2Floor
        | O::F64x2Trunc
        | O::F64x2Nearest
        | O::F64x2Sqrt
        | O::F64x2PromoteLowF32x4
        | O::F64x2RelaxedMadd
        | O::F64x2RelaxedNmadd
        | O::F64x2RelaxedMin
        | O::F64x2RelaxedMax => Float::F64x2,
        _ => return None,
    })
}

impl Rewriter<'_> {
    /// Makes the result of an instruction canonical, if the settings ask for that and it may be another NaN.
    pub(super) fn canonicalize_nan(&mut self, operator: &Operator<'_>) {
        if !self.settings.canonical_nans {
            return;
        }
        match open_nan(operator) {
            Some(Float::F32) => self.unary(|d, a| Op::F32Canonicalize { d, a }),
            Some(Float::F64) => self.unary(|d, a| Op::F64Canonicalize { d, a }),
            Some(Float::F32x4) => self.emit_rare_with_result(1, 2, Rare::new(numeric::f32x4_canonicalize)),
            Some(Float::F64x2) => self.emit_rare_with_result(1, 2, Rare::new(numeric::f64x2_canonicalize)),
            None => {}
        }
    }
}
