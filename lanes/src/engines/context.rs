//! The leaf operations of a linked engine on its store: what [`walk`](super::walk), [`host`](super::host) and
//! [`session`](super::session) cannot do for all engines alike.

use super::guard;
use crate::{Failure, Frame, HostCall, MemoryState, ObjectKind, Value};

/// The store of a session, or the caller that a host function gets, for as long as one scope of references lasts.
pub(crate) trait EngineContext: Sized {
    /// A value.
    type Val;
    /// A function.
    type Func;
    /// A table.
    type Table;
    /// An instance.
    type Instance;
    /// A reference to an object. It stays the same as long as the context lives, since nothing is allocated meanwhile.
    type Handle: Clone;
    /// The engine's error.
    type Error;

    /// Converts a value for the engine.
    fn lower(&mut self, value: Value) -> Result<Self::Val, Self::Error>;

    /// Converts a value of the engine, except for the objects that it refers to.
    fn raise(&mut self, value: &Self::Val) -> Result<Raised<Self::Handle>, Self::Error>;

    /// Returns whether two references with the same [`Found::hash`] refer to the same object.
    fn is_same(&self, one: &Self::Handle, other: &Self::Handle) -> bool;

    /// Reads an object.
    fn look_into(&mut self, object: &Self::Handle) -> Result<Inside<Self::Val>, Self::Error>;

    /// Reads one element of an array.
    fn element(&mut self, array: &Self::Handle, index: u32) -> Result<Self::Val, Self::Error>;

    /// Returns an exported function.
    fn func(&mut self, instance: &Self::Instance, name: &str) -> Result<Self::Func, Self::Error>;

    /// Returns the value of an exported global.
    fn global(&mut self, instance: &Self::Instance, name: &str) -> Result<Self::Val, Self::Error>;

    /// Reads all exports, in any order. Functions and tags are left out.
    fn exports(&mut self, instance: &Self::Instance) -> Result<Exports<Self>, Self::Error>;

    /// Returns the number of a table's elements.
    fn table_size(&mut self, table: &Self::Table) -> Result<u64, Self::Error>;

    /// Reads one element of a table. `None` if it is null.
    fn table_element(&mut self, table: &Self::Table, index: u64) -> Result<Option<Self::Val>, Self::Error>;

    /// Returns the function that a value refers to.
    fn as_func(value: &Self::Val) -> Option<Self::Func>;

    /// Returns room for the results of a call with these arguments. The error says that the arguments have other types
    /// than the parameters, if the engine's own would not.
    fn room_for_results(&mut self, func: &Self::Func, arguments: &[Self::Val]) -> Result<Vec<Self::Val>, Self::Error>;

    /// Calls a function.
    fn call(
        &mut self,
        func: &Self::Func,
        arguments: &[Self::Val],
        results: &mut [Self::Val],
    ) -> Result<(), Self::Error>;

    /// Calls a function from within a host function.
    fn call_back(
        &mut self,
        func: &Self::Func,
        arguments: &[Self::Val],
        results: &mut [Self::Val],
    ) -> Result<(), Self::Error> {
        self.call(func, arguments, results)
    }

    /// Collects garbage, if the engine can be asked for that.
    fn collect(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Returns the number by which values show the function of this index, as in [`Reference::Func`].
    ///
    /// [`Reference::Func`]: crate::Reference::Func
    fn function_at(&mut self, _instance: &Self::Instance, _index: u32) -> Result<u32, Failure> {
        Err(Failure::tells_no_functions_apart())
    }

    /// Returns the exception that an error carries, if it is an exception that nothing caught.
    fn thrown(&mut self, _error: &Self::Error) -> Result<Option<Thrown<Self::Val>>, Self::Error> {
        Ok(None)
    }

    /// Returns the WebAssembly frames that are active, innermost first. `None` if the engine does not show them.
    fn frames(&self) -> Option<Vec<Frame>>;

    /// Keeps a call of a host function until the session takes it.
    fn keep_host_call(&mut self, call: HostCall);

    /// Makes an error with the text of a host function, which arrives as [`Failure::Host`](crate::Failure::Host).
    fn host_error(text: &str) -> Self::Error;

    /// Panics, or, where a panic cannot cross the engine's frames, makes an error that stands for a panic. Either
    /// arrives as [`Failure::Panic`](crate::Failure::Panic).
    fn host_panic(text: &str) -> Self::Error {
        guard::host_panic(text)
    }
}

/// A value of an engine, as far as it can be told without a look into the heap.
pub(crate) enum Raised<H> {
    /// A number, a null, or a function.
    Plain(Value),
    /// An `anyref` that is not null.
    Any(Any<H>),
    /// An `externref` that is not null.
    Extern(Any<H>),
    /// An `exnref` that is not null.
    Exn(Found<H>),
}

/// The referent of an `anyref`, or of an `externref` converted to one.
pub(crate) enum Any<H> {
    /// A struct or an array.
    Object(Found<H>),
    /// An integer of 31 bits, zero-extended.
    I31(u32),
    /// The host value with this number.
    Host(u32),
}

/// An object that a walk comes across.
pub(crate) struct Found<H> {
    /// The kind of the object.
    pub(crate) kind: ObjectKind,
    /// A hash of its identity.
    pub(crate) hash: u64,
    /// The reference to it.
    pub(crate) handle: H,
}

/// The contents of an object.
pub(crate) enum Inside<V> {
    /// A struct.
    Struct {
        /// Its descriptor, if it has one.
        descriptor: Option<V>,
        /// Its fields.
        fields: Vec<V>,
    },
    /// An array of this many elements.
    Array(u32),
    /// An exception.
    Exn {
        /// The number of its tag.
        tag: u32,
        /// Its payload.
        payload: Vec<V>,
    },
}

/// The exports of an instance by name.
pub(crate) type Exports<C> = Vec<(String, Export<<C as EngineContext>::Val, <C as EngineContext>::Table>)>;

/// An export that holds something.
pub(crate) enum Export<V, T> {
    /// A global and its value.
    Global(V),
    /// A memory and its contents.
    Memory(MemoryState),
    /// A table.
    Table(T),
}

/// An exception that nothing caught.
pub(crate) struct Thrown<V> {
    /// The number of its tag.
    pub(crate) tag: Option<u32>,
    /// Its payload.
    pub(crate) payload: Option<Vec<V>>,
    /// The frames that were active when it was thrown, innermost first.
    pub(crate) frames: Option<Vec<Frame>>,
}
