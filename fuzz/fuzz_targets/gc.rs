//! Any bytes -> a module full of objects -> every lane: all do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("gc");
