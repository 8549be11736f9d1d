//! Tests of shared memories with threads.

use super::*;
use alloc::vec::Vec;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

/// Returns the type of a shared memory.
fn shared_type(min: u64, max: u64) -> MemoryType {
    MemoryType { shared: true, ..MemoryType::new(min, Some(max)) }
}

/// Returns a new shared memory of one page.
fn shared() -> Arc<SharedBytes> {
    Arc::new(SharedBytes::new(shared_type(1, 100)).unwrap())
}

/// Runs each function in a thread of its own, all at the same time, with an entry of the memory.
fn together(memory: &Arc<SharedBytes>, work: &[&(dyn Fn(MemoryInstance) + Sync)]) {
    let barrier = &Barrier::new(work.len());
    thread::scope(|scope| {
        for work in work {
            let memory = MemoryInstance::from_shared(memory.clone());
            scope.spawn(move || {
                barrier.wait();
                work(memory);
            });
        }
    });
}

/// Adds one to the number at an address many times.
fn count(memory: &mut MemoryInstance, at: u64, width: Width, times: u64) {
    for _ in 0..times {
        memory.modify(at, 0, width, |old| Some(old.wrapping_add(1))).unwrap();
    }
}

#[test]
fn counters_of_all_widths_in_one_word_do_not_disturb_each_other() {
    const TIMES: u64 = 100_000;
    let memory = shared();
    let counters = [(64, Width::Bits8), (65, Width::Bits8), (66, Width::Bits16), (68, Width::Bits32)];
    let count_all = |mut memory: MemoryInstance| {
        for (at, width) in counters {
            count(&mut memory, at, width, TIMES);
        }
    };
    // The neighbors in the next word are stored plainly, across its border to a word of their own.
    let store = |mut memory: MemoryInstance| {
        for number in 0..4 * TIMES {
            memory.store(73, 0, [number as u8; 2]).unwrap();
            memory.store(75, 0, [number as u8; 8]).unwrap();
        }
    };
    let count_neighbor = |mut memory: MemoryInstance| count(&mut memory, 72, Width::Bits8, 4 * TIMES);
    together(&memory, &[&count_all, &count_all, &store, &count_neighbor]);
    let mut memory = MemoryInstance::from_shared(memory);
    for (at, width) in counters {
        assert_eq!(memory.modify(at, 0, width, |_| None), Ok((2 * TIMES) & width.mask()));
    }
    assert_eq!(memory.load(72, 0), Ok([(4 * TIMES) as u8]));
    assert_eq!(memory.load(73, 0), Ok([(4 * TIMES - 1) as u8; 10]));
}

#[test]
fn stores_side_by_side_all_stay() {
    let memory = shared();
    // Four owners of two bytes each in the word from 128 on, and of one byte each in the word from 136 on.
    let own = |number: u64| {
        move |mut memory: MemoryInstance| {
            for round in 0..300_000_u64 {
                let byte = round as u8;
                memory.store(128, 2 * number, [byte; 2]).unwrap();
                memory.store(136, number, [byte]).unwrap();
                assert_eq!((memory.load(128, 2 * number), memory.load(136, number)), (Ok([byte; 2]), Ok([byte])));
            }
        }
    };
    together(&memory, &[&own(0), &own(1), &own(2), &own(3)]);
}

#[test]
fn an_aligned_word_never_tears() {
    let memory = shared();
    let write = |mut memory: MemoryInstance| {
        for number in 0..50_000_u32 {
            memory.store(128, 0, [number as u8; 8]).unwrap();
        }
    };
    let read = |memory: MemoryInstance| {
        for _ in 0..50_000 {
            let bytes: [u8; 8] = memory.load(128, 0).unwrap();
            assert_eq!(bytes, [bytes[0]; 8]);
        }
    };
    together(&memory, &[&write, &read]);
}

/// Two threads store to one location each and then load the other's: not both can have been first. The locations are in
/// chunks that are allocated by these accesses.
#[test]
fn atomic_accesses_are_sequentially_consistent() {
    for _ in 0..300 {
        let memory = Arc::new(SharedBytes::new(shared_type(3, 3)).unwrap());
        let seen = [0, 1].map(|_| core::sync::atomic::AtomicU64::new(9));
        let side = |own: u64, other: u64, number: usize| {
            let seen = &seen;
            move |mut memory: MemoryInstance| {
                memory.modify(own, 0, Width::Bits32, |_| Some(1)).unwrap();
                let value = memory.modify(other, 0, Width::Bits32, |_| None).unwrap();
                seen[number].store(value, core::sync::atomic::Ordering::Relaxed);
            }
        };
        together(&memory, &[&side(0, 65_536, 0), &side(65_536, 0, 1)]);
        assert_ne!(seen.map(|seen| seen.into_inner()), [0, 0]);
    }
}

#[test]
fn growths_of_several_threads_add_up() {
    let memory = shared();
    let grow = |mut memory: MemoryInstance| {
        let mut old: Vec<u64> = (0..10).map(|_| memory.grow(2, &StoreLimits::new()).unwrap().unwrap()).collect();
        old.dedup();
        assert_eq!(old.len(), 10);
    };
    together(&memory, &[&grow, &grow, &grow]);
    assert_eq!(memory.length(), 61 * 65_536);
}

