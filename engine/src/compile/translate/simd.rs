//! Placeholder: vector instructions.

use super::FuncTranslator;
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn translate_simd(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
