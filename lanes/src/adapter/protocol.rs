//! The executable protocol, version 1, as types: how a lane drives an engine in a process of its own.
//!
//! `docs/adapters.md` is the specification, with a session as an example; tests hold it against these types. To write
//! an adapter, read it and try the adapter with `touchstone check-adapter -- CMD`. `lanes/adapters/javascript.js` is an
//! adapter for three engines; [`Server`](super::Server) is one for every lane of this program.
//!
//! In short: the adapter reads a [`Request`] per line of standard input and writes a [`Reply`] per line of standard
//! output, in order. Lines are JSON in ASCII. The first request is `hello`; `reset` opens a store; everything else
//! happens in the last store that was opened. An adapter that asks for it gets the bytes of modules, and gives those of
//! memories, after the line instead of in base64 ([`Bulk`]).
//!
//! # Versions
//!
//! Both sides state the version that they speak in `hello`. A runner speaks exactly one, [`VERSION`], and refuses an
//! adapter that speaks another. Both sides ignore members that they do not know, so a reply may get a new optional
//! member within a version. Everything else is a new version: a new request, a new required member, a new word in
//! [`Hello::tells`], a new trap kind, a new feature name, or another meaning.

use crate::EngineOption;
use crate::children::excerpt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// The version of the protocol.
pub const VERSION: u32 = 1;

/// A numbered request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The number that the reply repeats.
    pub id: u64,
    /// The request itself.
    #[serde(flatten)]
    pub ask: Ask,
    /// The bytes that follow the line.
    #[serde(skip)]
    pub following: Vec<u8>,
}

/// A request. The runner chooses the numbers of modules and instances, and uses each once in a store.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Introduce yourself. Always the first request, and only the first.
    Hello {
        /// The version that the runner speaks.
        protocol: u32,
        /// True if bytes may follow lines, in both directions.
        #[serde(default, skip_serializing_if = "is_false")]
        binary: bool,
    },
    /// Open a fresh store. Everything from before is gone.
    Reset {
        /// The features that modules may use.
        features: Vec<String>,
        /// The fuel for each instantiation and each call.
        fuel: Option<u64>,
        /// Values of the options that the adapter has declared. The others have their first value.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        options: BTreeMap<String, String>,
    },
    /// Make host functions importable. A later one replaces an earlier one of the same names.
    Define {
        /// The functions.
        functions: Vec<Function>,
    },
    /// Decode, validate and compile a module. Allocate nothing.
    Load {
        /// The module's number.
        module: u32,
        /// The binary.
        binary: Bulk,
    },
    /// Instantiate a module, and run its start function.
    Instantiate {
        /// The module's number.
        module: u32,
        /// The number of the new instance.
        instance: u32,
    },
    /// Make an instance's exports importable. They replace earlier ones of the same names.
    Register {
        /// The instance's number.
        instance: u32,
        /// The module name.
        name: String,
    },
    /// Call an exported function.
    Invoke {
        /// The instance's number.
        instance: u32,
        /// The export's name.
        function: String,
        /// The arguments.
        arguments: Vec<Bits>,
    },
    /// Read an exported global.
    Get {
        /// The instance's number.
        instance: u32,
        /// The export's name.
        global: String,
    },
    /// Show what an instance's exports hold.
    State {
        /// The instance's number.
        instance: u32,
    },
    /// Read a part of an exported memory.
    Read {
        /// The instance's number.
        instance: u32,
        /// The export's name.
        memory: String,
        /// The first byte.
        offset: u64,
        /// The number of bytes.
        length: usize,
    },
}

/// A numbered reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The request's number.
    pub id: u64,
    /// The calls of host functions that the request caused, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The fuel that the request used, if `reset` gave some and the engine counts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The outcome.
    #[serde(flatten)]
    pub answer: Answer,
    /// The bytes that follow the line.
    #[serde(skip)]
    pub following: Vec<u8>,
}

/// The outcome of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The introduction.
    Hello(Hello),
    /// The request succeeded, and there is nothing to show: `{}`.
    Done {},
    /// The results.
    Values(Vec<Bits>),
    /// The contents of an instance's exports.
    Exports(Vec<Export>),
    /// A part of a memory.
    Bytes(Bulk),
    /// WebAssembly trapped.
    Trap(TrapReply),
    /// An exception was thrown that nothing caught.
    Exception {
        /// The adapter's own number for the tag: one tag, one number. Left out if it does not know the tag.
        #[serde(default)]
        tag: Option<u32>,
        /// The payload. Left out if the engine does not show it bit for bit.
        #[serde(default)]
        payload: Option<Vec<Bits>>,
    },
    /// A module was not accepted.
    Refused {
        /// The phase that refused it.
        phase: RefusedPhase,
        /// The engine's own words.
        message: String,
    },
    /// Anything else failed.
    Failed {
        /// The reason.
        reason: Reason,
        /// The engine's own words, or the text of the host function. A link error begins with `unknown import` or
        /// `incompatible import type`.
        message: String,
    },
}

