//! A session's store in a library.

use super::context::{Context, Linked, State, type_of};
use super::failure::{Error, of_instantiation};
use super::objects::{Engine, Item, Module, Store, Val};
use super::shape::{self, Kind, Shape};
use super::trials::Abilities;
use crate::engines::context::EngineContext;
use crate::engines::host::{act, note_call};
use crate::engines::{range, session::EngineStore};
use crate::{Binary, Failure, Features, HostCall, HostFunc, Phase, Refusal, Value, is_valid_with};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

pub(super) struct LibraryStore {
    state: Rc<State>,
    /// The items that can be imported, by module name and name.
    items: HashMap<(String, String), Item>,
}

/// A module that the library has accepted.
pub(super) struct Loaded {
    module: Module,
    shape: Result<Rc<Shape>, String>,
}

impl LibraryStore {
    pub(super) fn new(
        engine: &Arc<Engine>,
        abilities: Rc<Abilities>,
        features: Features,
    ) -> Result<LibraryStore, Failure> {
        let state = Rc::new(State::new(Store::new(engine)?, abilities, features));
        Ok(LibraryStore { state, items: HashMap::new() })
    }

    fn insert(&mut self, module: &str, name: &str, item: Item) {
        self.items.insert((module.to_string(), name.to_string()), item);
    }

    fn import(&self, (module, name): &(String, String)) -> Result<Item, Failure> {
        let found = self.items.get(&(module.clone(), name.clone())).cloned();
        found.ok_or_else(|| Failure::Link(format!("unknown import: {module:?} {name:?}")))
    }
}

impl EngineStore for LibraryStore {
    type Module = Rc<Loaded>;
    type Instance = Rc<Linked>;
    type Error = Error;
    type Context<'a> = Context;

    fn context(&mut self) -> Context {
        Context(Rc::clone(&self.state))
    }

    fn load(&mut self, module: &Binary) -> Result<Rc<Loaded>, Refusal> {
        let loaded = self.state.store.load(module.bytes())?;
        let is_whole = is_valid_with(module.bytes(), self.state.abilities.features);
        if !is_whole && is_valid_with(module.bytes(), Features::all()) {
            // A compiler may accept some modules of a feature, and refuse that of the trial.
            let message = "the engine has no more than a part of a feature that the module needs".to_string();
            return Err(Refusal { phase: Phase::Unsupported, message });
        }
        Ok(Rc::new(Loaded { module: loaded, shape: shape::read(module.bytes()).map(Rc::new) }))
    }

    fn instantiate(&mut self, module: &Rc<Loaded>) -> Result<Rc<Linked>, Error> {
        let shape = module.shape.clone().map_err(Failure::Unsupported)?;
        let imports = shape.imports.iter().map(|import| self.import(import)).collect::<Result<Vec<_>, _>>()?;
        let instance = self.state.store.instantiate(&module.module, &imports).map_err(|trap| match trap {
            Some(trap) => self.state.error(trap, of_instantiation),
            None => Failure::Link("incompatible import type: the library gives no reason".to_string()).into(),
        })?;
        let items = pair(&shape, instance.items())?;
        Ok(Rc::new(Linked { shape, items, thunks: RefCell::default() }))
    }

    fn register(&mut self, name: &str, instance: &Rc<Linked>) -> Result<(), Error> {
        for ((export, _), item) in instance.shape.exports.iter().zip(&instance.items) {
            if let Some(item) = item {
                self.insert(name, export, item.clone());
            }
        }
        Ok(())
    }

    fn define_function(&mut self, function: &HostFunc) -> Result<(), Error> {
        let (state, code) = (Rc::downgrade(&self.state), function.clone());
        let run = move |arguments: &[Val]| {
            let state = Weak::upgrade(&state).expect("a session in which code runs is there");
            host_call(&state, &code, arguments).map_err(|Error { failure, trap }| {
                let trap = trap.unwrap_or_else(|| state.store.trap(&failure.to_string()));
                state.passing.replace(Some(failure));
                trap
            })
        };
        let item = self.state.store.function(&function.params, &function.results, Box::new(run))?;
        self.insert(&function.module, &function.name, item);
        Ok(())
    }

    fn define_global(&mut self, module: &str, name: &str, value: Value) -> Result<(), Error> {
        let value = self.context().lower(value)?;
        let item = self.state.store.global(type_of(&value), &value)?;
        self.insert(module, name, item);
        Ok(())
    }

    fn define_table(&mut self, module: &str, name: &str, wide: bool) -> Result<(), Error> {
        if wide {
            return Err(Failure::Unsupported("the C interface has no tables with 64-bit indices".to_string()).into());
        }
        let item = self.state.store.table(10, 20)?;
        self.insert(module, name, item);
        Ok(())
    }

    fn define_memory(&mut self, module: &str, name: &str, shared: bool) -> Result<(), Error> {
        if shared {
            return Err(Failure::Unsupported("the C interface has no shared memories".to_string()).into());
        }
        let item = self.state.store.memory(1, 2)?;
        self.insert(module, name, item);
        Ok(())
    }

    /// The interface has no fuel.
    fn refuel(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        self.state.calls.take()
    }

    fn read_memory(&mut self, instance: &Rc<Linked>, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        instance.named(memory)?.memory(|bytes| range(bytes, offset, length)).ok()?
    }

    fn failure(error: &Error) -> Failure {
        error.failure.clone()
    }
}

/// Notes a call of a host function, and runs it.
fn host_call(state: &Rc<State>, function: &HostFunc, arguments: &[Val]) -> Result<Vec<Val>, Error> {
    let mut context = Context(Rc::clone(state));
    note_call(&mut context, function, arguments)?;
    let mut results: Vec<Val> = function.results.iter().map(|&ty| Val::Plain(Value::zero(ty))).collect();
    act(&mut context, &function.behavior, arguments, &mut results)?;
    Ok(results)
}

/// Pairs the exports of a module with what the library shows of an instance. It may leave out tags, which the interface
/// does not have.
fn pair(shape: &Shape, items: Vec<Item>) -> Result<Vec<Option<Item>>, Failure> {
    let (shown, all) = (items.len(), shape.exports.len());
    let is_tag = |(_, kind): &&(String, Kind)| matches!(kind, Kind::Tag);
    let tags = shape.exports.iter().filter(is_tag).count();
    let mut items = items.into_iter();
    if shown == all {
        return Ok(items.map(Some).collect());
    }
    if shown + tags == all {
        return Ok(shape.exports.iter().map(|export| if is_tag(&export) { None } else { items.next() }).collect());
    }
    Err(Failure::Internal(format!("the library shows {shown} exports of an instance that has {all}")))
}
