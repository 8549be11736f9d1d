//! The checks, by topic: one function for each thing that an adapter must do right.

mod features;
mod host;
mod modules;
mod state;
mod traps;
mod values;
mod version3;

use super::Check;

/// Returns all checks.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    let topics = [
        values::CHECKS,
        traps::CHECKS,
        host::CHECKS,
        modules::CHECKS,
        state::CHECKS,
        features::CHECKS,
        version3::CHECKS,
    ];
    topics.into_iter().flatten()
}
