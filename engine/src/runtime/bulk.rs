//! The price of bulk operations, for library calls and instantiation: fuel by length, and checks of the deadline.
//!
//! Straight code reaches no loop header, so every bulk operation checks the deadline before it starts. Those that can
//! take long check it again after each [`PIECE`].

use super::store::OpaqueMut;
use crate::abi::heap::LARGEST_IN_PLACE;
use crate::base::Result;
use core::ops::Range;

/// Bytes copied or filled between two checks of the deadline. They take a few milliseconds.
pub(super) const PIECE: usize = 16 << 20;

/// Bytes of a bulk operation for one unit of fuel.
const BYTES_PER_FUEL: u64 = 64;

/// Elements of a bulk operation for one unit of fuel.
const ELEMENTS_PER_FUEL: u64 = 8;

/// Returns the fuel that an operation on bytes costs.
pub(super) fn bytes_price(bytes: u64) -> u64 {
    bytes / BYTES_PER_FUEL
}

/// Returns the fuel that an operation on elements costs.
pub(super) fn elements_price(elements: u64) -> u64 {
    elements / ELEMENTS_PER_FUEL
}

/// Returns the fuel that the allocation of an object of `size` bytes costs.
///
/// Small objects are free: compiled code allocates them itself while the heap has room, and fuel must not depend on how
/// full the heap is.
pub(super) fn object_price(size: u64) -> u64 {
    if size > LARGEST_IN_PLACE.into() { bytes_price(size) } else { 0 }
}

/// Takes the fuel for an operation and checks the deadline. May collect.
///
/// A free operation does not ask for fuel: whether compiled code calls it may depend on how full the heap is, so a
/// guest that has run out meanwhile must trap where it would without the call.
///
/// # Errors
/// [`Trap::OutOfFuel`](crate::Trap::OutOfFuel), or the error of the deadline.
pub(super) fn begin(store: &mut OpaqueMut<'_>, price: u64) -> Result<()> {
    if price > 0 {
        store.charge(price)?;
    }
    store.poll_deadline()
}

/// Calls `work` for each piece of `0..len`, and checks the deadline between two pieces. May collect.
///
/// # Errors
/// The error of the deadline.
pub(super) fn in_pieces(
    store: &mut OpaqueMut<'_>,
    len: usize,
    last_first: bool,
    mut work: impl FnMut(Range<usize>),
) -> Result<()> {
    for (number, piece) in pieces(len, PIECE, last_first).enumerate() {
        if number > 0 {
            store.poll_deadline()?;
        }
        work(piece);
    }
    Ok(())
}

/// Divides `0..len` into pieces of `size`, the last one shorter. They come in order, or in the reverse order.
pub(super) fn pieces(len: usize, size: usize, last_first: bool) -> impl Iterator<Item = Range<usize>> {
    let count = len.div_ceil(size);
    (0..count).map(move |number| {
        let piece = if last_first { count - 1 - number } else { number };
        piece * size..len.min((piece + 1) * size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_whole_in_both_orders() {
        assert_eq!(pieces(7, 3, false).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(pieces(7, 3, true).collect::<Vec<_>>(), [6..7, 3..6, 0..3]);
        assert_eq!(pieces(6, 3, true).collect::<Vec<_>>(), [3..6, 0..3]);
        assert_eq!(pieces(0, 3, true).count(), 0);
    }

    #[test]
    fn objects_that_compiled_code_may_allocate_itself_are_free() {
        assert_eq!(object_price(LARGEST_IN_PLACE.into()), 0);
        assert_eq!(object_price(6400), 100);
    }
}
