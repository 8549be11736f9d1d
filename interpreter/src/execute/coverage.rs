//! Tells the embedder that straight code begins.

use super::{Context, Stop};
use crate::rewrite::rare::Rare;

/// Calls the embedder's function with the name of the straight code.
pub(crate) fn note(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    if let Some(note) = context.store.engine.config().coverage {
        note(rare.x);
    }
    Ok(())
}
