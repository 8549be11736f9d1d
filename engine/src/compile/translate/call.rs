//! call

use super::*;

impl FuncTranslator<'_> {
    pub(super) fn translate_call(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
