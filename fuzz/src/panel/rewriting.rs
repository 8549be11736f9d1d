//! A lane that rewrites each module by identities before it loads it, and shows no frames, which the rewriting changes.

use crate::rewrite::identities::rewrite_by_identities;
use lanes::{
    Binary, EngineInfo, Failure, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Moves, Objects,
    Refusal, Session, State, Value,
};

/// A lane over another one.
pub struct RewritingLane<'a> {
    inner: &'a dyn Lane,
    info: LaneInfo,
    variant: u64,
}

impl<'a> RewritingLane<'a> {
    /// Makes the lane that runs in `inner` what the rewriting of this number makes of modules.
    pub fn new(inner: &'a dyn Lane, variant: u64) -> RewritingLane<'a> {
        let name = format!("{} rewritten", inner.info().name);
        let info =
            LaneInfo { engine: name.clone(), code: name.clone(), backend: name.clone(), moves: Moves::Anything, name };
        RewritingLane { inner, info, variant }
    }
}

impl Lane for RewritingLane<'_> {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn engine(&self) -> Result<EngineInfo, String> {
        self.inner.engine()
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        // Blocks with several results and functions with any are all that rewriting needs: features of 2.0.
        Ok(Box::new(RewritingSession { inner: self.inner.session(features)?, variant: self.variant }))
    }
}

struct RewritingSession<'a> {
    inner: Box<dyn Session + 'a>,
    variant: u64,
}

/// Returns the failure without frames.
fn without_frames(mut failure: Failure) -> Failure {
    match &mut failure {
        Failure::Trap(trap) => trap.frames = None,
        Failure::Exception(exception) => exception.frames = None,
        _ => {}
    }
    failure
}

impl Session for RewritingSession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        match rewrite_by_identities(module.bytes(), self.variant) {
            Ok(rewritten) => self.inner.load(&Binary::new(rewritten)),
            // The engine says what is wrong with the module.
            Err(_) => self.inner.load(module),
        }
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.inner.instantiate(module).map_err(without_frames)
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        self.inner.register(name, instance)
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.inner.define(function)
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        self.inner.invoke(instance, function, arguments).map_err(without_frames)
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        self.inner.get(instance, global)
    }

    fn take_objects(&mut self) -> Objects {
        self.inner.take_objects()
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        self.inner.state(instance)
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.inner.read_memory(instance, memory, offset, length)
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        let mut calls = self.inner.take_host_calls();
        calls.iter_mut().for_each(|call| call.frames = None);
        calls
    }

    fn fuel(&mut self) -> Option<u64> {
        self.inner.fuel()
    }

    fn lost(&mut self) -> Option<Failure> {
        self.inner.lost()
    }
}
