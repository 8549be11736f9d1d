//! Waits in shared memories on a host that cannot block: the crate's feature `threads` is off, so that no other thread
//! is known that could notify.

use super::shared::SharedBytes;
use super::{Wait, WaitResult};
use crate::trap::Trap;
use alloc::sync::Arc;
use core::time::Duration;

/// The threads that wait in one memory: none.
#[derive(Default)]
pub(crate) struct Parking {}

/// A wait that has begun: there is none.
pub(crate) enum Waiting {}

impl Parking {
    /// Ends a wait at once. If there is a timeout, nobody notifies before it passes.
    ///
    /// # Errors
    /// [`Trap::Interrupted`] if the wait would have no end.
    pub(super) fn wait(
        _memory: &Arc<SharedBytes>,
        _address: u64,
        is_expected: impl FnOnce() -> bool,
        timeout: Option<Duration>,
    ) -> Result<Wait, Trap> {
        match timeout {
            _ if !is_expected() => Ok(Wait::Over(WaitResult::Mismatch)),
            Some(_) => Ok(Wait::Over(WaitResult::TimedOut)),
            None => Err(Trap::Interrupted),
        }
    }

    /// Wakes nobody.
    pub(super) fn notify(&self, _address: u64, _count: u32) -> u32 {
        0
    }
}

impl Waiting {
    /// Is never called.
    pub(crate) fn block(&mut self, _nap: Duration) -> Option<WaitResult> {
        match *self {}
    }
}
