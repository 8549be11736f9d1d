//! The client of the protocol: a session whose engine runs in a process of its own.

use super::convert::{self, Functions};
use super::process::{Lost, Process};
use super::protocol::{Answer, Ask, Bits, Bulk, Export, Item, Reason, Reply, STRETCH};
use super::validity;
use super::{AdapterLane, Introduction, spectest};
use crate::host::{extra_host_functions, spectest_functions};
use crate::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, MemoryState, ModuleId, Phase, Reference, Refusal,
    Session, Settings, State, TableState, Value,
};

/// One store in a process.
pub(super) struct AdapterSession<'a> {
    lane: &'a AdapterLane,
    introduced: &'a Introduction,
    /// The process, or how it was lost.
    process: Result<Process, Lost>,
    features: Features,
    functions: Functions,
    /// The numbers of modules in the protocol.
    modules: Vec<u32>,
    /// The numbers of instances in the protocol.
    instances: Vec<u32>,
    next_number: u32,
    calls: Vec<HostCall>,
    fuel: Option<u64>,
    /// The bytes that followed the last reply.
    following: Vec<u8>,
}

impl<'a> AdapterSession<'a> {
    pub(super) fn new(
        lane: &'a AdapterLane,
        features: Features,
        settings: &Settings,
    ) -> Result<AdapterSession<'a>, Failure> {
        let introduced = lane.introduction().map_err(|lost| lost_failure(&lost))?;
        // A process that has died since its last session is not this session's loss: it gets another.
        let on = |process| AdapterSession::on(lane, introduced, process, features, settings);
        match lane.take().and_then(|process| on(process).ok()) {
            Some(session) => Ok(session),
            None => on(lane.start().map_err(|lost| lost_failure(&lost))?),
        }
    }

    /// Opens a fresh store in this process, with the host modules.
    fn on(
        lane: &'a AdapterLane,
        introduced: &'a Introduction,
        process: Process,
        features: Features,
        settings: &Settings,
    ) -> Result<AdapterSession<'a>, Failure> {
        let mut session = AdapterSession {
            lane,
            introduced,
            process: Ok(process),
            features,
            functions: Functions::default(),
            modules: Vec::new(),
            instances: Vec::new(),
            next_number: 0,
            calls: Vec::new(),
            fuel: None,
            following: Vec::new(),
        };
        session.set_up(settings)?;
        Ok(session)
    }

    /// Opens the store and makes the host modules, with requests that do not wait for each other.
    fn set_up(&mut self, settings: &Settings) -> Result<(), Failure> {
        let reset = Ask::Reset {
            features: convert::feature_names(self.features),
            fuel: self.lane.options.fuel,
            options: settings.clone(),
        };
        let functions = spectest_functions().iter().chain(&extra_host_functions()).map(convert::function).collect();
        let mut asks = vec![(reset, Vec::new()), (Ask::Define { functions }, Vec::new())];
        for binary in spectest::spectest_modules(self.features & self.introduced.features) {
            let (module, instance) = (self.number(), self.number());
            asks.push(self.load_request(module, &binary));
            asks.push((Ask::Instantiate { module, instance }, Vec::new()));
            asks.push((Ask::Register { instance, name: "spectest".to_string() }, Vec::new()));
        }
        let timeout = self.lane.timeout();
        let process = self.process.as_mut().map_err(|lost| lost_failure(lost))?;
        let replies = process.ask_all(asks, timeout).map_err(|lost| lost_failure(&self.lose(lost)))?;
        for reply in replies {
            match self.take(reply).map_err(|lost| lost_failure(&lost))? {
                Answer::Done {} => {}
                Answer::Refused { message, .. } => return Err(Failure::Internal(message)),
                other => return Err(self.failure(other)),
            }
        }
        Ok(())
    }

    /// Returns a number that nothing in this store has.
    fn number(&mut self) -> u32 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// Sends a request that nothing follows.
    fn ask(&mut self, ask: Ask) -> Result<Answer, Lost> {
        self.ask_with(ask, Vec::new())
    }

    /// Returns the request to load a module, with the bytes that follow it.
    fn load_request(&self, module: u32, bytes: &[u8]) -> (Ask, Vec<u8>) {
        let mut following = Vec::new();
        let binary = Bulk::pack(bytes, self.introduced.hello.binary.then_some(&mut following));
        (Ask::Load { module, binary }, following)
    }

    /// Sends a request and the bytes that follow it. A process that is lost stays lost.
    fn ask_with(&mut self, ask: Ask, following: Vec<u8>) -> Result<Answer, Lost> {
        let process = match &mut self.process {
            Ok(process) => process,
            Err(lost) => return Err(lost.clone()),
        };
        let reply = match process.ask(ask, following, self.lane.timeout()) {
            Ok(reply) => reply,
            Err(lost) => return Err(self.lose(lost)),
        };
        self.take(reply)
    }

    /// Keeps the host calls, the fuel and the bytes of a reply.
    fn take(&mut self, reply: Reply) -> Result<Answer, Lost> {
        self.fuel = reply.fuel;
        self.following = reply.following;
        for call in reply.calls {
            match self.functions.host_call(call) {
                Ok(call) => self.calls.push(call),
                Err(what) => return Err(self.lose(Lost::Garbage(what))),
            }
        }
        Ok(reply.answer)
    }

    /// Gives the process up, which ends it.
    fn lose(&mut self, lost: Lost) -> Lost {
        self.process = Err(lost.clone());
        lost
    }

    fn garbage(&mut self, what: String) -> Failure {
        lost_failure(&self.lose(Lost::Garbage(what)))
    }

    /// Sends a request whose answer is `done` or a failure.
    fn done(&mut self, ask: Ask) -> Result<(), Failure> {
        match self.ask(ask).map_err(|lost| lost_failure(&lost))? {
            Answer::Done {} => Ok(()),
            other => Err(self.failure(other)),
        }
    }

    /// Sends a request whose answer is `values` or a failure.
    fn values(&mut self, ask: Ask) -> Result<Vec<Value>, Failure> {
        match self.ask(ask).map_err(|lost| lost_failure(&lost))? {
            Answer::Values(bits) => self.functions.read_all(&bits).map_err(|what| self.garbage(what)),
            other => Err(self.failure(other)),
        }
    }

    fn failure(&mut self, answer: Answer) -> Failure {
        convert::failure(answer, &mut self.functions).unwrap_or_else(|what| self.garbage(what))
    }

    fn instance(&self, id: InstanceId) -> Result<u32, Failure> {
        let known = self.instances.get(id.0 as usize).copied();
        known.ok_or_else(|| Failure::Usage(format!("there is no instance {}", id.0)))
    }

    fn exports(&mut self, mut exports: Vec<Export>) -> Result<State, String> {
        let mut state = State::default();
        // The bytes of memories follow in the order of the message.
        let following = std::mem::take(&mut self.following);
        let mut rest = &following[..];
        for Export { name, item } in &exports {
            if let Item::Memory { length, stretches } = item {
                state.memories.push((name.clone(), memory_state(*length, stretches, &mut rest)?));
            }
        }
        if !rest.is_empty() {
            return Err(format!("{} bytes follow the line that nothing in it names", rest.len()));
        }
        state.memories.sort_by(|(left, _), (right, _)| left.cmp(right));
        // Functions are numbered in the order in which they are shown, and every lane shows exports sorted by name.
        exports.sort_by(|left, right| left.name.cmp(&right.name));
        for Export { name, item } in exports {
            match item {
                Item::Global(bits) => state.globals.push((name, self.functions.read(&bits)?)),
                Item::Memory { .. } => {}
                Item::Table { length, elements } => {
                    let elements = self.elements(&elements)?;
                    state.tables.push((name, TableState { length, elements }));
                }
            }
        }
        Ok(state)
    }
}

