//! Structured control ([Control
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#control-instructions)), and the
//! parametric instructions `drop` and `select`.
//!
//! Values that a branch carries become parameters of its target block. Code after an unconditional branch is validated
//! but not translated: [`FuncTranslator::unreachable_operator`] counts blocks until the open one ends.

use super::FuncTranslator;
use super::legacy::LegacyHandlers;
use super::operators::operators;
use crate::base::{Trap, planted};
use crate::compile::clif::{clif_type, trap_code};
use crate::wasm::index::TypeIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::{Block, BlockArg, BlockCall, InstBuilder, JumpTableData, Value};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use wasmparser::{BlockType, BrTable, Operator, TryTable};

type Types = SmallVec<[ValType; 4]>;
type Args = SmallVec<[BlockArg; 4]>;

/// An open block.
pub(super) struct ControlFrame {
    kind: FrameKind,
    /// Height of the operand stack below the block's parameters.
    height: usize,
    /// The number of parameters, which a branch to a loop carries.
    params: usize,
    /// The number of results, which a branch to any other block carries.
    results: usize,
    /// The CLIF block after the block's end.
    exit: Block,
    /// True if anything jumps to `exit`.
    exit_reached: bool,
}

/// The kind of an open block.
enum FrameKind {
    /// `block`, the function itself, or an `if` in its `else` arm.
    Block,
    /// `try_table`.
    TryTable,
    /// `try`, before its first handler.
    Try,
    /// A `try` in one of its handlers.
    Handler(LegacyHandlers),
    /// `loop`.
    Loop { header: Block },
    /// `if`, before its `else`. The `else` arm starts with the same parameters.
    If { otherwise: Block, params: Vec<Value> },
}

/// The blocks between a `br_table` and those of its targets that get values.
#[derive(Default)]
struct TableStops {
    /// The block for each label.
    blocks: HashMap<u32, Block>,
    /// Each block with the jump that it consists of.
    jumps: Vec<(Block, Block, Args)>,
}

