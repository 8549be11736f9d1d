//! Threads that wait at an address of a shared memory until another thread notifies it.
//!
//! A memory has one lock. A waiter compares the value and joins the queue of its address in one critical section; a
//! notifying thread removes waiters from the queue in another. So no notification is lost between the comparison and
//! the joining.

use crate::base::Result;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The time between two calls of `interrupt` during a wait.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(5);

/// The result of a wait. The discriminants are the results of `memory.atomic.wait32` and `memory.atomic.wait64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum WaitResult {
    /// Another thread notified the address.
    Ok = 0,
    /// The memory did not hold the expected value.
    Mismatch = 1,
    /// The timeout passed without a notification.
    TimedOut = 2,
}

/// The waiters of one memory.
#[derive(Default)]
pub(super) struct Parking(Mutex<Queues>);

/// A queue of waiters for each address at which threads wait, the first waiter in front.
type Queues = HashMap<u64, VecDeque<Arc<Waiter>>>;

/// A thread that waits.
#[derive(Default)]
struct Waiter {
    /// Set under the lock, by the thread that removes the waiter from its queue. It tells a notification from a
    /// spurious wake-up of the condition variable.
    woken: AtomicBool,
    condition: Condvar,
}

impl Parking {
    /// Waits at `address` if `expected` returns true, at most for `timeout`. Calls `interrupt`, if there is one, at
    /// regular intervals without the lock.
    ///
    /// # Errors
    /// The error of `interrupt`, which ends the wait.
    pub(super) fn wait(
        &self,
        address: u64,
        expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
        mut interrupt: Option<&mut dyn FnMut() -> Result<()>>,
    ) -> Result<WaitResult> {
        // A timeout past the end of the clock is none.
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiter = Arc::new(Waiter::default());
        let mut queues = self.lock();
        if !expected() {
            return Ok(WaitResult::Mismatch);
        }
        queues.entry(address).or_default().push_back(waiter.clone());
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                remove(&mut queues, address, &waiter);
                return Ok(WaitResult::TimedOut);
            }
            let nap = match interrupt {
                Some(_) => Some(left.map_or(INTERRUPT_INTERVAL, |left| left.min(INTERRUPT_INTERVAL))),
                None => left,
            };
            queues = sleep(queues, &waiter.condition, nap);
            if waiter.woken.load(Ordering::Relaxed) {
                return Ok(WaitResult::Ok);
            }
            if let Some(interrupt) = &mut interrupt {
                // It runs the embedder's code, which may use this memory, and may panic.
                drop(queues);
                let leave = Leave { parking: self, address, waiter: &waiter };
                let interrupted = interrupt();
                core::mem::forget(leave);
                queues = self.lock();
                // A thread that notified meanwhile has counted this waiter, so the wait ended by its notification, even
                // if it was interrupted too.
                if waiter.woken.load(Ordering::Relaxed) {
                    return Ok(WaitResult::Ok);
                }
                if let Err(error) = interrupted {
                    remove(&mut queues, address, &waiter);
                    return Err(error);
                }
            }
        }
    }

    /// Wakes the first `count` waiters at `address`. Returns the number of waiters that it woke.
    pub(super) fn notify(&self, address: u64, count: u32) -> u32 {
        notify(&mut self.lock(), address, count)
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        // No update can panic half-way, so the queues of a poisoned lock are consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a wait whose thread leaves it by a panic. Without it, the waiter would take a notification that is meant for
/// another thread.
struct Leave<'a> {
    parking: &'a Parking,
    address: u64,
    waiter: &'a Arc<Waiter>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut queues = self.parking.lock();
        if self.waiter.woken.load(Ordering::Relaxed) {
            // A notification has counted this waiter, and goes on to the next one.
            notify(&mut queues, self.address, 1);
        } else {
            remove(&mut queues, self.address, self.waiter);
        }
    }
}

/// Wakes the first `count` waiters at `address`. Returns the number of waiters that it woke.
fn notify(queues: &mut Queues, address: u64, count: u32) -> u32 {
    let mut woken = 0;
    while woken < count
        && let Some(waiter) = queues.get_mut(&address).and_then(VecDeque::pop_front)
    {
        waiter.woken.store(true, Ordering::Relaxed);
        waiter.condition.notify_one();
        woken += 1;
    }
    if queues.get(&address).is_some_and(VecDeque::is_empty) {
        queues.remove(&address);
    }
    woken
}

/// Releases the lock until `condition` is notified or `nap` has passed, then takes it again.
fn sleep<'a>(queues: MutexGuard<'a, Queues>, condition: &Condvar, nap: Option<Duration>) -> MutexGuard<'a, Queues> {
    match nap {
        Some(nap) => {
            condition.wait_timeout(queues, nap).map_or_else(|poison| poison.into_inner().0, |(queues, _)| queues)
        }
        None => condition.wait(queues).unwrap_or_else(PoisonError::into_inner),
    }
}

/// Removes a waiter that nobody woke from its queue.
fn remove(queues: &mut Queues, address: u64, waiter: &Arc<Waiter>) {
    if let Some(queue) = queues.get_mut(&address) {
        queue.retain(|other| !Arc::ptr_eq(other, waiter));
        if queue.is_empty() {
            queues.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Trap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    #[test]
    fn a_mismatch_ends_a_wait_at_once() {
        let parking = Parking::default();
        assert_eq!(parking.wait(0, || false, None, None).unwrap(), WaitResult::Mismatch);
        assert_eq!(parking.notify(0, 1), 0);
    }

    #[test]
    fn a_timeout_ends_a_wait_and_leaves_no_waiter() {
        let parking = Parking::default();
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            assert_eq!(parking.wait(8, || true, Some(timeout), None).unwrap(), WaitResult::TimedOut);
        }
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn an_interrupted_wait_leaves_no_waiter() {
        let parking = Parking::default();
        let mut calls = 0;
        let mut interrupt = || {
            calls += 1;
            if calls == 3 { Err(Trap::Interrupted.into()) } else { Ok(()) }
        };
        let error = parking.wait(8, || true, None, Some(&mut interrupt)).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::Interrupted));
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn a_wait_that_panics_leaves_no_waiter() {
        let parking = Parking::default();
        let mut interrupt = || panic!("in the callback");
        let wait = || parking.wait(8, || true, None, Some(&mut interrupt));
        catch_unwind(AssertUnwindSafe(wait)).unwrap_err();
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn a_wait_that_panics_passes_its_notification_on() {
        let parking = Parking::default();
        thread::scope(|scope| {
            let parking = &parking;
            let mut other = None;
            let mut interrupt = || {
                // The other thread joins the queue behind this one, and then one notification comes.
                other = Some(scope.spawn(|| parking.wait(8, || true, None, None)));
                while parking.lock()[&8].len() < 2 {
                    thread::yield_now();
                }
                assert_eq!(parking.notify(8, 1), 1);
                panic!("in the callback")
            };
            let wait = || parking.wait(8, || true, None, Some(&mut interrupt));
            catch_unwind(AssertUnwindSafe(wait)).unwrap_err();
            assert_eq!(other.unwrap().join().unwrap().unwrap(), WaitResult::Ok);
        });
        assert!(parking.lock().is_empty());
    }

    #[test]
    fn notify_wakes_at_most_count_waiters_and_only_at_its_address() {
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
