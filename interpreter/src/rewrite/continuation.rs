//! Instructions on continuations and stacks
//! ([Stack switching](https://github.com/WebAssembly/stack-switching/blob/main/proposals/stack-switching/Explainer.md)).
//!
//! The operands of such an instruction lie in a row, the continuation above its arguments. The results go to where the
//! row begins, as those of a call do.

use super::Rewriter;
use super::code::{StackSwitch, SwitchKind};
use super::op::Op;
use super::rare::Rare;
use crate::execute::stacks;
use crate::types::{FuncType, TypeIndex, ValType};
use wasmparser::Operator;

impl<'m> Rewriter<'m> {
    /// Rewrites an instruction on continuations, if it is one.
    pub(super) fn continuation(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::ContNew { cont_type_index } => {
                self.emit_rare_with_result(1, 1, Rare::new(stacks::cont_new).x(cont_type_index));
            }
            Operator::ContBind { argument_index, result_index } => self.cont_bind(argument_index, result_index),
            Operator::Suspend { tag_index: tag } => {
                let ty = self.module.tag_type(tag);
                self.switch_stack(SwitchKind::Suspend { tag }, ty.params(), 0, ty.results());
            }
            Operator::Resume { cont_type_index, ref resume_table } => {
                let (ty, handlers) = (self.continued(cont_type_index), self.add_handlers(resume_table));
                self.switch_stack(SwitchKind::Resume { handlers }, ty.params(), 1, ty.results());
            }
            Operator::ResumeThrow { cont_type_index, tag_index: tag, ref resume_table } => {
                let (ty, handlers) = (self.continued(cont_type_index), self.add_handlers(resume_table));
                let payload = self.module.tag_type(tag).params();
                self.switch_stack(SwitchKind::ResumeThrow { tag, handlers }, payload, 1, ty.results());
            }
            Operator::ResumeThrowRef { cont_type_index, ref resume_table } => {
                let (ty, handlers) = (self.continued(cont_type_index), self.add_handlers(resume_table));
                let exception = [ValType::Ref(crate::types::RefType::EXN)];
                self.switch_stack(SwitchKind::ResumeThrowRef { handlers }, &exception, 1, ty.results());
            }
            Operator::Switch { cont_type_index, tag_index: tag } => self.switch(cont_type_index, tag),
            _ => return false,
        }
        true
    }

    /// Returns the type of the function that continuations of a type are the rest of.
    fn continued(&self, ty: u32) -> &'m FuncType<TypeIndex> {
        self.module.continued_type(ty)
    }

    /// `cont.bind`: the types tell how many arguments are bound.
    fn cont_bind(&mut self, from: u32, to: u32) {
        let all = self.continued(from).params();
        let bound = &all[..all.len() - self.continued(to).params().len()];
        let row = self.take_row(bound.len() + 1);
        let rare = Rare::new(stacks::cont_bind).x(to).y(slots(bound));
        self.emit_rare_with_result(0, 1, Rare { row, ..rare });
    }

    /// `switch`: the last parameter of the continuation is what becomes of the present stack, and the parameters of
    /// that one are the results.
    fn switch(&mut self, ty: u32, tag: u32) {
        let Some((last, parameters)) = self.continued(ty).params().split_last() else {
            unreachable!("validation has checked the type")
        };
        let own = last.defined().expect("validation has checked the type").0;
        let results = self.continued(own).params();
        self.switch_stack(SwitchKind::Switch { tag, ty: own }, parameters, 1, results);
    }

    /// Emits an instruction with operands of these types, and so many continuations above them.
    fn switch_stack(
        &mut self,
        kind: SwitchKind,
        operands: &[ValType<TypeIndex>],
        continuations: usize,
        results: &[ValType<TypeIndex>],
    ) {
        let row = self.take_row(operands.len() + continuations);
        let index = self.switches.len() as u32;
        self.switches.push(StackSwitch { kind, row, operands: slots(operands) });
        self.emit(Op::SwitchStack { index });
        self.push_all(results);
    }
}

/// Returns the number of slots that values of these types take.
fn slots(types: &[ValType<TypeIndex>]) -> u32 {
    types.iter().map(ValType::slots).sum::<usize>() as u32
}
