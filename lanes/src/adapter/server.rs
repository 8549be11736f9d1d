//! The server of the protocol: serves a lane of this program to another program. So two builds of a linked engine can
//! be compared, and the protocol is tested without any other engine.

use super::convert::{self, Functions};
use super::protocol::{
    self, Answer, Ask, Bits, Bulk, Call, Export, FrameReply, Hello, Item, Reason, RefusedPhase, Reply, Request,
    STRETCH, TrapReply, VERSION,
};
use crate::{
    Binary, EngineInfo, Failure, Features, Frame, HostCall, InstanceId, Lane, MemoryState, ModuleId, Phase, Reference,
    Refusal, Session, Settings, State, Trap, Value,
};
use std::collections::HashMap;
use std::io::{self, BufRead, Write};

/// Serves a lane until the input ends.
///
/// # Errors
///
/// An error of the input or the output, or of a line that is no request.
pub fn serve(lane: &dyn Lane, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut server = Server::new(lane);
    while let Some(frame) = protocol::Frame::read(&mut input, u64::MAX)? {
        let reply = server.reply(frame.decode()?);
        output.write_all(&protocol::encode(reply))?;
        output.flush()?;
    }
    Ok(())
}

/// A lane that answers the requests of the protocol.
pub struct Server<'a> {
    lane: &'a dyn Lane,
    store: Option<Store<'a>>,
    /// True if the client takes bytes after lines.
    binary: bool,
}

/// A store, with its modules and instances by the numbers that the client chose.
struct Store<'a> {
    session: Box<dyn Session + 'a>,
    modules: HashMap<u32, ModuleId>,
    instances: HashMap<u32, InstanceId>,
}

impl<'a> Server<'a> {
    /// A server of `lane` that has no store yet.
    pub fn new(lane: &'a dyn Lane) -> Server<'a> {
        Server { lane, store: None, binary: false }
    }

    /// Does what a request asks for, and returns the reply.
    pub fn reply(&mut self, Request { id, ask, following }: Request) -> Reply {
        let mut bytes = Vec::new();
        let answer = self.answer(ask, &following, &mut bytes).unwrap_or_else(failed);
        let session = self.store.as_mut().map(|store| &mut store.session);
        let (calls, fuel) = session.map(|session| (session.take_host_calls(), session.fuel())).unwrap_or_default();
        Reply { id, calls: calls.into_iter().map(call).collect(), fuel, answer, following: bytes }
    }

    /// Does what a request asks for that these bytes follow. Appends those that follow the reply.
    fn answer(&mut self, ask: Ask, mut following: &[u8], bytes: &mut Vec<u8>) -> Result<Answer, Failure> {
        match ask {
            Ask::Hello { binary, .. } => {
                self.binary = binary;
                return Ok(Answer::Hello(self.hello()));
            }
            Ask::Reset { features, options, .. } => return self.reset(&features, &options),
            _ => {}
        }
        let bytes = self.binary.then_some(bytes);
        let store = self.store.as_mut().ok_or_else(|| Failure::Usage("there is no store yet".to_string()))?;
        match ask {
            Ask::Hello { .. } | Ask::Reset { .. } => unreachable!("answered above"),
            Ask::Define { functions } => {
                for function in functions {
                    let function = convert::host_func(function).map_err(Failure::Usage)?;
                    store.session.define(&function)?;
                }
                Ok(Answer::Done {})
            }
            Ask::Load { module, binary } => store.load(module, binary.unpack(&mut following).map_err(Failure::Usage)?),
            Ask::Instantiate { module, instance } => {
                let module = known(&store.modules, module)?;
                let made = store.session.instantiate(module)?;
                store.instances.insert(instance, made);
                Ok(Answer::Done {})
            }
            Ask::Register { instance, name } => {
                store.session.register(&name, known(&store.instances, instance)?)?;
                Ok(Answer::Done {})
            }
            Ask::Invoke { instance, function, arguments } => {
                let arguments = arguments.iter().map(from_bits).collect::<Result<Vec<_>, _>>()?;
                let instance = known(&store.instances, instance)?;
                Ok(values(&store.session.invoke(instance, &function, &arguments)?))
            }
            Ask::Get { instance, global } => {
                Ok(values(&[store.session.get(known(&store.instances, instance)?, &global)?]))
            }
            Ask::State { instance } => store.state(instance, bytes),
            Ask::Read { instance, memory, offset, length } => {
                let read = store.session.read_memory(known(&store.instances, instance)?, &memory, offset, length);
                let read = read.ok_or_else(|| Failure::Usage("no such memory or range".to_string()))?;
                Ok(Answer::Bytes(Bulk::pack(&read, bytes)))
            }
        }
    }

    fn hello(&self) -> Hello {
        let features = Features::all() - self.lane.lacks(Features::all());
        let EngineInfo { engine, version, path: _ } = self.lane.engine().unwrap_or_default();
        Hello {
            protocol: VERSION,
            engine,
            version,
            features: convert::feature_names(features),
            fixed_features: self.lane.has_fixed_features(),
            tells: self.lane.tells().into_iter().map(String::from).collect(),
            binary: self.binary,
            options: self.lane.options(),
            moves: convert::moved(self.lane.info().moves),
        }
    }

    fn reset(&mut self, features: &[String], settings: &Settings) -> Result<Answer, Failure> {
        let features = convert::features(features).map_err(Failure::Usage)?;
        // The engine is not asked for features that it lacks: it refuses the modules that need them, one by one.
        let features = features - self.lane.lacks(features);
        let session = self.lane.session_with(features, settings)?;
        self.store = Some(Store { session, modules: HashMap::new(), instances: HashMap::new() });
        Ok(Answer::Done {})
    }
}

impl Store<'_> {
    fn load(&mut self, module: u32, binary: Vec<u8>) -> Result<Answer, Failure> {
        match self.session.load(&Binary::new(binary)) {
            Ok(loaded) => {
                self.modules.insert(module, loaded);
                Ok(Answer::Done {})
            }
            Err(refusal) => Ok(refused(refusal)),
        }
    }

