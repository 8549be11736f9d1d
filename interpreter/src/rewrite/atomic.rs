//! Atomic memory instructions.

use super::Rewriter;
use super::rare::Rare;
use crate::execute::atomic::{self, for_each_atomic_access};
use wasmparser::Operator;

macro_rules! define {
    (
        load { $($load:ident $load_fn:ident;)* }
        store { $($store:ident $store_fn:ident;)* }
        modify { $($modify:ident $modify_fn:ident;)* }
        exchange { $($exchange:ident $exchange_fn:ident;)* }
    ) => {
        impl Rewriter<'_> {
            /// Rewrites an atomic access, if it is one.
            fn atomic_access(&mut self, operator: &Operator<'_>) -> bool {
                match *operator {
                    $(Operator::$load { memarg } => {
                        self.emit_rare_with_result(1, 1, Rare::new(atomic::$load_fn).access(memarg));
                    })*
                    $(Operator::$store { memarg } => {
                        self.emit_rare(2, Rare::new(atomic::$store_fn).access(memarg));
                    })*
                    $(Operator::$modify { memarg } => {
                        self.emit_rare_with_result(2, 1, Rare::new(atomic::$modify_fn).access(memarg));
                    })*
                    $(Operator::$exchange { memarg } => {
                        self.emit_rare_with_result(3, 1, Rare::new(atomic::$exchange_fn).access(memarg));
                    })*
                    _ => return false,
                }
                true
            }
        }
    };
}
for_each_atomic_access!(define);

impl Rewriter<'_> {
    /// Rewrites an atomic instruction, if it is one.
    pub(super) fn atomic(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::AtomicFence { .. } => self.emit_rare(0, Rare::new(atomic::atomic_fence)),
            // A hint for the processor: it has no effect that a program can see.
            Operator::Pause => {}
            Operator::MemoryAtomicNotify { memarg } => {
                self.emit_rare_with_result(2, 1, Rare::new(atomic::memory_atomic_notify).access(memarg));
            }
            Operator::MemoryAtomicWait32 { memarg } => {
                self.emit_rare_with_result(3, 1, Rare::new(atomic::memory_atomic_wait32).access(memarg));
            }
            Operator::MemoryAtomicWait64 { memarg } => {
                self.emit_rare_with_result(3, 1, Rare::new(atomic::memory_atomic_wait64).access(memarg));
            }
            _ => return self.atomic_access(operator),
        }
        true
    }
}
