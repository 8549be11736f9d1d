//! The executable protocol, version 1: how a lane drives an engine in a process of its own.
//!
//! This page is the specification. Whoever writes an adapter needs this and `touchstone check-adapter -- CMD`, which
//! tells what is wrong with one. `lanes/adapters/javascript.js` is an adapter for three engines;
//! [`serve`](super::serve) is one for every lane that this program has built in.
//!
//! # Lines
//!
//! The adapter is a long-lived process. It reads requests from standard input, one JSON object on each line, and writes
//! one reply for each to standard output, in order, one JSON object on each line, flushed. It writes nothing else there;
//! standard error is free for everything else, and its last line is shown when the process dies. Lines are ASCII:
//! other characters are written as `\u` escapes, in both directions. At the end of standard input the adapter ends.
//!
//! A request has a number and one more member that says what to do; the reply repeats the number and has one more
//! member that says what came of it:
//!
//! ```text
//! {"id":7,"invoke":{"instance":0,"function":"div","arguments":[{"i32":"00000006"},{"i32":"00000003"}]}}
//! {"id":7,"values":[{"i32":"00000002"}]}
//! ```
//!
//! A reply with another number, or one that is not such an object, ends the conversation: the process is killed, and
//! another one started. So does silence, when the time for a request is up.
//!
//! # Requests
//!
//! | request | members | reply |
//! |---|---|---|
//! | `hello` | `protocol`: 1 | `hello`: [`Hello`]; always the first request, and only the first |
//! | `reset` | `features`: names, `fuel`: number or null | `done`; a fresh store: everything from before is gone |
//! | `define` | `functions`: list of [`Function`] | `done`; importable from now on |
//! | `load` | `module`: number, `binary`: base64 | `done` or `refused`; validates, allocates nothing |
//! | `instantiate` | `module`, `instance`: numbers | `done`, or a failure; runs the start function |
//! | `register` | `instance`: number, `name` | `done`; its exports are importable under `name` |
//! | `invoke` | `instance`, `function`, `arguments` | `values`, or a failure |
//! | `get` | `instance`, `global` | `values` (one), or a failure |
//! | `state` | `instance` | `exports`: list of [`Export`], or `failed` with `unsupported` |
//! | `read` | `instance`, `memory`, `offset`, `length` | `bytes`: base64, or `failed` with `usage` |
//!
//! The numbers of modules and instances are chosen by the runner and used once in a store. Names that a later `define`
//! or `register` gives again replace the earlier ones, name by name: two registrations under one name add up. A module
//! may be instantiated several times. What a failing instantiation wrote before it failed stays written.
//!
//! `features` are those that modules may use in this store. An engine that can switch the others off should; one that
//! cannot says so ([`Hello::fixed_features`]), and the runner judges by itself what the script forbids.
//!
//! # Values
//!
//! An object with one member: the type, and the bits in hexadecimal digits, the most significant first: 8 digits for
//! `i32` and `f32`, 16 for `i64` and `f64`, 32 for `v128` (byte 15 of the vector first). A NaN is its bits, to the last.
//!
//! References: `{"null":"func"}`, `{"null":"extern"}`, `{"null":"any"}` and `{"null":"exn"}`; `{"extern":N}` is the host
//! value number N, which scripts write `(ref.extern N)`, so that what goes in as N comes out as N; `{"func":N}` is a
//! function, and N the adapter's own number for it: the same function has the same number as long as the store lives, and
//! two functions never share one. The runner uses in arguments only numbers that the adapter has shown before.
//! `{"host":N}` is the host value as an `anyref`, `{"i31":N}` an integer of 31 bits, zero-extended. In results only stand
//! `"exn"`, an exception, and `{"object":"struct"}`, `{"object":"array"}`, `{"object":"struct-or-array"}` where the engine
//! does not tell which, and `{"object":"extern"}`, an `externref` to what is no host value.
//!
//! # Failures
//!
//! - `trap`: [`TrapReply`]. All the kinds that the engine's words may mean, at least one, by the names of
//!   [`TrapKind`](crate::TrapKind): an engine that has one word for a null entry and for a wrong type says both.
//!   An exhausted stack is `stack-overflow`.
//! - `refused`: a module was not accepted, with the phase `malformed`, `invalid`, `rejected` (one of the two: the engine
//!   does not tell which), `unsupported` (a feature or a size that it lacks) or `internal`.
//! - `exception`: an exception that nothing caught, with its tag's number and its payload where the engine shows them.
//! - `failed`: anything else, with the reason `link` (an import is missing or has another type), `host`, `panic`,
//!   `usage` (no such instance or export), `unsupported`, `resource` (memory or a count ran out) or `internal`.
//!
//! Each has the engine's own words in `message`. They are shown, not compared, with two exceptions: the texts of host
//! errors and panics are those of the function that raised them, and a link error should begin with `unknown import` or
//! `incompatible import type`, so that one is not taken for the other.
//!
//! # Host functions
//!
//! They are data ([`Function`]). Each call is noted, with its arguments, before it does what its behavior says, and the
//! reply to the `instantiate` or `invoke` that made it happen carries the list as `calls`, in order. Their type is the
//! one that is given: importing them with another one is a link error.
//!
//! - `{"return":[VALUES]}` returns these.
//! - `"call"` calls its first argument, a function reference, with the others, and returns what it returns; what stops
//!   the callee stops the caller. Null is a host error.
//! - `{"fail":TEXT}` stops WebAssembly with an error that arrives as `failed` with `host` and this text.
//! - `{"panic":TEXT}` likewise, with `panic`: a defect of the host. The engine must go on working afterwards.
//!
//! # Frames
//!
//! Innermost first, WebAssembly frames only, from the failing instruction to the entry, across host functions. A frame
//! has the function's index in its module's function index space and, where the engine tells, the function's name, the
//! module's name, and the byte offset of the instruction in the binary: the call itself in callers. Leave `frames` out
//! if the engine shows none.

