//! Any bytes -> a module -> our compiled lanes, fresh and reloaded: all do the same, or a panic with a report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("reload");
