//! The messages between a lane and its worker, as lines of JSON.

use crate::own::Tier;
use crate::{HostCall, HostFunc, InstanceId, ModuleId, Objects, Options, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::path::PathBuf;

/// The first message of a worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The name of the engine's build.
    pub(super) build: String,
    /// True if the worker was built with the compiler.
    pub(super) has_compiler: bool,
}

/// A message to the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Opens a session. It runs on a thread of its own. The answer is a `Result<(), Failure>`.
    Open(u32, Box<Open>),
    /// Lets a session take a step. The answer is that of the method of [`Session`](crate::Session).
    Step(u32, Step),
    /// Ends a session. There is no answer.
    Close(u32),
    /// Drops memories that a session lent. There is no answer.
    Release(u32),
}

/// The way in which a session runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Open {
    /// The tier that compiled the artifacts.
    pub(super) tier: Tier,
    /// The bits of the features that modules may use.
    pub(super) features: u64,
    /// The options of the lane.
    pub(super) options: Options,
}

/// A step of a session: a method of [`Session`](crate::Session).
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Step {
    /// Loads the artifact in this file.
    Load(PathBuf),
    /// `instantiate`.
    Instantiate(ModuleId),
    /// `register`.
    Register(String, InstanceId),
    /// `define`.
    Define(HostFunc),
    /// `invoke`.
    Invoke(InstanceId, String, Vec<Value>),
    /// `get`.
    Get(InstanceId, String),
    /// `function_at`.
    FunctionAt(InstanceId, u32),
    /// `share`. The answer has the number by which the worker knows what was lent.
    Share(InstanceId),
    /// `adopt`, with such a number.
    Adopt(u32),
    /// `state`.
    State(InstanceId),
    /// `read_memory`.
    ReadMemory(InstanceId, String, u64, usize),
}

/// The answer to an ask.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The session.
    pub(super) session: u32,
    /// The result of the step, of the type that the step says.
    pub(super) result: Box<RawValue>,
    /// The objects that the result reaches.
    pub(super) objects: Objects,
    /// The calls of host functions during the step.
    pub(super) host_calls: Vec<HostCall>,
    /// The fuel that the last step with code used.
    pub(super) fuel: Option<u64>,
}
