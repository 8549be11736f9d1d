//! The functions of `touchstone.h`: what the standard interface lacks.
//!
//! `include/touchstone.h` is made of these files: `tests/headers.rs` compares it with them.
//!
//! | module | purpose |
//! |---|---|
//! | `kind` | numbers of kinds that the standard does not have |
//! | `error` | reasons of failures |
//! | `config` | configurations, epochs |
//! | `limits` | fuel, deadlines and limits of stores |
//! | `artifact` | modules in text form, artifacts and their files |
//! | `wide` | 64-bit memories and tables, shared memories, `v128` |
//! | `exception` | tags and exceptions |
//! | `trap` | what a trap and a frame know beyond the standard |
//! | `linker` | imports and exports by name |
//! | `program` | programs of WASI |

pub mod artifact;
pub mod config;
pub mod error;
pub mod exception;
pub mod kind;
pub mod limits;
pub mod linker;
pub mod program;
pub mod trap;
pub mod wide;

use core::ffi::{CStr, c_char};
use core::slice;
use engine::Result;
use error::{non_null, usage};

/// Returns the text of a string that ends with a zero byte.
///
/// # Errors
/// Kind [`Usage`](engine::ErrorKind::Usage) if the pointer is null or the string is not UTF-8.
///
/// # Safety
/// The pointer is null or points to such a string, which nobody changes while the result is used.
unsafe fn text<'a>(string: *const c_char, what: &str) -> Result<&'a str> {
    // SAFETY: the caller vouches for the string.
    let string = (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) });
    non_null(string, what)?.to_str().map_err(|_| usage(format!("the {what} is not UTF-8")))
}

/// Returns the bytes of an array.
///
/// # Errors
/// Kind [`Usage`](engine::ErrorKind::Usage) if the pointer is null, unless the array is empty.
///
/// # Safety
/// The pointer is null or points to `size` bytes, which nobody changes while the result is used.
unsafe fn bytes<'a>(array: *const u8, size: usize, what: &str) -> Result<&'a [u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    // SAFETY: the caller vouches for the array.
    let array = (!array.is_null()).then(|| unsafe { slice::from_raw_parts(array, size) });
    non_null(array, what)
}
