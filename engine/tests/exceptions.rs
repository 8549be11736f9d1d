//! Exceptions in the host: throwing, catching and passing them on, and reading their tags and fields.
#![cfg(feature = "compile")]

use engine::{
    AsContextMut, Caller, Config, Engine, Error, ErrorKind, ExnRef, ExternRef, ExternType, Func, FuncType, Instance,
    Linker, Module, Result, Store, StoreLimits, Tag, Trap, Val, ValType,
};

fn engine() -> Engine {
    Engine::new(&Config::new()).unwrap()
}

/// A store, and a linker with the imports of all modules here: tags `t: [i32 f64]` and `other: [i32 f64]`, and a host
/// function `h: [i32] -> [i32]`.
struct World {
    store: Store<Vec<i32>>,
    linker: Linker<Vec<i32>>,
    tag: Tag,
    other: Tag,
}

/// Returns the exception that an error carries.
fn caught(error: &Error, store: impl AsContextMut) -> ExnRef {
    error.as_exception().expect("an exception").to_rooted(store).unwrap()
}

fn world() -> World {
    let engine = engine();
    let mut store = Store::new(&engine, Vec::new());
    let ty = FuncType::new([ValType::I32, ValType::F64], []);
    let tag = Tag::new(&mut store, ty.clone()).unwrap();
    let other = Tag::new(&mut store, ty).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define(&store, "", "t", tag).unwrap().define(&store, "", "other", other).unwrap();
    World { store, linker, tag, other }
}

impl World {
    fn host(&mut self, call: impl Fn(Caller<'_, Vec<i32>>, i32) -> Result<i32> + Send + Sync + 'static) {
        self.linker.func_wrap("", "h", call).unwrap();
    }

    fn instantiate(&mut self, text: &str) -> Instance {
        let module = Module::new(self.store.engine(), text).unwrap();
        self.linker.instantiate(&mut self.store, &module).unwrap()
    }

    fn call(&mut self, instance: Instance, name: &str, argument: i32) -> Result<i32> {
        let func = instance.get_typed_func::<i32, i32>(&mut self.store, name)?;
        func.call(&mut self.store, argument)
    }
}

const CATCHES: &str = r#"(module $m
    (import "" "t" (tag $t (param i32 f64))) (import "" "h" (func $h (param i32) (result i32)))
    (func $run (export "run") (param i32) (result i32)
        (block $caught (result i32 f64)
            (try_table (catch $t $caught) (return (call $h (local.get 0))))
            (unreachable))
        (drop)))"#;

const THROWS: &str = r#"(module $m
    (import "" "t" (tag $t (param i32 f64)))
    (func $throw (param i32) (result i32) (throw $t (local.get 0) (f64.const 2.5)))
    (func $run (export "run") (param i32) (result i32) (call $throw (local.get 0))))"#;

#[test]
fn an_uncaught_exception_has_tag_fields_and_backtrace() {
    let mut world = world();
    let instance = world.instantiate(THROWS);
    let error = world.call(instance, "run", 7).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exception);
    let exception = caught(&error, &mut world.store);
    assert_eq!(exception.tag(&world.store).unwrap(), world.tag);
    assert_ne!(exception.tag(&world.store).unwrap(), world.other);
    let payload = exception.fields(&mut world.store).unwrap();
    assert_eq!(payload, [Val::I32(7), Val::F64(2.5f64.to_bits())]);
    let frames = &error.backtrace().unwrap().frames;
    let names: Vec<_> = frames.iter().map(|frame| frame.func_name.as_deref().unwrap()).collect();
    assert_eq!(names, ["throw", "run"]);
    assert!(Error::trap(Trap::Unreachable).as_exception().is_none());
}

#[test]
fn the_host_throws() {
    let mut world = world();
    let (tag, other) = (world.tag, world.other);
    world.host(move |mut caller, argument| {
        let tag = if argument < 0 { other } else { tag };
        let payload = [Val::I32(argument * 2), Val::F64(0)];
        Err(ExnRef::new(&mut caller, tag, &payload)?.throw(&mut caller))
    });
    let instance = world.instantiate(CATCHES);
    assert_eq!(world.call(instance, "run", 21).unwrap(), 42);
    let error = world.call(instance, "run", -4).unwrap_err();
    let exception = caught(&error, &mut world.store);
    assert_eq!(exception.tag(&world.store).unwrap(), other);
    assert_eq!(exception.fields(&mut world.store).unwrap()[0], Val::I32(-8));
    let frames = &error.backtrace().unwrap().frames;
    assert_eq!(frames.len(), 1, "the function that called the host");
    assert_eq!(world.call(instance, "run", 3).unwrap(), 6);
}

