//! The directives of a script, and what they ask for.
//!
//! A script may have millions of actions and assertions about them, and each lane performs them once: they are kept as
//! a few bytes each. All other directives are kept as they are, since lanes share what they compile of a module.

use crate::pattern::Pattern;
use core::ops::Deref;
use lanes::{Binary, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A directive.
#[derive(Debug)]
pub struct Directive {
    /// The line in which the directive begins, counted from 1.
    pub line: u32,
    /// The column in which the directive begins, in bytes, counted from 1.
    pub column: u32,
    /// The keyword.
    pub name: &'static str,
    stored: Stored,
}

/// The kind of a directive, in the form in which a script keeps it.
#[derive(Debug)]
enum Stored {
    /// The bytes of an action or of an assertion about one.
    Packed(Box<[u8]>),
    /// Any other kind.
    Kept(Box<DirectiveKind>),
}

/// The kind of a directive, borrowed from it or unpacked.
pub enum Kind<'a> {
    /// The kind of a directive that is kept as it is.
    Kept(&'a DirectiveKind),
    /// The kind of an action or of an assertion about one.
    Unpacked(DirectiveKind),
}

impl Deref for Kind<'_> {
    type Target = DirectiveKind;

    fn deref(&self) -> &DirectiveKind {
        match self {
            Kind::Kept(kind) => kind,
            Kind::Unpacked(kind) => kind,
        }
    }
}

impl Directive {
    pub(super) fn new((line, column): (u32, u32), name: &'static str, kind: DirectiveKind) -> Directive {
        let stored = match postcard::to_extend(&kind, Vec::with_capacity(64)) {
            Ok(bytes) => Stored::Packed(bytes.into()),
            // The kinds that are not packed have no bytes.
            Err(_) => Stored::Kept(Box::new(kind)),
        };
        Directive { line, column, name, stored }
    }

    /// Returns the kind, with what the directive asks for.
    pub fn kind(&self) -> Kind<'_> {
        match &self.stored {
            Stored::Packed(bytes) => Kind::Unpacked(unpack(bytes)),
            Stored::Kept(kind) => Kind::Kept(kind),
        }
    }

    /// Returns whether the directive starts a thread.
    pub fn is_thread(&self) -> bool {
        matches!(&self.stored, Stored::Kept(kind) if matches!(**kind, DirectiveKind::Thread { .. }))
    }

    /// Returns the kind of a directive that is of no further use.
    pub(super) fn into_kind(self) -> DirectiveKind {
        match self.stored {
            Stored::Packed(bytes) => unpack(&bytes),
            Stored::Kept(kind) => *kind,
        }
    }
}

fn unpack(bytes: &[u8]) -> DirectiveKind {
    postcard::from_bytes(bytes).expect("these bytes were packed here")
}

/// The binary of a module, or the reason why its text is malformed.
pub type Encoded = Result<Binary, String>;

/// The kind of a directive, with what it asks for. Those that are packed come first: a skipped one would shift the
/// numbers of those after it.
#[derive(Debug, Serialize, Deserialize)]
pub enum DirectiveKind {
    /// Perform an action. Any results are right.
    Action(Action),
    /// Expect that the action returns results that match these patterns.
    AssertReturn(Action, Vec<Pattern>),
    /// Expect that the action traps, with this message.
    AssertTrap(Action, String),
    /// Expect that the action exhausts the call stack.
    AssertExhaustion(Action, String),
    /// Expect that the action throws an exception that nothing catches.
    AssertException(Action),
    /// Expect that the action suspends, with this message, and nothing handles that.
    AssertSuspension(Action, String),
    /// Define a module, and instantiate it.
    #[serde(skip)]
    Module {
        /// The name of both the module and its instance.
        id: Option<String>,
        /// The module.
        module: Encoded,
    },
    /// Define a module.
    #[serde(skip)]
    Definition {
        /// The module's name.
        id: Option<String>,
        /// The module.
        module: Encoded,
    },
    /// Instantiate a module that was defined.
    #[serde(skip)]
    Instance {
        /// The instance's name.
        id: Option<String>,
        /// The name of the definition; `None` stands for the last one.
        module: Option<String>,
    },
    /// Make an instance importable.
    #[serde(skip)]
    Register {
        /// The name to import it by.
        name: String,
        /// The name of the instance; `None` stands for the last one.
        instance: Option<String>,
    },
    /// Expect that the module is malformed.
    #[serde(skip)]
    AssertMalformed(Encoded),
    /// Expect that the module is invalid.
    #[serde(skip)]
    AssertInvalid(Encoded),
    /// Expect that the text of the module is malformed because of its annotations.
    #[serde(skip)]
    AssertMalformedCustom {
        /// The module.
        module: Encoded,
        /// The module without its annotations; `None` if it has none.
        plain: Option<Encoded>,
    },
    /// Expect that a custom section of the module is invalid, and the module itself is valid.
    #[serde(skip)]
    AssertInvalidCustom {
        /// The module.
        module: Encoded,
        /// The fault of a custom section, if one has a fault.
        fault: Option<String>,
    },
    /// Expect that the module does not link, with this message.
    #[serde(skip)]
    AssertUnlinkable(Source, String),
    /// Expect that instantiating the module traps, with this message.
    #[serde(skip)]
    AssertInstantiationTrap(Source, String),
    /// Run directives on a thread of their own.
    #[serde(skip)]
    Thread {
        /// The thread's name.
        id: String,
        /// The name of the instance whose memories are shared with the thread.
        shared: Option<String>,
        /// The directives of the thread.
        directives: Arc<[Directive]>,
    },
    /// Wait until a thread ends.
    #[serde(skip)]
    Wait {
        /// The thread's name.
        id: String,
    },
    /// A directive that does not parse or that the runner cannot execute.
    #[serde(skip)]
    Unsupported {
        /// The reason.
        reason: String,
        /// The name of the module that it would define.
        id: Option<String>,
    },
}