impl AdapterSession<'_> {
    fn elements(&mut self, elements: &[(u64, Bits)]) -> Result<Vec<(u64, Reference)>, String> {
        let mut read = Vec::new();
        for (index, bits) in elements {
            match self.functions.read(bits)? {
                Value::Ref(Reference::Null(_)) => return Err(format!("element {index} is listed, but null")),
                Value::Ref(reference) => read.push((*index, reference)),
                other => return Err(format!("element {index} of a table is {other}")),
            }
        }
        Ok(read)
    }
}

impl Session for AdapterSession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let number = self.number();
        let unsupported = |message| Refusal { phase: Phase::Unsupported, message };
        let engine = self.introduced.features;
        let (load, following) = self.load_request(number, module.bytes());
        match self.ask_with(load, following) {
            Ok(Answer::Done {}) => {
                if self.introduced.hello.fixed_features
                    && let Some(reason) = validity::reason_to_accept(module.bytes(), self.features, engine)
                {
                    return Err(unsupported(reason));
                }
                if let Some(message) = validity::contradiction(module.bytes(), self.features, engine) {
                    return Err(Refusal { phase: Phase::Internal, message });
                }
                self.modules.push(number);
                Ok(ModuleId(id(self.modules.len())))
            }
            Ok(answer) => {
                let refusal = convert::refusal(answer);
                let mut refusal = refusal.map_err(|what| lost_refusal(&self.lose(Lost::Garbage(what))))?;
                // A size that no valid module has may look to the engine like one that it lacks.
                if refusal.phase == Phase::Unsupported && !validity::is_valid_with(module.bytes(), self.features) {
                    refusal.phase = Phase::Rejected;
                }
                match validity::reason_to_refuse(module.bytes(), self.features, engine) {
                    Some(reason) => Err(unsupported(format!("{reason}: {}", refusal.message))),
                    None => Err(refusal),
                }
            }
            Err(lost) => Err(lost_refusal(&lost)),
        }
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        let module = self.modules.get(module.0 as usize).copied();
        let module = module.ok_or_else(|| Failure::Usage("there is no such module".to_string()))?;
        let instance = self.number();
        self.done(Ask::Instantiate { module, instance })?;
        self.instances.push(instance);
        Ok(InstanceId(id(self.instances.len())))
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        let instance = self.instance(instance)?;
        self.done(Ask::Register { instance, name: name.to_string() })
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.done(Ask::Define { functions: vec![convert::function(function)] })
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        let instance = self.instance(instance)?;
        let arguments = arguments.iter().map(|&value| self.functions.write(value));
        let arguments = arguments.collect::<Result<_, _>>().map_err(Failure::Usage)?;
        self.values(Ask::Invoke { instance, function: function.to_string(), arguments })
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        let instance = self.instance(instance)?;
        let values = self.values(Ask::Get { instance, global: global.to_string() })?;
        match values[..] {
            [value] => Ok(value),
            _ => Err(self.garbage(format!("a global has one value, not {}", values.len()))),
        }
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        let instance = self.instance(instance).ok()?;
        match self.ask(Ask::State { instance }).ok()? {
            Answer::Exports(exports) => {
                let state = self.exports(exports);
                state.map_err(|what| self.lose(Lost::Garbage(what))).ok()
            }
            Answer::Failed { reason: Reason::Unsupported, .. } => None,
            other => {
                if self.introduced.hello.tells.iter().any(|word| word == "state") {
                    let answer = convert::text(&other);
                    self.lose(Lost::Garbage(format!("it tells `state`, it says, but answers {answer}")));
                }
                None
            }
        }
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        let instance = self.instance(instance).ok()?;
        match self.ask(Ask::Read { instance, memory: memory.to_string(), offset, length }).ok()? {
            Answer::Bytes(bulk) => match bulk.unpack(&mut &self.following[..]) {
                Ok(bytes) if bytes.len() == length => Some(bytes),
                wrong => {
                    let got = wrong.map_or_else(|error| error, |bytes| format!("{} bytes", bytes.len()));
                    self.lose(Lost::Garbage(format!("{length} bytes of memory were asked for, not {got}")));
                    None
                }
            },
            _ => None,
        }
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.calls)
    }

    fn fuel(&mut self) -> Option<u64> {
        self.fuel
    }

    fn lost(&mut self) -> Option<Failure> {
        self.process.as_ref().err().map(lost_failure)
    }
}

