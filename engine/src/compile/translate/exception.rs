//! Exceptions ([Control
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#control-instructions): `throw`,
//! `throw_ref`, `try_table`).
//!
//! Entering a `try_table` emits no code. A call inside one becomes a `try_call`, whose exception table lists the
//! clauses of all `try_table`s around it, the innermost first. The table names tags by their indices in the module, and
//! its context is the vmctx, by which the runtime finds the tags of the instance. The code of a clause is a block of
//! its own, which is made at the end of the `try_table` if a call needs it. It takes the exception from the payload
//! register, loads the exception's values from the heap, and jumps to the clause's label.
//!
//! `throw` and `throw_ref` are library calls. Inside a `try_table` they are `try_call`s as well, so that every
//! exception finds its handler in the same way.

use super::FuncTranslator;
use super::operators::operators;
use crate::abi::builtins::Builtin;
use crate::abi::heap::exception_layout;
use crate::abi::vmctx::VmStoreContext;
use crate::base::{Error, ErrorKind, Result, Trap};
use crate::compile::clif::{builtin_signature, clif_type, trap_code};
use crate::compile::symbol::Symbol;
use crate::wasm::index::TagIndex;
use core::mem::offset_of;
use cranelift_codegen::ir::{
    self, Block, BlockArg, BlockCall, Endianness, ExceptionTableData, ExceptionTableItem, ExceptionTag, InstBuilder,
    MemFlagsData, SigRef, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use smallvec::SmallVec;
use std::collections::HashSet;
use wasmparser::TryTable;

/// The largest number of clauses that a function's calls may examine. The exception table of each call lists the
/// clauses of all `try_table`s around it: with thousands of both, the tables would exhaust the compiler's memory.
const MAX_CLAUSES_TRIED: usize = 1 << 20;

/// The clauses of an open `try_table`, or the handlers of an open `try`.
pub(super) struct Clauses {
    pub(super) clauses: Vec<Clause>,
    /// The index of its frame in the control stack.
    pub(super) position: usize,
    /// For a `try` that ends in `delegate`: the number of open `try`s and `try_table`s, counted from the outermost,
    /// that get its exceptions. `None` if all around it do.
    pub(super) outer: Option<usize>,
}

/// A `catch` clause.
pub(super) struct Clause {
    /// The tag of the exceptions that it takes, or `None` for every exception.
    tag: Option<TagIndex>,
    /// The label, counted from outside of the `try_table`. `None` in a `try`, where the handler's code follows.
    label: Option<u32>,
    /// True if the label gets the exception itself after its values.
    with_reference: bool,
    /// The first block of its code, once a call needs it.
    block: Option<Block>,
}

impl Clause {
    /// Creates a clause of a `try_table`.
    fn of(catch: &wasmparser::Catch) -> Clause {
        let (tag, with_reference, label) = match *catch {
            wasmparser::Catch::One { tag, label } => (Some(TagIndex(tag)), false, label),
            wasmparser::Catch::OneRef { tag, label } => (Some(TagIndex(tag)), true, label),
            wasmparser::Catch::All { label } => (None, false, label),
            wasmparser::Catch::AllRef { label } => (None, true, label),
        };
        Clause { tag, with_reference, label: Some(label), block: None }
    }

    /// Creates the clause for a handler of a `try`.
    pub(super) fn handler(tag: Option<TagIndex>) -> Clause {
        Clause { tag, label: None, with_reference: false, block: None }
    }

    /// Returns the edge from a call to the clause's code.
    fn edge(&mut self, builder: &mut FunctionBuilder<'_>) -> BlockCall {
        let block = *self.block.get_or_insert_with(|| {
            let block = builder.create_block();
            builder.append_block_param(block, types::I64);
            builder.set_cold_block(block);
            block
        });
        builder.func.dfg.block_call(block, &[BlockArg::TryCallExn(0)])
    }
}

/// The target of [`FuncTranslator::emit_call`].
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// A function of this artifact.
    Function(ir::FuncRef),
    /// Code at an address, with a signature.
    Address(SigRef, Value),
}

