//! Modules as the specification describes them, without function bodies
//! ([Core specification, Structure](https://webassembly.github.io/spec/core/syntax/index.html)).

pub(crate) mod canonical;
pub(crate) mod composite;
pub(crate) mod index;
pub(crate) mod memory_image;
pub(crate) mod module;
mod packed;
pub(crate) mod references;
pub(crate) mod storage;
mod stored;
pub(crate) mod types;
mod value;
