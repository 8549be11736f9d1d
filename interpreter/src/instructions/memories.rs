//! Instructions on whole memories and on many bytes: size, growth, fills and copies
//! ([Memory instructions](https://webassembly.github.io/spec/core/exec/instructions.html#memory-instructions)). Bounds
//! are checked before anything changes.

use crate::error::Result;
use crate::memory::MemoryInstance;
use crate::store::{Metering, StoreLimits, bytes_price};
use crate::trap::Trap;

/// Returns the [size](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.size) in pages.
pub(crate) fn memory_size(memory: &MemoryInstance) -> u64 {
    memory.pages()
}

/// [Grows](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.grow) a memory by `delta` pages.
/// Returns the old size in pages, or -1, of which a memory with 32-bit addresses takes the low bits.
///
/// # Errors
/// Kind [`Resource`](crate::ErrorKind::Resource), if the limits make an error of a growth that fails.
pub(crate) fn memory_grow(memory: &mut MemoryInstance, limits: &StoreLimits, delta: u64) -> Result<u64> {
    Ok(memory.grow(delta, limits)?.unwrap_or(u64::MAX))
}

/// [Sets](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.fill) bytes to the low 8 bits of a
/// value.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn memory_fill(
    memory: &mut MemoryInstance,
    metering: &mut Metering,
    at: u64,
    value: u32,
    length: u64,
) -> Result<(), Trap> {
    metering.charge_unless_free(bytes_price(length))?;
    metering.poll()?;
    memory.range(at, length)?;
    metering.in_pieces(length, false, |start, length| memory.fill(at + start, value as u8, length))
}

/// [Copies](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.copy) bytes from the memory at the
/// address `from`, starting with `source`, to the memory at the address `to`, starting with `at`.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn memory_copy(
    memories: &mut [MemoryInstance],
    metering: &mut Metering,
    [to, from]: [usize; 2],
    at: u64,
    source: u64,
    length: u64,
) -> Result<(), Trap> {
    metering.charge_unless_free(bytes_price(length))?;
    metering.poll()?;
    memories[to].range(at, length)?;
    memories[from].range(source, length)?;
    // A piece must not overwrite what a later one reads, so the last comes first if the target is higher.
    let last_first = at > source;
    match memories.get_disjoint_mut([to, from]) {
        Ok([to, from]) => metering
            .in_pieces(length, last_first, |start, length| to.copy_from(from, at + start, source + start, length)),
        Err(_) => metering.in_pieces(length, last_first, |start, length| {
            memories[to].copy_within(at + start, source + start, length)
        }),
    }
}

/// [Copies](https://webassembly.github.io/spec/core/exec/instructions.html#exec-memory.init) bytes of a segment, which
/// are none after it was dropped.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn memory_init(
    memory: &mut MemoryInstance,
    metering: &mut Metering,
    segment: &[u8],
    at: u64,
    source: u32,
    length: u32,
) -> Result<(), Trap> {
    metering.charge_unless_free(bytes_price(length.into()))?;
    metering.poll()?;
    init(memory, segment, at, source, length)
}

