//! Memory instructions
//! ([Memory instructions](https://webassembly.github.io/spec/core/exec/instructions.html#memory-instructions)) that the
//! loop does not execute itself: all accesses of vectors and of other memories than an ordinary memory 0, and the
//! instructions on whole memories.

use super::{Context, Stop};
use crate::instructions::{memories, memory};
use crate::rewrite::rare::Rare;

/// Calls a macro with the accesses, by what they take and leave.
macro_rules! for_each_access {
    ($callback:ident) => {
        $callback! {
            load {
                I32Load i32_load;
                I64Load i64_load;
                F32Load f32_load;
                F64Load f64_load;
                I32Load8S i32_load8_s;
                I32Load8U i32_load8_u;
                I32Load16S i32_load16_s;
                I32Load16U i32_load16_u;
                I64Load8S i64_load8_s;
                I64Load8U i64_load8_u;
                I64Load16S i64_load16_s;
                I64Load16U i64_load16_u;
                I64Load32S i64_load32_s;
                I64Load32U i64_load32_u;
            }
            load_vector {
                V128Load v128_load;
                V128Load8x8S v128_load8x8_s;
                V128Load8x8U v128_load8x8_u;
                V128Load16x4S v128_load16x4_s;
                V128Load16x4U v128_load16x4_u;
                V128Load32x2S v128_load32x2_s;
                V128Load32x2U v128_load32x2_u;
                V128Load8Splat v128_load8_splat;
                V128Load16Splat v128_load16_splat;
                V128Load32Splat v128_load32_splat;
                V128Load64Splat v128_load64_splat;
                V128Load32Zero v128_load32_zero;
                V128Load64Zero v128_load64_zero;
            }
            store {
                I32Store i32_store;
                I64Store i64_store;
                F32Store f32_store;
                F64Store f64_store;
                I32Store8 i32_store8;
                I32Store16 i32_store16;
                I64Store8 i64_store8;
                I64Store16 i64_store16;
                I64Store32 i64_store32;
                V128Store v128_store;
            }
            load_lane {
                V128Load8Lane v128_load8_lane;
                V128Load16Lane v128_load16_lane;
                V128Load32Lane v128_load32_lane;
                V128Load64Lane v128_load64_lane;
            }
            store_lane {
                V128Store8Lane v128_store8_lane;
                V128Store16Lane v128_store16_lane;
                V128Store32Lane v128_store32_lane;
                V128Store64Lane v128_store64_lane;
            }
        }
    };
}
pub(crate) use for_each_access;

macro_rules! define {
    (
        load { $($load:ident $load_fn:ident;)* }
        load_vector { $($load_vector:ident $load_vector_fn:ident;)* }
        store { $($store:ident $store_fn:ident;)* }
        load_lane { $($load_lane:ident $load_lane_fn:ident;)* }
        store_lane { $($store_lane:ident $store_lane_fn:ident;)* }
    ) => {
        $(pub(crate) fn $load_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let address = context.operand(rare, 0);
            let value = memory::$load_fn(context.memory(rare.x), address, rare.offset)?;
            context.set_result(rare, value);
            Ok(())
        })*
        $(pub(crate) fn $load_vector_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let address = context.operand(rare, 0);
            let value = memory::$load_vector_fn(context.memory(rare.x), address, rare.offset)?;
            context.set_result(rare, value);
            Ok(())
        })*
        $(pub(crate) fn $store_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, value) = (context.operand(rare, 0), context.operand(rare, 1));
            Ok(memory::$store_fn(context.memory(rare.x), address, rare.offset, value)?)
        })*
        $(pub(crate) fn $load_lane_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, vector) = (context.operand(rare, 0), context.operand(rare, 1));
            let value = memory::$load_lane_fn(context.memory(rare.x), address, rare.offset, vector, rare.y as u8)?;
            context.set_result(rare, value);
            Ok(())
        })*
        $(pub(crate) fn $store_lane_fn(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
            let (address, vector) = (context.operand(rare, 0), context.operand(rare, 1));
            Ok(memory::$store_lane_fn(context.memory(rare.x), address, rare.offset, vector, rare.y as u8)?)
        })*
    };
}
for_each_access!(define);

pub(crate) fn memory_size(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let pages = memories::memory_size(context.memory(rare.x));
    context.set_result(rare, pages);
    Ok(())
}

/// `y` is 1 if the addresses have 64 bits.
pub(crate) fn memory_grow(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (delta, address) = (context.operand(rare, 0), context.memory_address(rare.x));
    let old = memories::memory_grow(&mut context.store.memories[address], &context.store.limits, delta)?;
    context.set_size(rare, old);
    Ok(())
}

pub(crate) fn memory_fill(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, value, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let address = context.memory_address(rare.x);
    let store = &mut *context.store;
    Ok(memories::memory_fill(&mut store.memories[address], &mut store.metering, at, value, length)?)
}

/// `x` is the memory that is written, `y` the one that is read.
pub(crate) fn memory_copy(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, source, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let addresses = [context.memory_address(rare.x), context.memory_address(rare.y)];
    let store = &mut *context.store;
    Ok(memories::memory_copy(&mut store.memories, &mut store.metering, addresses, at, source, length)?)
}

/// `x` is the memory, `y` the segment.
pub(crate) fn memory_init(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    let (at, source, length) = (context.operand(rare, 0), context.operand(rare, 1), context.operand(rare, 2));
    let (address, instance) = (context.memory_address(rare.x), context.instance_address());
    let store = &mut *context.store;
    let segment = store.instances[instance].data(rare.y);
    Ok(memories::memory_init(&mut store.memories[address], &mut store.metering, segment, at, source, length)?)
}

pub(crate) fn data_drop(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    context.instance_mut().dropped_data[rare.x as usize] = true;
    Ok(())
}