impl FuncTranslator<'_> {
    operators! {
        visit_nop(self) => {};
        visit_unreachable(self) => {
            // Without the sequence point, Cranelift turns a branch to a block that only traps into a conditional trap,
            // which belongs to the branch's operator.
            self.ins().sequence_point();
            self.ins().trap(trap_code(Trap::Unreachable));
            self.unreachable = true;
        };
        visit_block(self, blockty: BlockType) => self.begin_block(blockty);
        visit_loop(self, blockty: BlockType) => self.begin_loop(blockty);
        visit_try_table(self, try_table: TryTable) => self.begin_try_table(&try_table);
        visit_try(self, blockty: BlockType) => self.begin_try(blockty);
        visit_catch(self, _tag_index: u32) => self.begin_catch();
        visit_catch_all(self) => self.begin_catch();
        visit_if(self, blockty: BlockType) => self.begin_if(blockty);
        visit_else(self) => self.begin_else();
        visit_end(self) => self.end();
        visit_delegate(self, _relative_depth: u32) => self.end();
    }

    operators! {
        visit_br(self, relative_depth: u32) => self.br(relative_depth);
        visit_br_if(self, relative_depth: u32) => self.br_if(relative_depth);
        visit_br_on_null(self, relative_depth: u32) => self.br_on_null(relative_depth);
        visit_br_on_non_null(self, relative_depth: u32) => self.br_on_non_null(relative_depth);
        visit_br_table(self, targets: BrTable<'_>) => self.br_table(&targets);
        visit_return(self) => self.return_from_function();
    }

    operators! {
        visit_drop(self) => _ = self.pop();
        visit_select(self) => self.select(None);
        visit_typed_select(self, ty: wasmparser::ValType) => self.select(Some(self.val_type(ty)));
        visit_typed_select_multi(self, _tys: Vec<wasmparser::ValType>) => {
            unreachable!("validation refuses a `select` of several values");
        };
    }

    /// Passes over an operator in unreachable code.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                self.skipped += 1;
            }
            Operator::Try { .. } => {
                self.skip_try();
                self.skipped += 1;
            }
            Operator::Else if self.skipped == 0 => self.begin_else(),
            Operator::Catch { .. } | Operator::CatchAll if self.skipped == 0 => self.begin_catch(),
            Operator::End | Operator::Delegate { .. } if self.skipped == 0 => self.end(),
            Operator::End | Operator::Delegate { .. } => self.skipped -= 1,
            _ => {}
        }
    }

    /// Opens the frame of the function itself.
    pub(super) fn push_function_frame(&mut self, results: &[ValType]) {
        self.open(FrameKind::Block, 0, results);
    }

    fn begin_block(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        self.open(FrameKind::Block, params.len(), &results);
    }

    fn begin_try_table(&mut self, table: &TryTable) {
        let (params, results) = self.block_type(table.ty);
        self.open(FrameKind::TryTable, params.len(), &results);
        self.open_clauses(table);
    }

    fn begin_try(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        self.open(FrameKind::Try, params.len(), &results);
        self.open_try();
    }

    fn begin_catch(&mut self) {
        if !self.unreachable {
            self.jump_to_exit();
        }
        self.begin_arm();
        let height = self.frame(0).height;
        self.stack.truncate(height);
        let mut handlers = match core::mem::replace(&mut self.frame_mut(0).kind, FrameKind::Try) {
            FrameKind::Handler(handlers) => handlers,
            _ => self.close_try(),
        };
        self.begin_handler(&mut handlers);
        self.frame_mut(0).kind = FrameKind::Handler(handlers);
    }

    /// Returns the exception of the handler at this depth.
    pub(super) fn caught(&self, depth: u32) -> Value {
        let FrameKind::Handler(handlers) = &self.frame(depth).kind else {
            unreachable!("validation requires that `rethrow` names a handler");
        };
        handlers.caught().expect("a reachable handler has an exception")
    }

    fn begin_loop(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        let header = self.block_with_params(&params);
        let args = self.top(params.len());
        self.ins().jump(header, &args);
        self.builder.switch_to_block(header);
        self.open(FrameKind::Loop { header }, params.len(), &results);
        let height = self.frame(0).height;
        self.stack.truncate(height);
        self.push_block_params(header);
        self.check_interrupts();
    }

    fn begin_if(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        let condition = self.pop();
        let (then, otherwise) = (self.builder.create_block(), self.builder.create_block());
        self.ins().brif(condition, then, &[], otherwise, &[]);
        if let Some(taken) = self.hint() {
            self.builder.set_cold_block(if taken { otherwise } else { then });
        }
        self.builder.seal_block(then);
        self.builder.seal_block(otherwise);
        self.builder.switch_to_block(then);
        let saved = self.stack[self.stack.len() - params.len()..].to_vec();
        self.open(FrameKind::If { otherwise, params: saved }, params.len(), &results);
    }

    fn begin_else(&mut self) {
        if !self.unreachable {
            self.jump_to_exit();
        }
        self.begin_arm();
        let frame = self.controls.last_mut().expect("an `else` belongs to an `if`");
        let FrameKind::If { otherwise, params } = core::mem::replace(&mut frame.kind, FrameKind::Block) else {
            unreachable!("validation requires that `else` belongs to an `if`");
        };
        self.stack.truncate(frame.height);
        self.stack.extend(params);
        self.builder.switch_to_block(otherwise);
        self.unreachable = false;
    }

    /// Notes for debug information that the innermost block goes on in another arm.
    fn begin_arm(&mut self) {
        let at = self.builder.srcloc().bits();
        if let Some(locals) = &mut self.local_values {
            locals.next_arm(at);
        }
    }

    fn end(&mut self) {
        if matches!(self.frame(0).kind, FrameKind::If { .. }) {
            // The missing `else` arm passes its parameters on.
            self.begin_else();
        }
        // The code of clauses goes into blocks of its own, so that the current block must end first.
        let catches = matches!(self.frame(0).kind, FrameKind::TryTable) && self.can_catch();
        if (self.frame(0).exit_reached || catches) && !self.unreachable {
            self.jump_to_exit();
        }
        let frame = self.controls.pop().expect("an `end` closes a frame");
        let at = self.builder.srcloc().bits();
        if let Some(locals) = &mut self.local_values {
            locals.close(frame.exit_reached, at);
        }
        match frame.kind {
            FrameKind::TryTable => self.close_clauses(),
            FrameKind::Try => drop(self.close_try()),
            _ => {}
        }
        if let FrameKind::Loop { header } = frame.kind {
            self.builder.seal_block(header);
        }
        if frame.exit_reached {
            self.builder.switch_to_block(frame.exit);
            self.builder.seal_block(frame.exit);
            self.stack.truncate(frame.height);
            self.push_block_params(frame.exit);
            self.unreachable = false;
        } else if self.unreachable {
            self.stack.truncate(frame.height);
        }
        if self.controls.is_empty() && !self.unreachable {
            let results = self.pop_many(frame.results);
            self.ins().return_(&results);
        }
    }

    fn br(&mut self, depth: u32) {
        self.expansion.branches(1);
        let (target, args) = self.target(depth);
        self.ins().jump(target, &args);
        self.unreachable = true;
    }

    fn br_if(&mut self, depth: u32) {
        let condition = self.pop();
        self.br_if_value(condition, depth);
    }

    /// Branches if `condition` is not zero.
    pub(super) fn br_if_value(&mut self, condition: Value, depth: u32) {
        self.expansion.branches(1);
        let (target, args) = self.target(depth);
        let next = self.builder.create_block();
        match self.hint() {
            // Other branches may lead to the target too. Only this edge is unlikely, so it gets a block of its own.
            Some(false) => {
                let edge = self.builder.create_block();
                self.builder.set_cold_block(edge);
                self.ins().brif(condition, edge, &[], next, &[]);
                self.builder.seal_block(edge);
                self.builder.switch_to_block(edge);
                self.ins().jump(target, &args);
            }
            hint => {
                self.ins().brif(condition, target, &args, next, &[]);
                if hint == Some(true) {
                    self.builder.set_cold_block(next);
                }
            }
        }
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// Branches if the reference is null, without it. Otherwise the reference stays on the stack.
    fn br_on_null(&mut self, depth: u32) {
        let reference = self.pop();
        self.expansion.branches(1);
        let (target, args) = self.target(depth);
        let next = self.builder.create_block();
        self.ins().brif(reference, next, &[], target, &args);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.push(reference);
    }

    /// Branches if the reference is not null, with it. Otherwise the reference is dropped.
    fn br_on_non_null(&mut self, depth: u32) {
        let reference = *self.stack.last().expect("validated code has the operand");
        self.br_if_value(reference, depth);
        self.pop();
    }

    /// Returns the branch hint of the current instruction: whether its branch is likely taken.
    fn hint(&self) -> Option<bool> {
        let offset = u64::from(self.builder.srcloc().bits());
        let found = self.hints.binary_search_by_key(&offset, |(hinted, _)| *hinted);
        found.ok().map(|position| self.hints[position].1)
    }

    /// Translates `br_table`. Each label that carries values gets a block between the table and its target, so that the
    /// values move once per label and not once per entry of the table.
    fn br_table(&mut self, table: &BrTable<'_>) {
        let index = self.pop();
        let mut stops = TableStops::default();
        // Entries with one label carry its values once.
        self.expansion.branches(self.controls.len().min(table.len() as usize + 1));
        let default = self.table_edge(table.default(), &mut stops);
        let mut targets = Vec::with_capacity(table.len() as usize);
        for depth in table.targets() {
            targets.push(self.table_edge(depth.expect("validation has read the table"), &mut stops));
        }
        if planted!(BranchTableShort, self.env.config) && targets.len() > 4 {
            targets.pop();
        }
        let table = self.builder.create_jump_table(JumpTableData::new(default, &targets));
        self.ins().br_table(index, table);
        for (block, target, args) in stops.jumps {
            self.builder.seal_block(block);
            self.builder.switch_to_block(block);
            self.ins().jump(target, &args);
        }
        self.unreachable = true;
    }

    /// Returns the edge from a `br_table` to a label: to its target, or to a block that jumps there with the values.
    fn table_edge(&mut self, depth: u32, stops: &mut TableStops) -> BlockCall {
        let (mut block, args) = self.target(depth);
        if !args.is_empty() {
            let target = block;
            block = match stops.blocks.get(&depth) {
                Some(&stop) => stop,
                None => {
                    let stop = self.builder.create_block();
                    stops.blocks.insert(depth, stop);
                    stops.jumps.push((stop, target, args));
                    stop
                }
            };
        }
        self.builder.func.dfg.block_call(block, &[])
    }

    pub(super) fn return_from_function(&mut self) {
        let results = self.pop_many(self.controls[0].results);
        self.ins().return_(&results);
        self.unreachable = true;
    }

    fn select(&mut self, ty: Option<ValType>) {
        let (first, second, condition) = self.pop3();
        let value = self.ins().select(condition, first, second);
        match ty {
            Some(ty) => self.push_typed(value, ty),
            None => self.push(value),
        }
    }

    /// Opens a frame whose parameters are the topmost operands.
    fn open(&mut self, kind: FrameKind, params: usize, results: &[ValType]) {
        let exit = self.block_with_params(results);
        let height = self.stack.len() - params;
        let at = self.builder.srcloc().bits();
        if let Some(locals) = &mut self.local_values {
            locals.open(matches!(kind, FrameKind::Loop { .. }), at);
        }
        self.controls.push(ControlFrame { kind, height, params, results: results.len(), exit, exit_reached: false });
    }

    /// Jumps to the end of the innermost block with its results.
    fn jump_to_exit(&mut self) {
        let (results, exit) = (self.frame(0).results, self.frame(0).exit);
        let args = self.top(results);
        self.ins().jump(exit, &args);
        self.frame_mut(0).exit_reached = true;
    }

    /// Returns the target of a branch and the values that it carries.
    pub(super) fn target(&mut self, depth: u32) -> (Block, Args) {
        let frame = self.frame_mut(depth);
        let (block, arity) = match frame.kind {
            FrameKind::Loop { header } => (header, frame.params),
            FrameKind::Block | FrameKind::TryTable | FrameKind::Try | FrameKind::Handler(_) | FrameKind::If { .. } => {
                frame.exit_reached = true;
                (frame.exit, frame.results)
            }
        };
        (block, self.top(arity))
    }

    fn frame(&self, depth: u32) -> &ControlFrame {
        &self.controls[self.controls.len() - 1 - depth as usize]
    }

    fn frame_mut(&mut self, depth: u32) -> &mut ControlFrame {
        let position = self.controls.len() - 1 - depth as usize;
        &mut self.controls[position]
    }

    /// Returns the topmost operands, which stay on the stack.
    fn top(&self, count: usize) -> Args {
        self.stack[self.stack.len() - count..].iter().map(|&value| value.into()).collect()
    }

    fn block_with_params(&mut self, types: &[ValType]) -> Block {
        let block = self.builder.create_block();
        for &ty in types {
            let value = self.builder.append_block_param(block, clif_type(ty));
            self.trace(value, ty);
        }
        block
    }

    fn push_block_params(&mut self, block: Block) {
        self.stack.extend_from_slice(self.builder.block_params(block));
    }

    fn block_type(&self, ty: BlockType) -> (Types, Types) {
        match ty {
            BlockType::Empty => (smallvec![], smallvec![]),
            BlockType::Type(ty) => (smallvec![], smallvec![self.val_type(ty)]),
            BlockType::FuncType(index) => {
                let ty = self.env.module.signature(TypeIndex(index));
                (Types::from_slice(&ty.params), Types::from_slice(&ty.results))
            }
        }
    }
}
