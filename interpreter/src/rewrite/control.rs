//! Structured control becomes branches
//! ([Control instructions](https://webassembly.github.io/spec/core/exec/instructions.html#control-instructions)).
//!
//! A branch brings the operands that its label takes to the homes right above the operands that were there when the
//! label was entered. Operands only move down, so that copies in order never overwrite one that is still to come.

use super::Rewriter;
use super::code::{Catch, Handler, HandlerLabel, Region};
use super::op::Op;
use super::rare::Rare;
use super::stack::{Operand, Source};
use crate::execute::exception;
use crate::slot::Reg;
use crate::types::{self, TypeIndex};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use wasmparser::{BlockType, BrTable, Handle, ResumeTable, TryTable};

/// A label, from the instruction that enters it to its `end`.
pub(super) struct Label {
    kind: Kind,
    ty: BlockType,
    /// The number of operands below those that the block takes.
    height: usize,
    /// The home of the first operand that a branch to the label brings.
    home: u32,
    /// The places that will hold the index of the instruction after the block.
    forward: Vec<Reference>,
    /// The region of handlers around the block.
    around: Option<u32>,
    /// The region that the block opened.
    opened: Option<u32>,
}

impl Label {
    /// Returns the region whose handlers take what is thrown inside the block.
    fn inside(&self) -> Option<u32> {
        match self.kind {
            Kind::Catch(_) => self.around,
            _ => self.opened.or(self.around),
        }
    }
}

/// The kind of a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The body of a function, a `block`, or a `try_table`.
    Block,
    /// A loop whose body begins at this instruction.
    Loop(u32),
    /// The first part of an `if`, with the branch that skips it.
    If(usize),
    Else,
    /// The protected part of a legacy `try`.
    Try,
    /// A handler of a legacy `try`, with the slot that holds its exception.
    Catch(u32),
}

/// A place that holds the index of an instruction.
#[derive(Clone, Copy, Debug)]
enum Reference {
    /// The branch with this index.
    Op(usize),
    /// An entry of the targets.
    Target(usize),
    /// A handler of a region.
    Catch(usize, usize),
    /// A handler of a `resume`.
    Handler(usize, usize),
}

