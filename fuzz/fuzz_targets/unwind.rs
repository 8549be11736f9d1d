//! Any bytes -> a module -> our compiled lanes, one instruction at a time: the unwind tables are right at each, or a
//! panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("unwind");
