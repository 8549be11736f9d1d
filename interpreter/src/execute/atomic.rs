//! Atomic memory instructions
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#atomic-memory-accesses)).

use super::{Context, Stop};
use crate::instructions::atomic;
use crate::rewrite::rare::Rare;

/// Calls a macro with the atomic accesses, by what they take and leave.
macro_rules! for_each_atomic_access {
    ($callback:ident) => {
        $callback! {
            load {
                I32AtomicLoad i32_atomic_load;
                I64AtomicLoad i64_atomic_load;
                I32AtomicLoad8U i32_atomic_load8_u;
                I32AtomicLoad16U i32_atomic_load16_u;
                I64AtomicLoad8U i64_atomic_load8_u;
                I64AtomicLoad16U i64_atomic_load16_u;
                I64AtomicLoad32U i64_atomic_load32_u;
            }
            store {
                I32AtomicStore i32_atomic_store;
                I64AtomicStore i64_atomic_store;
                I32AtomicStore8 i32_atomic_store8;
                I32AtomicStore16 i32_atomic_store16;
                I64AtomicStore8 i64_atomic_store8;
                I64AtomicStore16 i64_atomic_store16;
                I64AtomicStore32 i64_atomic_store32;
            }
            modify {
                I32AtomicRmwAdd i32_atomic_rmw_add;
                I64AtomicRmwAdd i64_atomic_rmw_add;
                I32AtomicRmw8AddU i32_atomic_rmw8_add_u;
                I32AtomicRmw16AddU i32_atomic_rmw16_add_u;
                I64AtomicRmw8AddU i64_atomic_rmw8_add_u;
                I64AtomicRmw16AddU i64_atomic_rmw16_add_u;
                I64AtomicRmw32AddU i64_atomic_rmw32_add_u;
                I32AtomicRmwSub i32_atomic_rmw_sub;
                I64AtomicRmwSub i64_atomic_rmw_sub;
                I32AtomicRmw8SubU i32_atomic_rmw8_sub_u;
                I32AtomicRmw16SubU i32_atomic_rmw16_sub_u;
                I64AtomicRmw8SubU i64_atomic_rmw8_sub_u;
                I64AtomicRmw16SubU i64_atomic_rmw16_sub_u;
                I64AtomicRmw32SubU i64_atomic_rmw32_sub_u;
                I32AtomicRmwAnd i32_atomic_rmw_and;
                I64AtomicRmwAnd i64_atomic_rmw_and;
                I32AtomicRmw8AndU i32_atomic_rmw8_and_u;
                I32AtomicRmw16AndU i32_atomic_rmw16_and_u;
                I64AtomicRmw8AndU i64_atomic_rmw8_and_u;
                I64AtomicRmw16AndU i64_atomic_rmw16_and_u;
                I64AtomicRmw32AndU i64_atomic_rmw32_and_u;
                I32AtomicRmwOr i32_atomic_rmw_or;
                I64AtomicRmwOr i64_atomic_rmw_or;
                I32AtomicRmw8OrU i32_atomic_rmw8_or_u;
                I32AtomicRmw16OrU i32_atomic_rmw16_or_u;
                I64AtomicRmw8OrU i64_atomic_rmw8_or_u;
                I64AtomicRmw16OrU i64_atomic_rmw16_or_u;
                I64AtomicRmw32OrU i64_atomic_rmw32_or_u;
                I32AtomicRmwXor i32_atomic_rmw_xor;
                I64AtomicRmwXor i64_atomic_rmw_xor;
                I32AtomicRmw8XorU i32_atomic_rmw8_xor_u;
                I32AtomicRmw16XorU i32_atomic_rmw16_xor_u;
                I64AtomicRmw8XorU i64_atomic_rmw8_xor_u;
                I64AtomicRmw16XorU i64_atomic_rmw16_xor_u;
                I64AtomicRmw32XorU i64_atomic_rmw32_xor_u;
                I32AtomicRmwXchg i32_atomic_rmw_xchg;
                I64AtomicRmwXchg i64_atomic_rmw_xchg;
                I32AtomicRmw8XchgU i32_atomic_rmw8_xchg_u;
                I32AtomicRmw16XchgU i32_atomic_rmw16_xchg_u;
                I64AtomicRmw8XchgU i64_atomic_rmw8_xchg_u;
                I64AtomicRmw16XchgU i64_atomic_rmw16_xchg_u;
                I64AtomicRmw32XchgU i64_atomic_rmw32_xchg_u;
            }
            exchange {
                I32AtomicRmwCmpxchg i32_atomic_rmw_cmpxchg;
                I64AtomicRmwCmpxchg i64_atomic_rmw_cmpxchg;
                I32AtomicRmw8CmpxchgU i32_atomic_rmw8_cmpxchg_u;
                I32AtomicRmw16CmpxchgU i32_atomic_rmw16_cmpxchg_u;
                I64AtomicRmw8CmpxchgU i64_atomic_rmw8_cmpxchg_u;
                I64AtomicRmw16CmpxchgU i64_atomic_rmw16_cmpxchg_u;
                I64AtomicRmw32CmpxchgU i64_atomic_rmw32_cmpxchg_u;
            }
        }
    };
}
pub(crate) use for_each_atomic_access;

macro_rules! define {
    (
        load { $($load:ident $load_fn:ident;)* }
        store { $($store:ident $store_fn:ident;)* }
        modify { $($modify:ident $modify_fn:ident;)* }
        exchange { $($exchange:ident $exchange_fn:ident;)* }
    ) => {
        $(pub(crate) fn $load_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let address = context.operand(rare, 0);
            let value = atomic::$load_fn(context.memory(rare.x), address, rare.offset)?;
            context.set_result(rare, value);
            Ok(())
        })*
        $(pub(crate) fn $store_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, value) = (context.operand(rare, 0), context.operand(rare, 1));
            Ok(atomic::$store_fn(context.memory(rare.x), address, rare.offset, value)?)
        })*
        $(pub(crate) fn $modify_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, operand) = (context.operand(rare, 0), context.operand(rare, 1));
            let old = atomic::$modify_fn(context.memory(rare.x), address, rare.offset, operand)?;
            context.set_result(rare, old);
            Ok(())
        })*
        $(pub(crate) fn $exchange_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let address = context.operand(rare, 0);
            let (expected, replacement) = (context.operand(rare, 1), context.operand(rare, 2));
            let old = atomic::$exchange_fn(context.memory(rare.x), address, rare.offset, expected, replacement)?;
            context.set_result(rare, old);
            Ok(())
        })*
    };
}
for_each_atomic_access!(define);

pub(crate) fn atomic_fence(_context: &mut Context<'_>, _rare: &Rare) -> Result<(), Stop> {
    atomic::atomic_fence();
    Ok(())
}

pub(crate) fn memory_atomic_notify(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (address, count) = (context.operand(rare, 0), context.operand(rare, 1));
    let woken = atomic::memory_atomic_notify(context.memory(rare.x), address, rare.offset, count)?;
    context.set_result(rare, woken);
    Ok(())
}

macro_rules! waits {
    ($($name:ident)*) => {$(
        pub(crate) fn $name(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, expected) = (context.operand(rare, 0), context.operand(rare, 1));
            let (timeout, memory) = (context.operand(rare, 2), context.memory_address(rare.x));
            let store = &*context.store;
            let (memory, metering) = (&store.memories[memory], &store.metering);
            let answer = atomic::$name(memory, metering, address, rare.offset, expected, timeout)?;
            context.set_result(rare, answer);
            Ok(())
        }
    )*};
}

waits! { memory_atomic_wait32 memory_atomic_wait64 }
