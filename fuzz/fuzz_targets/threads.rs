//! Any bytes -> threads that share a memory: what they leave behind is right, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("threads");