/// Defines `h` as a host function that calls the export `run` of an instance of [`THROWS`], and passes its error to
/// `handle`.
fn callback(world: &mut World, handle: impl Fn(Caller<'_, Vec<i32>>, Error) -> Result<i32> + Send + Sync + 'static) {
    let throwing = world.instantiate(THROWS);
    let run = throwing.get_func(&mut world.store, "run").unwrap();
    world.host(move |mut caller, argument| {
        let mut results = [Val::I32(0)];
        match run.call(&mut caller, &[Val::I32(argument)], &mut results) {
            Ok(()) => panic!("it throws"),
            Err(error) => handle(caller, error),
        }
    });
}

#[test]
fn the_host_lets_an_exception_pass() {
    let mut world = world();
    callback(&mut world, |mut caller, error| {
        caller.data_mut().push(1);
        Err(error)
    });
    let instance = world.instantiate(CATCHES);
    assert_eq!(world.call(instance, "run", 5).unwrap(), 5);
    assert_eq!(world.store.data(), &[1], "the host function came to its end");
}

#[test]
fn the_host_catches_an_exception() {
    let mut world = world();
    callback(&mut world, |mut caller, error| {
        let payload = caught(&error, &mut caller).fields(&mut caller)?;
        Ok(payload[0].i32().expect("an i32") + 100)
    });
    let instance = world.instantiate(CATCHES);
    assert_eq!(world.call(instance, "run", 5).unwrap(), 105);
}

#[test]
fn the_host_turns_an_exception_into_something_else() {
    let mut world = world();
    let other = world.other;
    callback(&mut world, move |mut caller, error| match caught(&error, &mut caller).fields(&mut caller)?[0] {
        Val::I32(0) => Err(Error::host("refused")),
        Val::I32(1) => Err(Trap::Interrupted.into()),
        payload => Err(ExnRef::new(&mut caller, other, &[payload, Val::F64(0)])?.throw(&mut caller)),
    });
    let instance = world.instantiate(CATCHES);
    assert_eq!(world.call(instance, "run", 0).unwrap_err().kind(), ErrorKind::Host);
    assert_eq!(world.call(instance, "run", 1).unwrap_err().as_trap(), Some(Trap::Interrupted));
    let error = world.call(instance, "run", 2).unwrap_err();
    assert_eq!(caught(&error, &mut world.store).tag(&world.store).unwrap(), other);
}

#[test]
fn an_exception_of_another_store_is_caught_by_nobody() {
    let mut foreign = world();
    let exception = ExnRef::new(&mut foreign.store, foreign.tag, &[Val::I32(1), Val::F64(0)]).unwrap();
    let mut world = world();
    assert_eq!(exception.throw(&mut world.store).kind(), ErrorKind::Usage);
    assert_eq!(exception.tag(&world.store).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(exception.fields(&mut world.store).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(foreign.tag.ty(&world.store).unwrap_err().kind(), ErrorKind::Usage);
    let payload = [Val::I32(1), Val::F64(0)];
    assert_eq!(ExnRef::new(&mut world.store, foreign.tag, &payload).unwrap_err().kind(), ErrorKind::Usage);
    let text = r#"(module (import "" "h" (func $h (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
            (block $caught (try_table (catch_all $caught) (return (call $h (local.get 0)))))
            (i32.const -1)))"#;
    // It passes through as an error, like any error of the host.
    let (store, tag) = (std::sync::Mutex::new(foreign.store), foreign.tag);
    world.host(move |_, _| {
        let mut store = store.lock().unwrap();
        Err(ExnRef::new(&mut *store, tag, &[Val::I32(1), Val::F64(0)])?.throw(&mut *store))
    });
    let instance = world.instantiate(text);
    let error = world.call(instance, "run", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exception);
    assert!(error.as_exception().unwrap().to_rooted(&mut world.store).is_err());
}

#[test]
fn payloads_must_fit() {
    let mut world = world();
    let mut refused = |payload: &[Val]| {
        assert_eq!(ExnRef::new(&mut world.store, world.tag, payload).unwrap_err().kind(), ErrorKind::Usage);
    };
    refused(&[]);
    refused(&[Val::I32(1)]);
    refused(&[Val::F64(0), Val::I32(1)]);
    refused(&[Val::I32(1), Val::F64(0), Val::I32(1)]);
    let result = FuncType::new([], [ValType::I32]);
    assert_eq!(Tag::new(&mut world.store, result).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn tags_are_exported_and_described() {
    let mut world = world();
    let text = r#"(module
        (import "" "t" (tag $t (param i32 f64))) (export "again" (tag $t)) (tag (export "own") (param i64)))"#;
    let module = Module::new(world.store.engine(), text).unwrap();
    let types: Vec<ExternType> = module.exports().map(|export| export.ty).collect();
    let ty = |params: &[ValType]| ExternType::Tag(FuncType::new(params.iter().copied(), []));
    assert_eq!(types, [ty(&[ValType::I32, ValType::F64]), ty(&[ValType::I64])]);
    assert_eq!(types[0].to_string(), "tag [i32 f64] -> []");
    let instance = world.linker.instantiate(&mut world.store, &module).unwrap();
    assert_eq!(instance.get_tag(&mut world.store, "again").unwrap(), world.tag);
    let own = instance.get_tag(&mut world.store, "own").unwrap();
    assert_eq!(own.ty(&world.store).unwrap(), FuncType::new([ValType::I64], []));
    let exception = ExnRef::new(&mut world.store, own, &[Val::I64(-3)]).unwrap();
    assert_eq!(exception.fields(&mut world.store).unwrap(), [Val::I64(-3)]);
    let error = world.instantiate_error(r#"(module (import "" "t" (tag (param i64))))"#);
    assert_eq!(error.kind(), ErrorKind::Link);
    assert!(error.message().contains("expected tag [i64] -> [], found tag [i32 f64] -> []"), "{error}");
}

impl World {
    fn instantiate_error(&mut self, text: &str) -> Error {
        let module = Module::new(self.store.engine(), text).unwrap();
        self.linker.instantiate(&mut self.store, &module).unwrap_err()
    }
}

/// No handler catches the traps of fuel and epochs.
#[test]
fn limits_are_not_caught() {
    let text = r#"(module
        (func $spin (loop $again (br $again)))
        (func (export "run") (block $caught (try_table (catch_all $caught) (call $spin)))))"#;
    let mut config = Config::new();
    let engine = Engine::new(config.consume_fuel(true).epoch_interruption(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, text).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
    store.set_fuel(1000).unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap_err().as_trap(), Some(Trap::OutOfFuel));
    store.set_fuel(u64::MAX).unwrap();
    store.set_epoch_deadline(0);
    assert_eq!(run.call(&mut store, ()).unwrap_err().as_trap(), Some(Trap::Interrupted));
}

/// A throw costs one unit of fuel, wherever the handler is.
#[test]
fn a_throw_is_charged_before_it_leaves() {
    let text = r#"(module (tag $e)
        (func $throw (i32.const 1) (drop) (throw $e))
        (func (export "run") (block $caught (try_table (catch_all $caught) (call $throw)) (unreachable))))"#;
    let mut config = Config::new();
    let engine = Engine::new(config.consume_fuel(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, text).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    store.set_fuel(100).unwrap();
    instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap();
    assert_eq!(store.fuel().unwrap(), 97, "the call, the constant and the throw");
}

/// Entering a `try_table` costs no code: the function is the same as with a `block`.
#[test]
fn entering_costs_nothing() {
    let size = |text: &str| {
        let artifact = engine().compile(text).unwrap();
        let inspection = engine::inspect(&artifact).unwrap();
        let function = inspection.functions.iter().find(|function| function.kind == "function 0").unwrap();
        function.end - function.start
    };
    let body = |open: &str| {
        format!(
            "(module (func (param i32) (result i32) (block $h {open} \
             (if (i32.eqz (local.get 0)) (then (return (i32.const 5)))))) (i32.mul (local.get 0) (i32.const 7))))"
        )
    };
    assert_eq!(size(&body("(try_table (catch_all $h)")), size(&body("(block")));
}

/// A function whose exception tables would be much larger than its code is refused early.
#[test]
fn exception_tables_are_bounded() {
    let (depth, calls) = (2000, 2000);
    let text = format!(
        "(module (tag $e) (func $f) (func (block $h {} {} {})))",
        "(try_table (catch $e $h) ".repeat(depth),
        "(call $f) ".repeat(calls),
        ")".repeat(depth)
    );
    let wasm = Engine::new(&Config::new()).unwrap().compile(&text);
    assert_eq!(wasm.unwrap_err().kind(), ErrorKind::TooLarge);
}

/// A host function that the host calls, without any frame of WebAssembly, can throw too.
#[test]
fn a_host_function_that_the_host_calls_may_throw() {
    let mut world = world();
    let tag = world.tag;
    let func = Func::wrap(&mut world.store, move |mut caller: Caller<'_, Vec<i32>>| -> Result<()> {
        let store = caller.as_context_mut();
        let exception = ExnRef::new(store, tag, &[Val::I32(4), Val::F64(0)])?;
        Err(exception.throw(&mut caller))
    });
    let error = func.call(&mut world.store, &[], &mut []).unwrap_err();
    assert_eq!(caught(&error, &mut world.store).fields(&mut world.store).unwrap()[0], Val::I32(4));
}

/// Throws, catches and keeps exceptions that carry host references, with an exception in an exception.
const MOVING: &str = r#"(module
    (tag $inner (export "inner") (param externref i64)) (tag $outer (param i32 exnref externref))
    (global $held (export "held") (mut exnref) (ref.null exn))
    (table $table (export "table") 3 exnref)
    (func $throw (param externref i64) (throw $inner (local.get 0) (local.get 1)))
    (func $catch (param externref i64) (result exnref)
        (block $caught (result externref i64 exnref)
            (try_table (catch_ref $inner $caught) (call $throw (local.get 0) (local.get 1)))
            (unreachable))
        (global.set $held)
        (drop) (drop) (global.get $held))
    ;; An exception that carries an exception; both are on the stack while others are made.
    (func (export "run") (param externref externref) (result externref externref i64)
        (local $first exnref) (local $x externref) (local $n i64)
        (local.set $first (call $catch (local.get 0) (i64.const 7)))
        (table.set $table (i32.const 1) (call $catch (local.get 1) (i64.const 8)))
        (block $outer (result i32 exnref externref)
            (try_table (catch $outer $outer)
                (throw $outer (i32.const 5) (local.get $first) (local.get 1)))
            (unreachable))
        (local.set $x) (local.set $first) (drop)
        (drop (call $catch (ref.null extern) (i64.const 9)))
        (block $again (result externref i64)
            (try_table (catch $inner $again) (throw_ref (local.get $first)))
            (unreachable))
        (drop) (local.get $x)
        (block $table (result externref i64)
            (try_table (catch $inner $table) (throw_ref (table.get $table (i32.const 1))))
            (unreachable))
        (local.set $n) (drop) (local.get $n)))"#;

