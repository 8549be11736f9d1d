//! memory

use super::*;

impl FuncTranslator<'_> {
    pub(super) fn translate_memory(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
