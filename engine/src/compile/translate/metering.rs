//! Fuel and epochs: what stops code that would run for too long.
//!
//! An operator costs 1, but those that only structure code cost nothing. Costs are summed up while code runs straight on
//! and charged before it branches, calls, returns or traps for certain, so that what is left depends on the path alone
//! and not on the tier. Function entries and loop headers check, which is enough to stop any endless execution.

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

/// Whether the operator only structures code.
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

/// Whether execution may go elsewhere than to the next operator, or arrive there from elsewhere.
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
    /// Counts the operator that comes next, and charges what was counted where straight code ends.
    pub(super) fn charge(&mut self, operator: &Operator<'_>) {
        if !self.env.config.consume_fuel {
            return;
        }
        self.fuel += i64::from(!is_free(operator));
        if is_boundary(operator) {
            self.flush_fuel();
        }
    }

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

    /// Stops here if the fuel is used up or the epoch's deadline has come.
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
            // Another thread writes it: an ordinary load might be merged with the one before the loop.
            let epoch = self.ins().atomic_load(types::I64, flags, epoch);
            let deadline = self.ins().load(types::I64, flags, store, EPOCH_DEADLINE);
            let reached = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, epoch, deadline);
            self.call_if(reached, Builtin::EpochReached);
        }
    }

    fn call_if(&mut self, condition: Value, builtin: Builtin) {
        let (stop, go_on) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(stop);
        self.ins().brif(condition, stop, &[], go_on, &[]);
        self.builder.seal_block(stop);
        self.builder.switch_to_block(stop);
        self.call_builtin(builtin, &[]);
        self.ins().jump(go_on, &[]);
        self.builder.seal_block(go_on);
        self.builder.switch_to_block(go_on);
    }

    /// The store's context.
    pub(super) fn store_context(&mut self) -> Value {
        let (flags, vmctx) = (self.constant_flags(), self.vmctx);
        self.ins().load(types::I64, flags, vmctx, offset_of!(VmContext, store) as i32)
    }
}
