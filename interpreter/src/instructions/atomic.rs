//! Atomic instructions
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#atomic-memory-accesses)).
//!
//! All are sequentially consistent, and work on memories that are not shared too, but for waits. A narrow access takes
//! the low bits of its operands and zero-extends what it reads. An address that is not a multiple of the access's size
//! traps, whether or not it is in bounds.

use crate::memory::{MemoryInstance, Wait, WaitResult, Width};
use crate::store::Metering;
use crate::trap::Trap;
use core::sync::atomic::{Ordering, fence};
use core::time::Duration;

/// The time between two checks of the deadline during a wait.
const NAP: Duration = Duration::from_millis(5);

/// Defines [loads](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#loadstore): the name,
/// the type of the value, the width in memory.
macro_rules! loads {
    ($($name:ident: $value:ty, $width:ident;)*) => {$(
        /// Loads a number.
        ///
        /// # Errors
        /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
        pub(crate) fn $name(memory: &mut MemoryInstance, address: u64, offset: u64) -> Result<$value, Trap> {
            memory.modify(address, offset, Width::$width, |_| None).map(|value| value as $value)
        }
    )*};
}

/// Defines instructions that modify a number in memory: the name, the type of the values, the width in memory, and the
/// new value by the old one and the operand.
macro_rules! modifications {
    ($($name:ident: $value:ty, $width:ident, $change:expr;)*) => {$(
        /// Modifies a number. Returns the old one.
        ///
        /// # Errors
        /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
        pub(crate) fn $name(
            memory: &mut MemoryInstance,
            address: u64,
            offset: u64,
            operand: $value,
        ) -> Result<$value, Trap> {
            let change: fn(u64, u64) -> u64 = $change;
            let new = |old| Some(change(old, operand.into()));
            memory.modify(address, offset, Width::$width, new).map(|old| old as $value)
        }
    )*};
}

/// Defines [stores](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#loadstore): the name,
/// the type of the value, the width in memory.
macro_rules! stores {
    ($($name:ident: $value:ty, $width:ident;)*) => {$(
        /// Stores the low bits of a number.
        ///
        /// # Errors
        /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
        pub(crate) fn $name(
            memory: &mut MemoryInstance,
            address: u64,
            offset: u64,
            value: $value,
        ) -> Result<(), Trap> {
            memory.modify(address, offset, Width::$width, |_| Some(value.into())).map(|_| ())
        }
    )*};
}

/// Defines
/// [conditional exchanges](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#compare-exchange):
/// the name, the type of the values, the width in memory.
macro_rules! conditional_exchanges {
    ($($name:ident: $value:ty, $width:ident;)*) => {$(
        /// Replaces a number if it is the expected one. Returns the old one.
        ///
        /// # Errors
        /// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
        pub(crate) fn $name(
            memory: &mut MemoryInstance,
            address: u64,
            offset: u64,
            expected: $value,
            replacement: $value,
        ) -> Result<$value, Trap> {
            let expected = u64::from(expected) & Width::$width.mask();
            let new = |old| if old == expected { Some(replacement.into()) } else { None };
            memory.modify(address, offset, Width::$width, new).map(|old| old as $value)
        }
    )*};
}

/// Calls a macro with a name for each pair of value and width, and with what follows them.
macro_rules! for_all_widths {
    (
        $callback:ident:
        $i32:ident $i32_8:ident $i32_16:ident $i64:ident $i64_8:ident $i64_16:ident $i64_32:ident
        $(, $change:expr)?
    ) => {
        $callback! {
            $i32: u32, Bits32 $(, $change)?;
            $i32_8: u32, Bits8 $(, $change)?;
            $i32_16: u32, Bits16 $(, $change)?;
            $i64: u64, Bits64 $(, $change)?;
            $i64_8: u64, Bits8 $(, $change)?;
            $i64_16: u64, Bits16 $(, $change)?;
            $i64_32: u64, Bits32 $(, $change)?;
        }
    };
}

for_all_widths! {
    loads: i32_atomic_load i32_atomic_load8_u i32_atomic_load16_u
        i64_atomic_load i64_atomic_load8_u i64_atomic_load16_u i64_atomic_load32_u
}
for_all_widths! {
    stores: i32_atomic_store i32_atomic_store8 i32_atomic_store16
        i64_atomic_store i64_atomic_store8 i64_atomic_store16 i64_atomic_store32
}

