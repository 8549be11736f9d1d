//! Runs WebAssembly `.wast` scripts in several lanes, and reports.
//!
//! ```text
//! cli ─> inputs ─> pool ══ JSON lines ══> worker ─> judge ─> script    parsed and encoded once
//!                    │                                │ └──> execute   in each lane, against a fresh store
//!                    │                                └────> snapshot, disagreement (lanes::compare)
//!                    └─> expectations ─> report ─> terminal, JSON, JUnit, HTML, annotations
//! ```
//!
//! Scripts run in child processes, so that a crash or a hang of an engine is a line in the report. A directive that did
//! not execute is never a pass.

mod agreement;
pub mod check_adapter;
pub mod cli;
pub mod execute;
pub mod expectations;
pub mod inputs;
pub mod judge;
pub mod pattern;
pub mod pool;
pub mod report;
pub mod script;
pub mod script_engine;
pub mod snapshot;
pub mod worker;
