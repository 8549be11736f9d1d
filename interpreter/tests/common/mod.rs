//! What the tests share.

use interpreter::{Config, Engine, Instance, Module, Store};

/// Returns a module of a text.
pub(crate) fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, &wat::parse_str(text).expect("the text is well-formed")).expect("the module is valid")
}

/// Returns an instance without imports, in a store of its own.
pub(crate) fn instance(text: &str) -> (Store<()>, Instance) {
    let engine = Engine::new(&Config::new());
    let module = module(&engine, text);
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).expect("instantiation succeeds");
    (store, instance)
}
