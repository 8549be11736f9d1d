//! Function bodies become compact code, once, when they are first called.
//!
//! A body is a sequence of instructions for a stack machine, with structured control. [`rewrite`] turns it into
//! [`Code`] for a register machine: operands have fixed slots, branches name instructions, comparisons are merged with
//! the branches that they decide. Validation is over: nothing here can fail but for a limit of this implementation.
//!
//! - `op`, `rare`: the instructions. `code`: the frame, and the invariants of all code.
//! - `stack`: where operands are. `control`: blocks and branches. `metering`: fuel. `coverage`: the ways of a guest.
//! - `numeric`, ..: one file for each family of instructions.

mod aggregate;
mod atomic;
mod code;
mod continuation;
mod control;
mod coverage;
mod memory;
mod metering;
mod nan;
mod numeric;
pub(crate) mod op;
#[cfg(feature = "planted-faults")]
mod planted_faults;
pub(crate) mod rare;
mod shared;
mod stack;
mod vector;

pub(crate) use self::code::{Catch, Code, Handler, HandlerLabel, Region, Site, StackSwitch, SwitchKind};

use self::control::Label;
use self::op::Op;
use self::rare::Rare;
use self::stack::{Operand, SCRATCH};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::module::{Description, Module};
use crate::slot::{LAST, Reg, WINDOW};
use crate::types::{RefType, TypeIndex, ValType};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use wasmparser::{BlockType, FunctionBody, Operator};

/// The number of instructions that the functions of any module may have together, and the number that they may have on
/// top of that for each byte of the module. Code that people or compilers write has less than one for a byte. But a
/// branch, which takes two bytes, may move a thousand operands, and a call may leave as many.
const ROOM: (usize, usize) = (1 << 20, 16);

/// The largest number of slots of a frame.
const MOST_SLOTS: u32 = 1 << 22;

/// The checks that code makes for its host.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Settings {
    /// True if code uses fuel.
    pub(crate) fuel: bool,
    /// True if code looks at the deadline.
    pub(crate) deadline: bool,
    /// True if results that are NaN are made canonical.
    pub(crate) canonical_nans: bool,
    /// The function that code calls wherever straight code begins.
    pub(crate) coverage: Option<fn(u32)>,
    /// True if code notes that it is executed.
    pub(crate) tracks_code: bool,
    /// The fault that is planted.
    #[cfg(feature = "planted-faults")]
    pub(crate) fault: Option<crate::fault::Fault>,
}

impl Settings {
    fn of(config: &Config) -> Settings {
        Settings {
            fuel: config.consume_fuel,
            deadline: config.epoch_interruption,
            canonical_nans: config.canonicalize_nans,
            coverage: config.coverage,
            tracks_code: config.tracks_code,
            #[cfg(feature = "planted-faults")]
            fault: config.fault,
        }
    }
}

/// The state of rewriting one body.
struct Rewriter<'m> {
    module: &'m Description,
    settings: Settings,
    /// The largest number of instructions that the code may have.
    most_ops: usize,
    /// The parameters and results of the body.
    ty: BlockType,
    /// The offset in the binary of the present operator.
    offset: u32,
    /// For each local its first slot and the number of its slots.
    locals: Vec<(u32, u32)>,
    /// The end of the locals' slots.
    locals_end: u32,
    /// The home of the lowest operand.
    first_home: u32,
    frame_slots: u32,
    stack: Vec<Operand>,
    /// The indices of the operands that stand for locals, in order.
    in_locals: Vec<u32>,
    labels: Vec<Label>,
    /// True if the present operator cannot be reached.
    unreachable: bool,
    /// The number of blocks that were entered since the code is unreachable.
    skipped: u32,
    /// The number of instructions that may not be changed any more, since a branch leads to what follows them.
    barrier: usize,
    /// The cost of the straight code so far.
    fuel: u32,
    /// The innermost open region of handlers.
    region: Option<u32>,
    ops: Vec<Op>,
    offsets: Vec<u32>,
    constants: Vec<u64>,
    targets: Vec<u32>,
    sites: Vec<Site>,
    switches: Vec<StackSwitch>,
    handlers: Vec<Box<[Handler]>>,
    cast_types: Vec<RefType<TypeIndex>>,
    /// The first slots of the fields of the struct types that were met.
    first_slots: BTreeMap<u32, Box<[u32]>>,
    rare: Vec<Rare>,
    /// The offsets at which straight code begins, if that is tracked.
    straight: Vec<u32>,
    regions: Vec<Region>,
}