/// The introduction of an adapter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the protocol that the adapter speaks.
    pub protocol: u32,
    /// The engine's name.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// The features that the engine has, by the names of [`Features`](crate::Features): `mutable-globals`, `simd`, ...
    pub features: Vec<String>,
    /// True if the engine cannot switch features off, whatever `reset` says. The runner then judges by itself what a
    /// script forbids.
    #[serde(default)]
    pub fixed_features: bool,
    /// The distinctions and facts that the adapter can tell. `phases`: a malformed module from an invalid one.
    /// `frames`: the function indices of frames. `offsets`: the byte offsets of frames. `state`: what exports hold.
    /// `exceptions`: tag and payload of an exception that nothing caught, if some instance exports the tag. `fuel`: it
    /// counts fuel, and traps when none is left.
    pub tells: Vec<String>,
    /// True if bytes may follow lines. Only an answer to a request that says so, too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub binary: bool,
    /// The options of the engine that must make no difference to what modules do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<EngineOption>,
    /// The traps that the engine may report at another instruction of the function.
    #[serde(default, skip_serializing_if = "Moved::is_nothing")]
    pub moves: Moved,
}

/// The traps that an engine may report at another instruction than the one that trapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moved {
    /// None.
    #[default]
    Nothing,
    /// Those of memory accesses.
    Accesses,
    /// Any.
    Anything,
}

impl Moved {
    fn is_nothing(&self) -> bool {
        *self == Moved::Nothing
    }
}

/// The words of [`Hello::tells`].
pub const TELLS: [&str; 6] = ["phases", "frames", "offsets", "state", "exceptions", "fuel"];

/// Bytes of a module or of a memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bulk {
    /// The bytes in base64.
    Base64(String),
    /// The number of bytes, which follow the line. Several of a message follow in the order in which they stand in it.
    Following(usize),
}

impl Bulk {
    /// Puts bytes into a message: after its line if there is room for them, or else into it.
    pub fn pack(bytes: &[u8], following: Option<&mut Vec<u8>>) -> Bulk {
        match following {
            Some(following) => {
                following.extend(bytes);
                Bulk::Following(bytes.len())
            }
            None => Bulk::Base64(BASE64.encode(bytes)),
        }
    }

    /// Takes the bytes out of a message: out of it, or off the front of those that follow it.
    ///
    /// # Errors
    ///
    /// It is not base64, or too few bytes follow.
    pub fn unpack(&self, following: &mut &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Bulk::Base64(text) => BASE64.decode(text).map_err(|error| error.to_string()),
            Bulk::Following(length) => {
                let split = following.split_at_checked(*length);
                let (bytes, rest) = split.ok_or_else(|| {
                    format!("{length} bytes should follow the line, but only {} are left", following.len())
                })?;
                *following = rest;
                Ok(bytes.to_vec())
            }
        }
    }
}

/// A value: its type, and its bits in hexadecimal digits, the most significant first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bits {
    /// 8 digits.
    I32(String),
    /// 16 digits.
    I64(String),
    /// 8 digits. A NaN is its exact bits.
    F32(String),
    /// 16 digits. A NaN is its exact bits.
    F64(String),
    /// 32 digits, byte 15 of the vector first.
    V128(String),
    /// A null reference: `func`, `extern`, `any` or `exn`.
    Null(String),
    /// A function, by the adapter's own number: one number for one function, as long as the store lives.
    Func(Option<u64>),
    /// A host value as an `externref`. What goes in as N comes out as N.
    Extern(u32),
    /// An exception; in results only.
    Exn,
    /// A host value as an `anyref`.
    Host(u32),
    /// An integer of 31 bits, zero-extended.
    I31(u32),
    /// In results only: `struct`, `array`, `struct-or-array` if the engine does not tell which, or `extern` for an
    /// `externref` that is not a host value.
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
    /// The behavior of the function.
    pub behavior: Does,
}

/// The behavior of a host function when it is called.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// Returns these values.
    Return(Vec<Bits>),
    /// Calls its first argument, a function reference, with the others, and returns its results.
    Call,
    /// Stops WebAssembly with a failure for the reason `host`, and this text.
    Fail(String),
    /// Stops WebAssembly with a failure for the reason `panic`, and this text. The engine must work afterwards.
    Panic(String),
}

/// A call of a host function.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The module name that it is imported by.
    pub module: String,
    /// The name that it is imported by.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Bits>,
    /// The frames that were active, innermost first. Left out if the engine shows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<FrameReply>>,
}

