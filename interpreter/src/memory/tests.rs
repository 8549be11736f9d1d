//! Tests of memories of both kinds against a plain array of bytes.

use super::*;
use alloc::vec;
use alloc::vec::Vec;

/// Returns a memory of `length` bytes in pages of one byte.
fn memory(length: u64, shared: bool) -> MemoryInstance {
    let ty = MemoryType { shared, page_size_log2: 0, ..MemoryType::new(length, Some(length)) };
    MemoryInstance::new(ty, &StoreLimits::new()).unwrap()
}

/// Returns all bytes.
fn contents(memory: &MemoryInstance) -> Vec<u8> {
    let mut bytes = vec![0; memory.length() as usize];
    memory.read(0, &mut bytes).unwrap();
    bytes
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn accesses_end_at_the_last_byte() {
    for shared in [false, true] {
        let mut memory = memory(24, shared);
        assert_eq!(memory.store(0, 8, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]), Ok(()));
        assert_eq!(memory.load(8, 0), Ok([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]));
        assert_eq!(memory.load(1, 22), Ok([16]));
        assert_eq!(memory.load(23, 0), Ok([16]));
        assert_eq!(memory.load(13, 7), Ok([13, 14, 15, 16]));
        assert_eq!(memory.load::<1>(24, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.load::<4>(0, 21), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.load::<16>(9, 0), Err(Trap::MemoryOutOfBounds));
        for (address, offset) in [(u64::MAX, 1), (u64::MAX, 0), (1, u64::MAX), (u64::MAX - 7, 0), (1 << 32, 0)] {
            assert_eq!(memory.load::<8>(address, offset), Err(Trap::MemoryOutOfBounds));
            assert_eq!(memory.store(address, offset, [0; 8]), Err(Trap::MemoryOutOfBounds));
        }
        assert_eq!(memory.store(0, 17, [0; 8]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.load(16, 0), Ok([9, 10, 11, 12, 13, 14, 15, 16]));
    }
}

#[test]
fn every_width_at_every_alignment_writes_its_bytes_alone() {
    for shared in [false, true] {
        let (mut memory, mut model) = (memory(64, shared), [0; 64]);
        let mut next = 0_u8;
        for at in 0..40 {
            store_each_width(&mut memory, &mut model, at, &mut next);
        }
        assert_eq!(contents(&memory), model);
    }
}

fn store_each_width(memory: &mut MemoryInstance, model: &mut [u8; 64], at: usize, next: &mut u8) {
    fn one<const N: usize>(memory: &mut MemoryInstance, model: &mut [u8; 64], at: usize, next: &mut u8) {
        let bytes = [0; N].map(|_: u8| {
            *next = next.wrapping_add(1);
            *next
        });
        memory.store(at as u64, 0, bytes).unwrap();
        model[at..at + N].copy_from_slice(&bytes);
        assert_eq!(memory.load::<N>(0, at as u64), Ok(bytes));
        assert_eq!(contents(memory), *model);
    }
    one::<1>(memory, model, at, next);
    one::<2>(memory, model, at, next);
    one::<4>(memory, model, at, next);
    one::<8>(memory, model, at, next);
    one::<16>(memory, model, at, next);
}

#[test]
fn ranges_may_be_empty_at_the_end_and_not_past_it() {
    for shared in [false, true] {
        let (mut to, from) = (memory(10, shared), memory(20, shared));
        assert_eq!((to.fill(10, 1, 0), to.fill(11, 1, 0)), (Ok(()), Err(Trap::MemoryOutOfBounds)));
        assert_eq!((to.fill(9, 0, 1), to.fill(9, 1, 2)), (Ok(()), Err(Trap::MemoryOutOfBounds)));
        assert_eq!(to.fill(1, 1, u64::MAX), Err(Trap::MemoryOutOfBounds));
        assert_eq!((to.write(10, &[]), to.write(11, &[])), (Ok(()), Err(Trap::MemoryOutOfBounds)));
        assert_eq!((to.read(10, &mut []), to.read(11, &mut [])), (Ok(()), Err(Trap::MemoryOutOfBounds)));
        assert_eq!((to.copy_within(10, 0, 0), to.copy_within(0, 10, 0)), (Ok(()), Ok(())));
        assert_eq!(to.copy_within(11, 0, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!(to.copy_within(0, 11, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!((to.copy_from(&from, 10, 20, 0), to.copy_from(&from, 0, 10, 10)), (Ok(()), Ok(())));
        assert_eq!(to.copy_from(&from, 11, 0, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!(to.copy_from(&from, 0, 21, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!(to.copy_from(&from, 0, u64::MAX, 2), Err(Trap::MemoryOutOfBounds));
        assert_eq!(contents(&to), [0; 10]);
    }
}

#[test]
fn bulk_operations_equal_those_of_an_array() {
    const LENGTH: u64 = 5000;
    for shared in [false, true] {
        let (mut memory, mut model) = (memory(LENGTH, shared), vec![0_u8; LENGTH as usize]);
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for _ in 0..2000 {
            let length = numbers.below(LENGTH / 2);
            let (to, from) = (numbers.below(LENGTH - length), numbers.below(LENGTH - length));
            let (to_range, from_range) = (to as usize..(to + length) as usize, from as usize..(from + length) as usize);
            match numbers.below(4) {
                0 => {
                    let value = numbers.below(256) as u8;
                    memory.fill(to, value, length / 8).unwrap();
                    model[to_range][..length as usize / 8].fill(value);
                }
                1 => {
                    let bytes: Vec<u8> = (0..length).map(|_| numbers.below(256) as u8).collect();
                    memory.write(to, &bytes).unwrap();
                    model[to_range].copy_from_slice(&bytes);
                }
                _ => {
                    memory.copy_within(to, from, length).unwrap();
                    let bytes = model[from_range].to_vec();
                    model[to_range].copy_from_slice(&bytes);
                }
            }
            assert_eq!(contents(&memory), model);
        }
    }
}

#[test]
fn memories_of_both_kinds_copy_to_each_other() {
    for kinds in [[false, false], [false, true], [true, false], [true, true]] {
        let [mut to, mut from] = kinds.map(|shared| memory(3000, shared));
        let bytes: Vec<u8> = (0..3000).map(|at| at as u8).collect();
        from.write(0, &bytes).unwrap();
        to.copy_from(&from, 13, 7, 2500).unwrap();
        assert_eq!(contents(&to)[13..2513], bytes[7..2507]);
        assert_eq!(contents(&to)[2513..], [0; 487]);
    }
}

#[test]
fn two_entries_of_a_shared_memory_overlap() {
    let mut one = memory(3000, true);
    let other = MemoryInstance::from_shared(one.as_shared().unwrap().clone());
    let bytes: Vec<u8> = (0..3000).map(|at| (at / 3) as u8).collect();
    one.write(0, &bytes).unwrap();
    one.copy_from(&other, 100, 0, 2900).unwrap();
    assert_eq!(contents(&other)[100..], bytes[..2900]);
    assert!(one.is_same(&other) && !one.is_same(&memory(1, true)) && !memory(1, false).is_same(&one));
}

#[test]
fn growth_adds_zeros_up_to_the_maximum_and_the_limit() {
    for shared in [false, true] {
        let ty = MemoryType { shared, ..MemoryType::new(1, Some(4)) };
        let mut memory = MemoryInstance::new(ty, &StoreLimits::new()).unwrap();
        memory.fill(0, 5, 65_536).unwrap();
        let limits = StoreLimits::new().memory_size(3 * 65_536);
        assert_eq!(memory.grow(0, &limits).unwrap(), Some(1));
        assert_eq!(memory.grow(2, &limits).unwrap(), Some(1));
        assert_eq!(memory.grow(1, &limits).unwrap(), None);
        assert!(memory.grow(1, &limits.clone().trap_on_grow_failure(true)).is_err());
        for delta in [2, 65_535, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(memory.grow(delta, &StoreLimits::new().trap_on_grow_failure(true)).unwrap(), None);
        }
        assert_eq!(memory.pages(), 3);
        assert_eq!((memory.load(65_535, 0), memory.load(3 * 65_536 - 1, 0)), (Ok([5]), Ok([0])));
        assert_eq!(memory.load::<1>(3 * 65_536, 0), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.grow(1, &StoreLimits::new()).unwrap(), Some(3));
    }
}

#[test]
fn sizes_that_no_host_has_are_refused() {
    let limits = StoreLimits::new();
    let wide = |min, shared| MemoryType { shared, ..MemoryType::memory64(min, Some(1 << 48)) };
    for shared in [false, true] {
        assert!(MemoryInstance::new(wide(1 << 47, shared), &limits).is_err());
        assert!(MemoryInstance::new(wide(1 << 48, shared), &limits).is_err());
        let mut memory = MemoryInstance::new(wide(0, shared), &limits).unwrap();
        for delta in [1 << 48, (1 << 47) - 1, (1 << 20) + 1, u64::MAX] {
            assert_eq!(memory.grow(delta, &limits).unwrap(), None);
        }
        assert_eq!(memory.grow(1, &limits).unwrap(), Some(0));
    }
    assert!(MemoryInstance::new(MemoryType::new(2, None), &StoreLimits::new().memory_size(65_536)).is_err());
}

#[test]
fn large_memories_cost_what_is_written() {
    for shared in [false, true] {
        let ty = MemoryType { shared, ..MemoryType::new(1, Some(65_536)) };
        let mut memory = MemoryInstance::new(ty, &StoreLimits::new()).unwrap();
        assert_eq!(memory.grow(16_383, &StoreLimits::new()).unwrap(), Some(1));
        memory.store((1 << 30) - 4, 0, [1, 2, 3, 4]).unwrap();
        assert_eq!(memory.load((1 << 30) - 4, 0), Ok([1, 2, 3, 4]));
        assert_eq!(memory.load(1 << 29, 0), Ok([0]));
    }
}

#[test]
fn only_unshared_memories_show_their_bytes() {
    let mut own = memory(3, false);
    own.own_mut()[1] = 9;
    assert_eq!(own.own(), [0, 9, 0]);
    let mut shared = memory(3, true);
    assert!(shared.own().is_empty() && shared.own_mut().is_empty());
    assert_eq!(shared.length(), 3);
}
