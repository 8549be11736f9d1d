//! The ways of a call.

use super::{Body, HOST_CALL, LEAF_TAG, OWN_TAG, Plan, RELAYS, TYPE};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::{BlockType, Catch, Instruction as I, ValType};

/// The way of a call to its callee.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    route: Route,
    setting: Setting,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Direct,
    Indirect,
    Reference,
    TailDirect,
    TailIndirect,
    TailReference,
    /// Through the host, which calls its argument.
    Host,
    /// Through a function of another instance, which calls its argument.
    Other(u32),
    /// Through a function of another instance, called as a tail call.
    TailOther(u32),
}

/// The code around a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    Plain,
    /// The call is in the handler of an exception.
    Handler,
    /// The call is in a `try_table` whose clauses catch another tag, and all exceptions.
    Caught,
    /// The call is in the handler of a legacy `try`.
    LegacyHandler,
}

/// Each route with its name and what it needs.
const ROUTES: [(Route, &str, Features); 12] = [
    (Route::Direct, "call", Features::empty()),
    (Route::Indirect, "indirect", Features::empty()),
    (Route::Reference, "ref", Features::FUNCTION_REFERENCES),
    (Route::TailDirect, "tail", Features::TAIL_CALL),
    (Route::TailIndirect, "tail_indirect", Features::TAIL_CALL),
    (Route::TailReference, "tail_ref", Features::TAIL_CALL.union(Features::FUNCTION_REFERENCES)),
    (Route::Host, "host", Features::empty()),
    (Route::Other(0), "other", Features::empty()),
    (Route::Other(1), "other_twice", Features::empty()),
    (Route::Other(2), "other_host", Features::empty()),
    (Route::TailOther(0), "tail_other", Features::TAIL_CALL),
    (Route::TailOther(2), "tail_other_host", Features::TAIL_CALL),
];

/// Each setting with its name and what it needs.
const SETTINGS: [(Setting, &str, Features); 5] = [
    (Setting::Plain, "", Features::empty()),
    (Setting::Plain, "", Features::empty()),
    (Setting::Handler, "handler_", Features::EXCEPTIONS),
    (Setting::Caught, "caught_", Features::EXCEPTIONS),
    (Setting::LegacyHandler, "legacy_", Features::LEGACY_EXCEPTIONS),
];

/// Returns the names of all routes, alone and in each setting.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(_, name, _)| *name).chain(["handler_call", "caught_indirect", "legacy_call"])
}

impl Way {
    pub(super) fn choose(u: &mut Unstructured<'_>, features: Features) -> Result<Way> {
        let routes: Vec<_> = ROUTES.iter().filter(|(.., needs)| features.contains(*needs)).collect();
        let settings: Vec<_> = SETTINGS.iter().filter(|(.., needs)| features.contains(*needs)).collect();
        Ok(Way { route: u.choose(&routes)?.0, setting: u.choose(&settings)?.0 })
    }

    pub(super) fn name(self) -> String {
        let route = ROUTES.iter().find(|(route, ..)| *route == self.route).map_or("", |(_, name, _)| *name);
        let setting = SETTINGS.iter().find(|(setting, ..)| *setting == self.setting).map_or("", |(_, name, _)| *name);
        format!("{setting}{route}")
    }

    /// Emits the call, with the parameter of the function as its argument. It leaves the result.
    pub(super) fn emit(self, u: &mut Unstructured<'_>, body: &mut Body, callee: u32) -> Result<()> {
        let result = BlockType::Result(ValType::I32);
        match self.setting {
            Setting::Plain => self.route.emit(body, callee),
            Setting::Handler => {
                body.push(I::Block(BlockType::Empty));
                body.push(I::TryTable(BlockType::Empty, vec![Catch::One { tag: OWN_TAG, label: 0 }].into()));
                body.extend([I::Throw(OWN_TAG), I::End, I::Unreachable, I::End]);
                self.route.emit(body, callee);
            }
            Setting::Caught => {
                body.extend([I::Block(result), I::Block(BlockType::Empty)]);
                let mut clauses = vec![Catch::One { tag: OWN_TAG, label: 0 }];
                if u.arbitrary()? {
                    clauses.push(Catch::One { tag: LEAF_TAG, label: 1 });
                }
                body.push(I::TryTable(result, clauses.into()));
                self.route.emit(body, callee);
                body.extend([I::End, I::Br(1), I::End, I::I32Const(3), I::End]);
            }
            Setting::LegacyHandler => {
                body.extend([I::Try(result), I::Throw(OWN_TAG), I::Catch(OWN_TAG)]);
                self.route.emit(body, callee);
                body.push(I::End);
            }
        }
        Ok(())
    }
}

impl Route {
    fn emit(self, body: &mut Body, callee: u32) {
        let through = |body: &mut Body, function, tail| {
            body.extend([I::RefFunc(callee), I::LocalGet(0)]);
            body.push(if tail { I::ReturnCall(function) } else { I::Call(function) });
        };
        let (type_index, table_index) = (TYPE, 0);
        match self {
            Route::Direct => body.extend([I::LocalGet(0), I::Call(callee)]),
            Route::TailDirect => body.extend([I::LocalGet(0), I::ReturnCall(callee)]),
            Route::Indirect => {
                body.extend([I::LocalGet(0), I::I32Const(Plan::element(callee))]);
                body.push(I::CallIndirect { type_index, table_index });
            }
            Route::TailIndirect => {
                body.extend([I::LocalGet(0), I::I32Const(Plan::element(callee))]);
                body.push(I::ReturnCallIndirect { type_index, table_index });
            }
            Route::Reference => body.extend([I::LocalGet(0), I::RefFunc(callee), I::CallRef(TYPE)]),
            Route::TailReference => body.extend([I::LocalGet(0), I::RefFunc(callee), I::ReturnCallRef(TYPE)]),
            Route::Host => through(body, HOST_CALL, false),
            Route::Other(relay) => through(body, RELAYS + relay, false),
            Route::TailOther(relay) => through(body, RELAYS + relay, true),
        }
    }
}
