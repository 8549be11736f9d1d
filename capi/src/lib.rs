//! The C interface of the engine, as `libtouchstone.so` and `libtouchstone.a`.
//!
//! `include/wasm.h` is the standard interface for engines, `include/touchstone.h` has the functions that it lacks.
//! docs/c.md is the guide for programs in C.
//!
//! | modules | purpose |
//! |---|---|
//! | `vec`, `cast`, `host_info` | vectors, conversions of pointers, data of the program that objects carry |
//! | `types` | the types of values and of external items |
//! | `engine`, `store` | configurations, engines, stores; who may use a store when |
//! | `reference`, `val` | references to objects of any kind, and values |
//! | `trap`, `foreign`, `module`, `func`, `global`, `table`, `memory`, `external`, `instance` | a kind of object each |
//! | `touchstone` | `touchstone.h` |
//!
//! Rules of the whole crate:
//!
//! - A pointer that C passes is an `Option` of a reference or a box, so that null is never followed. A null where the
//!   interface wants an object is an error with a reason, as any misuse that can be seen.
//! - A function that fails without a trap returns null or false, and keeps the reason for
//!   [`touchstone_last_error`](touchstone::error::touchstone_last_error).
//! - No panic leaves the library: Rust ends the process, with a message, where one reaches an `extern "C"` function.

#![expect(unsafe_code, reason = "C passes addresses, and calls functions by their unmangled names")]
#![expect(non_camel_case_types, reason = "the types have their names in C")]

#[macro_use]
mod cast;
#[macro_use]
pub mod vec;
#[macro_use]
pub mod reference;

pub mod engine;
pub mod external;
pub mod foreign;
pub mod func;
pub mod global;
pub mod host_info;
pub mod instance;
pub mod memory;
pub mod module;
pub mod store;
pub mod table;
pub mod touchstone;
pub mod trap;
pub mod types;
pub mod val;
