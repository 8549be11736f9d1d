//! Any bytes -> single operations on numbers and vectors -> every lane: all do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("simd");
