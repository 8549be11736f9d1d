//! Any bytes -> a forged artifact: refused with a reason, or loaded; never undefined behavior, never a panic.
#![cfg_attr(fuzzing, no_main)]

fuzz::target!("artifact");
