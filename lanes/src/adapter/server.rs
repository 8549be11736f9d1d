//! The other side of the protocol: serves a lane of this program to another one. So one build of an engine that is
//! linked in can be compared with another build of it, and the protocol is tested without any foreign engine.

use super::convert::{self, Functions};
use super::process::ascii_line;
use super::protocol::{
    Answer, Ask, Bits, Call, Export, FrameReply, Hello, Item, Reason, RefusedPhase, Reply, Request, STRETCH, TrapReply,
    VERSION,
};
use crate::{
    Binary, Failure, Features, Frame, HostCall, InstanceId, Lane, MemoryState, ModuleId, Phase, Reference, Refusal,
    Session, State, Trap, TrapKind, Value,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::time::Duration;

/// What an adapter does wrong on purpose, for the tests that prove that the harness notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mischief {
    /// A NaN loses its payload.
    WrongNan,
    /// Every trap is `unreachable`.
    WrongTrap,
    /// It says that it has every feature.
    ClaimsFeatures,
    /// It says that it has no feature at all, and runs them all.
    DeniesFeatures,
    /// A call never returns.
    Hangs,
    /// A call ends the process.
    Dies,
    /// A call is answered by words that are no JSON.
    Garbage,
    /// A call is answered under another number.
    WrongNumber,
    /// Host calls are not noted.
    ForgetsHostCalls,
    /// The frames of a trap begin with the entry.
    ReversesFrames,
    /// Every function has the same number.
    OneFunction,
    /// `reset` forgets nothing.
    NeverResets,
    /// A module that does not validate is accepted.
    AcceptsInvalid,
    /// A memory's contents are not shown.
    BlankMemory,
    /// An integer that an exception carries is one more.
    WrongPayload,
    /// Every tag has the same number.
    OneTag,
    /// A struct is called an array.
    WrongObject,
    /// An integer of 31 bits is sign-extended.
    WrongI31,
    /// A module in which the word `refused` stands is called malformed.
    RefusesWord,
    /// To show what exports hold ends the process.
    DiesShowing,
}

/// Serves a lane until the input ends.
pub fn serve(
    lane: &dyn Lane,
    mischief: Option<Mischief>,
    input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let mut server = Server { lane, mischief, store: None };
    for line in input.lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let invoked = matches!(request.ask, Ask::Invoke { .. });
        let reply = server.reply(request);
        output.write_all(&match mischief {
            Some(Mischief::Garbage) if invoked => b"Segmentation fault, more or less\n".to_vec(),
            _ => ascii_line(&reply),
        })?;
        output.flush()?;
    }
    Ok(())
}

struct Server<'a> {
    lane: &'a dyn Lane,
    mischief: Option<Mischief>,
    store: Option<Store<'a>>,
}

/// A store, and the numbers that the other side gave to what is in it.
struct Store<'a> {
    session: Box<dyn Session + 'a>,
    modules: HashMap<u32, ModuleId>,
    instances: HashMap<u32, InstanceId>,
}

impl<'a> Server<'a> {
    fn is(&self, mischief: Mischief) -> bool {
        self.mischief == Some(mischief)
    }

    fn reply(&mut self, Request { id, ask }: Request) -> Reply {
        let invoked = matches!(ask, Ask::Invoke { .. });
        let mut answer = self.answer(ask).unwrap_or_else(|failure| self.failed(failure));
        let session = self.store.as_mut().map(|store| &mut store.session);
        let (calls, fuel) = session.map(|session| (session.take_host_calls(), session.fuel())).unwrap_or_default();
        let calls = if self.is(Mischief::ForgetsHostCalls) { Vec::new() } else { calls };
        self.twist(&mut answer);
        let id = if self.is(Mischief::WrongNumber) && invoked { id + 1 } else { id };
        Reply { id, calls: calls.into_iter().map(|call| self.call(call)).collect(), fuel, answer }
    }

