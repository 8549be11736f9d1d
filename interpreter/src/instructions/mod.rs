//! The meaning of instructions, by family
//! ([Instructions](https://webassembly.github.io/spec/core/exec/instructions.html)).

pub(crate) mod aggregate;
pub(crate) mod atomic;
pub(crate) mod cast;
pub(crate) mod memories;
pub(crate) mod memory;
pub(crate) mod numeric;
pub(crate) mod reference;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod vector;