impl Drop for AdapterSession<'_> {
    fn drop(&mut self) {
        let ended = Err(Lost::Died("the session is over".to_string()));
        if let Ok(process) = std::mem::replace(&mut self.process, ended) {
            self.lane.give_back(process);
        }
    }
}

/// Returns the id of the last of `count` items.
fn id(count: usize) -> u32 {
    u32::try_from(count - 1).expect("a session has fewer than 2^32 items")
}

fn lost_failure(lost: &Lost) -> Failure {
    match lost {
        Lost::Silent(_) => Failure::TimedOut(lost.to_string()),
        Lost::NotStarted(_) => Failure::Internal(lost.to_string()),
        Lost::Died(_) => Failure::Crashed(lost.to_string()),
        Lost::Garbage(_) => Failure::Garbled(lost.to_string()),
    }
}

fn lost_refusal(lost: &Lost) -> Refusal {
    let phase = match lost {
        Lost::Silent(_) => Phase::TimedOut,
        Lost::Garbage(_) => Phase::Garbled,
        Lost::NotStarted(_) | Lost::Died(_) => Phase::Crashed,
    };
    Refusal { phase, message: lost.to_string() }
}

fn memory_state(length: u64, stretches: &[(u64, Bulk)], following: &mut &[u8]) -> Result<MemoryState, String> {
    let hashed = usize::try_from(length).unwrap_or(usize::MAX).min(MemoryState::HASHED);
    let mut bytes = vec![0; hashed];
    for (index, bulk) in stretches {
        let stretch = bulk.unpack(following).map_err(|error| format!("stretch {index} of a memory: {error}"))?;
        let start = usize::try_from(*index).unwrap_or(usize::MAX).saturating_mul(STRETCH);
        let range = bytes.get_mut(start..).and_then(|rest| rest.get_mut(..stretch.len()));
        let range = range.filter(|_| stretch.len() <= STRETCH);
        range.ok_or_else(|| format!("stretch {index} lies outside its memory"))?.copy_from_slice(&stretch);
    }
    Ok(MemoryState { length, ..MemoryState::of(&bytes) })
}
