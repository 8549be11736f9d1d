//! Fuel and epochs, which stop code that runs for too long.
//!
//! An operator costs 1 unit of fuel; operators that only structure code cost nothing. The translator sums up costs
//! along straight code and charges them before a branch, a call, a return or an unconditional trap, so that the
//! remaining fuel depends on the executed path alone and not on the tier. Function entries and loop headers check the
//! fuel, which is enough to stop any endless execution.

use super::FuncTranslator;
use crate::abi::builtins::Builtin;
use crate::abi::vmctx::{VmContext, VmStoreContext};
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

const FUEL: i32 = offset_of!(VmStoreContext, fuel) as i32;
const EPOCH: i32 = offset_of!(VmStoreContext, epoch) as i32;
const EPOCH_DEADLINE: i32 = offset_of!(VmStoreContext, epoch_deadline) as i32;

/// Returns whether the operator only structures code.
fn is_free(operator: &Operator<'_>) -> bool {
    use Operator::{Block, Drop, Else, End, Loop, Nop, Return, TryTable, Unreachable};
    use Operator::{Catch, CatchAll, Delegate, Try};
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

/// Returns whether execution may leave the operator for another than the next, or reach the next from another.
fn is_boundary(operator: &Operator<'_>) -> bool {
    use Operator::{Br, BrIf, BrTable, Call, CallIndirect, Else, End, If, Loop, Return, Unreachable};
    use Operator::{
        BrOnCast, BrOnCastDescEq, BrOnCastDescEqFail, BrOnCastFail, BrOnNonNull, BrOnNull, CallRef, ReturnCall,
        ReturnCallIndirect, ReturnCallRef, Throw, ThrowRef,
    };
    use Operator::{Catch, CatchAll, Delegate, Rethrow};
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
            | ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | CallRef { .. }
            | ReturnCallRef { .. }
            | BrOnNull { .. }
            | BrOnNonNull { .. }
            | Throw { .. }
            | ThrowRef
            | BrOnCast { .. }
            | BrOnCastFail { .. }
            | BrOnCastDescEq { .. }
            | BrOnCastDescEqFail { .. }
            | Catch { .. }
            | CatchAll
            | Delegate { .. }
            | Rethrow { .. }
    )
}

impl FuncTranslator<'_> {
    /// Adds the cost of the operator, and charges the sum if straight code ends here.
    pub(super) fn charge(&mut self, operator: &Operator<'_>) {
        if !self.env.config.consume_fuel {
            return;
        }
        #[cfg(feature = "planted-faults")]
        if self.plant_in_charge(operator) {
            return;
        }
        self.fuel += i64::from(!is_free(operator));
        if is_boundary(operator) {
            self.flush_fuel();
        }
    }

    /// Emits the charge of the costs since the last one.
    fn flush_fuel(&mut self) {
        let cost = core::mem::take(&mut self.fuel);
        if cost == 0 {
            return;
        }
        let store = self.store_context();
        let flags = self.context_flags();
        let fuel = self.ins().load(types::I64, flags, store, FUEL);
        let cost = self.iconst(types::I64, cost);
        let fuel = self.ins().isub(fuel, cost);
        self.ins().store(flags, fuel, store, FUEL);
    }

    /// Emits the checks that stop execution if the fuel is used up or the epoch's deadline is reached.
    pub(super) fn check_interrupts(&mut self) {
        if self.env.config.consume_fuel {
            let store = self.store_context();
            let flags = self.context_flags();
            let fuel = self.ins().load(types::I64, flags, store, FUEL);
            let zero = self.iconst(types::I64, 0);
            let used_up = self.ins().icmp(IntCC::SignedLessThan, fuel, zero);
            self.call_if(used_up, Builtin::OutOfFuel);
        }
        if self.env.config.epoch_interruption {
            let store = self.store_context();
            let (flags, constant) = (self.context_flags(), self.constant_flags());
            let epoch = self.ins().load(types::I64, constant, store, EPOCH);
            // Another thread writes the epoch: Cranelift could hoist an ordinary load out of the loop.
            let epoch = self.ins().atomic_load(types::I64, flags, epoch);
            let deadline = self.ins().load(types::I64, flags, store, EPOCH_DEADLINE);
            let reached = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, epoch, deadline);
            self.call_if(reached, Builtin::EpochReached);
        }
    }

    /// Emits a library call that runs if the condition is not zero.
    fn call_if(&mut self, condition: Value, builtin: Builtin) {
        let (stop, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(stop);
        self.ins().brif(condition, stop, &[], next, &[]);
        self.builder.seal_block(stop);
        self.builder.switch_to_block(stop);
        self.call_builtin(builtin, &[]);
        self.ins().jump(next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// Emits the address of the store's context.
    pub(super) fn store_context(&mut self) -> Value {
        let (flags, vmctx) = (self.constant_flags(), self.vmctx);
        self.ins().load(types::I64, flags, vmctx, offset_of!(VmContext, store) as i32)
    }
}
