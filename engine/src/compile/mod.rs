//! The compiler: a WebAssembly binary in, the bytes of an artefact out.
//!
//! The way of the data: [`validate::decode`] reads the module and leaves the bodies; each body is validated while
//! [`translate`] turns it into CLIF; [`codegen`] makes machine code of that; [`trampoline`] adds the code between
//! WebAssembly and the host; [`link`] places everything in one fixed order. Bodies compile in parallel, and nothing in
//! the artefact depends on how many threads there were.

pub(crate) mod codegen;
mod isa;
pub(crate) mod link;
pub(crate) mod soft;
mod trampoline;
pub(crate) mod translate;
pub(crate) mod validate;
