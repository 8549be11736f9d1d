//! A lane without an engine: a test scripts the outcomes of its calls.

use lanes::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Moves, Outcome, Refusal,
    Session, State, Value,
};

/// A lane that answers from a script.
pub(crate) struct ScriptedEngine {
    info: LaneInfo,
    calls: Vec<Outcome>,
    refuse: fn(&Binary) -> Option<Refusal>,
    lacks: Features,
}

/// Returns the outcome of a call that returns this number.
pub(crate) fn values(number: i32) -> Outcome {
    Outcome::Values(vec![Value::I32(number)])
}

impl ScriptedEngine {
    /// Makes a lane of an engine of its own. Its calls end with these outcomes; later calls return nothing.
    pub(crate) fn new(name: &str, backend: &str, calls: Vec<Outcome>) -> ScriptedEngine {
        let name = name.to_string();
        let info = LaneInfo {
            engine: name.clone(),
            code: name.clone(),
            backend: backend.to_string(),
            moves: Moves::Nothing,
            name,
        };
        ScriptedEngine { info, calls, refuse: |_| None, lacks: Features::empty() }
    }

    /// Makes the lane lack these features.
    pub(crate) fn lacking(mut self, features: Features) -> ScriptedEngine {
        self.lacks = features;
        self
    }

    /// Makes the lane refuse the modules for which `refuse` returns a reason.
    pub(crate) fn refusing(mut self, refuse: fn(&Binary) -> Option<Refusal>) -> ScriptedEngine {
        self.refuse = refuse;
        self
    }
}

impl Lane for ScriptedEngine {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features & self.lacks
    }

    fn session(&self, _: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(ScriptedSession { refuse: self.refuse, calls: self.calls.iter() }))
    }
}

struct ScriptedSession<'a> {
    refuse: fn(&Binary) -> Option<Refusal>,
    calls: std::slice::Iter<'a, Outcome>,
}

impl Session for ScriptedSession<'_> {
    fn load(&mut self, binary: &Binary) -> Result<ModuleId, Refusal> {
        (self.refuse)(binary).map_or(Ok(ModuleId(0)), Err)
    }

    fn instantiate(&mut self, _: ModuleId) -> Result<InstanceId, Failure> {
        Ok(InstanceId(0))
    }

    fn register(&mut self, _: &str, _: InstanceId) -> Result<(), Failure> {
        Ok(())
    }

    fn define(&mut self, _: &HostFunc) -> Result<(), Failure> {
        Ok(())
    }

    fn invoke(&mut self, _: InstanceId, _: &str, _: &[Value]) -> Result<Vec<Value>, Failure> {
        match self.calls.next() {
            None => Ok(Vec::new()),
            Some(Outcome::Values(values)) => Ok(values.clone()),
            Some(Outcome::Failed(failure)) => Err(failure.clone()),
            Some(Outcome::Refused(refusal)) => panic!("a call cannot be refused: {refusal}"),
        }
    }

    fn get(&mut self, _: InstanceId, _: &str) -> Result<Value, Failure> {
        Err(Failure::Usage("a scripted engine has no globals".to_string()))
    }

    fn state(&mut self, _: InstanceId) -> Option<State> {
        None
    }

    fn read_memory(&mut self, _: InstanceId, _: &str, _: u64, _: usize) -> Option<Vec<u8>> {
        None
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        Vec::new()
    }

    fn fuel(&mut self) -> Option<u64> {
        None
    }
}