/// Returns the wait of a thread that is now on the list.
fn begin(memory: &MemoryInstance, at: u64, timeout: Option<Duration>) -> Waiting {
    match memory.wait(at, 0, Width::Bits32, 0, timeout) {
        Ok(Wait::Begun(waiting)) => waiting,
        _ => panic!("the memory holds the expected value"),
    }
}

#[test]
fn a_mismatch_and_a_timeout_end_a_wait() {
    let mut memory = MemoryInstance::from_shared(shared());
    assert!(matches!(memory.wait(8, 0, Width::Bits64, 1, None), Ok(Wait::Over(WaitResult::Mismatch))));
    memory.store(8, 0, [0, 0, 0, 0, 1, 0, 0, 0]).unwrap();
    assert!(matches!(memory.wait(8, 0, Width::Bits64, 1 << 32, None), Ok(Wait::Begun(_))));
    for timeout in [Duration::ZERO, Duration::from_millis(2)] {
        let start = Instant::now();
        assert_eq!(begin(&memory, 8, Some(timeout)).block(Duration::MAX), Some(WaitResult::TimedOut));
        assert!(start.elapsed() >= timeout);
    }
    assert_eq!(memory.notify(8, 0, u32::MAX), Ok(0));
}

#[test]
fn a_wait_checks_alignment_then_sharing_then_bounds() {
    let own = MemoryInstance::new(MemoryType::new(1, None), &StoreLimits::new()).unwrap();
    let shared = MemoryInstance::from_shared(shared());
    let wait = |memory: &MemoryInstance, at, width| memory.wait(at, 0, width, 0, Some(Duration::ZERO)).err();
    assert_eq!(wait(&own, 65_537, Width::Bits32), Some(Trap::UnalignedAtomic));
    assert_eq!(wait(&shared, u64::MAX, Width::Bits32), Some(Trap::UnalignedAtomic));
    assert_eq!(wait(&shared, 4, Width::Bits64), Some(Trap::UnalignedAtomic));
    assert_eq!(wait(&own, 65_536, Width::Bits32), Some(Trap::ExpectedSharedMemory));
    assert_eq!(wait(&shared, 65_536, Width::Bits32), Some(Trap::MemoryOutOfBounds));
    assert_eq!(wait(&shared, 65_528, Width::Bits64), None);
    assert_eq!(own.wait(8, u64::MAX - 7, Width::Bits32, 0, None).err(), Some(Trap::MemoryOutOfBounds));
    assert_eq!(own.notify(65_537, 0, 1), Err(Trap::UnalignedAtomic));
    assert_eq!((own.notify(65_536, 0, 1), own.notify(65_532, 0, 1)), (Err(Trap::MemoryOutOfBounds), Ok(0)));
}

#[test]
fn a_notification_wakes_the_oldest_waiters_of_its_address() {
    let memory = MemoryInstance::from_shared(shared());
    let mut waits = [8, 16, 8, 8].map(|at| begin(&memory, at, None));
    assert_eq!(memory.notify(24, 0, 9), Ok(0));
    assert_eq!(memory.notify(8, 0, 0), Ok(0));
    assert_eq!(memory.notify(8, 0, 2), Ok(2));
    let states = waits.each_mut().map(|wait| wait.block(Duration::ZERO));
    assert_eq!(states, [Some(WaitResult::Ok), None, Some(WaitResult::Ok), None]);
    assert_eq!((memory.notify(8, 0, 2), memory.notify(16, 0, u32::MAX)), (Ok(1), Ok(1)));
}

#[test]
fn a_wait_that_is_given_up_takes_no_notification() {
    let memory = MemoryInstance::from_shared(shared());
    drop(begin(&memory, 8, None));
    assert_eq!(memory.notify(8, 0, 9), Ok(0));
    let (first, mut second) = (begin(&memory, 8, None), begin(&memory, 8, None));
    assert_eq!(memory.notify(8, 0, 1), Ok(1));
    drop(first);
    assert_eq!(second.block(Duration::ZERO), Some(WaitResult::Ok));
}

/// Two threads pass a turn to each other. A lost wake-up would be a timeout.
#[test]
fn no_wake_up_is_lost() {
    const TURNS: u64 = 20_000;
    let memory = shared();
    let player = |parity: u64| {
        move |mut memory: MemoryInstance| {
            for turn in (parity..TURNS).step_by(2) {
                await_turn(&mut memory, turn);
                memory.modify(8, 0, Width::Bits32, |_| Some(turn + 1)).unwrap();
                memory.notify(8, 0, 1).unwrap();
            }
        }
    };
    together(&memory, &[&player(0), &player(1)]);
    assert_eq!(MemoryInstance::from_shared(memory).load(8, 0), Ok((TURNS as u32).to_le_bytes()));
}

/// Waits until the number at address 8 is `turn`.
fn await_turn(memory: &mut MemoryInstance, turn: u64) {
    loop {
        let now = memory.modify(8, 0, Width::Bits32, |_| None).unwrap();
        if now == turn {
            return;
        }
        if let Wait::Begun(mut waiting) = memory.wait(8, 0, Width::Bits32, now, None).unwrap() {
            assert_eq!(waiting.block(Duration::from_secs(20)), Some(WaitResult::Ok), "a wake-up was lost");
        }
    }
}
