//! Oracles: each turns an input into a verdict.

pub mod artifact;
