//! Where threads wait at an address of a shared memory until another one wakes them.
//!
//! One lock orders everything: a waiter looks at the value and lines up under it, and who notifies takes waiters out of
//! their line under it. So no wake-up is lost between the look and the lining up.

use crate::base::Result;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How long a waiter sleeps between two looks at what may interrupt it.
const LOOK: Duration = Duration::from_millis(5);

/// How a wait ended. The numbers are those that `memory.atomic.wait32` and `memory.atomic.wait64` return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum WaitResult {
    /// Another thread notified.
    Ok = 0,
    /// The memory did not hold the expected value.
    Mismatch = 1,
    /// The time was over first.
    TimedOut = 2,
}

/// The waiters of one memory, in lines by address, the first to come in front.
#[derive(Default)]
pub(super) struct Parking(Mutex<Lines>);

type Lines = HashMap<u64, VecDeque<Arc<Waiter>>>;

#[derive(Default)]
struct Waiter {
    /// Set under the lock, by who takes the waiter out of its line.
    woken: AtomicBool,
    bell: Condvar,
}

impl Parking {
    /// Waits at `address` if `expected` holds, at most for `timeout`. Where `interrupt` is given it is asked every now
    /// and then, without the lock; its error ends the wait.
    pub(super) fn wait(
        &self,
        address: u64,
        expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
        mut interrupt: Option<&mut dyn FnMut() -> Result<()>>,
    ) -> Result<WaitResult> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiter = Arc::new(Waiter::default());
        let mut lines = self.lock();
        if !expected() {
            return Ok(WaitResult::Mismatch);
        }
        lines.entry(address).or_default().push_back(waiter.clone());
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                leave(&mut lines, address, &waiter);
                return Ok(WaitResult::TimedOut);
            }
            let nap = if interrupt.is_some() { Some(left.map_or(LOOK, |left| left.min(LOOK))) } else { left };
            lines = sleep(lines, &waiter.bell, nap);
            if waiter.woken.load(Ordering::Relaxed) {
                return Ok(WaitResult::Ok);
            }
            if let Some(interrupt) = &mut interrupt {
                drop(lines);
                let asked = interrupt();
                lines = self.lock();
                // Who notified meanwhile has counted this thread, which therefore was woken, not interrupted.
                if waiter.woken.load(Ordering::Relaxed) {
                    return Ok(WaitResult::Ok);
                }
                if let Err(error) = asked {
                    leave(&mut lines, address, &waiter);
                    return Err(error);
                }
            }
        }
    }

    /// Wakes the first `count` waiters at `address`. Returns how many there were.
    pub(super) fn notify(&self, address: u64, count: u32) -> u32 {
        let mut lines = self.lock();
        let mut woken = 0;
        while woken < count
            && let Some(waiter) = lines.get_mut(&address).and_then(VecDeque::pop_front)
        {
            waiter.woken.store(true, Ordering::Relaxed);
            waiter.bell.notify_one();
            woken += 1;
        }
        if lines.get(&address).is_some_and(VecDeque::is_empty) {
            lines.remove(&address);
        }
        woken
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Only whole updates are made under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sleep<'a>(lines: MutexGuard<'a, Lines>, bell: &Condvar, nap: Option<Duration>) -> MutexGuard<'a, Lines> {
    match nap {
        Some(nap) => bell.wait_timeout(lines, nap).map_or_else(|poison| poison.into_inner().0, |(lines, _)| lines),
        None => bell.wait(lines).unwrap_or_else(PoisonError::into_inner),
    }
}

/// Takes a waiter that nobody woke out of its line.
fn leave(lines: &mut Lines, address: u64, waiter: &Arc<Waiter>) {
    if let Some(line) = lines.get_mut(&address) {
        line.retain(|other| !Arc::ptr_eq(other, waiter));
        if line.is_empty() {
            lines.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Trap;
    use std::thread;

    #[test]
    fn what_does_not_hold_is_not_waited_for() {
        let parking = Parking::default();
        assert_eq!(parking.wait(0, || false, None, None).unwrap(), WaitResult::Mismatch);
        assert_eq!(parking.notify(0, 1), 0);
    }

    #[test]
    fn time_ends_a_wait_and_leaves_no_waiter() {
        let parking = Parking::default();
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            assert_eq!(parking.wait(8, || true, Some(timeout), None).unwrap(), WaitResult::TimedOut);
        }
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn an_interrupted_wait_leaves_no_waiter() {
        let parking = Parking::default();
        let mut looks = 0;
        let mut interrupt = || {
            looks += 1;
            if looks == 3 { Err(Trap::Interrupted.into()) } else { Ok(()) }
        };
        let error = parking.wait(8, || true, None, Some(&mut interrupt)).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::Interrupted));
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn as_many_are_woken_as_were_asked_for_and_at_that_address_only() {
        let parking = Parking::default();
        thread::scope(|scope| {
            let parking = &parking;
            let waiters = [8, 8, 8, 16].map(|address| scope.spawn(move || parking.wait(address, || true, None, None)));
            while parking.lock().values().map(VecDeque::len).sum::<usize>() < 4 {
                thread::yield_now();
            }
            assert_eq!(parking.notify(24, 9), 0);
            assert_eq!(parking.notify(8, 2), 2);
            assert_eq!(parking.notify(8, 2), 1);
            assert_eq!(parking.notify(16, u32::MAX), 1);
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap().unwrap(), WaitResult::Ok);
            }
        });
        assert!(parking.lock().is_empty());
    }
}
