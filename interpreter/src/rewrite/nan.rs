//! Canonical NaNs: the deterministic profile
//! ([Profiles](https://webassembly.github.io/spec/core/appendix/profiles.html#deterministic-profile-small-mathit-det)).

use super::Rewriter;
use super::op::Op;
use super::rare::Rare;
use crate::execute::numeric;
use wasmparser::Operator;

/// Returns whether the result may be a NaN of 32 bits that the specification leaves open.
fn opens_f32(operator: &Operator<'_>) -> bool {
    use Operator::{F32Add, F32Ceil, F32DemoteF64, F32Div, F32Floor, F32Max, F32Min, F32Mul, F32Nearest, F32Sqrt};
    use Operator::{F32Sub, F32Trunc};
    matches!(
        operator,
        F32Add
            | F32Sub
            | F32Mul
            | F32Div
            | F32Min
            | F32Max
            | F32Ceil
            | F32Floor
            | F32Trunc
            | F32Nearest
            | F32Sqrt
            | F32DemoteF64
    )
}

/// Returns whether the result may be a NaN of 64 bits that the specification leaves open.
fn opens_f64(operator: &Operator<'_>) -> bool {
    use Operator::{F64Add, F64Ceil, F64Div, F64Floor, F64Max, F64Min, F64Mul, F64Nearest, F64PromoteF32, F64Sqrt};
    use Operator::{F64Sub, F64Trunc};
    matches!(
        operator,
        F64Add
            | F64Sub
            | F64Mul
            | F64Div
            | F64Min
            | F64Max
            | F64Ceil
            | F64Floor
            | F64Trunc
            | F64Nearest
            | F64Sqrt
            | F64PromoteF32
    )
}

/// Returns whether lanes of 32 bits of the result may be NaNs that the specification leaves open.
fn opens_f32x4(operator: &Operator<'_>) -> bool {
    use Operator::{F32x4Add, F32x4Ceil, F32x4DemoteF64x2Zero, F32x4Div, F32x4Floor, F32x4Max, F32x4Min, F32x4Mul};
    use Operator::{F32x4Nearest, F32x4RelaxedMadd, F32x4RelaxedMax, F32x4RelaxedMin, F32x4RelaxedNmadd, F32x4Sqrt};
    use Operator::{F32x4Sub, F32x4Trunc};
    matches!(
        operator,
        F32x4Add
            | F32x4Sub
            | F32x4Mul
            | F32x4Div
            | F32x4Min
            | F32x4Max
            | F32x4Ceil
            | F32x4Floor
            | F32x4Trunc
            | F32x4Nearest
            | F32x4Sqrt
            | F32x4DemoteF64x2Zero
            | F32x4RelaxedMadd
            | F32x4RelaxedNmadd
            | F32x4RelaxedMin
            | F32x4RelaxedMax
    )
}

/// Returns whether lanes of 64 bits of the result may be NaNs that the specification leaves open.
fn opens_f64x2(operator: &Operator<'_>) -> bool {
    use Operator::{F64x2Add, F64x2Ceil, F64x2Div, F64x2Floor, F64x2Max, F64x2Min, F64x2Mul, F64x2Nearest};
    use Operator::{F64x2PromoteLowF32x4, F64x2RelaxedMadd, F64x2RelaxedMax, F64x2RelaxedMin, F64x2RelaxedNmadd};
    use Operator::{F64x2Sqrt, F64x2Sub, F64x2Trunc};
    matches!(
        operator,
        F64x2Add
            | F64x2Sub
            | F64x2Mul
            | F64x2Div
            | F64x2Min
            | F64x2Max
            | F64x2Ceil
            | F64x2Floor
            | F64x2Trunc
            | F64x2Nearest
            | F64x2Sqrt
            | F64x2PromoteLowF32x4
            | F64x2RelaxedMadd
            | F64x2RelaxedNmadd
            | F64x2RelaxedMin
            | F64x2RelaxedMax
    )
}

impl Rewriter<'_> {
    /// Makes the result of an instruction canonical, if the settings ask for that and it may be another NaN.
    pub(super) fn canonicalize_nan(&mut self, operator: &Operator<'_>) {
        if !self.settings.canonical_nans {
            return;
        }
        if opens_f32(operator) {
            self.unary(|d, a| Op::F32Canonicalize { d, a });
        } else if opens_f64(operator) {
            self.unary(|d, a| Op::F64Canonicalize { d, a });
        } else if opens_f32x4(operator) {
            self.emit_rare_with_result(1, 2, Rare::new(numeric::f32x4_canonicalize));
        } else if opens_f64x2(operator) {
            self.emit_rare_with_result(1, 2, Rare::new(numeric::f64x2_canonicalize));
        }
    }
}