    fn state(&mut self, instance: u32, mut bytes: Option<&mut Vec<u8>>) -> Result<Answer, Failure> {
        let id = known(&self.instances, instance)?;
        let unsupported = || Failure::Unsupported("the lane does not show what exports hold".to_string());
        let State { globals, memories, tables, objects: _ } = self.session.state(id).ok_or_else(unsupported)?;
        let globals = globals.into_iter().map(|(name, value)| (name, Item::Global(convert::plain_bits(value))));
        let tables = tables.into_iter().map(|(name, table)| {
            let elements = table.elements.into_iter();
            let elements = elements.map(|(index, element)| (index, convert::plain_bits(Value::Ref(element))));
            (name, Item::Table { length: table.length, elements: elements.collect() })
        });
        let mut items: Vec<(String, Item)> = globals.chain(tables).collect();
        for (name, memory) in memories {
            let item = Item::Memory {
                length: memory.length,
                stretches: self.stretches(id, &name, memory, bytes.as_deref_mut()),
            };
            items.push((name, item));
        }
        Ok(Answer::Exports(items.into_iter().map(|(name, item)| Export { name, item }).collect()))
    }

    fn stretches(
        &mut self,
        instance: InstanceId,
        name: &str,
        memory: MemoryState,
        mut following: Option<&mut Vec<u8>>,
    ) -> Vec<(u64, Bulk)> {
        let length = usize::try_from(memory.length).unwrap_or(usize::MAX).min(MemoryState::HASHED);
        let bytes = self.session.read_memory(instance, name, 0, length).unwrap_or_default();
        let stretches = (0..).zip(bytes.chunks(STRETCH));
        let stretches = stretches.filter(|(_, stretch)| stretch.iter().any(|&byte| byte != 0));
        stretches.map(|(index, stretch)| (index, Bulk::pack(stretch, following.as_deref_mut()))).collect()
    }
}

fn failed(failure: Failure) -> Answer {
    let message = failure.to_string();
    let (reason, message) = match failure {
        Failure::Trap(trap) => return Answer::Trap(trap_reply(trap)),
        Failure::Exception(exception) => {
            let payload = exception.payload.map(|values| values.into_iter().map(convert::plain_bits).collect());
            return Answer::Exception { tag: exception.tag, payload };
        }
        Failure::Link(message) => (Reason::Link, message),
        Failure::Host(message) => (Reason::Host, message),
        Failure::Panic(message) => (Reason::Panic, message),
        Failure::Usage(message) => (Reason::Usage, message),
        Failure::Unsupported(message) => (Reason::Unsupported, message),
        Failure::Resource(message) => (Reason::Resource, message),
        _ => (Reason::Internal, message),
    };
    Answer::Failed { reason, message }
}

fn call(call: HostCall) -> Call {
    Call {
        module: call.module,
        name: call.name,
        arguments: call.arguments.into_iter().map(convert::plain_bits).collect(),
        frames: call.frames.map(frame_replies),
    }
}

fn known<T: Copy>(items: &HashMap<u32, T>, number: u32) -> Result<T, Failure> {
    items.get(&number).copied().ok_or_else(|| Failure::Usage(format!("there is no number {number}")))
}

fn refused(refusal: Refusal) -> Answer {
    let phase = match refusal.phase {
        Phase::Malformed => RefusedPhase::Malformed,
        Phase::Invalid => RefusedPhase::Invalid,
        Phase::Rejected => RefusedPhase::Rejected,
        Phase::Unsupported | Phase::Resource => RefusedPhase::Unsupported,
        _ => RefusedPhase::Internal,
    };
    Answer::Refused { phase, message: refusal.message }
}

/// Reads a value. The lane's own numbers of functions are the protocol's.
fn from_bits(bits: &Bits) -> Result<Value, Failure> {
    match bits {
        Bits::Func(number) => Ok(Value::Ref(Reference::Func(number.and_then(|number| u32::try_from(number).ok())))),
        other => Functions::default().read(other).map_err(Failure::Usage),
    }
}

fn values(values: &[Value]) -> Answer {
    Answer::Values(values.iter().copied().map(convert::plain_bits).collect())
}

fn trap_reply(trap: Trap) -> TrapReply {
    TrapReply {
        kinds: trap.kinds().map(|kind| kind.name().to_string()).collect(),
        message: trap.message,
        frames: trap.frames.map(frame_replies),
    }
}

fn frame_replies(frames: Vec<Frame>) -> Vec<FrameReply> {
    let reply = |frame: Frame| FrameReply {
        func: frame.func_index,
        name: frame.func_name,
        module: frame.module_name,
        offset: frame.module_offset,
    };
    frames.into_iter().map(reply).collect()
}