/// Returns the code of a function of a module, which the first call makes.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] if the code becomes too large, with that of the functions before it.
pub(crate) fn code_of(module: &Module, func: u32) -> Result<Arc<Code>> {
    let description = module.description();
    let defined = description.defined(func).expect("a defined function");
    let cell = module.code(defined);
    if let Some(code) = cell.get() {
        return Ok(code.clone());
    }
    let settings = Settings::of(module.engine().config());
    let ty = description.functions[func as usize].0;
    let code = rewrite(description, settings, module.room_for_code(), ty, &module.body(defined))?;
    module.take_room_for_code(code.ops.len());
    Ok(cell.get_or_init(|| Box::new(Arc::new(code))).clone())
}

/// Returns the number of instructions that the functions of a module of this size may have together.
pub(crate) fn room_for_code(module_bytes: usize) -> usize {
    let (any, for_each_byte) = ROOM;
    any.saturating_add(module_bytes.saturating_mul(for_each_byte))
}

/// Rewrites the body of a function of this type to at most this number of instructions.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] if the code becomes larger. An error of the decoder, which validation has excluded.
pub(crate) fn rewrite(
    module: &Description,
    settings: Settings,
    most_ops: usize,
    type_index: TypeIndex,
    body: &FunctionBody<'_>,
) -> Result<Code> {
    outside_of_scratch(|least_home| {
        let mut rewriter = Rewriter::new(module, settings, most_ops, BlockType::FuncType(type_index.0));
        for ty in module.func_type(type_index).params() {
            rewriter.add_locals(1, ty.slots() as u32);
        }
        let parameters = rewriter.locals_end;
        for group in body.get_locals_reader().map_err(decoded)? {
            let (count, ty) = group.map_err(decoded)?;
            rewriter.add_locals(count, parsed_slots(ty));
        }
        rewriter.run(least_home, &mut body.get_operators_reader().map_err(decoded)?)?;
        Ok(rewriter.finish(parameters))
    })
}

/// Rewrites a constant expression with a value of this type, as the body of a function without parameters. Whoever
/// evaluates it takes the fuel.
///
/// # Errors
///
/// Those of [`rewrite`].
pub(crate) fn rewrite_expression(
    module: &Description,
    ty: ValType<TypeIndex>,
    operators: &wasmparser::OperatorsReader<'_>,
) -> Result<Code> {
    // Only the number of slots of a result matters.
    let result = if ty.slots() == 2 { wasmparser::ValType::V128 } else { wasmparser::ValType::I64 };
    outside_of_scratch(|least_home| {
        let mut rewriter = Rewriter::new(module, Settings::default(), ROOM.0, BlockType::Type(result));
        rewriter.run(least_home, &mut operators.clone())?;
        Ok(rewriter.finish(0))
    })
}

/// Returns the code that `make` makes of a body with no operand below a slot. If operands get to the scratch slots,
/// which shows at the end, the body is rewritten with all of them past the window.
fn outside_of_scratch(make: impl Fn(u32) -> Result<Code>) -> Result<Code> {
    let code = make(0)?;
    if code.locals > SCRATCH || code.slots <= SCRATCH {
        return Ok(code);
    }
    drop(code);
    make(WINDOW as u32)
}

/// Returns the error of a body that does not decode, which validation has excluded.
pub(crate) fn decoded(error: wasmparser::Error) -> Error {
    Error::new(ErrorKind::Unsupported, error.message()).at(error.offset())
}

