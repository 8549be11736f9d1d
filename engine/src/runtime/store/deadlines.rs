//! Fuel and deadlines: how far the code of a store may run.

use super::{OpaqueMut, StoreContextMut, StoreInner, StoreOpaque};
use crate::base::{Error, ErrorKind, Result, Trap};
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The decision of a store when the engine's epoch has reached its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateDeadline {
    /// Continue until the epoch has advanced by this many ticks.
    Continue(u64),
    /// Trap with [`Trap::Interrupted`].
    Interrupt,
}

/// The embedder's callback for a deadline that is reached.
pub(super) type OnDeadline<T> = Box<dyn FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync>;

impl StoreOpaque {
    /// The fuel that is left.
    pub(super) fn fuel(&self) -> Result<u64> {
        self.check_fuel_is_counted()?;
        // Compiled code that runs out of fuel leaves a negative number.
        Ok(u64::try_from(self.context.fuel).unwrap_or(0))
    }

    /// Sets the fuel that is left.
    pub(super) fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.check_fuel_is_counted()?;
        self.context.fuel = i64::try_from(fuel).unwrap_or(i64::MAX);
        Ok(())
    }

    fn check_fuel_is_counted(&self) -> Result<()> {
        if self.engine.config().consume_fuel {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, "this engine does not count fuel: set Config::consume_fuel"))
    }

    /// Takes fuel for work that the host does on behalf of compiled code. Does nothing if the engine does not count
    /// fuel.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] if there is not enough.
    pub(crate) fn charge(&mut self, fuel: u64) -> Result<()> {
        if !self.engine.config().consume_fuel {
            return Ok(());
        }
        self.context.fuel = self.context.fuel.saturating_sub_unsigned(fuel);
        if self.context.fuel < 0 { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
    }

    /// Returns whether the epoch has reached the deadline; `false` if the engine does not check it.
    pub(crate) fn deadline_is_reached(&self) -> bool {
        self.engine.config().epoch_interruption
            && self.engine.epoch().load(Ordering::Relaxed) >= self.context.epoch_deadline
    }

    /// Sets the deadline to `ticks` beyond the current epoch.
    pub(super) fn set_deadline(&mut self, ticks: u64) {
        self.context.epoch_deadline = self.engine.epoch().load(Ordering::Relaxed).saturating_add(ticks);
    }
}

impl OpaqueMut<'_> {
    /// Traps or moves the deadline, as the embedder's callback decides. May collect.
    ///
    /// # Errors
    /// [`Trap::Interrupted`], or the callback's own error.
    pub(crate) fn on_deadline(&mut self) -> Result<()> {
        let hook = self.hooks.on_deadline;
        // SAFETY: the hook was made for this store's type of data; the store is borrowed exclusively.
        match unsafe { hook(self.opaque)? } {
            UpdateDeadline::Continue(ticks) => {
                self.set_deadline(ticks);
                Ok(())
            }
            UpdateDeadline::Interrupt => Err(Trap::Interrupted.into()),
        }
    }

    /// Checks the deadline in the middle of work that takes long. May collect.
    ///
    /// # Errors
    /// The errors of [`on_deadline`](Self::on_deadline) if the deadline is reached.
    pub(crate) fn poll_deadline(&mut self) -> Result<()> {
        if self.deadline_is_reached() { self.on_deadline() } else { Ok(()) }
    }
}

/// Asks the embedder's callback, for [`Hooks::on_deadline`](super::Hooks).
///
/// # Safety
/// `store` starts a `StoreInner<T>` that nobody else uses during the call.
pub(super) unsafe fn on_deadline<T: 'static>(store: NonNull<StoreOpaque>) -> Result<UpdateDeadline> {
    let inner = store.cast::<StoreInner<T>>();
    // The callback may run code that reaches the deadline again, so it is taken out of the store while it runs. Such
    // code traps.
    // SAFETY: the caller's contract; the reference ends with the statement.
    let Some(mut callback) = (unsafe { (*inner.as_ptr()).on_deadline.take() }) else {
        return Ok(UpdateDeadline::Interrupt);
    };
    // SAFETY: the caller's contract; the borrow ends with the call.
    let context = unsafe { StoreContextMut::from_inner(inner) };
    let answer = catch_unwind(AssertUnwindSafe(|| callback(context)));
    // SAFETY: the caller's contract; the callback's borrow has ended.
    unsafe { (*inner.as_ptr()).on_deadline = Some(callback) };
    // Only now: a panic must not lose the callback.
    answer.unwrap_or_else(|panic| resume_unwind(panic))
}
