//! Placeholder: numeric instructions.

use super::FuncTranslator;
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn translate_numeric(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
