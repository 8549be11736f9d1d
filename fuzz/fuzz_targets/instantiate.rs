//! Any bytes -> several modules and instances -> every lane: all do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("instantiate");
