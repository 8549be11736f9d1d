//! Values, functions and exports, as far as the interface has them, and through thunks beyond that.

use super::failure::{Error, of_call};
use super::objects::{Item, Ref, Store, Trap, Val};
use super::shape::{Kind, Shape, Signature, Type};
use super::thunk::{self, Argument, Form, Source, Thunk, referent};
use super::trials::Abilities;
use crate::engines::context::{EngineContext, Export, Exports, Inside, Raised};
use crate::{
    Converted, Failure, Features, Frame, HeapType, HostCall, MemoryState, ObjectKind, ObjectRef, Reference, ValType,
    Value,
};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::rc::Rc;

/// The number of host functions that may call back within each other. Not every engine counts its frames on from those
/// that are active, and the native stack would overflow.
const MAX_HOST_DEPTH: u32 = 500;

/// The types of the arguments and results of a call.
type CallTypes = (Vec<ValType>, Vec<ValType>);

/// The data of a session.
pub(super) struct State {
    pub(super) store: Rc<Store>,
    pub(super) abilities: Rc<Abilities>,
    /// The features that modules of the session may use.
    features: Features,
    /// The calls of host functions that the session has not taken yet.
    pub(super) calls: RefCell<Vec<HostCall>>,
    /// The failure that a host function is passing on to its caller, through the engine.
    pub(super) passing: RefCell<Option<Failure>>,
    /// The number of calls that are active.
    depth: Cell<u32>,
    /// Every function that was shown, in the order of [`Reference::Func`]'s numbers.
    functions: RefCell<Vec<Rc<Ref>>>,
    /// The host values that were made, by number.
    host_values: RefCell<HashMap<u32, Val>>,
    /// The thunks that call back, by the types of the function that is called.
    call_thunks: RefCell<HashMap<CallTypes, Item>>,
    /// The frames that thunks may have.
    thunk_frames: RefCell<HashSet<(u32, u64)>>,
}

impl State {
    pub(super) fn new(store: Rc<Store>, abilities: Rc<Abilities>, features: Features) -> State {
        State {
            store,
            abilities,
            features,
            calls: RefCell::default(),
            passing: RefCell::default(),
            depth: Cell::new(0),
            functions: RefCell::default(),
            host_values: RefCell::default(),
            call_thunks: RefCell::default(),
            thunk_frames: RefCell::default(),
        }
    }

    /// Returns the frames of a trap without those of thunks. `None` if the library may have left out some.
    pub(super) fn frames(&self, trap: &Trap) -> Option<Vec<Frame>> {
        if !self.abilities.frames {
            return None;
        }
        let frames = trap.frames()?;
        if self.abilities.frame_limit.is_some_and(|limit| frames.len() >= limit) {
            return None;
        }
        let thunks = self.thunk_frames.borrow();
        let is_thunk =
            |frame: &Frame| frame.module_offset.is_some_and(|offset| thunks.contains(&(frame.func_index, offset)));
        Some(frames.into_iter().filter(|frame| !is_thunk(frame)).collect())
    }

    /// Returns the failure of a trap: that which a host function is passing on, or what the trap's own message means.
    pub(super) fn error(&self, trap: Trap, meaning: fn(&str, Option<Vec<Frame>>) -> Failure) -> Error {
        let frames = self.frames(&trap);
        let failure = match self.passing.take() {
            Some(Failure::Trap(passed)) => Failure::Trap(crate::Trap { frames, ..passed }),
            Some(failure) => failure,
            None => meaning(&trap.message(), frames),
        };
        Error { failure, trap: Some(trap) }
    }

    /// Loads a thunk, and instantiates it for this item.
    fn instantiate(&self, thunk: &Thunk, import: Option<&Item>) -> Result<Item, Failure> {
        let refused = || Failure::Unsupported("the engine refuses the thunk for a value of this type".to_string());
        let module = self.store.load(&thunk.binary).map_err(|_| refused())?;
        let instance = self.store.instantiate(&module, import.map_or(&[], std::slice::from_ref));
        let item = instance.map_err(|_| refused())?.items().pop().ok_or_else(refused)?;
        self.thunk_frames.borrow_mut().insert(thunk.frame);
        Ok(item)
    }