impl Rewriter<'_> {
    /// Enters the body of the function.
    pub(super) fn enter_body(&mut self) {
        let ty = self.ty;
        let home = self.first_home;
        let forward = Vec::new();
        self.labels.push(Label { kind: Kind::Block, ty, height: 0, home, forward, around: None, opened: None });
    }

    /// Enters a block.
    pub(super) fn block(&mut self, ty: BlockType) {
        self.enter(Kind::Block, ty);
    }

    /// Enters a loop.
    pub(super) fn enter_loop(&mut self, ty: BlockType) {
        self.send_home(self.arity(ty).0);
        self.preserve_all();
        let start = self.here();
        self.enter(Kind::Loop(start), ty);
        self.poll();
    }

    /// Enters an `if`.
    pub(super) fn enter_if(&mut self, ty: BlockType) {
        let condition = self.pop();
        self.send_home(self.arity(ty).0);
        self.preserve_all();
        let branch = self.branch_unless(condition);
        self.enter(Kind::If(branch), ty);
    }

    /// Enters a `try_table`.
    pub(super) fn enter_try_table(&mut self, table: &TryTable) {
        let region = self.open_region();
        for (index, catch) in table.catches.iter().enumerate() {
            let (tag, with_reference, depth) = match *catch {
                wasmparser::Catch::One { tag, label } => (Some(tag), false, label),
                wasmparser::Catch::OneRef { tag, label } => (Some(tag), true, label),
                wasmparser::Catch::All { label } => (None, false, label),
                wasmparser::Catch::AllRef { label } => (None, true, label),
            };
            let label = self.label_index(depth);
            let slot = self.labels[label].home;
            let catch = Catch { tag, with_reference, slot, kept: None, target: 0 };
            self.regions[region as usize].catches.push(catch);
            self.reserve_payload(slot, tag, with_reference);
            self.refer(label, Reference::Catch(region as usize, index));
        }
        self.enter_region(Kind::Block, table.ty, region);
    }

    /// Enters a legacy `try`.
    pub(super) fn enter_try(&mut self, ty: BlockType) {
        let region = self.open_region();
        self.enter_region(Kind::Try, ty, region);
    }

    fn enter_region(&mut self, kind: Kind, ty: BlockType, region: u32) {
        self.enter(kind, ty);
        let label = self.labels.last_mut().expect("a block was entered");
        label.around = self.regions[region as usize].outer;
        label.opened = Some(region);
    }

    fn enter(&mut self, kind: Kind, ty: BlockType) {
        let parameters = self.arity(ty).0;
        self.send_home(parameters);
        self.preserve_all();
        let height = self.stack.len() - parameters;
        let home = self.stack.get(height).map_or_else(|| self.next_home(), |operand| operand.home);
        let around = self.region;
        self.labels.push(Label { kind, ty, height, home, forward: Vec::new(), around, opened: None });
        self.barrier = self.ops.len();
    }

    /// Makes sure that the frame has room for what a handler receives.
    fn reserve_payload(&mut self, slot: u32, tag: Option<u32>, with_reference: bool) {
        let payload = tag.map_or(0, |tag| self.module.tag_type(tag).param_slots() as u32);
        self.frame_slots = self.frame_slots.max(slot + payload + u32::from(with_reference));
    }

    /// Starts a region of handlers inside the present one.
    fn open_region(&mut self) -> u32 {
        let index = self.regions.len() as u32;
        let start = self.here();
        let around = self.region;
        self.regions.push(Region { start, end: start, around, outer: around, catches: Vec::new() });
        self.region = Some(index);
        // Nothing before may be merged with what is protected.
        self.barrier = self.ops.len();
        index
    }

    /// Ends the innermost region.
    fn close_region(&mut self) {
        let end = self.here();
        if let Some(index) = self.region {
            let region = &mut self.regions[index as usize];
            region.end = end;
            self.region = region.outer;
        }
    }

    /// Goes on to the second part of an `if`.
    pub(super) fn enter_else(&mut self) {
        self.finish_part();
        let label = self.labels.last_mut().expect("inside an if");
        let Kind::If(branch) = label.kind else { unreachable!("validation has checked the nesting") };
        label.kind = Kind::Else;
        self.start_part(branch);
    }

    /// Brings the results of a part of a block home and goes on after the block.
    fn finish_part(&mut self) {
        if self.unreachable {
            return;
        }
        self.move_to_label(self.labels.len() - 1);
        let jump = self.emit_branch(Op::Jump { target: 0 });
        self.refer(self.labels.len() - 1, Reference::Op(jump));
    }

    /// Starts a part of a block with the operands that the block takes.
    fn start_part(&mut self, branch: usize) {
        let here = self.here();
        self.ops[branch].set_target(here);
        self.unreachable = false;
        self.reset_to_parameters();
    }

    /// Leaves only the operands that the innermost block takes above those below it.
    fn reset_to_parameters(&mut self) {
        let label = self.labels.last().expect("inside a block");
        let (ty, height) = (label.ty, label.height);
        self.truncate(height);
        self.push_block_parameters(ty);
    }

    /// Starts a handler of a legacy `try`; `None` takes all exceptions.
    pub(super) fn enter_catch(&mut self, tag: Option<u32>) {
        self.finish_part();
        self.unreachable = false;
        let index = self.labels.len() - 1;
        let (height, home) = (self.labels[index].height, self.labels[index].home);
        if self.labels[index].kind == Kind::Try {
            self.close_region();
        }
        self.truncate(height);
        // The exception itself stays below the payload, for `rethrow`.
        self.push_home(1);
        let catch = Catch { tag, with_reference: false, slot: home + 1, kept: Some(home), target: self.here() };
        let region = self.labels[index].opened.expect("a try opens a region");
        self.regions[region as usize].catches.push(catch);
        if let Some(tag) = tag {
            self.push_all(self.module.tag_type(tag).params());
        }
        self.labels[index].kind = Kind::Catch(home);
        self.barrier = self.ops.len();
    }

    /// Ends a legacy `try` whose exceptions go to the handlers around another label.
    pub(super) fn delegate(&mut self, depth: u32) {
        // The depth does not count the `try` itself.
        let outer = self.labels[self.label_index(depth + 1)].inside();
        if let Some(region) = self.region {
            self.close_region();
            self.regions[region as usize].outer = outer;
        }
        self.end();
    }

    /// Throws the exception of a handler of a legacy `try` again.
    pub(super) fn rethrow(&mut self, depth: u32) {
        let Kind::Catch(slot) = self.labels[self.label_index(depth)].kind else {
            unreachable!("validation has checked the label")
        };
        self.throw_reference_in(slot);
    }

    /// Ends the innermost block, or the function.
    pub(super) fn end(&mut self) {
        let index = self.labels.len() - 1;
        if !self.unreachable {
            // A branch to a loop brings its parameters, but its end leaves results, like that of any block.
            let count = self.arity(self.labels[index].ty).1;
            self.move_down(count, self.labels[index].home);
            self.truncate(self.stack.len() - count);
        }
        let label = self.labels.pop().expect("inside a block");
        if self.region != label.around {
            self.close_region();
        }
        if let Kind::If(branch) = label.kind {
            let here = self.here();
            self.ops[branch].set_target(here);
        }
        let reached = !self.unreachable || !label.forward.is_empty() || matches!(label.kind, Kind::If(_));
        self.patch(&label.forward);
        self.truncate(label.height);
        self.unreachable = !reached;
        self.push_block_results(label.ty);
        if self.labels.is_empty() && reached {
            self.return_results();
        }
    }

    /// Lets places name the next instruction.
    fn patch(&mut self, references: &[Reference]) {
        let here = self.here();
        for &reference in references {
            match reference {
                Reference::Op(index) => self.ops[index].set_target(here),
                Reference::Target(index) => self.targets[index] = here,
                Reference::Catch(region, catch) => self.regions[region].catches[catch].target = here,
                Reference::Handler(resume, handler) => self.set_handler_target(resume, handler, here),
            }
        }
        self.barrier = self.ops.len();
    }

    /// Lets a place name the instruction where the label goes on.
    fn refer(&mut self, label: usize, reference: Reference) {
        match self.labels[label].kind {
            Kind::Loop(start) => match reference {
                Reference::Op(index) => self.ops[index].set_target(start),
                Reference::Target(index) => self.targets[index] = start,
                Reference::Catch(region, catch) => self.regions[region].catches[catch].target = start,
                Reference::Handler(resume, handler) => self.set_handler_target(resume, handler, start),
            },
            _ => self.labels[label].forward.push(reference),
        }
    }

    /// Notes the handlers of a `resume`, and returns their position in the code.
    pub(super) fn add_handlers(&mut self, table: &ResumeTable) -> u32 {
        let resume = self.handlers.len();
        let handlers = table.handlers.iter().map(|handle| match *handle {
            Handle::OnLabel { tag, label } => (tag, Some(self.label_index(label))),
            Handle::OnSwitch { tag } => (tag, None),
        });
        let labels: Vec<(u32, Option<usize>)> = handlers.collect();
        let handlers = labels.iter().map(|&(tag, label)| {
            let label = label.map(|label| {
                let (slot, ty) = (self.labels[label].home, self.continuation_of(label));
                HandlerLabel { slot, ty, target: 0 }
            });
            Handler { tag, label }
        });
        let handlers = handlers.collect();
        self.handlers.push(handlers);
        for (position, (tag, label)) in labels.into_iter().enumerate() {
            let Some(label) = label else { continue };
            self.reserve_payload(self.labels[label].home, Some(tag), true);
            self.refer(label, Reference::Handler(resume, position));
        }
        resume as u32
    }

    /// Returns the index of the type of the continuation that a branch to a label brings last.
    fn continuation_of(&self, label: usize) -> u32 {
        let Label { kind, ty, .. } = self.labels[label];
        let last = match (ty, kind) {
            (BlockType::FuncType(index), Kind::Loop(_)) => self.module.func_type(TypeIndex(index)).params().last(),
            (BlockType::FuncType(index), _) => self.module.func_type(TypeIndex(index)).results().last(),
            (BlockType::Type(wasmparser::ValType::Ref(ty)), _) => {
                let heap = types::heap_type(ty.heap_type()).expect("a valid module has supported types");
                return heap.defined().expect("validation has checked the label").0;
            }
            _ => None,
        };
        last.and_then(|ty| ty.defined()).expect("validation has checked the label").0
    }

    /// Sets where a handler of a `resume` goes on.
    fn set_handler_target(&mut self, resume: usize, handler: usize, target: u32) {
        if let Some(label) = &mut self.handlers[resume][handler].label {
            label.target = target;
        }
    }

    /// Returns the index of the label that is so many labels further out.
    fn label_index(&self, depth: u32) -> usize {
        self.labels.len() - 1 - depth as usize
    }

    /// Returns the types that a branch to a label brings.
    fn label_arity(&self, label: usize) -> usize {
        let label = &self.labels[label];
        let (parameters, results) = self.arity(label.ty);
        if let Kind::Loop(_) = label.kind { parameters } else { results }
    }

    /// Emits copies of the top operands to where a branch to a label brings them.
    fn move_to_label(&mut self, label: usize) {
        let arity = self.label_arity(label);
        self.move_down(arity, self.labels[label].home);
    }

    /// Emits copies of the top operands to the slots from `slot` on, which are not above their homes.
    fn move_down(&mut self, count: usize, slot: u32) {
        let mut slot = slot;
        for index in self.stack.len() - count..self.stack.len() {
            let operand = self.stack[index];
            self.copy_to(operand, slot);
            slot += operand.slots;
        }
        self.frame_slots = self.frame_slots.max(slot);
    }

    /// Returns whether the operands that a branch brings are where the label takes them.
    fn are_in_place(&self, label: usize) -> bool {
        let arity = self.label_arity(label);
        let operands = &self.stack[self.stack.len() - arity..];
        let is_home = |operand: &Operand| operand.source == Source::Home;
        operands.first().is_none_or(|first| first.home == self.labels[label].home) && operands.iter().all(is_home)
    }

    /// A branch.
    pub(super) fn br(&mut self, depth: u32) {
        let label = self.label_index(depth);
        if label == 0 {
            return self.return_results();
        }
        self.move_to_label(label);
        let jump = self.emit_branch(Op::Jump { target: 0 });
        self.refer(label, Reference::Op(jump));
        self.unreachable = true;
    }

    /// A branch on a condition.
    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.pop();
        let label = self.label_index(depth);
        if label != 0 && self.are_in_place(label) {
            let branch = self.branch_if(condition);
            return self.refer(label, Reference::Op(branch));
        }
        let skip = self.branch_unless(condition);
        self.leave_to(depth);
        self.land(skip);
    }

    /// Emits a branch that was decided, with the copies that it needs, and goes on where it is not taken.
    fn leave_to(&mut self, depth: u32) {
        self.br(depth);
        self.unreachable = false;
    }

    /// Lets a branch lead to the next instruction.
    fn land(&mut self, branch: usize) {
        let here = self.here();
        self.ops[branch].set_target(here);
        self.barrier = self.ops.len();
    }

    /// Emits the branch that a condition decides, and returns its index.
    pub(super) fn branch_if(&mut self, condition: Operand) -> usize {
        if let Some(branch) = self.take_comparison(condition, |op| op.branch_if(0)) {
            return self.emit_branch(branch);
        }
        let a = self.reg_of(condition, 0);
        self.emit_branch(Op::BrIf { a, target: 0 })
    }

    /// Emits the branch that the opposite of a condition decides, and returns its index.
    fn branch_unless(&mut self, condition: Operand) -> usize {
        if let Some(branch) = self.take_comparison(condition, |op| op.branch_unless(0)) {
            return self.emit_branch(branch);
        }
        let a = self.reg_of(condition, 0);
        self.emit_branch(Op::BrIfZero { a, target: 0 })
    }

    /// Removes the comparison that has just computed the condition, if a branch can decide in its place.
    fn take_comparison(&mut self, condition: Operand, branch: impl FnOnce(Op) -> Option<Op>) -> Option<Op> {
        // The charge for the code up to the branch stands between the two.
        let charge = self.take_charge();
        let branch = self.last_result(condition).and_then(branch);
        if branch.is_some() {
            self.ops.pop();
            self.offsets.pop();
        }
        if let Some(charge) = charge {
            self.emit(charge);
        }
        branch
    }

    /// Removes the last instruction if it charges fuel.
    fn take_charge(&mut self) -> Option<Op> {
        let last = *self.ops.last()?;
        if !matches!(last, Op::Fuel { .. }) || self.ops.len() <= self.barrier {
            return None;
        }
        self.offsets.pop();
        self.ops.pop()
    }

    /// Returns the last instruction, if its result is this operand and nothing else refers to it.
    pub(super) fn last_result(&mut self, operand: Operand) -> Option<Op> {
        if self.ops.len() <= self.barrier || operand.source != Source::Home {
            return None;
        }
        let mut last = *self.ops.last()?;
        let destination = u32::from(*last.destination()?);
        if destination == operand.home { Some(last) } else { None }
    }

    /// A branch on whether a reference is null; `on_null` decides which.
    pub(super) fn br_on_null(&mut self, depth: u32, on_null: bool) {
        let reference = self.pop();
        let a = self.reg_of(reference, 0);
        let skip =
            self.emit_branch(if on_null { Op::BrOnNonNull { a, target: 0 } } else { Op::BrOnNull { a, target: 0 } });
        if !on_null {
            self.restore(reference);
        }
        self.leave_to(depth);
        if !on_null {
            self.pop();
        }
        self.land(skip);
        if on_null {
            self.restore(reference);
        }
    }

    /// Pushes an operand that was popped.
    fn restore(&mut self, operand: Operand) {
        match operand.source {
            Source::Local(local) => self.push_local(local, operand.slots),
            source => self.push(source, operand.slots),
        }
    }

    /// A branch on a test that has left its answer in a slot; the operands below are those of the branch.
    pub(super) fn br_on_answer(&mut self, depth: u32, answer: Reg, on: bool) {
        let skip = self.emit_branch(if on {
            Op::BrIfZero { a: answer, target: 0 }
        } else {
            Op::BrIf { a: answer, target: 0 }
        });
        self.leave_to(depth);
        self.land(skip);
    }

    /// A branch to one of many labels.
    pub(super) fn br_table(&mut self, table: &BrTable<'_>) -> wasmparser::Result<()> {
        let a = self.pop_reg(0);
        let start = self.targets.len();
        let mut depths = table.targets().collect::<wasmparser::Result<Vec<u32>>>()?;
        depths.push(table.default());
        self.targets.resize(start + depths.len(), 0);
        self.emit(Op::BrTable { a, start: start as u32, count: depths.len() as u32 });
        let mut ways = BTreeMap::new();
        for (entry, depth) in depths.into_iter().enumerate() {
            if self.is_too_large() {
                break;
            }
            match *ways.entry(depth).or_insert_with(|| self.way_to(depth)) {
                Some(piece) => self.targets[start + entry] = piece,
                None => self.refer(self.label_index(depth), Reference::Target(start + entry)),
            }
        }
        self.unreachable = true;
        Ok(())
    }

    /// Returns the piece of code that brings the operands of a branch to where the label takes them, or `None` if they
    /// are there.
    fn way_to(&mut self, depth: u32) -> Option<u32> {
        let label = self.label_index(depth);
        if label != 0 && self.are_in_place(label) {
            return None;
        }
        let here = self.here();
        self.barrier = self.ops.len();
        self.leave_to(depth);
        Some(here)
    }

    /// Returns from the function with the top operands.
    pub(super) fn return_results(&mut self) {
        let count = self.arity(self.ty).1;
        if count == 1 {
            let result = *self.stack.last().expect("a result");
            if result.slots == 1 {
                let a = self.reg_of(result, 0);
                self.emit(Op::ReturnOne { a });
                self.unreachable = true;
                return;
            }
        }
        self.move_to_start(count);
        self.emit(Op::Return);
        self.unreachable = true;
    }

    /// Emits copies of the top operands to the start of the frame.
    pub(super) fn move_to_start(&mut self, count: usize) {
        // The start of the frame holds locals that operands may stand for. Where the branch to here is not taken, the
        // operands are where they were.
        let first = self.stack.len() - count;
        let (operands, in_locals) = (self.stack[first..].to_vec(), self.in_locals.clone());
        self.send_home(count);
        self.move_down(count, 0);
        self.stack.truncate(first);
        self.stack.extend(operands);
        self.in_locals = in_locals;
    }

    /// Emits a branch and returns its index.
    fn emit_branch(&mut self, branch: Op) -> usize {
        self.emit(branch);
        self.ops.len() - 1
    }

    /// Removes the operands above a height.
    pub(super) fn truncate(&mut self, height: usize) {
        self.stack.truncate(height);
        self.in_locals.retain(|&index| (index as usize) < height);
    }

    /// Throws an exception with a payload from the stack.
    pub(super) fn throw(&mut self, tag: u32) {
        let ty = self.module.tag_type(tag);
        let row = self.arguments(ty);
        let slots = ty.param_slots() as u32;
        self.emit_rare(0, Rare { row, ..Rare::new(exception::throw).x(tag).y(slots) });
        self.unreachable = true;
    }

    /// Throws an exception that is an operand.
    pub(super) fn throw_ref(&mut self) {
        self.emit_rare(1, Rare::new(exception::throw_ref));
        self.unreachable = true;
    }

    /// Throws the exception in a slot.
    fn throw_reference_in(&mut self, slot: u32) {
        let operand = self.near(slot, 1, 0);
        let rare = Rare { operands: [operand; 5], ..Rare::new(exception::throw_ref) };
        self.emit_rare(0, rare);
        self.unreachable = true;
    }
}
