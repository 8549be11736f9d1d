//! The budget of a function, counted in the parameters of its blocks and in the values that branches carry to them.
//!
//! A few kilobytes of WebAssembly can carry millions of values. A local that changes on several ways to a place becomes
//! a parameter of a block there, so that a thousand locals in a hundred nested loops are a hundred thousand parameters.
//! The time of the optimizing settings grows with the square of their number and would reach minutes. The time of the
//! settings of [`Tier::Quick`](crate::Tier::Quick) grows with the values carried, as the moves in the code do.
//!
//! The budget looks at CLIF and never at a clock: the same function gets the same settings on every machine.

use crate::base::{Error, ErrorKind, Result};
use cranelift_codegen::ir::Function;

/// The largest number of parameters for which the optimizing settings are used.
const MAX_OPTIMIZED_PARAMS: usize = 1 << 14;

/// The largest number of carried values for which the optimizing settings are used.
const MAX_OPTIMIZED_CARRIED: usize = 1 << 17;

/// The largest number of carried values at all.
const MAX_CARRIED: usize = 1 << 23;

/// The settings for a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Settings {
    /// Those that the configuration asks for.
    Configured,
    /// Those of the tier `Quick`, because the function is past its budget.
    Quick,
}

/// Chooses the settings for a translated function.
///
/// # Errors
/// Kind [`TooLarge`](ErrorKind::TooLarge) if its code would be far too large with any settings.
pub(super) fn settings(func: &Function) -> Result<Settings> {
    let carried = carried_values(func);
    if carried > MAX_CARRIED {
        let message = format!("the branches of a function carry {carried} values of locals, more than {MAX_CARRIED}");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let params: usize = func.layout.blocks().map(|block| func.dfg.num_block_params(block)).sum();
    let is_within = params <= MAX_OPTIMIZED_PARAMS && carried <= MAX_OPTIMIZED_CARRIED;
    Ok(if is_within { Settings::Configured } else { Settings::Quick })
}

/// Counts the arguments of all branches.
fn carried_values(func: &Function) -> usize {
    let (dfg, mut carried) = (&func.dfg, 0);
    for inst in func.layout.blocks().flat_map(|block| func.layout.block_insts(block)) {
        let targets = dfg.insts[inst].branch_destination(&dfg.jump_tables, &dfg.exception_tables);
        carried += targets.iter().map(|target| target.len(&dfg.value_lists)).sum::<usize>();
    }
    carried
}