    /// Returns whether the interface has values of a type, in this library.
    fn is_direct(&self, ty: Type) -> bool {
        match ty.shown {
            Some(ValType::V128 | ValType::Ref(HeapType::Any | HeapType::Exn)) | None => false,
            Some(ValType::Ref(HeapType::Extern)) => self.abilities.host_values,
            Some(_) => true,
        }
    }

    /// Returns the form in which a thunk returns a value.
    fn form(&self, ty: Type) -> Result<Form, Failure> {
        match ty.shown {
            _ if self.is_direct(ty) => Ok(Form::Same),
            Some(ValType::V128) => Ok(Form::Halves),
            Some(ValType::Ref(HeapType::Any)) if self.abilities.host_values => Ok(Form::Converted),
            Some(ValType::Ref(heap)) => Ok(Form::Referent(heap)),
            _ => Err(Failure::Unsupported("a value of a type that lanes do not have".to_string())),
        }
    }

    /// Calls a function of the interface.
    fn call(&self, function: &Item, arguments: &[Val], results: usize) -> Result<Vec<Val>, Error> {
        if self.depth.get() == MAX_HOST_DEPTH {
            let kind = crate::TrapKind::StackOverflow;
            return Err(Failure::Trap(crate::Trap::new(kind, "too many host functions call back", None)).into());
        }
        self.depth.update(|depth| depth + 1);
        let result = function.call(arguments, results);
        self.depth.update(|depth| depth - 1);
        result?.map_err(|trap| self.error(trap, of_call))
    }
}

/// An instance of a session.
pub(super) struct Linked {
    pub(super) shape: Rc<Shape>,
    /// The exports by their positions in the shape. `None` for what the interface does not show.
    pub(super) items: Vec<Option<Item>>,
    /// The thunks of exports, by position and arguments.
    pub(super) thunks: RefCell<HashMap<(usize, Vec<Argument>), Item>>,
}

impl Linked {
    fn find(&self, name: &str) -> Option<(usize, &Kind)> {
        let position = self.shape.exports.iter().position(|(known, _)| known == name)?;
        Some((position, &self.shape.exports[position].1))
    }

    pub(super) fn item(&self, position: usize) -> Result<&Item, Failure> {
        let absent = || Failure::Unsupported("the library does not show this export".to_string());
        self.items[position].as_ref().ok_or_else(absent)
    }

    /// Returns the item that an export of this name is.
    pub(super) fn named(&self, name: &str) -> Option<&Item> {
        self.items[self.find(name)?.0].as_ref()
    }
}

/// A function to call.
pub(super) enum Callee {
    /// An export, by its position.
    Export(Rc<Linked>, usize, Signature),
    /// A reference.
    Reference(Rc<Ref>),
}

/// The session's data, as the context of all operations.
pub(super) struct Context(pub(super) Rc<State>);

impl EngineContext for Context {
    type Val = Val;
    type Func = Callee;
    type Table = Item;
    type Instance = Rc<Linked>;
    type Handle = Infallible;
    type Error = Error;

    fn lower(&mut self, value: Value) -> Result<Val, Error> {
        Ok(match value {
            Value::Ref(Reference::Func(number)) => {
                let functions = self.0.functions.borrow();
                let known = number.and_then(|number| functions.get(number as usize)).cloned();
                let unknown = || Failure::Usage("no function with this number was seen yet".to_string());
                Val::Func(known.ok_or_else(unknown)?)
            }
            Value::Ref(Reference::Extern(number)) => self.host_value(number)?,
            Value::Ref(Reference::Null(_) | Reference::I31(_) | Reference::Host(_)) => Val::Plain(value),
            Value::Ref(reference) => {
                return Err(Failure::Unsupported(format!("the C interface cannot make {reference}")).into());
            }
            number => Val::Plain(number),
        })
    }

    fn raise(&mut self, value: &Val) -> Result<Raised<Infallible>, Error> {
        Ok(Raised::Plain(match value {
            Val::Plain(value) => *value,
            Val::Func(function) => Value::Ref(Reference::Func(self.function_number(function))),
            Val::Extern(reference) => match reference.number() {
                Some(number) => Value::Ref(Reference::Extern(number)),
                None => Value::Ref(Reference::Converted(Converted::Hidden)),
            },
        }))
    }

