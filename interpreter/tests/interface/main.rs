//! Tests of the crate through its public interface, over modules in the text format.

mod calls;
mod collection;
mod common;
mod control;
mod coverage;
mod exceptions;
mod frames;
mod items;
mod large;
mod linking;
mod metering;
mod objects;
mod stacks;
mod switches;
mod traps;
