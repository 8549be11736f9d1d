//! The [legacy form of exception handling] (`try`, `catch`, `delegate`, `rethrow`), on the same exception tables as
//! `try_table`.
//!
//! The handlers of a `try` follow the code that they protect, but the exception tables of the calls in that code need
//! them. [`scan`] therefore reads a function once before it is translated, and collects the handlers of every `try`.
//!
//! [legacy form of exception handling]:
//!     https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/Exceptions.md

use super::FuncTranslator;
use super::exception::{Clause, Clauses};
use crate::wasm::index::TagIndex;
use cranelift_codegen::ir::Value;
use std::collections::VecDeque;
use wasmparser::{FunctionBody, Operator};

/// A `try` with everything that its end tells.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct LegacyTry {
    /// The tags that its handlers take, in order. `None` takes every exception.
    catches: Vec<Option<TagIndex>>,
    /// The label of its `delegate`, counted from outside of the `try`.
    delegate: Option<u32>,
}

/// The handlers of an open `try`.
pub(super) struct LegacyHandlers {
    /// The handlers that are still to come.
    rest: std::vec::IntoIter<Clause>,
    /// The exception of the current handler, if the handler can be reached.
    caught: Option<Value>,
}

/// Collects all `try`s of a function, in order. The body need not be valid.
pub(super) fn scan(body: &FunctionBody<'_>) -> VecDeque<LegacyTry> {
    let mut tries: VecDeque<LegacyTry> = VecDeque::new();
    // The open blocks. A `try` is represented by its index in `tries`.
    let mut open: Vec<Option<usize>> = Vec::new();
    let operators = body.get_operators_reader().into_iter().flatten();
    for operator in operators.map_while(|operator| operator.ok()) {
        let innermost = open.last().copied().flatten();
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                open.push(None);
            }
            Operator::Try { .. } => {
                open.push(Some(tries.len()));
                tries.push_back(LegacyTry::default());
            }
            Operator::Catch { tag_index } => {
                if let Some(number) = innermost {
                    tries[number].catches.push(Some(TagIndex(tag_index)));
                }
            }
            Operator::CatchAll => {
                if let Some(number) = innermost {
                    tries[number].catches.push(None);
                }
            }
            Operator::Delegate { relative_depth } => {
                if let Some(number) = innermost {
                    tries[number].delegate = Some(relative_depth);
                }
                open.pop();
            }
            Operator::End => _ = open.pop(),
            _ => {}
        }
    }
    tries
}

impl FuncTranslator<'_> {
    /// Opens the handlers of a `try` whose frame is already open.
    pub(super) fn open_try(&mut self) {
        let LegacyTry { catches, delegate } = self.legacy.pop_front().expect("`scan` has found every `try`");
        let position = self.controls.len() - 1;
        let outer = delegate.map(|label| {
            // Validation checks the label later, at the `delegate`.
            let target = position.checked_sub(label as usize + 1);
            target.map_or(0, |target| self.tries.iter().take_while(|clauses| clauses.position <= target).count())
        });
        let clauses = catches.into_iter().map(Clause::handler).collect();
        self.tries.push(Clauses { clauses, position, outer });
    }

    /// Skips a `try` in unreachable code.
    pub(super) fn skip_try(&mut self) {
        self.legacy.pop_front();
    }

    /// Closes the protected code of the innermost `try` and returns its handlers.
    pub(super) fn close_try(&mut self) -> LegacyHandlers {
        let clauses = self.tries.pop().expect("a `try` ends once");
        LegacyHandlers { rest: clauses.clauses.into_iter(), caught: None }
    }

    /// Begins the next handler: pushes the exception's values.
    pub(super) fn begin_handler(&mut self, handlers: &mut LegacyHandlers) {
        let clause = handlers.rest.next().expect("`scan` has found every handler");
        handlers.caught = self.begin_clause(&clause);
        // A handler that no call leads to is unreachable.
        self.unreachable = handlers.caught.is_none();
    }
}

impl LegacyHandlers {
    /// Returns the exception of the current handler, if the handler can be reached.
    pub(super) fn caught(&self) -> Option<Value> {
        self.caught
    }
}
