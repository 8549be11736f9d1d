//! Tells the embedder, or the module, that straight code begins.

use super::{Context, Stop};
use crate::rewrite::rare::Rare;

/// Calls the embedder's function with the name of the straight code.
pub(crate) fn note(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    if let Some(note) = context.store.engine.config().coverage {
        note(rare.x);
    }
    Ok(())
}

/// Notes in the module that the straight code at offset `x` is executed.
pub(crate) fn mark(context: &mut Context<'_>, rare: &Rare) -> Result<(), Stop> {
    context.instance().module.mark_executed(rare.x);
    Ok(())
}