    fn answer(&mut self, ask: Ask) -> Result<Answer, Failure> {
        match ask {
            Ask::Hello { .. } => return Ok(Answer::Hello(self.hello())),
            Ask::Reset { features, .. } => return self.reset(&features),
            _ => {}
        }
        let mischief = self.mischief;
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
            Ask::Load { module, binary } => store.load(module, &binary, mischief),
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
                misbehave(mischief);
                let arguments = arguments.iter().map(from_bits).collect::<Result<Vec<_>, _>>()?;
                let instance = known(&store.instances, instance)?;
                Ok(values(&store.session.invoke(instance, &function, &arguments)?))
            }
            Ask::Get { instance, global } => {
                Ok(values(&[store.session.get(known(&store.instances, instance)?, &global)?]))
            }
            Ask::State { .. } if mischief == Some(Mischief::DiesShowing) => std::process::exit(71),
            Ask::State { instance } => store.state(instance),
            Ask::Read { instance, memory, offset, length } => {
                let bytes = store.session.read_memory(known(&store.instances, instance)?, &memory, offset, length);
                let bytes = bytes.ok_or_else(|| Failure::Usage("no such memory or range".to_string()))?;
                Ok(Answer::Bytes(BASE64.encode(bytes)))
            }
        }
    }

    fn hello(&self) -> Hello {
        let features = match self.mischief {
            Some(Mischief::ClaimsFeatures) => Features::all(),
            Some(Mischief::DeniesFeatures) => Features::empty(),
            _ => Features::all() - self.lane.lacks(Features::all()),
        };
        Hello {
            protocol: VERSION,
            engine: self.lane.info().name.clone(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            features: convert::feature_names(features),
            fixed_features: false,
            tells: ["phases", "frames", "offsets", "state", "exceptions"].map(String::from).to_vec(),
        }
    }

    fn reset(&mut self, features: &[String]) -> Result<Answer, Failure> {
        let features = convert::features(features).map_err(Failure::Usage)?;
        if self.store.is_none() || !self.is(Mischief::NeverResets) {
            // What the engine lacks is not asked of it; modules that need it are refused one by one.
            let features = features - self.lane.lacks(features);
            let session = self.lane.session(features)?;
            self.store = Some(Store { session, modules: HashMap::new(), instances: HashMap::new() });
        }
        Ok(Answer::Done {})
    }

    fn failed(&self, failure: Failure) -> Answer {
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

    fn call(&self, call: HostCall) -> Call {
        Call {
            module: call.module,
            name: call.name,
            arguments: call.arguments.into_iter().map(convert::plain_bits).collect(),
            frames: call.frames.map(frame_replies),
        }
    }

    /// Makes a right answer wrong.
    fn twist(&self, answer: &mut Answer) {
        match (self.mischief, answer) {
            (Some(Mischief::WrongTrap), Answer::Trap(trap)) => {
                trap.kinds = vec![TrapKind::Unreachable.name().to_string()];
            }
            (Some(Mischief::ReversesFrames), Answer::Trap(TrapReply { frames: Some(frames), .. })) => frames.reverse(),
            (Some(mischief), Answer::Values(values)) => {
                values.iter_mut().for_each(|value| twist_value(mischief, value))
            }
            (Some(Mischief::WrongPayload), Answer::Exception { payload: Some(payload), .. }) => {
                payload.iter_mut().for_each(increment);
            }
            (Some(Mischief::OneTag), Answer::Exception { tag, .. }) => *tag = Some(0),
            (Some(Mischief::BlankMemory), Answer::Exports(exports)) => {
                for export in exports {
                    if let Item::Memory { stretches, .. } = &mut export.item {
                        stretches.clear();
                    }
                }
            }
            _ => {}
        }
    }
}

impl Store<'_> {
    fn load(&mut self, module: u32, binary: &str, mischief: Option<Mischief>) -> Result<Answer, Failure> {
        let bytes = BASE64.decode(binary).map_err(|error| Failure::Usage(error.to_string()))?;
        if mischief == Some(Mischief::RefusesWord) && bytes.windows(7).any(|word| word == b"refused") {
            return Ok(refused(Refusal { phase: Phase::Malformed, message: "the word".to_string() }));
        }
        match self.session.load(&Binary::new(bytes)) {
            Ok(loaded) => {
                self.modules.insert(module, loaded);
                Ok(Answer::Done {})
            }
            Err(refusal) if mischief == Some(Mischief::AcceptsInvalid) && refusal.phase == Phase::Invalid => {
                Ok(Answer::Done {})
            }
            Err(refusal) => Ok(refused(refusal)),
        }
    }

    fn state(&mut self, instance: u32) -> Result<Answer, Failure> {
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
            let item = Item::Memory { length: memory.length, stretches: self.stretches(id, &name, memory) };
            items.push((name, item));
        }
        Ok(Answer::Exports(items.into_iter().map(|(name, item)| Export { name, item }).collect()))
    }

    fn stretches(&mut self, instance: InstanceId, name: &str, memory: MemoryState) -> Vec<(u64, String)> {
        let length = usize::try_from(memory.length).unwrap_or(usize::MAX).min(MemoryState::HASHED);
        let bytes = self.session.read_memory(instance, name, 0, length).unwrap_or_default();
        let stretches = (0..).zip(bytes.chunks(STRETCH));
        let stretches = stretches.filter(|(_, stretch)| stretch.iter().any(|&byte| byte != 0));
        stretches.map(|(index, stretch)| (index, BASE64.encode(stretch))).collect()
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
        Phase::Unsupported => RefusedPhase::Unsupported,
        _ => RefusedPhase::Internal,
    };
    Answer::Refused { phase, message: refusal.message }
}

/// The lane's own numbers serve as the protocol's.
fn from_bits(bits: &Bits) -> Result<Value, Failure> {
    match bits {
        Bits::Func(number) => Ok(Value::Ref(Reference::Func(u32::try_from(*number).ok()))),
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

fn misbehave(mischief: Option<Mischief>) {
    match mischief {
        Some(Mischief::Dies) => std::process::exit(70),
        Some(Mischief::Hangs) => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        _ => {}
    }
}

/// Makes a right value wrong.
fn twist_value(mischief: Mischief, value: &mut Bits) {
    match (mischief, value) {
        (Mischief::WrongNan, value) => canonicalize(value),
        (Mischief::OneFunction, Bits::Func(number)) => *number = 0,
        (Mischief::WrongObject, Bits::Object(kind)) if kind == "struct" => *kind = "array".to_string(),
        (Mischief::WrongI31, Bits::I31(value)) => *value = ((*value << 1).cast_signed() >> 1).cast_unsigned(),
        _ => {}
    }
}

fn increment(value: &mut Bits) {
    if let Bits::I32(digits) = value
        && let Ok(number) = u32::from_str_radix(digits, 16)
    {
        *digits = format!("{:08x}", number.wrapping_add(1));
    }
}

fn canonicalize(value: &mut Bits) {
    match value {
        Bits::F32(digits) if u32::from_str_radix(digits, 16).is_ok_and(|bits| f32::from_bits(bits).is_nan()) => {
            *digits = "7fc00000".to_string();
        }
        Bits::F64(digits) if u64::from_str_radix(digits, 16).is_ok_and(|bits| f64::from_bits(bits).is_nan()) => {
            *digits = "7ff8000000000000".to_string();
        }
        _ => {}
    }
}
