//! The functions of `touchstone.h`: what the standard interface lacks.
//!
//! | module | purpose |
//! |---|---|
//! | `error` | reasons of failures |
//! | `exception` | tags and exceptions |

pub mod error;
pub mod exception;