/// A trap.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrapReply {
    /// The kinds that the engine's words may mean, at least one, by the names of [`TrapKind`](crate::TrapKind).
    pub kinds: Vec<String>,
    /// The engine's own words.
    pub message: String,
    /// The frames that were active, innermost first. Left out if the engine shows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<FrameReply>>,
}

/// A WebAssembly frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FrameReply {
    /// The function's index in its module.
    pub func: u32,
    /// The function's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The module's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The byte offset of the instruction in the binary. In a caller it is the call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// The phase that refused a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusedPhase {
    /// The module does not decode.
    Malformed,
    /// The module does not validate.
    Invalid,
    /// The module does not decode or does not validate; the engine does not tell which.
    Rejected,
    /// The engine lacks a feature or a size that the module needs.
    Unsupported,
    /// The engine failed by itself.
    Internal,
}

/// The reason of a failure that is no trap, exception or refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// An import is missing or has another type.
    Link,
    /// A host function returned an error.
    Host,
    /// A host function panicked.
    Panic,
    /// There is no such instance or export, or the arguments have other types.
    Usage,
    /// The adapter or the engine cannot do this.
    Unsupported,
    /// Memory, address space or a count ran out.
    Resource,
    /// The engine failed by itself.
    Internal,
}

/// An export and its contents. Functions are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Export {
    /// The export's name.
    pub name: String,
    /// The contents.
    #[serde(flatten)]
    pub item: Item,
}

/// The contents of an export.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Item {
    /// The value of a global.
    Global(Bits),
    /// A memory: its first 16 MiB, without stretches of zeros.
    Memory {
        /// The length in bytes.
        length: u64,
        /// The stretches of [`STRETCH`] bytes that are not all zero: number, counted from 0, and bytes. The last
        /// stretch of a memory may be shorter.
        stretches: Vec<(u64, Bulk)>,
    },
    /// A table: the elements among its first 65,536 that are not null.
    Table {
        /// The length in elements.
        length: u64,
        /// Indices and elements.
        elements: Vec<(u64, Bits)>,
    },
}

/// The number of bytes in a stretch of [`Item::Memory`].
pub const STRETCH: usize = 4096;

/// A request or a reply.
pub trait Message: Serialize + DeserializeOwned {
    /// Returns the bytes that follow the line.
    fn following(&mut self) -> &mut Vec<u8>;
}

impl Message for Request {
    fn following(&mut self) -> &mut Vec<u8> {
        &mut self.following
    }
}

impl Message for Reply {
    fn following(&mut self) -> &mut Vec<u8> {
        &mut self.following
    }
}

/// Returns a message as its line and the bytes that follow it. The number of these stands before the JSON, between a
/// `#` and a blank, if there are any.
pub fn encode(mut message: impl Message) -> Vec<u8> {
    let following = std::mem::take(message.following());
    let line = line(&message);
    if following.is_empty() {
        return line;
    }
    [format!("#{} ", following.len()).into_bytes(), line, following].concat()
}

/// A line and the bytes that follow it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The JSON.
    pub json: Vec<u8>,
    /// The bytes that follow.
    pub following: Vec<u8>,
}

impl Frame {
    /// Reads the next frame, of at most this many bytes for the line and for what follows. Returns `None` at the end.
    ///
    /// # Errors
    ///
    /// The input fails, ends within a frame, or has a longer one.
    pub fn read(input: &mut impl BufRead, longest: u64) -> io::Result<Option<Frame>> {
        let mut json = Vec::new();
        if input.by_ref().take(longest).read_until(b'\n', &mut json)? == 0 {
            return Ok(None);
        }
        let wrong = |what: &str| io::Error::other(format!("{what}: {}", excerpt(&json)));
        if !json.ends_with(b"\n") {
            let is_long = json.len() as u64 == longest;
            return Err(wrong(if is_long { "the line is too long" } else { "it ends in the middle of a line" }));
        }
        let Some(rest) = json.strip_prefix(b"#") else { return Ok(Some(Frame { json, following: Vec::new() })) };
        let blank = rest.iter().position(|&byte| byte == b' ');
        let (digits, line) = rest.split_at(blank.ok_or_else(|| wrong("no blank after the number of bytes"))?);
        let length = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let length: u64 = length.filter(|&length| length <= longest).ok_or_else(|| wrong("a wrong number of bytes"))?;
        let mut following = Vec::new();
        let read = input.by_ref().take(length).read_to_end(&mut following)?;
        if (read as u64) < length {
            return Err(wrong("it ends within the bytes that follow a line"));
        }
        Ok(Some(Frame { json: line.to_vec(), following }))
    }