/// Under zeal, every allocation moves exceptions and the objects that they carry. All references to them stay valid.
#[test]
fn exceptions_move() {
    let mut config = Config::new();
    let engine = Engine::new(config.gc_zeal(true)).unwrap();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, MOVING).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_func(&mut store, "run").unwrap();
    let values = ["one", "two"].map(|value| ExternRef::new(&mut store, value).unwrap());
    let mut results = [Val::I32(0); 3];
    run.call(&mut store, &values.map(Val::from), &mut results).unwrap();
    let [Val::ExternRef(Some(first)), Val::ExternRef(Some(second)), Val::I64(8)] = results else {
        panic!("{results:?}")
    };
    let text =
        |value: ExternRef, store: &Store<()>| *value.data(store).unwrap().unwrap().downcast_ref::<&str>().unwrap();
    assert_eq!((text(first, &store), text(second, &store)), ("one", "two"));
    let held = instance.get_global(&mut store, "held").unwrap().get(&mut store).unwrap();
    let Val::ExnRef(Some(held)) = held else { panic!("{held:?}") };
    store.gc().unwrap();
    assert_eq!(held.fields(&mut store).unwrap(), [Val::ExternRef(None), Val::I64(9)]);
    let inner = instance.get_tag(&mut store, "inner").unwrap();
    assert_eq!(held.tag(&store).unwrap(), inner);
    let table = instance.get_table(&mut store, "table").unwrap();
    let Some(Val::ExnRef(Some(kept))) = table.get(&mut store, 1).unwrap() else { panic!("an exception") };
    assert!(!kept.ref_eq(&held, &store).unwrap());
    let [Val::ExternRef(Some(value)), Val::I64(8)] = kept.fields(&mut store).unwrap()[..] else { panic!("{kept:?}") };
    assert_eq!(text(value, &store), "two");
    let other = ExnRef::new(&mut store, inner, &[Val::ExternRef(Some(value)), Val::I64(1)]).unwrap();
    table.set(&mut store, 0, Val::from(other)).unwrap();
    let Some(Val::ExnRef(Some(read))) = table.get(&mut store, 0).unwrap() else { panic!("an exception") };
    assert!(read.ref_eq(&other, &store).unwrap());
    assert_eq!(table.set(&mut store, 0, Val::ExternRef(None)).unwrap_err().kind(), ErrorKind::Usage);
}

/// Unreachable exceptions are collected: 100,000 of them fit into a heap of one megabyte.
#[test]
fn caught_exceptions_are_garbage() {
    let text = r#"(module (tag $e (param i64 i64))
        (func $throw (param i64) (throw $e (local.get 0) (i64.const 1)))
        (func (export "run") (param $n i64) (result i64)
            (local $sum i64)
            (loop $again
                (block $caught (result i64 i64)
                    (try_table (catch $e $caught) (call $throw (local.get $n)))
                    (unreachable))
                (local.set $sum (i64.add (local.get $sum)))
                (drop)
                (br_if $again (i64.ne (i64.const 0) (local.tee $n (i64.sub (local.get $n) (i64.const 1))))))
            (local.get $sum)))"#;
    let engine = engine();
    let mut store = Store::new(&engine, StoreLimits::new().heap_size(1 << 20));
    store.limiter(|limits| limits);
    let module = Module::new(&engine, text).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<i64, i64>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 100_000).unwrap(), 100_000);
}
