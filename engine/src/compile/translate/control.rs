//! control
use super::*;
pub(super) struct ControlFrame;
impl FuncTranslator<'_> {
    pub(super) fn translate_control(&mut self, _op: &Operator<'_>) -> bool {
        false
    }
    pub(super) fn unreachable_operator(&mut self, _op: &Operator<'_>) {}
    pub(super) fn push_function_frame(&mut self, _r: &[ValType]) {}
}
