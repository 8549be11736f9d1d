//! The generator of the target `reload`: the cases of [`mixed`], each with fuel, so that code ends without the
//! interpreter.

use super::case::Case;
use super::feature_set::Audience;
use super::mixed;
use arbitrary::Result;

/// The fuel of a case that has none. Its code counts its own steps, and runs out of them earlier.
const FUEL: u64 = 100_000;

/// Returns the case that these bytes describe. Its lanes are our own.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a module.
pub fn generate(data: &[u8], _: Audience) -> Result<Case> {
    let mut case = mixed::generate(data, Audience::OWN)?;
    for options in case.options.values_mut() {
        options.fuel.get_or_insert(FUEL);
    }
    Ok(case)
}