    fn is_same(&self, one: &Infallible, _other: &Infallible) -> bool {
        match *one {}
    }

    fn look_into(&mut self, object: &Infallible) -> Result<Inside<Val>, Error> {
        match *object {}
    }

    fn element(&mut self, array: &Infallible, _index: u32) -> Result<Val, Error> {
        match *array {}
    }

    fn func(&mut self, instance: &Rc<Linked>, name: &str) -> Result<Callee, Error> {
        match instance.find(name) {
            Some((position, Kind::Func(signature))) => {
                Ok(Callee::Export(Rc::clone(instance), position, signature.clone()))
            }
            _ => Err(Failure::Usage(format!("there is no function {name:?}")).into()),
        }
    }

    fn global(&mut self, instance: &Rc<Linked>, name: &str) -> Result<Val, Error> {
        match instance.find(name) {
            Some((position, &Kind::Global { ty, mutable })) => self.read_global(instance, position, ty, mutable),
            _ => Err(Failure::Usage(format!("there is no global {name:?}")).into()),
        }
    }

    fn exports(&mut self, instance: &Rc<Linked>) -> Result<Exports<Self>, Error> {
        let mut exports = Vec::new();
        for (position, (name, kind)) in instance.shape.exports.iter().enumerate() {
            let export = match kind {
                Kind::Func(_) | Kind::Tag => continue,
                Kind::Global { ty, mutable } => Export::Global(self.read_global(instance, position, *ty, *mutable)?),
                Kind::Memory => Export::Memory(instance.item(position)?.memory(MemoryState::of)?),
                Kind::Table { element } if self.0.is_direct(*element) => {
                    Export::Table(instance.item(position)?.clone())
                }
                Kind::Table { .. } => {
                    return Err(Failure::Unsupported("a table whose elements the C interface lacks".to_string()).into());
                }
            };
            exports.push((name.clone(), export));
        }
        Ok(exports)
    }

    fn table_size(&mut self, table: &Item) -> Result<u64, Error> {
        Ok(u64::from(table.table_size()?))
    }

    fn table_element(&mut self, table: &Item, index: u64) -> Result<Option<Val>, Error> {
        let index = u32::try_from(index).expect("the interface has 32 bits for the size of a table");
        let element = table.table_element(index)?;
        Ok(element.map(|element| if element.number().is_some() { Val::Extern(element) } else { Val::Func(element) }))
    }

    fn as_func(value: &Val) -> Option<Callee> {
        match value {
            Val::Func(function) => Some(Callee::Reference(Rc::clone(function))),
            _ => None,
        }
    }

    fn room_for_results(&mut self, func: &Callee, arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let Callee::Export(_, _, signature) = func else { unreachable!("a script calls exports") };
        let fit = arguments.iter().zip(&signature.params).all(|(value, ty)| ty.shown == Some(type_of(value)));
        if !fit || arguments.len() != signature.params.len() {
            return Err(Failure::Usage("the arguments have other types than the parameters".to_string()).into());
        }
        Ok(vec![Val::Plain(Value::I32(0)); signature.results.len()])
    }

    fn call(&mut self, func: &Callee, arguments: &[Val], results: &mut [Val]) -> Result<(), Error> {
        let values = match func {
            Callee::Export(instance, position, signature) => {
                self.call_export(instance, *position, signature, arguments)?
            }
            Callee::Reference(function) => self.call_reference(function, arguments, results)?,
        };
        results.clone_from_slice(&values);
        Ok(())
    }

    fn frames(&self) -> Option<Vec<Frame>> {
        None
    }

    fn keep_host_call(&mut self, call: HostCall) {
        self.0.calls.borrow_mut().push(call);
    }

    fn host_error(text: &str) -> Error {
        Failure::Host(text.to_string()).into()
    }

    /// No panic may cross the library.
    fn host_panic(text: &str) -> Error {
        Failure::Panic(text.to_string()).into()
    }
}

