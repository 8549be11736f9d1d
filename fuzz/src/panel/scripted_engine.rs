//! A lane whose calls end as a test says.

use lanes::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Moves, Outcome, Refusal,
    Session, State, Value,
};

/// A lane without an engine.
pub(crate) struct Puppet {
    info: LaneInfo,
    calls: Vec<Outcome>,
    refusal: Option<Refusal>,
    lacks: Features,
}

/// A call that returns this number.
pub(crate) fn values(number: i32) -> Outcome {
    Outcome::Values(vec![Value::I32(number)])
}

impl Puppet {
    /// A lane of an engine of its own, whose calls end so; what follows returns nothing.
    pub(crate) fn new(name: &str, backend: &str, calls: Vec<Outcome>) -> Puppet {
        let name = name.to_string();
        let info = LaneInfo {
            engine: name.clone(),
            code: name.clone(),
            backend: backend.to_string(),
            moves: Moves::Nothing,
            name,
        };
        Puppet { info, calls, refusal: None, lacks: Features::empty() }
    }

    /// As before, but it lacks these features.
    pub(crate) fn lacking(mut self, features: Features) -> Puppet {
        self.lacks = features;
        self
    }

    /// As before, but it refuses every module.
    pub(crate) fn refusing(mut self, outcome: Outcome) -> Puppet {
        let Outcome::Refused(refusal) = outcome else { panic!("not a refusal: {outcome}") };
        self.refusal = Some(refusal);
        self
    }
}

impl Lane for Puppet {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        features & self.lacks
    }

    fn session(&self, _: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(PuppetSession { refusal: self.refusal.clone(), calls: self.calls.clone().into_iter() }))
    }
}

struct PuppetSession {
    refusal: Option<Refusal>,
    calls: std::vec::IntoIter<Outcome>,
}

impl Session for PuppetSession {
    fn load(&mut self, _: &Binary) -> Result<ModuleId, Refusal> {
        self.refusal.clone().map_or(Ok(ModuleId(0)), Err)
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
            Some(Outcome::Values(values)) => Ok(values),
            Some(Outcome::Failed(failure)) => Err(failure),
            Some(Outcome::Refused(refusal)) => panic!("a call is not refused: {refusal}"),
        }
    }

    fn get(&mut self, _: InstanceId, _: &str) -> Result<Value, Failure> {
        Err(Failure::Usage("a puppet has no globals".to_string()))
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
