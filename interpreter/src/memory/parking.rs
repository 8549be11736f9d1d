//! Threads that wait at an address of a shared memory until another thread notifies it
//! ([Wait and notify](https://github.com/WebAssembly/threads/blob/main/proposals/threads/Overview.md#wait-and-notify-operators)).
//!
//! A memory has one list of waiting threads, oldest first. A thread compares the value and joins the list under one
//! lock, so a notification after a change of the value finds it there. To be woken is to be off the list.

use super::shared::SharedBytes;
use super::{Wait, WaitResult};
use crate::trap::Trap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The threads that wait in one memory.
#[derive(Default)]
pub(crate) struct Parking {
    list: Mutex<List>,
    /// Told whenever a waiter was taken off the list.
    woken: Condvar,
}

#[derive(Default)]
struct List {
    next_ticket: u64,
    waiters: Vec<Waiter>,
}

/// A thread that waits.
struct Waiter {
    ticket: u64,
    address: u64,
}

/// A wait that has begun.
pub(crate) struct Waiting {
    memory: Arc<SharedBytes>,
    ticket: u64,
    address: u64,
    /// The time at which the wait ends without a notification.
    end: Option<Instant>,
    is_over: bool,
}

impl Parking {
    /// Begins a wait if `is_expected` returns true.
    ///
    /// # Errors
    /// None: only a host without threads has waits that cannot end.
    pub(super) fn wait(
        memory: &Arc<SharedBytes>,
        address: u64,
        is_expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
    ) -> Result<Wait, Trap> {
        let end = timeout.and_then(time_after);
        let mut list = memory.parking().lock();
        if !is_expected() {
            return Ok(Wait::Over(WaitResult::Mismatch));
        }
        let ticket = list.next_ticket;
        list.next_ticket += 1;
        list.waiters.push(Waiter { ticket, address });
        Ok(Wait::Begun(Waiting { memory: memory.clone(), ticket, address, end, is_over: false }))
    }

    /// Wakes the first `count` threads that wait at `address`. Returns their number.
    pub(super) fn notify(&self, address: u64, count: u32) -> u32 {
        let woken = self.lock().take(address, count);
        if woken > 0 {
            self.woken.notify_all();
        }
        woken
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // Nothing panics while it has the lock, so that a poisoned list is in order.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases the lock until a waiter is woken or `limit` is reached, then takes it again.
    fn sleep<'a>(&'a self, list: MutexGuard<'a, List>, limit: Option<Duration>) -> MutexGuard<'a, List> {
        match limit {
            Some(limit) => self.woken.wait_timeout(list, limit).unwrap_or_else(PoisonError::into_inner).0,
            None => self.woken.wait(list).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl List {
    /// Takes the first `count` waiters at an address off the list. Returns their number.
    fn take(&mut self, address: u64, count: u32) -> u32 {
        let mut taken = 0;
        self.waiters.retain(|waiter| {
            let stays = waiter.address != address || taken == count;
            taken += u32::from(!stays);
            stays
        });
        taken
    }

    fn has(&self, ticket: u64) -> bool {
        self.waiters.iter().any(|waiter| waiter.ticket == ticket)
    }

    fn remove(&mut self, ticket: u64) {
        self.waiters.retain(|waiter| waiter.ticket != ticket);
    }
}

impl Waiting {
    /// Blocks the thread until the wait is over or `nap` has passed. Returns `None` if the wait goes on.
    pub(crate) fn block(&mut self, nap: Duration) -> Option<WaitResult> {
        let nap_end = time_after(nap);
        let wake = [self.end, nap_end].into_iter().flatten().min();
        let parking = self.memory.parking();
        let mut list = parking.lock();
        let result = loop {
            if !list.has(self.ticket) {
                break WaitResult::Ok;
            }
            let now = Instant::now();
            if self.end.is_some_and(|end| end <= now) {
                list.remove(self.ticket);
                break WaitResult::TimedOut;
            }
            if nap_end.is_some_and(|end| end <= now) {
                return None;
            }
            list = parking.sleep(list, wake.map(|wake| wake.saturating_duration_since(now)));
        };
        self.is_over = true;
        Some(result)
    }
}

/// Ends a wait that was given up. A notification that it got meanwhile goes on to the next thread.
impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let parking = self.memory.parking();
        let mut list = parking.lock();
        if list.has(self.ticket) {
            list.remove(self.ticket);
        } else if list.take(self.address, 1) > 0 {
            parking.woken.notify_all();
        }
    }
}

/// Returns the time after a duration; `None` if the clock does not reach that far.
fn time_after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