impl<'m> Rewriter<'m> {
    fn new(module: &'m Description, settings: Settings, most_ops: usize, ty: BlockType) -> Rewriter<'m> {
        Rewriter {
            module,
            settings,
            most_ops,
            ty,
            offset: 0,
            locals: Vec::new(),
            locals_end: 0,
            first_home: 0,
            frame_slots: 0,
            stack: Vec::new(),
            in_locals: Vec::new(),
            labels: Vec::new(),
            unreachable: false,
            skipped: 0,
            barrier: 0,
            fuel: 0,
            region: None,
            ops: Vec::new(),
            offsets: Vec::new(),
            constants: Vec::new(),
            targets: Vec::new(),
            sites: Vec::new(),
            switches: Vec::new(),
            handlers: Vec::new(),
            cast_types: Vec::new(),
            first_slots: BTreeMap::new(),
            rare: Vec::new(),
            straight: Vec::new(),
            regions: Vec::new(),
        }
    }

    fn add_locals(&mut self, count: u32, slots: u32) {
        for _ in 0..count {
            let slot = stack::past_scratch(self.locals_end, slots);
            self.locals.push((slot, slots));
            self.locals_end = slot + slots;
        }
    }

    fn run(&mut self, least_home: u32, operators: &mut wasmparser::OperatorsReader<'_>) -> Result<()> {
        self.first_home = self.locals_end.max(least_home);
        self.frame_slots = self.first_home;
        self.enter_body();
        // The checks at the entry count as part of the first operator.
        self.offset = operators.original_position() as u32;
        self.poll();
        let mut begins = true;
        while !self.labels.is_empty() {
            let (operator, offset) = operators.read_with_offset().map_err(decoded)?;
            self.offset = offset as u32;
            if self.unreachable && self.skip(&operator) {
                continue;
            }
            if !self.unreachable {
                if core::mem::replace(&mut begins, metering::ends_straight_code(&operator)) {
                    self.note(&operator, operators);
                }
                self.charge(&operator);
            }
            #[cfg(feature = "planted-faults")]
            let operator = self.plant(operator);
            self.operator(&operator).map_err(decoded)?;
            if self.is_too_large() {
                let message = "the code becomes too large: it moves or leaves too many operands";
                return Err(Error::new(ErrorKind::Unsupported, message).at(offset));
            }
        }
        Ok(())
    }

    /// Returns whether the code or its frame is far larger than those of any sensible body.
    fn is_too_large(&self) -> bool {
        self.ops.len() > self.most_ops || self.frame_slots > MOST_SLOTS
    }

    /// Returns whether an operator that cannot be reached is skipped: all but those that end unreachable code.
    fn skip(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::{Block, Catch, CatchAll, Delegate, Else, End, If, Loop, Try, TryTable};
        match operator {
            Block { .. } | Loop { .. } | If { .. } | TryTable { .. } | Try { .. } => {
                self.skipped += 1;
                true
            }
            End | Delegate { .. } if self.skipped > 0 => {
                self.skipped -= 1;
                true
            }
            End | Delegate { .. } => false,
            Else | Catch { .. } | CatchAll => self.skipped > 0,
            _ => true,
        }
    }

    fn finish(self, parameters: u32) -> Code {
        Code {
            ops: self.ops.into(),
            offsets: self.offsets.into(),
            constants: self.constants.into(),
            rare: self.rare.into(),
            straight: self.straight.into(),
            targets: self.targets.into(),
            sites: self.sites.into(),
            switches: self.switches.into(),
            handlers: self.handlers.into(),
            cast_types: self.cast_types.into(),
            regions: self.regions.into(),
            parameters,
            locals: self.locals_end,
            slots: self.frame_slots,
        }
    }

    /// Emits an instruction for the present operator.
    fn emit(&mut self, mut op: Op) {
        if let Some(last) = self.last_destination()
            && let Some(first) = op.first()
            && *first == last
        {
            *first = LAST;
        }
        self.ops.push(op);
        self.offsets.push(self.offset);
    }

    /// Returns the slot with the result of the last instruction, if that is always executed right before the next one.
    fn last_destination(&mut self) -> Option<Reg> {
        if self.ops.len() <= self.barrier {
            return None;
        }
        self.ops.last_mut()?.destination().copied()
    }

    /// Returns the index of the next instruction.
    fn here(&self) -> u32 {
        self.ops.len() as u32
    }

    /// Returns the numbers of operands that a block takes and leaves.
    fn arity(&self, ty: BlockType) -> (usize, usize) {
        match ty {
            BlockType::Empty => (0, 0),
            BlockType::Type(_) => (0, 1),
            BlockType::FuncType(index) => {
                let ty = self.module.func_type(TypeIndex(index));
                (ty.params().len(), ty.results().len())
            }
        }
    }

    /// Pushes the operands that a block takes, in their homes.
    fn push_block_parameters(&mut self, ty: BlockType) {
        if let BlockType::FuncType(index) = ty {
            self.push_all(self.module.func_type(TypeIndex(index)).params());
        }
    }

    /// Pushes the results of a block, in their homes.
    fn push_block_results(&mut self, ty: BlockType) {
        match ty {
            BlockType::Empty => {}
            BlockType::Type(ty) => self.push_home(parsed_slots(ty)),
            BlockType::FuncType(index) => self.push_all(self.module.func_type(TypeIndex(index)).results()),
        }
    }

    /// Pushes operands that are in their homes.
    fn push_all(&mut self, types: &[ValType<TypeIndex>]) {
        for ty in types {
            self.push_home(ty.slots() as u32);
        }
    }

    /// Rewrites an operator.
    fn operator(&mut self, operator: &Operator<'_>) -> wasmparser::Result<()> {
        let done = self.variable(operator)
            || self.scalar(operator)
            || self.plain_access(operator)
            || self.control(operator)?
            || self.call(operator)
            || self.access(operator)
            || self.memory(operator)
            || self.table(operator)
            || self.vector(operator)
            || self.reference(operator)
            || self.cast(operator)
            || self.structure(operator)
            || self.array(operator)
            || self.continuation(operator)
            || self.shared(operator)
            || self.atomic(operator);
        debug_assert!(done, "no rewriting of {operator:?}");
        self.canonicalize_nan(operator);
        Ok(())
    }

    /// Rewrites control instructions, if it is one.
    fn control(&mut self, operator: &Operator<'_>) -> wasmparser::Result<bool> {
        match *operator {
            Operator::Nop => {}
            Operator::Unreachable => {
                self.emit(Op::Unreachable);
                self.unreachable = true;
            }
            Operator::Block { blockty } => self.block(blockty),
            Operator::Loop { blockty } => self.enter_loop(blockty),
            Operator::If { blockty } => self.enter_if(blockty),
            Operator::Else => self.enter_else(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(relative_depth),
            Operator::BrTable { ref targets } => self.br_table(targets)?,
            Operator::Return => self.return_results(),
            Operator::BrOnNull { relative_depth } => self.br_on_null(relative_depth, true),
            Operator::BrOnNonNull { relative_depth } => self.br_on_null(relative_depth, false),
            Operator::TryTable { ref try_table } => self.enter_try_table(try_table),
            Operator::Try { blockty } => self.enter_try(blockty),
            Operator::Catch { tag_index } => self.enter_catch(Some(tag_index)),
            Operator::CatchAll => self.enter_catch(None),
            Operator::Delegate { relative_depth } => self.delegate(relative_depth),
            Operator::Rethrow { relative_depth } => self.rethrow(relative_depth),
            Operator::Throw { tag_index } => self.throw(tag_index),
            Operator::ThrowRef => self.throw_ref(),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Returns the number of slots that a value of the type takes.
fn parsed_slots(ty: wasmparser::ValType) -> u32 {
    if ty == wasmparser::ValType::V128 { 2 } else { 1 }
}
