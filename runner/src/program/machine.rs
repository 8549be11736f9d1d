//! The interface to an engine that runs one program.

use super::Stopped;
use super::source::Source;
use super::value::{Type, Value};

/// An engine with one store, which holds the instances of one program.
pub(super) trait Machine {
    /// A module that is ready to be instantiated.
    type Module;
    /// An instance of the store.
    type Instance: Copy;

    /// Validates, compiles or loads a module.
    fn load(&mut self, source: &Source) -> Result<Self::Module, Stopped>;

    /// Returns the imports of a module that nothing provides yet. One may occur twice.
    fn missing(&mut self, module: &Self::Module) -> Vec<Import>;

    /// Provides a function of WASI to the modules that are instantiated later.
    #[cfg(feature = "wasi")]
    fn provide(&mut self, function: &'static wasi::Function, wasi: &wasi::Wasi) -> Result<(), Stopped>;

    /// Instantiates a module, and runs its start function.
    fn instantiate(&mut self, module: &Self::Module) -> Result<Self::Instance, Stopped>;

    /// Provides all exports of an instance, under a module name, to the modules that are instantiated later.
    fn register(&mut self, name: &str, instance: Self::Instance) -> Result<(), Stopped>;

    /// Returns the functions that an instance exports, each with the types of its parameters.
    fn functions(&mut self, instance: Self::Instance) -> Result<Vec<(String, Vec<Type>)>, Stopped>;

    /// Calls an exported function with arguments of its types, and returns the results.
    fn call(&mut self, instance: Self::Instance, name: &str, arguments: &[Value]) -> Result<Vec<Value>, Stopped>;

    /// Returns a function that makes the running code trap, if it is called on another thread.
    fn interrupter(&self) -> Box<dyn Fn() + Send>;
}

/// The names of an import.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: String,
}

impl Import {
    pub(super) fn new(module: &str, name: &str) -> Import {
        Import { module: module.to_owned(), name: name.to_owned() }
    }
}