impl Context {
    /// Returns the host value with this number, the same one each time.
    fn host_value(&self, number: u32) -> Result<Val, Failure> {
        if let Some(known) = self.0.host_values.borrow().get(&number) {
            return Ok(known.clone());
        }
        let lacking = || Failure::Unsupported("the library lacks host values (wasm_foreign_new)".to_string());
        let made = if self.0.abilities.host_values { self.0.store.host_value(number) } else { None };
        let made = made.ok_or_else(lacking)?;
        self.0.host_values.borrow_mut().insert(number, made.clone());
        Ok(made)
    }

    /// Returns the number of a function among those that were shown. `None` if the library does not tell functions
    /// apart.
    fn function_number(&self, function: &Rc<Ref>) -> Option<u32> {
        if !self.0.abilities.function_identity {
            return None;
        }
        let mut functions = self.0.functions.borrow_mut();
        let known = functions.iter().position(|known| known.is_same(function) == Some(true));
        let known = known.unwrap_or_else(|| {
            functions.push(Rc::clone(function));
            functions.len() - 1
        });
        Some(u32::try_from(known).expect("a session has fewer than 2^32 functions"))
    }

    fn read_global(&self, instance: &Linked, position: usize, ty: Type, mutable: bool) -> Result<Val, Error> {
        let item = instance.item(position)?;
        if self.0.is_direct(ty) {
            return Ok(item.global()?);
        }
        let forms = [self.0.form(ty)?];
        let thunk = || thunk::make(&instance.shape.types, &Source::Global { ty, mutable }, &forms, self.has_gc());
        let values = self.call_through(instance, (position, Vec::new()), thunk, &[], &forms)?;
        Ok(values.into_iter().next().expect("a global has one value"))
    }

    fn call_export(
        &self,
        instance: &Linked,
        position: usize,
        signature: &Signature,
        arguments: &[Val],
    ) -> Result<Vec<Val>, Error> {
        let all = || signature.params.iter().chain(&signature.results);
        if all().all(|&ty| self.0.is_direct(ty)) {
            return self.0.call(instance.item(position)?, arguments, signature.results.len());
        }
        let forms = signature.results.iter().map(|&ty| self.0.form(ty)).collect::<Result<Vec<_>, _>>()?;
        let (mut passed, mut ways) = (Vec::new(), Vec::new());
        for (value, &ty) in arguments.iter().zip(&signature.params) {
            ways.push(match value {
                _ if self.0.is_direct(ty) => {
                    passed.push(value.clone());
                    Argument::Same
                }
                Val::Plain(Value::V128(bits)) => {
                    passed.extend(halves(*bits));
                    Argument::Halves
                }
                Val::Plain(Value::Ref(Reference::Null(heap))) => Argument::Null(*heap),
                Val::Plain(Value::Ref(Reference::I31(value))) => Argument::I31(*value),
                Val::Plain(Value::Ref(Reference::Host(number))) => {
                    passed.push(self.host_value(*number)?);
                    Argument::Host
                }
                _ => return Err(Failure::Unsupported("an argument that no thunk can make".to_string()).into()),
            });
        }
        let thunk = || thunk::make(&instance.shape.types, &Source::Func(signature, &ways), &forms, self.has_gc());
        self.call_through(instance, (position, ways.clone()), thunk, &passed, &forms)
    }

    /// Calls the thunk of an export, which is made if there is none yet.
    fn call_through(
        &self,
        instance: &Linked,
        key: (usize, Vec<Argument>),
        make: impl Fn() -> Thunk,
        arguments: &[Val],
        forms: &[Form],
    ) -> Result<Vec<Val>, Error> {
        let known = instance.thunks.borrow().get(&key).cloned();
        let item = match known {
            Some(item) => item,
            None => {
                let item = self.0.instantiate(&make(), Some(instance.item(key.0)?))?;
                instance.thunks.borrow_mut().insert(key, item.clone());
                item
            }
        };
        let results = forms.iter().map(|form| form.count()).sum();
        let mut parts = self.0.call(&item, arguments, results)?.into_iter();
        forms.iter().map(|form| join(*form, &mut parts)).collect()
    }