/// Copies bytes of a segment without a price, as instantiation does, which has paid for all segments.
///
/// # Errors
/// [`Trap::MemoryOutOfBounds`].
pub(crate) fn init(memory: &mut MemoryInstance, segment: &[u8], at: u64, source: u32, length: u32) -> Result<(), Trap> {
    memory.range(at, length.into())?;
    let end = source.checked_add(length).ok_or(Trap::MemoryOutOfBounds)?;
    let bytes = segment.get(source as usize..end as usize).ok_or(Trap::MemoryOutOfBounds)?;
    memory.write(at, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Engine};
    use crate::types::MemoryType;
    use alloc::vec;
    use alloc::vec::Vec;

    const OUTSIDE: Trap = Trap::MemoryOutOfBounds;
    const PAGE: u64 = 65_536;

    fn memory(pages: u64, shared: bool) -> MemoryInstance {
        let ty = MemoryType { shared, ..MemoryType::new(pages, Some(pages + 2)) };
        MemoryInstance::new(ty, &StoreLimits::new()).unwrap()
    }

    fn metering() -> Metering {
        Metering::new(&Engine::default())
    }

    fn bytes(memory: &MemoryInstance, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        memory.read(at, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_size_is_in_pages_and_a_failed_growth_is_all_ones() {
        let mut memory = memory(1, false);
        let limits = StoreLimits::new().memory_size(2 * PAGE);
        assert_eq!(memory_grow(&mut memory, &limits, 1).unwrap(), 1);
        assert_eq!(memory_grow(&mut memory, &limits, 1).unwrap(), u64::MAX);
        assert_eq!(memory_grow(&mut memory, &StoreLimits::new(), 2).unwrap(), u64::MAX);
        assert_eq!(memory_size(&memory), 2);
    }

    #[test]
    fn bounds_come_before_any_effect() {
        for shared in [false, true] {
            let (mut memories, mut metering) = ([memory(1, shared), memory(1, false)], metering());
            let segment = [1, 2, 3];
            for (at, length) in [(PAGE, 1), (PAGE + 1, 0), (PAGE - 1, 2), (u64::MAX, 1), (1, u64::MAX)] {
                let memory = &mut memories[0];
                assert_eq!(memory_fill(memory, &mut metering, at, 7, length), Err(OUTSIDE));
                let length32 = u32::try_from(length).unwrap_or(4);
                assert_eq!(memory_init(memory, &mut metering, &segment, at, 0, length32), Err(OUTSIDE));
                for addresses in [[0, 0], [0, 1], [1, 0]] {
                    assert_eq!(memory_copy(&mut memories, &mut metering, addresses, at, 0, length), Err(OUTSIDE));
                    assert_eq!(memory_copy(&mut memories, &mut metering, addresses, 0, at, length), Err(OUTSIDE));
                }
            }
            let memory = &mut memories[0];
            for (source, length) in [(3, 1), (4, 0), (2, 2), (u32::MAX, 1), (0, u32::MAX)] {
                assert_eq!(memory_init(memory, &mut metering, &segment, 0, source, length), Err(OUTSIDE));
            }
            assert_eq!(bytes(memory, 0, PAGE as usize), [0; PAGE as usize]);
            assert_eq!(memory_fill(memory, &mut metering, PAGE, 7, 0), Ok(()));
            assert_eq!(memory_init(memory, &mut metering, &segment, PAGE, 3, 0), Ok(()));
            assert_eq!(memory_init(memory, &mut metering, &[], PAGE, 0, 0), Ok(()));
            assert_eq!(memory_init(memory, &mut metering, &[], 0, 0, 1), Err(OUTSIDE));
            assert_eq!(memory_copy(&mut memories, &mut metering, [1, 0], PAGE, PAGE, 0), Ok(()));
        }
    }

    #[test]
    fn fills_copies_and_inits_write_their_bytes() {
        for shared in [false, true] {
            let (mut memories, mut metering) = ([memory(1, shared), memory(1, !shared)], metering());
            memory_init(&mut memories[0], &mut metering, &[1, 2, 3, 4], PAGE - 3, 1, 3).unwrap();
            memory_fill(&mut memories[0], &mut metering, PAGE - 5, 0x1234_56ff, 2).unwrap();
            memory_copy(&mut memories, &mut metering, [0, 0], PAGE - 4, PAGE - 5, 4).unwrap();
            assert_eq!(bytes(&memories[0], PAGE - 5, 5), [255, 255, 255, 2, 3]);
            memory_copy(&mut memories, &mut metering, [1, 0], 0, PAGE - 4, 4).unwrap();
            assert_eq!(bytes(&memories[1], 0, 5), [255, 255, 2, 3, 0]);
        }
    }

    /// Copies of more than one piece, up and down, whose ranges overlap.
    #[test]
    fn pieces_of_a_copy_do_not_overwrite_each_other() {
        const LENGTH: u64 = (32 << 20) + 100;
        for (at, source) in [(0, 1000), (1000, 0)] {
            let mut memories = [memory(LENGTH / PAGE + 2, false)];
            for mark in (0..LENGTH).step_by(1 << 20) {
                memories[0].write(source + mark, &mark.to_le_bytes()).unwrap();
            }
            memory_copy(&mut memories, &mut metering(), [0, 0], at, source, LENGTH).unwrap();
            for mark in (0..LENGTH).step_by(1 << 20) {
                assert_eq!(bytes(&memories[0], at + mark, 8), mark.to_le_bytes());
            }
        }
    }

    #[test]
    fn bytes_cost_fuel_and_the_deadline_counts() {
        let engine = Engine::new(Config::new().consume_fuel(true).epoch_interruption(true));
        let mut metering = Metering::new(&engine);
        metering.set_deadline(1);
        metering.set_fuel(3);
        let mut memories = [memory(1, false)];
        assert_eq!(memory_fill(&mut memories[0], &mut metering, 0, 0, 64), Ok(()));
        assert_eq!(memory_copy(&mut memories, &mut metering, [0, 0], 0, 1, 127), Ok(()));
        assert_eq!(memory_init(&mut memories[0], &mut metering, &[5; 64], 0, 0, 64), Ok(()));
        assert_eq!(metering.fuel_left(), 0);
        assert_eq!(memory_fill(&mut memories[0], &mut metering, PAGE, 0, 64), Err(Trap::OutOfFuel));
        assert_eq!(memory_fill(&mut memories[0], &mut metering, 0, 0, 63), Ok(()));
        assert_eq!(bytes(&memories[0], 62, 3), [0, 5, 0]);
        metering.set_fuel(100);
        engine.increment_epoch();
        assert_eq!(memory_fill(&mut memories[0], &mut metering, PAGE, 0, 1), Err(Trap::Interrupted));
        assert_eq!(memory_copy(&mut memories, &mut metering, [0, 0], PAGE, 0, 1), Err(Trap::Interrupted));
        assert_eq!(memory_init(&mut memories[0], &mut metering, &[], PAGE, 0, 1), Err(Trap::Interrupted));
    }

    #[test]
    fn the_deadline_is_checked_between_pieces() {
        let engine = Engine::new(Config::new().epoch_interruption(true));
        let mut metering = Metering::new(&engine);
        metering.set_deadline(1);
        let mut done = 0;
        let result = metering.in_pieces(1 << 30, false, |start, length| {
            assert_eq!(start, done);
            done += length;
            if done == 48 << 20 {
                engine.increment_epoch();
            }
            Ok(())
        });
        assert_eq!((result, done), (Err(Trap::Interrupted), 48 << 20));
    }
}
