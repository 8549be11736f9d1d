//! Faults that a test plants into the interpreter, to prove that a comparison can fail.
//!
//! The cargo feature `planted-faults` adds them. Each is of a kind that only this way to execute code can have.

/// A fault that an engine plants into the code that it rewrites, or into what runs beside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// `i32.sub` is rewritten as `i32.add`.
    SubtractionAdds,
    /// A local is written while operands still stand for its old value.
    OldValuesLost,
    /// The handlers of a `try_table` are tried in reverse order.
    HandlersReversed,
    /// The offset of every instruction is one byte too large.
    OffsetsShifted,
    /// A collection does not look at the stack.
    StackNotTraced,
}
