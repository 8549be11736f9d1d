//! reference

use super::*;

impl FuncTranslator<'_> {
    pub(super) fn translate_reference(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