impl FuncTranslator<'_> {
    operators! {
        visit_throw(self, tag_index: u32) => self.throw(TagIndex(tag_index));
        visit_throw_ref(self) => {
            let exception = self.pop();
            self.throw_ref(exception);
        };
        visit_rethrow(self, relative_depth: u32) => {
            let exception = self.caught(relative_depth);
            self.throw_ref(exception);
        };
    }

    /// Opens the clauses of a `try_table` whose frame is already open.
    pub(super) fn open_clauses(&mut self, table: &TryTable) {
        let clauses = table.catches.iter().map(Clause::of).collect();
        self.tries.push(Clauses { clauses, position: self.controls.len() - 1, outer: None });
    }

    /// Emits a call of code that may throw, and returns the results.
    pub(super) fn emit_call(&mut self, target: Target, arguments: &[Value]) -> SmallVec<[Value; 4]> {
        let handlers = self.handlers();
        self.expansion.call(self.stack.len());
        self.expansion.branches(handlers.len());
        if handlers.is_empty() {
            let call = match target {
                Target::Function(function) => self.ins().call(function, arguments),
                Target::Address(signature, code) => self.ins().call_indirect(signature, code, arguments),
            };
            return self.builder.inst_results(call).into();
        }
        let signature = match target {
            Target::Function(function) => self.builder.func.dfg.ext_funcs[function].signature,
            Target::Address(signature, _) => signature,
        };
        let next = self.builder.create_block();
        let returns = self.builder.func.dfg.signatures[signature].returns.clone();
        let results: Vec<_> = (0..).take(returns.len()).map(BlockArg::TryCallRet).collect();
        for result in returns {
            self.builder.append_block_param(next, result.value_type);
        }
        let normal = self.builder.func.dfg.block_call(next, &results);
        let table = ExceptionTableData::new(signature, normal, handlers);
        let table = self.builder.func.dfg.exception_tables.push(table);
        match target {
            Target::Function(function) => self.ins().try_call(function, arguments, table),
            Target::Address(_, code) => self.ins().try_call_indirect(code, arguments, table),
        };
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.builder.block_params(next).into()
    }

    /// Lists the handlers of a call at the current position; empty if nothing could catch. Of several clauses for one
    /// tag the first is enough, and a clause that takes everything ends the list.
    fn handlers(&mut self) -> Vec<ExceptionTableItem> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut level = self.tries.len();
        while level > 0 && !seen.contains(&None) {
            level -= 1;
            self.clauses_tried += 1 + self.tries[level].clauses.len();
            for clause in &mut self.tries[level].clauses {
                if seen.contains(&None) || !seen.insert(clause.tag) {
                    continue;
                }
                let edge = clause.edge(&mut self.builder);
                if items.is_empty() {
                    // The context applies to all tags after it.
                    items.push(ExceptionTableItem::Context(self.vmctx));
                }
                items.push(match clause.tag {
                    Some(tag) => ExceptionTableItem::Tag(ExceptionTag::from_u32(tag.0), edge),
                    None => ExceptionTableItem::Default(edge),
                });
            }
            // A `delegate` skips the levels between its `try` and the label's block.
            level = self.tries[level].outer.unwrap_or(level);
        }
        items
    }

    /// Returns whether a call in the innermost `try_table` can lead to one of its clauses.
    pub(super) fn can_catch(&self) -> bool {
        let clauses = self.tries.last().expect("a `try_table` is open");
        clauses.clauses.iter().any(|clause| clause.block.is_some())
    }

    /// Closes the clauses of the innermost `try_table`, whose frame is already closed: emits the code of the clauses
    /// that a call needs. The current block must be terminated.
    pub(super) fn close_clauses(&mut self) {
        let clauses = self.tries.pop().expect("clauses close once");
        for clause in clauses.clauses {
            let height = self.stack.len();
            let Some(exception) = self.begin_clause(&clause) else { continue };
            if clause.with_reference {
                #[cfg(feature = "planted-faults")]
                self.plant_in_payload(height);
                self.push(exception);
            }
            let (target, args) = self.target(clause.label.expect("a clause of a `try_table` has a label"));
            self.ins().jump(target, &args);
            self.stack.truncate(height);
        }
    }

    /// Begins the code of a clause: pushes the exception's values, and returns the exception. `None` if no call leads
    /// to the clause.
    pub(super) fn begin_clause(&mut self, clause: &Clause) -> Option<Value> {
        let block = clause.block?;
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
        let exception = self.builder.block_params(block)[0];
        let exception = self.ins().ireduce(types::I32, exception);
        self.builder.declare_value_needs_stack_map(exception);
        if let Some(tag) = clause.tag {
            self.push_payload(tag, exception);
        }
        Some(exception)
    }

    /// Pushes the values of an exception with this tag.
    fn push_payload(&mut self, tag: TagIndex, exception: Value) {
        let params = &self.env.module.tag_type(tag).params;
        let fields = self.exception_address(exception);
        for (&ty, &offset) in params.iter().zip(exception_layout(params).offsets.iter()) {
            let flags = self.payload_flags();
            let value = self.ins().load(clif_type(ty), flags, fields, field(offset));
            self.push_typed(value, ty);
        }
    }

    /// Checks that the exception tables of the function are not far larger than its code.
    ///
    /// # Errors
    /// Kind [`TooLarge`](ErrorKind::TooLarge) if they are.
    pub(super) fn check_clauses(&self) -> Result<()> {
        if self.clauses_tried <= MAX_CLAUSES_TRIED {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TooLarge, "a function has too many calls inside of too many `try_table` clauses"))
    }

    fn throw(&mut self, tag: TagIndex) {
        let params = &self.env.module.tag_type(tag).params;
        let number = self.iconst(types::I32, tag.0.cast_signed().into());
        let exception = self.call_builtin(Builtin::ExceptionNew, &[number]);
        let exception = self.ins().ireduce(types::I32, exception);
        let values = self.pop_many(params.len());
        let fields = self.exception_address(exception);
        for (&value, &offset) in values.iter().zip(exception_layout(params).offsets.iter()) {
            let flags = self.payload_flags();
            self.ins().store(flags, value, fields, field(offset));
        }
        self.throw_ref(exception);
    }

    pub(super) fn throw_ref(&mut self, exception: Value) {
        let builtin = Builtin::ThrowRef;
        let callee = self.import(Symbol::Builtin(builtin), || builtin_signature(builtin, CallConv::Tail));
        self.emit_call(Target::Function(callee), &[self.vmctx, exception]);
        // Never reached: the call does not return.
        self.ins().trap(trap_code(Trap::Unreachable));
        self.unreachable = true;
    }

    /// Emits the address of an exception in the heap. It is valid until the next call, which may move the exception.
    fn exception_address(&mut self, exception: Value) -> Value {
        let store = self.store_context();
        let flags = self.constant_flags();
        let base = self.ins().load(types::I64, flags, store, offset_of!(VmStoreContext, heap_base) as i32);
        let offset = self.ins().uextend(types::I64, exception);
        self.ins().iadd(base, offset)
    }

    /// Returns the flags of an access to a field of an exception that is not null. They do not promise alignment,
    /// because vectors are aligned to 8 bytes only.
    fn payload_flags(&self) -> MemFlagsData {
        MemFlagsData::new().with_notrap().with_endianness(Endianness::Little)
    }
}

fn field(offset: u32) -> i32 {
    i32::try_from(offset).expect("a tag has at most 1,000 parameters")
}
