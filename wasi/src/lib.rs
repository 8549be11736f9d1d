//! WASI preview 1 for any engine that shows a guest's memory as bytes.
//!
//! [`Config`] says what the guest may use, and makes a [`Wasi`]. [`FUNCTIONS`] is the table of the functions. An engine
//! defines them under the module name [`MODULE`], and hands each call to [`Wasi::call`]: arguments as plain numbers,
//! memory as bytes.
//!
//! ```
//! use wasi_preview1::{Config, Function, Stop};
//!
//! let wasi = Config::new().arg("hello")?.build()?;
//! let mut memory = vec![0; 65_536];
//! let sizes = Function::named("args_sizes_get").expect("preview 1 has it");
//! assert_eq!(wasi.call(sizes, &[0, 4], &mut memory), Ok(Some(0)));
//! assert_eq!(memory[..8], [1, 0, 0, 0, 6, 0, 0, 0]);
//!
//! let exit = Function::named("proc_exit").expect("preview 1 has it");
//! assert_eq!(wasi.call(exit, &[3], &mut memory), Err(Stop::Exit(3)));
//! # Ok::<(), wasi_preview1::Error>(())
//! ```
//!
//! The crate `wasi-common` does the work. Nothing of it shows in the interface, so that it can be replaced. This crate
//! names no engine; only the cargo feature `engine` defines the functions in a linker of ours.

mod config;
mod corrections;
mod functions;
#[cfg(feature = "engine")]
mod linker;
mod scheduler;

pub use config::{Config, Error, Input, Output};
pub use functions::{FUNCTIONS, Function, NumType};
#[cfg(feature = "engine")]
pub use linker::exit_code;

use std::sync::{Arc, Mutex, PoisonError};
use wasi_common::WasiCtx;
use wasi_common::snapshots::preview_1::types::Errno;

/// The name of the module that guests import the functions from.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// The context of one guest: its capabilities, and its open files. Clones share both.
#[derive(Clone)]
pub struct Wasi {
    context: Arc<Mutex<WasiCtx>>,
    /// True if the guest may have random numbers.
    random: bool,
}

/// The reason why a call does not return to the guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The guest ends the program with this code.
    Exit(u32),
    /// The guest passed a pointer that does not lie in its memory or is not aligned, or asked for something that the
    /// host cannot do. The text says what.
    Failure(String),
}

impl Wasi {
    /// Calls a function. The low 32 bits of an argument count where the parameter is an `i32`.
    ///
    /// The result is the error number that the guest sees, 0 for success.
    ///
    /// # Errors
    ///
    /// The reason, if the guest must not go on.
    ///
    /// # Panics
    ///
    /// If there are not as many arguments as parameters.
    pub fn call(&self, function: &Function, arguments: &[u64], memory: &mut [u8]) -> Result<Option<i32>, Stop> {
        assert_eq!(arguments.len(), function.params.len(), "the arguments of {}", function.name);
        if function.name == "random_get" && !self.random {
            return Ok(Some(Errno::Notsup as i32));
        }
        let mut context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        corrections::call(&mut context, function, arguments, memory)
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::Exit(code) => write!(f, "the program exits with code {code}"),
            Stop::Failure(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Stop {}
