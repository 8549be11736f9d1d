//! Choices from a stream of bytes, beyond those of `arbitrary`.

use arbitrary::{Result, Unstructured};

/// Chooses one item. An item with twice the weight of another is chosen twice as often.
///
/// # Errors
///
/// If there is no item with a weight.
pub(crate) fn choose_weighted<'a, T>(
    u: &mut Unstructured<'_>,
    items: impl Iterator<Item = &'a (u32, T)> + Clone,
) -> Result<&'a T> {
    let total: u32 = items.clone().map(|(weight, _)| weight).sum();
    let last = total.checked_sub(1).ok_or(arbitrary::Error::EmptyChoose)?;
    let mut chosen = u.int_in_range(0..=last)?;
    for (weight, item) in items {
        match chosen.checked_sub(*weight) {
            None => return Ok(item),
            Some(rest) => chosen = rest,
        }
    }
    Err(arbitrary::Error::EmptyChoose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide_how_often_an_item_is_chosen() {
        let items = [(1, 'a'), (0, 'b'), (3, 'c')];
        let mut counts = [0; 3];
        for byte in 0..200 {
            let item = choose_weighted(&mut Unstructured::new(&[byte]), items.iter()).expect("there are items");
            counts[usize::from(*item as u8 - b'a')] += 1;
        }
        assert_eq!(counts, [50, 0, 150]);
        assert!(choose_weighted(&mut Unstructured::new(&[]), [(0, 'a')].iter()).is_err());
    }
}