    /// Calls a function by its reference. The results have the types of the values that `results` holds.
    fn call_reference(&self, function: &Rc<Ref>, arguments: &[Val], results: &[Val]) -> Result<Vec<Val>, Error> {
        let types = |values: &[Val]| values.iter().map(type_of).collect::<Vec<_>>();
        let key = (types(arguments), types(results));
        let known = self.0.call_thunks.borrow().get(&key).cloned();
        let item = match known {
            Some(item) => item,
            None => {
                let item = self.0.instantiate(&thunk::make_call(&key.0, &key.1), None)?;
                self.0.call_thunks.borrow_mut().insert(key, item.clone());
                item
            }
        };
        let arguments: Vec<Val> =
            std::iter::once(Val::Func(Rc::clone(function))).chain(arguments.iter().cloned()).collect();
        self.0.call(&item, &arguments, results.len())
    }

    fn has_gc(&self) -> bool {
        self.0.features.contains(Features::GC)
    }
}

/// Returns the halves of a vector, the first lanes first.
fn halves(bits: u128) -> [Val; 2] {
    let half = |bits: u128| Val::Plain(Value::I64(((bits & u128::from(u64::MAX)) as u64).cast_signed()));
    [half(bits), half(bits >> 64)]
}

/// Puts a value together from the parts that a thunk returned.
fn join(form: Form, parts: &mut impl Iterator<Item = Val>) -> Result<Val, Error> {
    let parts: Vec<Val> = parts.take(form.count()).collect();
    let value = match (form, &parts[..]) {
        (Form::Same, [value]) => return Ok(value.clone()),
        (Form::Halves, [Val::Plain(Value::I64(low)), Val::Plain(Value::I64(high))]) => {
            Value::V128(u128::from(low.cast_unsigned()) | u128::from(high.cast_unsigned()) << 64)
        }
        (Form::Converted, [Val::Plain(Value::I32(referent::HOST)), _, Val::Extern(host)]) => {
            let strange = || Failure::Unsupported("a host value that is not of this session".to_string());
            Value::Ref(Reference::Host(host.number().ok_or_else(strange)?))
        }
        (Form::Converted, [Val::Plain(Value::I32(kind)), Val::Plain(Value::I32(integer)), _]) => {
            Value::Ref(reference(HeapType::Any, *kind, integer.cast_unsigned())?)
        }
        (Form::Referent(heap), [Val::Plain(Value::I32(kind)), Val::Plain(Value::I32(integer))]) => {
            Value::Ref(reference(heap, *kind, integer.cast_unsigned())?)
        }
        _ => return Err(Failure::Internal("a thunk returned something else".to_string()).into()),
    };
    Ok(Val::Plain(value))
}

/// Returns the reference that two numbers stand for.
fn reference(heap: HeapType, kind: i32, integer: u32) -> Result<Reference, Failure> {
    let object = |kind| ObjectRef { kind, number: None };
    let found = match kind {
        referent::NULL => return Ok(Reference::Null(heap)),
        referent::I31 if heap == HeapType::Extern => return Ok(Reference::Converted(Converted::I31(integer))),
        referent::I31 => return Ok(Reference::I31(integer)),
        referent::STRUCT => object(ObjectKind::Struct),
        referent::ARRAY => object(ObjectKind::Array),
        referent::EXN => object(ObjectKind::Exn),
        _ => return Err(Failure::Unsupported("the number of a host value".to_string())),
    };
    Ok(match heap {
        HeapType::Extern => Reference::Converted(Converted::Object(found)),
        _ => Reference::Object(found),
    })
}

/// Returns the type of a value that lanes know.
pub(super) fn type_of(value: &Val) -> ValType {
    match value {
        Val::Func(_) => ValType::Ref(HeapType::Func),
        Val::Extern(_) => ValType::Ref(HeapType::Extern),
        Val::Plain(Value::I32(_)) => ValType::I32,
        Val::Plain(Value::I64(_)) => ValType::I64,
        Val::Plain(Value::F32(_)) => ValType::F32,
        Val::Plain(Value::F64(_)) => ValType::F64,
        Val::Plain(Value::V128(_)) => ValType::V128,
        Val::Plain(Value::Ref(reference)) => ValType::Ref(match reference {
            Reference::Null(heap) => *heap,
            Reference::Func(_) => HeapType::Func,
            Reference::Extern(_) | Reference::Converted(_) => HeapType::Extern,
            Reference::Host(_) | Reference::I31(_) | Reference::Object(_) => HeapType::Any,
            Reference::Cont => HeapType::Cont,
        }),
    }
}
