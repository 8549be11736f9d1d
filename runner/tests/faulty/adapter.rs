//! An adapter that does one thing wrong: a decorator of the honest [`Server`], for the tests that prove that
//! `check-adapter` and a run notice.

use lanes::adapter::Server;
use lanes::adapter::protocol::{self, Answer, Ask, Bits, Bulk, Frame, Item, Reason, RefusedPhase, Reply, Request};
use lanes::{Features, Lane, TrapKind};
use serde::Deserialize;
use std::io::{self, BufRead, Write};
use std::time::Duration;

/// The one thing that an adapter does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// A NaN loses its payload.
    WrongNan,
    /// Every trap is `unreachable`.
    WrongTrap,
    /// The engine claims every feature.
    ClaimsFeatures,
    /// The engine denies every feature, and has them all.
    DeniesFeatures,
    /// A call never returns.
    Hangs,
    /// A call ends the process.
    Dies,
    /// The reply to a call is not JSON.
    Garbage,
    /// The reply to a call has another request's number.
    WrongNumber,
    /// Host calls are not reported.
    ForgetsHostCalls,
    /// The frames of a trap begin with the entry.
    ReversesFrames,
    /// Every function has the same number.
    OneFunction,
    /// A second `reset` keeps the store.
    NeverResets,
    /// A module that does not validate is accepted.
    AcceptsInvalid,
    /// The contents of memories are not shown.
    BlankMemory,
    /// No memory is read.
    UnreadMemory,
    /// An integer in the payload of an exception is one more.
    WrongPayload,
    /// Every tag has the same number.
    OneTag,
    /// A struct is called an array.
    WrongObject,
    /// An integer of 31 bits is sign-extended.
    WrongI31,
    /// A module that contains the word `refused` is called malformed.
    RefusesWord,
    /// One byte too few follows a reply.
    LosesByte,
    /// The request `state` ends the process.
    DiesShowing,
}

/// Serves a lane with a fault until the input ends.
pub(crate) fn serve(lane: &dyn Lane, fault: Fault, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut adapter = FaultyAdapter { server: Server::new(lane), fault, has_store: false };
    while let Some(frame) = Frame::read(&mut input, u64::MAX)? {
        let request: Request = frame.decode()?;
        let is_call = matches!(request.ask, Ask::Invoke { .. });
        let reply = adapter.reply(request);
        if fault == Fault::Garbage && is_call {
            output.write_all(b"Segmentation fault, more or less\n")?;
        } else {
            output.write_all(&protocol::encode(reply))?;
        }
        output.flush()?;
    }
    Ok(())
}

struct FaultyAdapter<'a> {
    server: Server<'a>,
    fault: Fault,
    has_store: bool,
}

impl FaultyAdapter<'_> {
    fn reply(&mut self, request: Request) -> Reply {
        if let Some(answer) = self.answer_instead(&request) {
            return Reply { id: request.id, calls: Vec::new(), fuel: None, answer, following: Vec::new() };
        }
        let is_call = matches!(request.ask, Ask::Invoke { .. });
        let mut reply = self.server.reply(request);
        match self.fault {
            Fault::ForgetsHostCalls => reply.calls.clear(),
            Fault::WrongNumber if is_call => reply.id += 1,
            Fault::LosesByte => _ = reply.following.pop(),
            Fault::BlankMemory if matches!(reply.answer, Answer::Exports(_)) => {
                reply.following.clear();
                falsify(self.fault, &mut reply.answer);
            }
            _ => falsify(self.fault, &mut reply.answer),
        }
        reply
    }

    /// Does what does not need the server: dies, hangs, or answers by itself.
    fn answer_instead(&mut self, Request { ask, following, .. }: &Request) -> Option<Answer> {
        match (self.fault, ask) {
            (Fault::Dies, Ask::Invoke { .. }) => std::process::exit(70),
            (Fault::DiesShowing, Ask::State { .. }) => std::process::exit(71),
            (Fault::Hangs, Ask::Invoke { .. }) => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            (Fault::NeverResets, Ask::Reset { .. }) if self.has_store => return Some(Answer::Done {}),
            (Fault::RefusesWord, Ask::Load { binary, .. }) if contains_word(binary, following) => {
                return Some(Answer::Refused { phase: RefusedPhase::Malformed, message: "the word".to_string() });
            }
            (Fault::UnreadMemory, Ask::Read { .. }) => {
                return Some(Answer::Failed { reason: Reason::Unsupported, message: "not yet".to_string() });
            }
            (_, Ask::Reset { .. }) => self.has_store = true,
            _ => {}
        }
        None
    }
}

/// Returns whether a binary contains the word `refused`.
fn contains_word(binary: &Bulk, mut following: &[u8]) -> bool {
    let bytes = binary.unpack(&mut following).expect("the runner sends all bytes");
    bytes.windows(7).any(|word| word == b"refused")
}

/// Makes a right answer wrong.
fn falsify(fault: Fault, answer: &mut Answer) {
    match (fault, answer) {
        (Fault::ClaimsFeatures, Answer::Hello(hello)) => {
            hello.features = Features::all().names().map(String::from).collect();
        }
        (Fault::DeniesFeatures, Answer::Hello(hello)) => hello.features.clear(),
        (Fault::WrongTrap, Answer::Trap(trap)) => trap.kinds = vec![TrapKind::Unreachable.name().to_string()],
        (Fault::ReversesFrames, Answer::Trap(trap)) => trap.frames.iter_mut().for_each(|frames| frames.reverse()),
        (Fault::AcceptsInvalid, answer @ Answer::Refused { phase: RefusedPhase::Invalid, .. }) => {
            *answer = Answer::Done {};
        }
        (Fault::WrongPayload, Answer::Exception { payload: Some(payload), .. }) => {
            payload.iter_mut().for_each(increment);
        }
        (Fault::OneTag, Answer::Exception { tag, .. }) => *tag = Some(0),
        (Fault::BlankMemory, Answer::Exports(exports)) => {
            for export in exports {
                if let Item::Memory { stretches, .. } = &mut export.item {
                    stretches.clear();
                }
            }
        }
        (fault, Answer::Values(values)) => values.iter_mut().for_each(|value| falsify_value(fault, value)),
        _ => {}
    }
}

fn falsify_value(fault: Fault, value: &mut Bits) {
    match (fault, value) {
        (Fault::WrongNan, value) => canonicalize(value),
        (Fault::OneFunction, Bits::Func(number)) => *number = Some(0),
        (Fault::WrongObject, Bits::Object(kind)) if kind == "struct" => *kind = "array".to_string(),
        (Fault::WrongI31, Bits::I31(value)) => *value = ((*value << 1).cast_signed() >> 1).cast_unsigned(),
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
