//! table

use super::*;

impl FuncTranslator<'_> {
    pub(super) fn translate_table(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
