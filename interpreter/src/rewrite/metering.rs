//! Fuel and deadlines.
//!
//! An operator costs 1 unit of fuel; operators that only structure code cost nothing. The costs of straight code are
//! summed up and charged where it ends, so that the remaining fuel depends on the executed path alone. Function entries
//! and loop headers check the fuel and the deadline, which is enough to end any execution.

use super::Rewriter;
use super::op::Op;
use wasmparser::Operator;

/// Returns whether the operator only structures code.
fn is_free(operator: &Operator<'_>) -> bool {
    use Operator::{Block, Catch, CatchAll, Delegate, Drop, Else, End, Loop, Nop, Return, Try, TryTable, Unreachable};
    matches!(
        operator,
        Nop | Drop
            | Block { .. }
            | Loop { .. }
            | TryTable { .. }
            | Unreachable
            | Return
            | Else
            | End
            | Try { .. }
            | Catch { .. }
            | CatchAll
            | Delegate { .. }
    )
}

/// Returns whether the next operator may not follow, or may be reached from elsewhere.
pub(super) fn ends_straight_code(operator: &Operator<'_>) -> bool {
    use Operator::{
        Br, BrIf, BrOnCast, BrOnCastDescEq, BrOnCastDescEqFail, BrOnCastFail, BrOnNonNull, BrOnNull, BrTable, Call,
        CallIndirect, CallRef, Catch, CatchAll, Delegate, Else, End, If, Loop, Resume, ResumeThrow, ResumeThrowRef,
        Rethrow, Return, ReturnCall, ReturnCallIndirect, ReturnCallRef, Suspend, Switch, Throw, ThrowRef, Unreachable,
    };
    matches!(
        operator,
        Loop { .. }
            | If { .. }
            | Else
            | End
            | Br { .. }
            | BrIf { .. }
            | BrTable { .. }
            | Return
            | Unreachable
            | Call { .. }
            | CallIndirect { .. }
            | CallRef { .. }
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | ReturnCallRef { .. }
            | BrOnNull { .. }
            | BrOnNonNull { .. }
            | BrOnCast { .. }
            | BrOnCastFail { .. }
            | BrOnCastDescEq { .. }
            | BrOnCastDescEqFail { .. }
            | Throw { .. }
            | ThrowRef
            | Resume { .. }
            | ResumeThrow { .. }
            | ResumeThrowRef { .. }
            | Suspend { .. }
            | Switch { .. }
            | Catch { .. }
            | CatchAll
            | Delegate { .. }
            | Rethrow { .. }
    )
}

impl Rewriter<'_> {
    /// Adds the cost of the operator, and charges the sum if straight code ends here.
    pub(super) fn charge(&mut self, operator: &Operator<'_>) {
        if !self.settings.fuel {
            return;
        }
        self.fuel += u32::from(!is_free(operator));
        if ends_straight_code(operator) {
            let cost = core::mem::take(&mut self.fuel);
            if cost != 0 {
                self.emit(Op::Fuel { cost });
            }
        }
    }

    /// Emits the check that ends executions which take too long.
    pub(super) fn poll(&mut self) {
        if self.settings.fuel || self.settings.deadline {
            self.emit(Op::Poll);
        }
    }
}
