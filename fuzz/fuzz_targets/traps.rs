//! Any bytes -> chains of calls that end with a trap -> every lane: all do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("traps");
