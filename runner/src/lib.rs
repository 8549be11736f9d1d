//! Runs WebAssembly `.wast` scripts in several lanes, and reports what fails and where lanes disagree.
//!
//! ```text
//! cli ─> inputs ─> pool ══ JSON lines ══> worker ─> judge ─> script    parsed and encoded once
//!                    │                                │ └──> execute   in each lane, against a fresh store
//!                    │                                └────> snapshot, agreement (lanes::compare)
//!                    └─> expectations ─> report ─> terminal, JSON, JUnit, HTML, annotations
//! ```
//!
//! The program runs scripts in child processes, so that a crash or a hang of an engine is a line in the report. A
//! directive that did not execute is never a pass.
//!
//! # In the tests of an engine
//!
//! An engine that implements [`lanes::Lane`] runs scripts without the program, in the process of the test: a [`Gate`]
//! says which. It stands on [`inputs::gather`], which finds scripts, [`Case::read`], which reads one, and
//! [`judge`](fn@judge), which runs it in several lanes.
//!
//! ```
#![doc = include_str!("../examples/engine_tests.rs")]
//! ```

mod agreement;
mod baseline;
pub mod check_adapter;
pub mod cli;
mod execute;
mod expectations;
mod feature_rules;
mod forms;
mod gate;
mod head;
pub mod inputs;
mod judge;
mod pool;
#[cfg(any(feature = "engine", feature = "interp"))]
mod program;
pub mod report;
mod script_engine;
mod settings;
mod snapshot;
mod worker;

pub use execute::{Miss, Verdict};
pub use expectations::Expectations;
pub use gate::Gate;
pub use judge::{Case, Judgment, Progress, judge};
pub use settings::{Settings, TrapText};
pub use snapshot::{Snapshot, SnapshotUse};
