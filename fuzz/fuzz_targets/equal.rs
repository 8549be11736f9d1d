//! Any bytes -> a module and its rewriting by identities -> each lane: both do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("equal");
