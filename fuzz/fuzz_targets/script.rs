//! Any bytes -> the text of a script, mostly with mistakes -> its directives: each mistake costs one, or a panic with a
//! report.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("script");