use serde::{Deserialize, Serialize};

/// The version that this page describes.
pub const VERSION: u32 = 1;

/// A numbered request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in the reply.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub ask: Ask,
}

/// What to do; the table above describes each.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the table above describes each member")]
pub enum Ask {
    Hello { protocol: u32 },
    Reset { features: Vec<String>, fuel: Option<u64> },
    Define { functions: Vec<Function> },
    Load { module: u32, binary: String },
    Instantiate { module: u32, instance: u32 },
    Register { instance: u32, name: String },
    Invoke { instance: u32, function: String, arguments: Vec<Bits> },
    Get { instance: u32, global: String },
    State { instance: u32 },
    Read { instance: u32, memory: String, offset: u64, length: usize },
}

/// A numbered reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The request's.
    pub id: u64,
    /// The calls of host functions that this request caused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The fuel that it used, if `reset` gave some and the engine counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What came of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Who speaks.
    Hello(Hello),
    /// It is done, and there is nothing to show: `{}`.
    Done {},
    /// The results.
    Values(Vec<Bits>),
    /// What an instance's exports hold.
    Exports(Vec<Export>),
    /// A part of a memory, in base64.
    Bytes(String),
    /// WebAssembly trapped.
    Trap(TrapReply),
    /// An exception was thrown that nothing caught.
    Exception {
        /// The adapter's own number for its tag: the same tag, the same number. None if it does not know the tag.
        #[serde(default)]
        tag: Option<u32>,
        /// What it carries, if the engine shows that bit for bit.
        #[serde(default)]
        payload: Option<Vec<Bits>>,
    },
    /// A module was not accepted.
    Refused {
        /// In which phase.
        phase: RefusedPhase,
        /// The engine's own words.
        message: String,
    },
    /// It failed otherwise.
    Failed {
        /// Why.
        reason: Reason,
        /// The engine's own words, or the text of the host error.
        message: String,
    },
}

/// Who speaks, and what it can tell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that the adapter speaks.
    pub protocol: u32,
    /// The engine's name.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// The features that the engine has, by the names of [`Features`](crate::Features) in lower case with hyphens:
    /// `mutable-globals`, `simd`, ...
    pub features: Vec<String>,
    /// Whether the engine has all of them at all times, whatever `reset` says.
    #[serde(default)]
    pub fixed_features: bool,
    /// What it can tell. `phases`: malformed from invalid. `frames`: function indices of frames. `offsets`: their byte
    /// offsets. `state`: what exports hold. `exceptions`: tag and payload of an exception that nothing caught, if some
    /// instance exports the tag. `fuel`: it counts fuel, and stops where there is none left.
    pub tells: Vec<String>,
}

