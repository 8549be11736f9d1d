//! The first form of exception handling
//! ([`try`, `catch`, `delegate`, `rethrow`](https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/Exceptions.md)),
//! on the same exception tables as `try_table`.
//!
//! Here the handlers stand behind the code that they are for. A call's exception table needs them when the call is
//! translated, so that a function is looked through for them first ([`scan`]).

use super::FuncTranslator;
use super::exception::{Clause, Clauses};
use crate::wasm::index::TagIndex;
use cranelift_codegen::ir::Value;
use std::collections::VecDeque;
use wasmparser::{FunctionBody, Operator};

/// A `try`, as its end tells.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Try {
    /// What its handlers take, in order; `None` is everything.
    catches: Vec<Option<TagIndex>>,
    /// The label that its exceptions are handed to, counted from outside.
    delegate: Option<u32>,
}

/// The handlers of a `try` that have not begun, and what the one that has begun took.
pub(super) struct Handlers {
    rest: std::vec::IntoIter<Clause>,
    caught: Option<Value>,
}

/// All `try`s of a function, in order. The body need not be valid.
pub(super) fn scan(body: &FunctionBody<'_>) -> VecDeque<Try> {
    let mut tries: VecDeque<Try> = VecDeque::new();
    // The open blocks; those that are `try`s by their number.
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
                tries.push_back(Try::default());
            }
            Operator::Catch { tag_index } => {
                innermost.into_iter().for_each(|number| tries[number].catches.push(Some(TagIndex(tag_index))));
            }
            Operator::CatchAll => innermost.into_iter().for_each(|number| tries[number].catches.push(None)),
            Operator::Delegate { relative_depth } => {
                innermost.into_iter().for_each(|number| tries[number].delegate = Some(relative_depth));
                open.pop();
            }
            Operator::End => _ = open.pop(),
            _ => {}
        }
    }
    tries
}

impl FuncTranslator<'_> {
    /// Opens the handlers of a `try`, whose frame is open.
    pub(super) fn open_try(&mut self) {
        let Try { catches, delegate } = self.legacy.pop_front().expect("every `try` was found before");
        let position = self.controls.len() - 1;
        let outer = delegate.map(|label| {
            // What does not exist is refused where the `delegate` stands.
            let target = position.checked_sub(label as usize + 1);
            target.map_or(0, |target| self.tries.iter().take_while(|clauses| clauses.position <= target).count())
        });
        let clauses = catches.into_iter().map(Clause::handler).collect();
        self.tries.push(Clauses { clauses, position, outer });
    }

    /// A `try` that cannot be reached.
    pub(super) fn skip_try(&mut self) {
        self.legacy.pop_front();
    }

    /// The handlers of the innermost `try`, whose own code ends here.
    pub(super) fn close_try(&mut self) -> Handlers {
        let clauses = self.tries.pop().expect("a `try` ends once");
        Handlers { rest: clauses.clauses.into_iter(), caught: None }
    }

    /// Begins the next handler: pushes what the exception carries.
    pub(super) fn begin_handler(&mut self, handlers: &mut Handlers) {
        let clause = handlers.rest.next().expect("every handler was found before");
        handlers.caught = self.land_in(&clause);
        // Where no call can lead to it, its code is never reached.
        self.unreachable = handlers.caught.is_none();
    }
}

impl Handlers {
    /// The exception that the handler that has begun took.
    pub(super) fn caught(&self) -> Option<Value> {
        self.caught
    }
}