    /// Returns the message of this frame.
    ///
    /// # Errors
    ///
    /// The line is no such message.
    pub fn decode<M: Message>(self) -> serde_json::Result<M> {
        let mut message: M = serde_json::from_slice(&self.json)?;
        *message.following() = self.following;
        Ok(message)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Returns a value as a line. The JSON is in ASCII, since not every engine's shell decodes UTF-8.
fn line(value: &impl Serialize) -> Vec<u8> {
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

    const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/adapters.md");

    /// The example session of the document, as (is a request, line).
    fn example(document: &str) -> Vec<(bool, String)> {
        let (_, after) = document.split_once("```text\n> ").expect("the example");
        let (example, _) = after.split_once("```").expect("the end of the example");
        let mut lines: Vec<(bool, String)> = Vec::new();
        for line in format!("> {example}").lines() {
            match (line.strip_prefix("> "), line.strip_prefix("< ")) {
                (Some(request), _) => lines.push((true, request.to_string())),
                (_, Some(reply)) => lines.push((false, reply.to_string())),
                // A reply that is folded.
                _ => lines.last_mut().expect("a line before").1.push_str(line.trim()),
            }
        }
        lines
    }

    #[test]
    fn the_example_of_the_document_is_a_session() {
        let document = std::fs::read_to_string(DOCUMENT).expect("docs/adapters.md");
        let lines = example(&document);
        assert!(lines.len() >= 12, "{lines:?}");
        for (is_request, line) in lines {
            // The list of features is cut.
            let line = line.replace(",...", "");
            let error = match is_request {
                true => serde_json::from_str::<Request>(&line).err(),
                false => serde_json::from_str::<Reply>(&line).err(),
            };
            assert!(error.is_none(), "{line}: {error:?}");
        }
    }

    #[test]
    fn the_document_has_all_words() {
        let document = std::fs::read_to_string(DOCUMENT).expect("docs/adapters.md");
        let requests =
            ["hello", "reset", "define", "load", "instantiate", "register", "invoke", "get", "state", "read"];
        let kinds = crate::TrapKind::ALL.iter().map(|kind| kind.name());
        for word in requests.into_iter().chain(TELLS).chain(kinds) {
            assert!(document.contains(&format!("`{word}`")), "{word} is not in docs/adapters.md");
        }
        assert!(document.contains(&format!("# The protocol, version {VERSION}\n")));
    }

    #[test]
    fn bytes_follow_a_line() {
        let mut following = Vec::new();
        let stretches =
            vec![(0, Bulk::pack(b"\n#1 {", Some(&mut following))), (7, Bulk::pack(b"ab", Some(&mut following)))];
        let item = Item::Memory { length: 9, stretches };
        let answer = Answer::Exports(vec![Export { name: "m".to_string(), item }]);
        let reply = Reply { id: 3, calls: Vec::new(), fuel: None, answer, following };
        let encoded = encode(reply.clone());
        assert!(encoded.starts_with(b"#7 {\"id\":3,") && encoded.ends_with(b"}\n\n#1 {ab"), "{encoded:?}");
        let mut input = &[&encoded[..], b"{\"id\":4,\"done\":{}}\n"].concat()[..];
        let first: Reply = Frame::read(&mut input, 999).expect("a frame").expect("one more").decode().expect("a reply");
        assert_eq!(first, reply);
        let mut rest = &first.following[..];
        let taken = [5, 2].map(|length| Bulk::Following(length).unpack(&mut rest).expect("they follow"));
        assert_eq!((&taken[0][..], &taken[1][..]), (&b"\n#1 {"[..], &b"ab"[..]));
        assert!(Bulk::Following(1).unpack(&mut rest).is_err());
        assert_eq!(Frame::read(&mut input, 999).expect("a frame").expect("one more").following, b"");
        assert_eq!(Frame::read(&mut input, 999).expect("the end"), None);
    }

    #[test]
    fn wrong_frames_are_errors() {
        let long = format!("{{\"long\":\"{}\"}}\n", "x".repeat(100));
        for (text, message) in [
            ("{\"id\":1", "it ends in the middle of a line"),
            ("#5{}\n12345", "no blank after the number of bytes"),
            ("#-5 {}\n12345", "a wrong number of bytes"),
            ("#999 {}\n12345", "a wrong number of bytes"),
            ("#6 {}\n12345", "it ends within the bytes that follow a line"),
            (long.as_str(), "too long"),
        ] {
            let error = Frame::read(&mut text.as_bytes(), 100).expect_err(text).to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn unknown_members_are_ignored() {
        let reply: Reply = serde_json::from_str(r#"{"id":1,"later":[2],"done":{}}"#).expect("a reply");
        let following = Vec::new();
        assert_eq!(reply, Reply { id: 1, calls: Vec::new(), fuel: None, answer: Answer::Done {}, following });
        let request: Request = serde_json::from_str(r#"{"id":1,"state":{"instance":2,"later":3}}"#).expect("a request");
        assert_eq!(request, Request { id: 1, ask: Ask::State { instance: 2 }, following: Vec::new() });
    }
}
