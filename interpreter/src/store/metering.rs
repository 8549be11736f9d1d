//! Fuel and deadlines: how long the code of a store may run.
//!
//! Each instruction costs fuel, and bulk operations cost more by their length. The count may go below zero before it is
//! looked at; code stops then. A deadline is a tick of the engine's epoch, which any thread may advance.

use crate::config::Engine;
use crate::trap::Trap;
use core::ops::Range;

/// The bytes that a bulk operation copies or fills between two checks of the deadline. They take a few milliseconds.
const PIECE: u64 = 16 << 20;

/// The bytes of a bulk operation for one unit of fuel.
const BYTES_PER_FUEL: u64 = 64;

/// The elements of a bulk operation for one unit of fuel.
const ELEMENTS_PER_FUEL: u64 = 8;

/// The fuel and the deadline of a store.
pub(crate) struct Metering {
    /// The fuel that is left; negative if code used more than there was.
    pub(crate) fuel: i64,
    engine: Engine,
    /// The epoch that code must not reach.
    deadline: u64,
}

impl Metering {
    /// Creates the meter of a new store, without any fuel and without a deadline.
    pub(crate) fn new(engine: &Engine) -> Metering {
        Metering { fuel: 0, engine: engine.clone(), deadline: u64::MAX }
    }

    /// Returns whether fuel is counted.
    pub(crate) fn counts_fuel(&self) -> bool {
        self.engine.config().consume_fuel
    }

    /// Returns whether there are deadlines.
    pub(crate) fn has_deadlines(&self) -> bool {
        self.engine.config().epoch_interruption
    }

    /// Returns the fuel that is left.
    pub(crate) fn fuel_left(&self) -> u64 {
        u64::try_from(self.fuel).unwrap_or(0)
    }

    /// Sets the fuel that is left.
    pub(crate) fn set_fuel(&mut self, fuel: u64) {
        self.fuel = i64::try_from(fuel).unwrap_or(i64::MAX);
    }

    /// Takes fuel for work besides that of single instructions.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] if there is not enough, or there was not before.
    pub(crate) fn charge(&mut self, price: u64) -> Result<(), Trap> {
        if !self.counts_fuel() {
            return Ok(());
        }
        self.fuel = self.fuel.saturating_sub_unsigned(price);
        if self.fuel < 0 { Err(Trap::OutOfFuel) } else { Ok(()) }
    }

    /// Takes fuel as [`charge`](Metering::charge) does. Work that is free succeeds, even if code has used more than
    /// there was.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] if there is not enough.
    pub(crate) fn charge_unless_free(&mut self, price: u64) -> Result<(), Trap> {
        if price == 0 { Ok(()) } else { self.charge(price) }
    }

    /// Checks the fuel and the deadline, as function entries and loop headers do.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Trap> {
        if self.counts_fuel() && self.fuel < 0 { Err(Trap::OutOfFuel) } else { self.poll() }
    }

    /// Returns whether the epoch has reached the deadline.
    #[inline]
    pub(crate) fn deadline_is_reached(&self) -> bool {
        self.has_deadlines() && self.engine.epoch() >= self.deadline
    }

    /// Checks the deadline.
    ///
    /// # Errors
    /// [`Trap::Interrupted`] if the epoch has reached it.
    #[inline]
    pub(crate) fn poll(&self) -> Result<(), Trap> {
        if self.deadline_is_reached() { Err(Trap::Interrupted) } else { Ok(()) }
    }

    /// Calls `work` for each piece of `0..length`, and checks the deadline between two pieces.
    ///
    /// # Errors
    /// [`Trap::Interrupted`] if the epoch has reached the deadline, or the trap of `work`.
    pub(crate) fn in_pieces(
        &self,
        length: u64,
        last_first: bool,
        mut work: impl FnMut(u64, u64) -> Result<(), Trap>,
    ) -> Result<(), Trap> {
        for (number, piece) in pieces(length, PIECE, last_first).enumerate() {
            if number > 0 {
                self.poll()?;
            }
            work(piece.start, piece.end - piece.start)?;
        }
        Ok(())
    }

    /// Sets the deadline to `ticks` after the present epoch.
    pub(crate) fn set_deadline(&mut self, ticks: u64) {
        self.deadline = self.engine.epoch().saturating_add(ticks);
    }
}

/// Returns the fuel that an operation on bytes costs.
pub(crate) fn bytes_price(bytes: u64) -> u64 {
    bytes / BYTES_PER_FUEL
}

/// Returns the fuel that an operation on elements costs.
pub(crate) fn elements_price(elements: u64) -> u64 {
    elements / ELEMENTS_PER_FUEL
}

/// Divides `0..length` into pieces of `size`, the last one shorter. They come in order, or in the reverse order.
pub(crate) fn pieces(length: u64, size: u64, last_first: bool) -> impl Iterator<Item = Range<u64>> {
    let count = length.div_ceil(size);
    (0..count).map(move |number| {
        let start = size * if last_first { count - 1 - number } else { number };
        start..length.min(start + size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use alloc::vec::Vec;

    /// Returns an engine that counts fuel and has deadlines, or not.
    fn engine(on: bool) -> Engine {
        Engine::new(Config::new().consume_fuel(on).epoch_interruption(on))
    }

    #[test]
    fn fuel_runs_out_below_zero() {
        let mut metering = Metering::new(&engine(true));
        metering.set_fuel(10);
        assert_eq!(metering.charge(10), Ok(()));
        assert_eq!(metering.charge(0), Ok(()));
        assert_eq!(metering.charge(1), Err(Trap::OutOfFuel));
        assert_eq!((metering.charge_unless_free(0), metering.fuel_left()), (Ok(()), 0));
        assert_eq!(metering.charge(0), Err(Trap::OutOfFuel));
        assert_eq!(metering.charge(u64::MAX), Err(Trap::OutOfFuel));
        metering.set_fuel(u64::MAX);
        assert_eq!(metering.fuel_left(), i64::MAX as u64);
        let mut uncounted = Metering::new(&engine(false));
        assert_eq!(uncounted.charge(u64::MAX), Ok(()));
    }

    #[test]
    fn a_deadline_is_reached_when_the_epoch_is_there() {
        let engine = engine(true);
        let mut metering = Metering::new(&engine);
        engine.increment_epoch();
        assert!(!metering.deadline_is_reached(), "a new store has no deadline");
        metering.set_deadline(2);
        engine.increment_epoch();
        assert!(!metering.deadline_is_reached());
        engine.increment_epoch();
        assert!(metering.deadline_is_reached());
        metering.set_deadline(u64::MAX);
        assert!(!metering.deadline_is_reached());
    }

    #[test]
    fn an_engine_without_deadlines_reaches_none() {
        assert!(!Metering::new(&engine(false)).deadline_is_reached());
    }

    #[test]
    fn pieces_cover_the_whole_in_both_orders() {
        let all = |length, last_first| pieces(length, 3, last_first).collect::<Vec<_>>();
        assert_eq!(all(7, false), [0..3, 3..6, 6..7]);
        assert_eq!(all(7, true), [6..7, 3..6, 0..3]);
        assert_eq!(all(6, true), [3..6, 0..3]);
        assert!(all(0, true).is_empty());
    }

    #[test]
    fn prices_are_by_length() {
        assert_eq!((bytes_price(63), bytes_price(64), bytes_price(u64::MAX)), (0, 1, u64::MAX / 64));
        assert_eq!((elements_price(7), elements_price(16)), (0, 2));
    }
}