// https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#read-modify-write
for_all_widths! {
    modifications: i32_atomic_rmw_add i32_atomic_rmw8_add_u i32_atomic_rmw16_add_u
        i64_atomic_rmw_add i64_atomic_rmw8_add_u i64_atomic_rmw16_add_u i64_atomic_rmw32_add_u,
    u64::wrapping_add
}
for_all_widths! {
    modifications: i32_atomic_rmw_sub i32_atomic_rmw8_sub_u i32_atomic_rmw16_sub_u
        i64_atomic_rmw_sub i64_atomic_rmw8_sub_u i64_atomic_rmw16_sub_u i64_atomic_rmw32_sub_u,
    u64::wrapping_sub
}
for_all_widths! {
    modifications: i32_atomic_rmw_and i32_atomic_rmw8_and_u i32_atomic_rmw16_and_u
        i64_atomic_rmw_and i64_atomic_rmw8_and_u i64_atomic_rmw16_and_u i64_atomic_rmw32_and_u,
    |old, operand| old & operand
}
for_all_widths! {
    modifications: i32_atomic_rmw_or i32_atomic_rmw8_or_u i32_atomic_rmw16_or_u
        i64_atomic_rmw_or i64_atomic_rmw8_or_u i64_atomic_rmw16_or_u i64_atomic_rmw32_or_u,
    |old, operand| old | operand
}
for_all_widths! {
    modifications: i32_atomic_rmw_xor i32_atomic_rmw8_xor_u i32_atomic_rmw16_xor_u
        i64_atomic_rmw_xor i64_atomic_rmw8_xor_u i64_atomic_rmw16_xor_u i64_atomic_rmw32_xor_u,
    |old, operand| old ^ operand
}
for_all_widths! {
    modifications: i32_atomic_rmw_xchg i32_atomic_rmw8_xchg_u i32_atomic_rmw16_xchg_u
        i64_atomic_rmw_xchg i64_atomic_rmw8_xchg_u i64_atomic_rmw16_xchg_u i64_atomic_rmw32_xchg_u,
    |_, operand| operand
}
for_all_widths! {
    conditional_exchanges: i32_atomic_rmw_cmpxchg i32_atomic_rmw8_cmpxchg_u i32_atomic_rmw16_cmpxchg_u
        i64_atomic_rmw_cmpxchg i64_atomic_rmw8_cmpxchg_u i64_atomic_rmw16_cmpxchg_u i64_atomic_rmw32_cmpxchg_u
}

/// Orders the accesses before it and those after it
/// ([Fence](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#fence-operator)).
pub(crate) fn atomic_fence() {
    fence(Ordering::SeqCst);
}

/// Wakes the first `count` threads that wait at an address. Returns their number: none in a memory that is not shared
/// ([Notify](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#wait-and-notify-operators)).
///
/// # Errors
/// [`Trap::UnalignedAtomic`] or [`Trap::MemoryOutOfBounds`].
pub(crate) fn memory_atomic_notify(
    memory: &MemoryInstance,
    address: u64,
    offset: u64,
    count: u32,
) -> Result<u32, Trap> {
    memory.notify(address, offset, count)
}

/// Waits until another thread notifies the address, if the 32 bits there are `expected`. A negative timeout, in
/// nanoseconds, is none. Returns the number of the [`WaitResult`].
///
/// # Errors
/// The traps of [`MemoryInstance::wait`], or [`Trap::Interrupted`] at the deadline.
pub(crate) fn memory_atomic_wait32(
    memory: &MemoryInstance,
    metering: &Metering,
    address: u64,
    offset: u64,
    expected: u32,
    timeout: i64,
) -> Result<u32, Trap> {
    let wait = memory.wait(address, offset, Width::Bits32, expected.into(), duration(timeout))?;
    finish(wait, metering)
}

/// Waits as [`memory_atomic_wait32`] does, if the 64 bits at the address are `expected`.
///
/// # Errors
/// The traps of [`MemoryInstance::wait`], or [`Trap::Interrupted`] at the deadline.
pub(crate) fn memory_atomic_wait64(
    memory: &MemoryInstance,
    metering: &Metering,
    address: u64,
    offset: u64,
    expected: u64,
    timeout: i64,
) -> Result<u32, Trap> {
    finish(memory.wait(address, offset, Width::Bits64, expected, duration(timeout))?, metering)
}