impl DirectiveKind {
    /// Returns the action that the directive performs, if it performs one.
    pub fn action(&self) -> Option<&Action> {
        match self {
            DirectiveKind::Action(action)
            | DirectiveKind::AssertReturn(action, _)
            | DirectiveKind::AssertTrap(action, _)
            | DirectiveKind::AssertExhaustion(action, _)
            | DirectiveKind::AssertException(action)
            | DirectiveKind::AssertSuspension(action, _) => Some(action),
            _ => None,
        }
    }

    /// Returns whether the directive may run code of a module.
    pub fn runs_code(&self) -> bool {
        let instantiates = matches!(
            self,
            DirectiveKind::Module { .. }
                | DirectiveKind::Instance { .. }
                | DirectiveKind::AssertUnlinkable(..)
                | DirectiveKind::AssertInstantiationTrap(..)
        );
        instantiates || self.action().is_some()
    }
}

/// The module of an assertion.
#[derive(Debug)]
pub enum Source {
    /// A module in the assertion itself.
    Inline(Encoded),
    /// A module that was defined, by its name; `None` stands for the last one.
    Definition(Option<String>),
}

/// An action.
#[derive(Debug, Serialize, Deserialize)]
pub enum Action {
    /// A call of an exported function.
    Invoke {
        /// The name of the instance; `None` stands for the last one.
        instance: Option<String>,
        /// The name of the export.
        function: String,
        /// The arguments.
        arguments: Vec<Value>,
    },
    /// A read of an exported global.
    Get {
        /// The name of the instance; `None` stands for the last one.
        instance: Option<String>,
        /// The name of the export.
        global: String,
    },
}

impl Action {
    /// Returns the name of the instance; `None` stands for the last one.
    pub fn instance(&self) -> Option<&str> {
        match self {
            Action::Invoke { instance, .. } | Action::Get { instance, .. } => instance.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Script;
    use super::*;
    use crate::pattern::Float;
    use lanes::{Converted, HeapType, ObjectKind, ObjectRef, Reference};

    #[test]
    fn a_directive_is_small() {
        assert!(size_of::<Directive>() <= 40);
        let call = "(invoke \"add\" (i32.const 1000000) (i32.const 1))";
        let script = Script::parse(&format!("(assert_return {call} (i32.const 1000001))"));
        let Stored::Packed(bytes) = &script.directives[0].stored else { panic!("it is packed") };
        assert!(bytes.len() <= 24, "{bytes:?}");
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let object = ObjectRef { kind: ObjectKind::Struct, number: Some(3) };
        let references = [
            Reference::Null(HeapType::Exn),
            Reference::Null(HeapType::Cont),
            Reference::Func(None),
            Reference::Extern(u32::MAX),
            Reference::Converted(Converted::Hidden),
            Reference::Host(7),
            Reference::I31(1),
            Reference::Object(object),
        ];
        let numbers = [Value::I32(-1), Value::I64(i64::MIN), Value::F32(0x7fa0_0000), Value::F64(1), Value::V128(!0)];
        let arguments: Vec<Value> = numbers.into_iter().chain(references.map(Value::Ref)).collect();
        let mut patterns: Vec<Pattern> = arguments.iter().copied().map(Pattern::Exact).collect();
        patterns.push(Pattern::F64x2([Float::Canonical, Float::Bits(1)]));
        patterns.push(Pattern::Either(vec![Pattern::FuncAt { index: 1, number: None }, Pattern::Null(None)]));
        let text = String::from;
        let invoke =
            || Action::Invoke { instance: Some(text("m")), function: text("é"), arguments: arguments.clone() };
        let get = || Action::Get { instance: None, global: text("") };
        for kind in [
            DirectiveKind::Action(get()),
            DirectiveKind::AssertReturn(invoke(), patterns),
            DirectiveKind::AssertTrap(invoke(), text("unreachable")),
            DirectiveKind::AssertExhaustion(invoke(), text("call stack exhausted")),
            DirectiveKind::AssertException(get()),
            DirectiveKind::AssertSuspension(invoke(), text("unhandled tag")),
        ] {
            let shown = format!("{kind:?}");
            let directive = Directive::new((1, 1), "invoke", kind);
            assert!(matches!(directive.kind(), Kind::Unpacked(_)), "{shown}");
            assert_eq!(format!("{:?}", *directive.kind()), shown);
            assert_eq!(format!("{:?}", directive.into_kind()), shown);
        }
    }
}
