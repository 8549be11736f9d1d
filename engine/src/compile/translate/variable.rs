//! variable

use super::*;

impl FuncTranslator<'_> {
    pub(super) fn translate_variable(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
}
impl FuncTranslator<'_> {
    pub(super) fn declare_local(&mut self, _ty: ValType, _value: Value) {}
    pub(super) fn declare_locals(&mut self, _count: u32, _ty: ValType) {}
}
