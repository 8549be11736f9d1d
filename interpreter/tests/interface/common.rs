//! Instances of texts, and calls of their exports.

use interpreter::{Config, Engine, Error, Frame, Instance, Linker, Module, Store, Val, WasmParams, WasmResults};

/// Returns a module of a text.
pub(crate) fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, &wat::parse_str(text).expect("the text is well-formed")).expect("the module is valid")
}

/// Returns an engine with all features.
pub(crate) fn engine() -> Engine {
    Engine::new(Config::new().features(Config::SUPPORTED_FEATURES))
}

/// Returns an instance without imports, in a store of its own.
pub(crate) fn instance(text: &str) -> (Store<()>, Instance) {
    linked(text, |_, _| ())
}

/// Returns an instance whose imports `define` defines.
pub(crate) fn linked<T: Default>(
    text: &str,
    define: impl FnOnce(&mut Linker<T>, &mut Store<T>),
) -> (Store<T>, Instance) {
    let engine = engine();
    let module = module(&engine, text);
    let (mut store, mut linker) = (Store::new(&engine, T::default()), Linker::new(&engine));
    define(&mut linker, &mut store);
    let instance = linker.instantiate(&mut store, &module).expect("instantiation succeeds");
    (store, instance)
}

/// Calls an exported function.
pub(crate) fn call<T, P: WasmParams, R: WasmResults>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    params: P,
) -> Result<R, Error> {
    instance.get_typed_func::<P, R>(&*store, name).expect("an export of this type").call(store, params)
}

/// Calls an exported function of any type.
pub(crate) fn call_any<T>(
    store: &mut Store<T>,
    instance: Instance,
    name: &str,
    arguments: &[Val],
) -> Result<Vec<Val>, Error> {
    let func = instance.get_func(&*store, name).expect("an export");
    let mut results = vec![Val::I32(0); func.ty(&*store).unwrap().results().len()];
    func.call(store, arguments, &mut results)?;
    Ok(results)
}

/// Returns the frames of an error, as they print, innermost first.
pub(crate) fn frames(error: &Error) -> Vec<String> {
    error.backtrace().expect("a backtrace").frames.iter().map(Frame::to_string).collect()
}
