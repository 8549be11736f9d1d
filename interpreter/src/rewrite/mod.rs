//! The rewrite of function bodies into the code that `execute` runs.

/// The code of a function.
pub(crate) struct Code;