/// Returns a timeout in nanoseconds; `None` if it is negative.
fn duration(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// Blocks the thread until a wait is over. Returns the number of its result.
///
/// # Errors
/// [`Trap::Interrupted`] at the deadline, unless a notification came first.
fn finish(wait: Wait, metering: &Metering) -> Result<u32, Trap> {
    let mut waiting = match wait {
        Wait::Over(result) => return Ok(result as u32),
        Wait::Begun(waiting) => waiting,
    };
    let nap = if metering.has_deadlines() { NAP } else { Duration::MAX };
    loop {
        if let Some(result) = waiting.block(nap) {
            return Ok(result as u32);
        }
        if let Err(trap) = metering.poll() {
            // A thread that notified meanwhile has counted this one.
            return match waiting.block(Duration::ZERO) {
                Some(WaitResult::Ok) => Ok(WaitResult::Ok as u32),
                _ => Err(trap),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Engine};
    use crate::store::StoreLimits;
    use crate::types::MemoryType;

    const OLD: u64 = 0xf1f2_f3f4_f5f6_f7f8;
    const OPERAND: u64 = 0x8182_8384_8586_8788;

    /// Returns a memory of one page with `OLD` at the address 16 and ones around it.
    fn memory(shared: bool) -> MemoryInstance {
        let ty = MemoryType { shared, ..MemoryType::new(1, Some(1)) };
        let mut memory = MemoryInstance::new(ty, &StoreLimits::new()).unwrap();
        memory.fill(0, 1, 65_536).unwrap();
        memory.write(16, &OLD.to_le_bytes()).unwrap();
        memory
    }

    /// Returns the 64 bits at the address 16, after a check that the bytes around them are as they were.
    fn word(memory: &MemoryInstance) -> u64 {
        assert_eq!((memory.load(8, 0), memory.load(24, 0)), (Ok([1; 8]), Ok([1; 8])));
        u64::from_le_bytes(memory.load(16, 0).unwrap())
    }

    /// Checks an instruction of 32 or 64 bits that modifies a part of the word.
    macro_rules! check {
        ($($name:ident, $value:ty, $bits:literal at $at:literal, $change:expr;)*) => {$(
            for shared in [false, true] {
                let mut memory = memory(shared);
                let (shift, mask) = (8 * $at, u64::MAX >> (64 - $bits));
                let old = OLD >> shift & mask;
                assert_eq!($name(&mut memory, $at, 16, OPERAND as $value), Ok(old as $value), stringify!($name));
                let change: fn(u64, u64) -> u64 = $change;
                let new = OLD & !(mask << shift) | (change(old, OPERAND) & mask) << shift;
                assert_eq!(word(&memory), new, stringify!($name));
                // The last aligned address is inside, the next is outside, and one that is not aligned is neither.
                let bytes = $bits / 8;
                assert!($name(&mut memory, 65_536 - bytes, 0, 0).is_ok());
                assert_eq!($name(&mut memory, 65_536, 0, 0), Err(Trap::MemoryOutOfBounds));
                assert_eq!($name(&mut memory, bytes, 0_u64.wrapping_sub(bytes), 0), Err(Trap::MemoryOutOfBounds));
                if bytes > 1 {
                    assert_eq!($name(&mut memory, 65_536, 1, 0), Err(Trap::UnalignedAtomic));
                    assert_eq!($name(&mut memory, u64::MAX, 2, 0), Err(Trap::UnalignedAtomic));
                    assert_eq!($name(&mut memory, 1, bytes, 0), Err(Trap::UnalignedAtomic));
                }
            }
        )*};
    }

    #[test]
    fn arithmetic_wraps_in_its_width() {
        check! {
            i32_atomic_rmw_add, u32, 32 at 4, u64::wrapping_add;
            i32_atomic_rmw8_add_u, u32, 8 at 7, u64::wrapping_add;
            i32_atomic_rmw16_add_u, u32, 16 at 2, u64::wrapping_add;
            i64_atomic_rmw_add, u64, 64 at 0, u64::wrapping_add;
            i64_atomic_rmw8_add_u, u64, 8 at 0, u64::wrapping_add;
            i64_atomic_rmw16_add_u, u64, 16 at 6, u64::wrapping_add;
            i64_atomic_rmw32_add_u, u64, 32 at 0, u64::wrapping_add;
            i32_atomic_rmw_sub, u32, 32 at 0, u64::wrapping_sub;
            i32_atomic_rmw8_sub_u, u32, 8 at 1, u64::wrapping_sub;
            i32_atomic_rmw16_sub_u, u32, 16 at 0, u64::wrapping_sub;
            i64_atomic_rmw_sub, u64, 64 at 0, u64::wrapping_sub;
            i64_atomic_rmw8_sub_u, u64, 8 at 2, u64::wrapping_sub;
            i64_atomic_rmw16_sub_u, u64, 16 at 4, u64::wrapping_sub;
            i64_atomic_rmw32_sub_u, u64, 32 at 4, u64::wrapping_sub;
        }
    }

    #[test]
    fn bits_combine_in_their_width() {
        check! {
            i32_atomic_rmw_and, u32, 32 at 4, |a, b| a & b;
            i32_atomic_rmw8_and_u, u32, 8 at 3, |a, b| a & b;
            i32_atomic_rmw16_and_u, u32, 16 at 2, |a, b| a & b;
            i64_atomic_rmw_and, u64, 64 at 0, |a, b| a & b;
            i64_atomic_rmw8_and_u, u64, 8 at 4, |a, b| a & b;
            i64_atomic_rmw16_and_u, u64, 16 at 6, |a, b| a & b;
            i64_atomic_rmw32_and_u, u64, 32 at 0, |a, b| a & b;
            i32_atomic_rmw_or, u32, 32 at 4, |a, b| a | b;
            i32_atomic_rmw8_or_u, u32, 8 at 5, |a, b| a | b;
            i32_atomic_rmw16_or_u, u32, 16 at 2, |a, b| a | b;
            i64_atomic_rmw_or, u64, 64 at 0, |a, b| a | b;
            i64_atomic_rmw8_or_u, u64, 8 at 6, |a, b| a | b;
            i64_atomic_rmw16_or_u, u64, 16 at 0, |a, b| a | b;
            i64_atomic_rmw32_or_u, u64, 32 at 0, |a, b| a | b;
        }
    }

    #[test]
    fn bits_are_inverted_and_exchanged_in_their_width() {
        check! {
            i32_atomic_rmw_xor, u32, 32 at 0, |a, b| a ^ b;
            i32_atomic_rmw8_xor_u, u32, 8 at 1, |a, b| a ^ b;
            i32_atomic_rmw16_xor_u, u32, 16 at 4, |a, b| a ^ b;
            i64_atomic_rmw_xor, u64, 64 at 0, |a, b| a ^ b;
            i64_atomic_rmw8_xor_u, u64, 8 at 5, |a, b| a ^ b;
            i64_atomic_rmw16_xor_u, u64, 16 at 2, |a, b| a ^ b;
            i64_atomic_rmw32_xor_u, u64, 32 at 4, |a, b| a ^ b;
            i32_atomic_rmw_xchg, u32, 32 at 4, |_, b| b;
            i32_atomic_rmw8_xchg_u, u32, 8 at 6, |_, b| b;
            i32_atomic_rmw16_xchg_u, u32, 16 at 2, |_, b| b;
            i64_atomic_rmw_xchg, u64, 64 at 0, |_, b| b;
            i64_atomic_rmw8_xchg_u, u64, 8 at 7, |_, b| b;
            i64_atomic_rmw16_xchg_u, u64, 16 at 0, |_, b| b;
            i64_atomic_rmw32_xchg_u, u64, 32 at 4, |_, b| b;
        }
    }

    #[test]
    fn loads_zero_extend_and_stores_take_the_low_bits() {
        for shared in [false, true] {
            let memory = &mut memory(shared);
            assert_eq!((i32_atomic_load(memory, 20, 0), i64_atomic_load(memory, 8, 8)), (Ok(0xf1f2_f3f4), Ok(OLD)));
            assert_eq!((i32_atomic_load8_u(memory, 17, 0), i32_atomic_load16_u(memory, 18, 0)), (Ok(0xf7), Ok(0xf5f6)));
            assert_eq!((i64_atomic_load8_u(memory, 23, 0), i64_atomic_load16_u(memory, 16, 0)), (Ok(0xf1), Ok(0xf7f8)));
            assert_eq!(i64_atomic_load32_u(memory, 16, 0), Ok(0xf5f6_f7f8));
            i32_atomic_store8(memory, 16, 0, 0xaaaa_aa01).unwrap();
            i64_atomic_store8(memory, 17, 0, 0xaaaa_aa02).unwrap();
            i32_atomic_store16(memory, 18, 0, 0xaaaa_0403).unwrap();
            i64_atomic_store32(memory, 20, 0, 0xaaaa_aaaa_0807_0605).unwrap();
            assert_eq!(word(memory), 0x0807_0605_0403_0201);
            i64_atomic_store16(memory, 22, 0, 0xaaaa_bbcc).unwrap();
            i32_atomic_store(memory, 16, 0, 0x1020_3040).unwrap();
            assert_eq!(word(memory), 0xbbcc_0605_1020_3040);
            i64_atomic_store(memory, 16, 0, OLD).unwrap();
            assert_eq!(word(memory), OLD);
            assert_eq!(i64_atomic_load(memory, 4, 0), Err(Trap::UnalignedAtomic));
            assert_eq!(i32_atomic_store16(memory, 65_535, 0, 0), Err(Trap::UnalignedAtomic));
            assert_eq!(i32_atomic_load8_u(memory, 65_536, 0), Err(Trap::MemoryOutOfBounds));
        }
    }

    /// Checks a conditional exchange of a part of the word, first with another value than is there.
    macro_rules! check_exchange {
        ($($name:ident, $value:ty, $bits:literal at $at:literal;)*) => {$(
            for shared in [false, true] {
                let mut memory = memory(shared);
                let (shift, mask) = (8 * $at, u64::MAX >> (64 - $bits));
                let old = OLD >> shift & mask;
                let mut run = |expected: u64| {
                    let result = $name(&mut memory, 16, $at, expected as $value, OPERAND as $value);
                    assert_eq!(result, Ok(old as $value), stringify!($name));
                    word(&memory)
                };
                assert_eq!(run(old ^ 1), OLD);
                assert_eq!(run(old ^ 1 << ($bits - 1)), OLD);
                // Of the expected value, too, only the low bits count.
                let wide = old | !mask;
                assert_eq!(run(wide), OLD & !(mask << shift) | (OPERAND & mask) << shift, stringify!($name));
                assert_eq!($name(&mut memory, 65_536, 0, 0, 0), Err(Trap::MemoryOutOfBounds));
            }
        )*};
    }

    #[test]
    fn exchanges_depend_on_the_old_value() {
        check_exchange! {
            i32_atomic_rmw_cmpxchg, u32, 32 at 4;
            i32_atomic_rmw8_cmpxchg_u, u32, 8 at 1;
            i32_atomic_rmw16_cmpxchg_u, u32, 16 at 2;
            i64_atomic_rmw_cmpxchg, u64, 64 at 0;
            i64_atomic_rmw8_cmpxchg_u, u64, 8 at 7;
            i64_atomic_rmw16_cmpxchg_u, u64, 16 at 4;
            i64_atomic_rmw32_cmpxchg_u, u64, 32 at 0;
        }
        assert_eq!(i32_atomic_rmw_cmpxchg(&mut memory(true), 2, 0, 0, 0), Err(Trap::UnalignedAtomic));
        atomic_fence();
    }

    #[test]
    fn waits_end_by_mismatch_and_timeout() {
        let metering = Metering::new(&Engine::default());
        let memory = memory(true);
        assert_eq!(memory_atomic_wait32(&memory, &metering, 16, 0, 5, -1), Ok(1));
        assert_eq!(memory_atomic_wait64(&memory, &metering, 0, 16, OLD ^ 1 << 63, -1), Ok(1));
        assert_eq!(memory_atomic_wait32(&memory, &metering, 16, 0, OLD as u32, 0), Ok(2));
        assert_eq!(memory_atomic_wait64(&memory, &metering, 0, 16, OLD, 1_000_000), Ok(2));
        assert_eq!(memory_atomic_notify(&memory, 16, 0, u32::MAX), Ok(0));
        assert_eq!(memory_atomic_wait64(&memory, &metering, 20, 0, OLD, 0), Err(Trap::UnalignedAtomic));
        assert_eq!(memory_atomic_wait32(&memory, &metering, 65_536, 0, 0, 0), Err(Trap::MemoryOutOfBounds));
        let own = self::memory(false);
        assert_eq!(memory_atomic_wait32(&own, &metering, 16, 0, 0, 0), Err(Trap::ExpectedSharedMemory));
        assert_eq!(memory_atomic_notify(&own, 16, 0, 1), Ok(0));
        assert_eq!(memory_atomic_notify(&own, 18, 0, 1), Err(Trap::UnalignedAtomic));
    }

    #[test]
    fn a_wait_without_end_is_interrupted() {
        let mut metering = Metering::new(&Engine::new(Config::new().epoch_interruption(true)));
        metering.set_deadline(0);
        assert_eq!(memory_atomic_wait64(&memory(true), &metering, 16, 0, OLD, -1), Err(Trap::Interrupted));
    }

    #[cfg(feature = "threads")]
    #[test]
    fn another_thread_ends_a_wait() {
        for deadlines in [false, true] {
            let mut metering = Metering::new(&Engine::new(Config::new().epoch_interruption(deadlines)));
            metering.set_deadline(1);
            let memory = memory(true);
            std::thread::scope(|scope| {
                let wait = scope.spawn(|| memory_atomic_wait32(&memory, &metering, 16, 0, OLD as u32, -1));
                while memory_atomic_notify(&memory, 8, 8, 1) == Ok(0) {
                    std::thread::yield_now();
                }
                assert_eq!(wait.join().unwrap(), Ok(0));
            });
        }
    }
}
