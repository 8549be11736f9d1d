//! Any bytes -> modules that record their own calls -> each lane: backtraces are what was recorded, or a panic with a
//! report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("shadow");