/// The words of [`Hello::tells`].
pub const TELLS: [&str; 6] = ["phases", "frames", "offsets", "state", "exceptions", "fuel"];

/// A value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the section on values above describes each")]
pub enum Bits {
    I32(String),
    I64(String),
    F32(String),
    F64(String),
    V128(String),
    Null(String),
    Func(u64),
    Extern(u32),
    Exn,
    Host(u32),
    I31(u32),
    Object(String),
}

/// A host function.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Function {
    /// The module name to import it by.
    pub module: String,
    /// The name to import it by.
    pub name: String,
    /// Parameter types: `i32`, `i64`, `f32`, `f64`, `v128`, `funcref`, `externref`, `anyref`.
    pub params: Vec<String>,
    /// Result types.
    pub results: Vec<String>,
    /// What it does.
    pub behavior: Does,
}

/// What a host function does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// Returns these values.
    Return(Vec<Bits>),
    /// Calls its first argument.
    Call,
    /// Returns a host error.
    Fail(String),
    /// Panics.
    Panic(String),
}

/// A host function was called.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its module name.
    pub module: String,
    /// Its name.
    pub name: String,
    /// What it was given.
    pub arguments: Vec<Bits>,
    /// The frames that were active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<FrameReply>>,
}

/// A trap.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrapReply {
    /// The kinds that it may be, by the names of [`TrapKind`](crate::TrapKind).
    pub kinds: Vec<String>,
    /// The engine's own words.
    pub message: String,
    /// The frames that were active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<FrameReply>>,
}

/// A frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FrameReply {
    /// The function's index.
    pub func: u32,
    /// The function's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The module's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The byte offset of the instruction in the binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// Where a module was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusedPhase {
    /// It does not decode.
    Malformed,
    /// It does not validate.
    Invalid,
    /// One of the two.
    Rejected,
    /// The engine lacks a feature or a size.
    Unsupported,
    /// The engine failed on its own.
    Internal,
}

/// Why something failed that did not trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// An import is missing or has another type.
    Link,
    /// A host function returned an error.
    Host,
    /// A host function panicked.
    Panic,
    /// No such instance or export.
    Usage,
    /// The adapter or the engine cannot do this.
    Unsupported,
    /// Memory, address space or a count ran out.
    Resource,
    /// The engine failed on its own.
    Internal,
}

/// An export and what it holds. Functions are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(flatten)]
    pub item: Item,
}

/// What an export holds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    /// A global's value.
    Global(Bits),
    /// A memory: its first 16 MiB, without the zeros.
    Memory {
        /// Its length in bytes.
        length: u64,
        /// Those stretches of [`STRETCH`] bytes, counted from 0, that are not all zero, in base64; the last one may be
        /// shorter.
        stretches: Vec<(u64, String)>,
    },
    /// A table: those of its first 65,536 elements that are not null.
    Table {
        /// Its length in elements.
        length: u64,
        /// Index and element.
        elements: Vec<(u64, Bits)>,
    },
}

/// How many bytes of a memory stand together in [`Item::Memory`].
pub const STRETCH: usize = 4096;

/// A request or a reply as a line: JSON in ASCII, since not every engine's shell decodes UTF-8, and a line feed.
pub fn line(value: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string(value).expect("strings, numbers and lists always serialize");
    if text.is_ascii() {
        return [text.as_bytes(), b"\n"].concat();
    }
    let mut line = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if character.is_ascii() {
            line.push(character);
        } else {
            let mut units = [0; 2];
            line.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ascii() {
        let encoded = line(&"é\n\u{1f980}");
        assert_eq!(encoded, b"\"\\u00e9\\n\\ud83e\\udd80\"\n");
        assert_eq!(serde_json::from_slice::<String>(&encoded).expect("JSON"), "é\n\u{1f980}");
    }
}
