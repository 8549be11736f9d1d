//! Structs and arrays: linked structures that survive collections at every kind of call, handles of the host, and a
//! heap that stays small however much is allocated.

use engine::{
    AnyRef, ArrayRef, AsContextMut, Caller, Config, Engine, ErrorKind, Features, HeapType, I31, Instance, Linker,
    Module, RefType, Result, RootScope, Store, StoreLimits, StructRef, Tier, Trap, TypedFunc, Val, ValType,
};

fn linker(engine: &Engine) -> Linker<StoreLimits> {
    let mut linker = Linker::new(engine);
    let gc = |mut caller: Caller<'_, StoreLimits>| caller.as_context_mut().gc();
    linker.func_wrap("host", "gc", gc).unwrap();
    let call = |mut caller: Caller<'_, StoreLimits>, func: Option<engine::Func>, value: Option<AnyRef>| {
        let owned = value.expect("not null").to_owned_rooted(&mut caller)?;
        let mut results = [Val::I32(0)];
        func.expect("not null").call(&mut caller, &[Val::AnyRef(value)], &mut results)?;
        assert!(owned.to_rooted(&mut caller)?.ref_eq(&value.expect("not null"), &caller)?);
        Ok(results[0].i32().expect("an i32"))
    };
    linker.func_wrap("host", "call", call).unwrap();
    linker
}

fn instantiate(config: &Config, text: &str) -> (Store<StoreLimits>, Result<Instance>) {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, StoreLimits::new());
    store.limiter(|limits| limits);
    let instance = linker(&engine).instantiate(&mut store, &module);
    (store, instance)
}

const PRELUDE: &str = r#"
    (import "host" "gc" (func $gc))
    (import "host" "call" (func $host (param funcref anyref) (result i32)))
    (type $cell (struct (field $number i32) (field $next (mut (ref null $cell)))))
    (type $sum (func (param anyref) (result i32)))
    (func $build (param $count i32) (result (ref null $cell)) (local $list (ref null $cell))
        (block $done
            (loop $again
                (br_if $done (i32.eqz (local.get $count)))
                (local.set $list (struct.new $cell (local.get $count) (local.get $list)))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br $again)))
        (local.get $list))
    (func $sum (type $sum) (local $list (ref null $cell)) (local $sum i32)
        (local.set $list (ref.cast (ref null $cell) (local.get 0)))
        (block $done
            (loop $again
                (br_if $done (ref.is_null (local.get $list)))
                (local.set $sum (i32.add (local.get $sum) (struct.get $cell $number (local.get $list))))
                (local.set $list (struct.get $cell $next (local.get $list)))
                (br $again)))
        (local.get $sum))
    (func $garbage (drop (call $build (i32.const 50))) (call $gc) (drop (call $build (i32.const 50))))
    (func $inner (type $sum) (call $garbage) (call $sum (local.get 0)))
    (elem declare func $inner)
    (func (export "run") (result i32) (local $list (ref null $cell)) (local $other (ref null $cell))
        (local.set $list (call $build (i32.const 100)))
        (local.set $other (call $build (i32.const 10)))
        (if (i32.ne (call $middle (local.get $list)) (i32.const 5050)) (then unreachable))
        (struct.set $cell $next (local.get $other) (local.get $list))
        (if (i32.ne (call $middle (local.get $other)) (i32.const 5051)) (then unreachable))
        (i32.add (call $sum (local.get $other)) (call $sum (local.get $list))))
"#;

/// Runs `run` with this function `$middle` in both tiers, with and without zeal, and checks its result.
#[track_caller]
fn survives(middle: &str) {
    for (tier, zeal) in [(Tier::Speed, false), (Tier::Speed, true), (Tier::Quick, false), (Tier::Quick, true)] {
        let text = format!("(module {PRELUDE} {middle})");
        let (mut store, instance) = instantiate(Config::new().tier(tier).gc_zeal(zeal), &text);
        let run: TypedFunc<(), i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 5051 + 5050, "{tier:?}, zeal {zeal}");
    }
}

#[test]
fn a_direct_call() {
    survives("(func $middle (type $sum) (call $inner (local.get 0)))");
}

#[test]
fn an_indirect_call() {
    survives(
        "(table funcref (elem $inner))
         (func $middle (type $sum) (call_indirect (type $sum) (local.get 0) (i32.const 0)))",
    );
}

#[test]
fn a_call_of_a_reference() {
    survives("(func $middle (type $sum) (call_ref $sum (local.get 0) (ref.func $inner)))");
}

#[test]
fn a_call_of_the_host_and_back() {
    survives("(func $middle (type $sum) (call $host (ref.func $inner) (local.get 0)))");
}

#[test]
fn tail_calls() {
    survives(
        "(func $middle (type $sum) (return_call $second (i64.const 0) (local.get 0) (i64.const 0)))
        (func $second (param i64 anyref i64) (result i32)
            (call $garbage) (return_call_ref $sum (local.get 1) (ref.func $third)))
        (elem declare func $third)
        (func $third (type $sum) (call $garbage) (return_call $host (ref.func $inner) (local.get 0)))",
    );
}

#[test]
fn instantiation_and_start() {
    let text = r#"(module
        (import "host" "gc" (func $gc))
        (type $cell (struct (field i32) (field (ref null $cell))))
        (type $cells (array (mut (ref null $cell))))
        (type $bytes (array i8))
        (global $list (ref null $cell)
            (struct.new $cell (i32.const 1)
                (struct.new $cell (i32.const 20) (struct.new $cell (i32.const 300) (ref.null none)))))
        (global $cells (ref $cells)
            (array.new_fixed $cells 2 (struct.new $cell (i32.const 4000) (global.get $list)) (global.get $list)))
        (global $many (ref $cells) (array.new $cells (struct.new_default $cell) (i32.const 100)))
        (global $bytes (ref $bytes) (array.new $bytes (i32.const 7) (i32.const 5)))
        (global $nothing (mut anyref) (extern.convert_any_is_below))
        (table $table (ref null $cell)
            (elem (struct.new $cell (i32.const 50000) (global.get $list)) (global.get $list)))
        (elem $passive (ref null $cell) (struct.new $cell (i32.const 600000) (ref.null none)) (global.get $list))
        (start $start)
        (func $start (local $own (ref null $cell))
            (local.set $own (struct.new $cell (i32.const 7000000) (global.get $list)))
            (call $gc)
            (array.set $cells (global.get $many) (i32.const 99) (local.get $own)))
        (func $number (param (ref null $cell)) (result i32) (struct.get $cell 0 (local.get 0)))
        (func (export "run") (result i32) (local $new (ref $cells))
            (local.set $new (array.new_elem $cells $passive (i32.const 0) (i32.const 2)))
            (call $gc)
            (if (i32.eqz (ref.eq (array.get $cells (local.get $new) (i32.const 1)) (global.get $list)))
                (then unreachable))
            (call $number (global.get $list))
            (i32.add (call $number (struct.get $cell 1 (global.get $list))))
            (i32.add (call $number (struct.get $cell 1 (struct.get $cell 1 (global.get $list)))))
            (i32.add (call $number (array.get $cells (global.get $cells) (i32.const 0))))
            (i32.add (call $number (table.get $table (i32.const 0))))
            (i32.add (call $number (array.get $cells (local.get $new) (i32.const 0))))
            (i32.add (call $number (array.get $cells (global.get $many) (i32.const 99))))
            (i32.add (call $number (array.get $cells (global.get $many) (i32.const 98))))
            (i32.add (i32.mul (i32.const 10000000) (array.get_u $bytes (global.get $bytes) (i32.const 4))))))"#
        .replace("(extern.convert_any_is_below)", "(ref.i31 (i32.const -1))");
    for zeal in [false, true] {
        let (mut store, instance) = instantiate(Config::new().gc_zeal(zeal), &text);
        let run: TypedFunc<(), i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 77_654_321);
        store.gc().unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 77_654_321);
    }
}

/// Allocates 100 million cells, of which 1,000 are alive at any time, in a heap of 1 MiB.
#[test]
fn a_hundred_million_objects_in_a_small_heap() {
    let text = r#"(module
        (type $cell (struct (field i32) (field (mut (ref null $cell)))))
        (type $ring (array (mut (ref null $cell))))
        (func (export "run") (param $count i32) (result i32) (local $ring (ref $ring)) (local $i i32)
            (local.set $ring (array.new_default $ring (i32.const 1000)))
            (loop $again
                (array.set $ring (local.get $ring) (i32.rem_u (local.get $i) (i32.const 1000))
                    (struct.new $cell (local.get $i) (ref.null none)))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
            (struct.get $cell 0 (array.get $ring (local.get $ring) (i32.const 7)))))"#;
    let (mut store, instance) = instantiate(&Config::new(), text);
    *store.data_mut() = StoreLimits::new().heap_size(1 << 20);
    let run: TypedFunc<i32, i32> = instance.unwrap().get_typed_func(&mut store, "run").unwrap();
    let start = std::time::Instant::now();
    assert_eq!(run.call(&mut store, 100_000_000).unwrap(), 99_999_007);
    println!("100 million objects: {:?}", start.elapsed());
}

#[test]
fn too_much_is_a_trap() {
    let text = r#"(module
        (type $cell (struct (field (ref null $cell)) (field i64)))
        (type $wide (array v128))
        (func (export "list") (local $list (ref null $cell))
            (loop $again (local.set $list (struct.new $cell (local.get $list) (i64.const 0))) (br $again)))
        (func (export "array") (param i32) (result i32) (array.len (array.new_default $wide (local.get 0)))))"#;
    for tier in [Tier::Speed, Tier::Quick] {
        let (mut store, instance) = instantiate(Config::new().tier(tier), text);
        *store.data_mut() = StoreLimits::new().heap_size(1 << 20);
        let instance = instance.unwrap();
        let list: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "list").unwrap();
        let array: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "array").unwrap();
        for _ in 0..2 {
            let error = list.call(&mut store, ()).unwrap_err();
            assert_eq!(error.as_trap(), Some(Trap::OutOfHeap));
            assert!(error.backtrace().unwrap().frames[0].module_offset.is_some());
            assert_eq!(array.call(&mut store, -1).unwrap_err().as_trap(), Some(Trap::OutOfHeap));
            assert_eq!(array.call(&mut store, 65_535).unwrap(), 65_535);
            assert_eq!(array.call(&mut store, 65_536).unwrap_err().as_trap(), Some(Trap::OutOfHeap));
        }
    }
}

#[test]
fn every_storage_type() {
    let text = r#"(module
        (type $s (struct (field (mut i8)) (field (mut f64)) (field (mut i16)) (field (mut v128)) (field (mut f32))
            (field (mut i64)) (field (mut funcref)) (field (mut externref)) (field (mut i31ref)) (field (mut i8))))
        (func $f)
        (elem declare func $f)
        (func (export "make") (param externref) (result (ref $s))
            (struct.new $s (i32.const 0x1ff) (f64.const 1.5) (i32.const 0x18000) (v128.const i64x2 3 4) (f32.const 2.5)
                (i64.const -5) (ref.func $f) (local.get 0) (ref.i31 (i32.const -9)) (i32.const 0x80)))
        (func (export "s8") (param (ref $s)) (result i32) (struct.get_s $s 0 (local.get 0)))
        (func (export "s16") (param (ref $s)) (result i32) (struct.get_s $s 2 (local.get 0)))
        (func (export "i31") (param (ref $s)) (result i32) (i31.get_s (struct.get $s 8 (local.get 0)))))"#;
    for (tier, zeal) in [(Tier::Speed, true), (Tier::Quick, true), (Tier::Speed, false)] {
        let (mut store, instance) = instantiate(Config::new().tier(tier).gc_zeal(zeal), text);
        let instance = instance.unwrap();
        let host = engine::ExternRef::new(&mut store, 42).unwrap();
        let mut results = [Val::I32(0)];
        instance.get_func(&mut store, "make").unwrap().call(&mut store, &[host.into()], &mut results).unwrap();
        let Val::AnyRef(Some(object)) = results[0] else { panic!("a struct") };
        let object = object.as_struct(&store).unwrap().expect("a struct");
        store.gc().unwrap();
        let fields: Vec<Val> = (0..10).map(|index| object.field(&mut store, index).unwrap()).collect();
        let numbers = [Val::I32(0xff), Val::from(1.5f64), Val::I32(0x8000), Val::V128(3 | 4 << 64), Val::from(2.5f32)];
        assert_eq!(fields[..5], numbers);
        assert_eq!(fields[5], Val::I64(-5));
        assert!(matches!(fields[6], Val::FuncRef(Some(_))));
        let Val::ExternRef(Some(found)) = fields[7] else { panic!("a value of the host") };
        assert!(found.ref_eq(&host, &store).unwrap());
        let Val::AnyRef(Some(i31)) = fields[8] else { panic!("an i31") };
        assert_eq!(i31.as_i31(&store).unwrap().unwrap().get_i32(), -9);
        assert_eq!(fields[9], Val::I32(0x80));
        object.set_field(&mut store, 0, Val::I32(0x17f)).unwrap();
        object.set_field(&mut store, 2, Val::I32(-2)).unwrap();
        let mut get = |name: &str| {
            let mut results = [Val::I32(0)];
            instance.get_func(&mut store, name).unwrap().call(&mut store, &[object.into()], &mut results).unwrap();
            results[0].i32().unwrap()
        };
        assert_eq!([get("s8"), get("s16"), get("i31")], [0x7f, -2, -9]);
    }
}

#[test]
fn bulk_operations() {
    let text = r#"(module
        (type $b (array (mut i8))) (type $w (array (mut v128))) (type $f (array (mut f32)))
        (data $d "abcdefgh")
        (func (export "bytes") (result i32) (local $a (ref $b))
            (local.set $a (array.new_data $b $d (i32.const 2) (i32.const 6)))
            (array.copy $b $b (local.get $a) (i32.const 1) (local.get $a) (i32.const 0) (i32.const 5))
            (array.fill $b (local.get $a) (i32.const 0) (i32.const 0x12a) (i32.const 1))
            (array.init_data $b $d (local.get $a) (i32.const 5) (i32.const 7) (i32.const 1))
            (i32.or (array.get_u $b (local.get $a) (i32.const 0))
                (i32.or (i32.shl (array.get_u $b (local.get $a) (i32.const 1)) (i32.const 8))
                    (i32.or (i32.shl (array.get_u $b (local.get $a) (i32.const 4)) (i32.const 16))
                        (i32.shl (array.get_u $b (local.get $a) (i32.const 5)) (i32.const 24))))))
        (func (export "wide") (result i64)
            (i64x2.extract_lane 1 (array.get $w (array.new $w (v128.const i64x2 5 6) (i32.const 3)) (i32.const 2))))
        (func (export "float") (result f32)
            (array.get $f (array.new $f (f32.const -1.25) (i32.const 30)) (i32.const 29)))
        (func (export "fill outside")
            (array.fill $b (array.new_default $b (i32.const 3)) (i32.const 2) (i32.const 0) (i32.const 2)))
        (func (export "fill null") (array.fill $b (ref.null $b) (i32.const 0) (i32.const 0) (i32.const 0)))
        (func (export "data outside") (drop (array.new_data $b $d (i32.const 4) (i32.const 5))))
        (func (export "get null") (drop (array.get_u $b (ref.null $b) (i32.const 0))))
        (func (export "get outside") (drop (array.get_u $b (array.new_default $b (i32.const 3)) (i32.const 3))))
        (func (export "len null") (drop (array.len (ref.null array)))))"#;
    for tier in [Tier::Speed, Tier::Quick] {
        let (mut store, instance) = instantiate(Config::new().tier(tier).gc_zeal(true), text);
        let instance = instance.unwrap();
        let bytes: TypedFunc<(), u32> = instance.get_typed_func(&mut store, "bytes").unwrap();
        assert_eq!(bytes.call(&mut store, ()).unwrap().to_le_bytes(), *b"\x2acfh");
        let wide: TypedFunc<(), i64> = instance.get_typed_func(&mut store, "wide").unwrap();
        assert_eq!(wide.call(&mut store, ()).unwrap(), 6);
        let float: TypedFunc<(), f32> = instance.get_typed_func(&mut store, "float").unwrap();
        assert_eq!(float.call(&mut store, ()).unwrap(), -1.25);
        for (name, trap) in [
            ("fill outside", Trap::ArrayOutOfBounds),
            ("fill null", Trap::NullReference),
            ("data outside", Trap::MemoryOutOfBounds),
            ("get null", Trap::NullReference),
            ("get outside", Trap::ArrayOutOfBounds),
            ("len null", Trap::NullReference),
        ] {
            let run: TypedFunc<(), ()> = instance.get_typed_func(&mut store, name).unwrap();
            assert_eq!(run.call(&mut store, ()).unwrap_err().as_trap(), Some(trap), "{name}");
        }
    }
}

#[test]
fn the_host_makes_and_reads_objects() {
    let text = r#"(module
        (type $pair (struct (field i32) (field (mut anyref))))
        (type $list (array (mut (ref null $pair))))
        (func (export "pair") (param (ref null $pair)) (result i32)
            (struct.get $pair 0 (ref.cast (ref $pair) (struct.get $pair 1 (local.get 0)))))
        (func (export "list") (param (ref null $list)) (result i32)
            (struct.get $pair 0 (array.get $list (local.get 0) (i32.const 1)))))"#;
    for zeal in [false, true] {
        let (mut store, instance) = instantiate(Config::new().gc_zeal(zeal), text);
        let instance = instance.unwrap();
        let mut store = RootScope::new(&mut store);
        let (pair, list) =
            (instance.get_func(&mut store, "pair").unwrap(), instance.get_func(&mut store, "list").unwrap());
        let parameter =
            |func: engine::Func, store: &RootScope<&mut Store<StoreLimits>>| match func.ty(store).unwrap().params[0] {
                ValType::Ref(RefType { heap: HeapType::Concrete(ty), .. }) => ty,
                other => panic!("{other} is no defined type"),
            };
        let (pair_type, list_type) = (parameter(pair, &store), parameter(list, &store));
        let i31 = AnyRef::from_i31(&mut store, I31::wrapping_i32(-7));
        let inner = StructRef::new(&mut store, pair_type, &[Val::I32(11), i31.into()]).unwrap();
        let outer = StructRef::new(&mut store, pair_type, &[Val::I32(12), inner.into()]).unwrap();
        let array = ArrayRef::new_fixed(&mut store, list_type, &[Val::AnyRef(None), inner.into()]).unwrap();
        let call = |func: engine::Func, store: &mut RootScope<&mut Store<StoreLimits>>, value: Val| {
            let mut results = [Val::I32(0)];
            func.call(store, &[value], &mut results).map(|()| results[0].i32().unwrap())
        };
        assert_eq!(call(pair, &mut store, outer.into()).unwrap(), 11);
        assert_eq!(call(list, &mut store, array.into()).unwrap(), 11);
        array.set(&mut store, 1, outer.into()).unwrap();
        assert_eq!(call(list, &mut store, array.into()).unwrap(), 12);
        assert_eq!(array.len(&store).unwrap(), 2);
        assert_eq!(array.get(&mut store, 0).unwrap(), Val::AnyRef(None));
        assert_eq!(array.get(&mut store, 2).unwrap_err().as_trap(), Some(Trap::ArrayOutOfBounds));
        // Values that do not match are refused before anything is written.
        let usage = |result: Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Usage);
        usage(array.set(&mut store, 0, array.into()));
        usage(outer.set_field(&mut store, 0, Val::I32(1)));
        usage(outer.set_field(&mut store, 2, Val::I32(1)));
        usage(StructRef::new(&mut store, pair_type, &[Val::I32(1)]).map(drop));
        usage(StructRef::new(&mut store, list_type, &[]).map(drop));
        usage(ArrayRef::new_fixed(&mut store, list_type, &[i31.into()]).map(drop));
        usage(call(pair, &mut store, array.into()).map(drop));
        // Casts that fail, and conversions.
        let loose = StructRef::new(&mut store, pair_type, &[Val::I32(1), i31.into()]).unwrap();
        assert_eq!(call(pair, &mut store, loose.into()).unwrap_err().as_trap(), Some(Trap::CastFailure));
        let converted = AnyRef::from(inner).to_extern();
        assert!(converted.data(&store).unwrap().is_none());
        assert_eq!(converted.to_any().ty(&store).unwrap(), HeapType::Exact(pair_type));
    }
}

/// A type with a descriptor, a subtype of it, and functions and globals that take them.
const DESCRIBED: &str = r#"(module
    (rec
        (type $a (sub (descriptor $d) (struct (field i32))))
        (type $d (sub (describes $a) (struct (field (mut i32))))))
    (rec
        (type $b (sub $a (descriptor $e) (struct (field i32))))
        (type $e (sub $d (describes $b) (struct (field (mut i32))))))
    (func (export "types") (param (ref null $a) (ref null $d) (ref null $b) (ref null $e)))
    (func (export "tag") (param (ref null $a)) (result i32) (struct.get $d 0 (ref.get_desc $a (local.get 0))))
    (func (export "exact") (param (ref null (exact $a))) (result i32) (struct.get $a 0 (local.get 0)))
    (func (export "is") (param anyref (ref null $d)) (result i32)
        (struct.get $a 0 (ref.cast_desc_eq (ref $a) (local.get 0) (local.get 1))))
    (global (export "made") (ref (exact $b)) (struct.new_desc $b (i32.const 3) (struct.new $e (i32.const 33))))
    (global (export "exactly") (mut (ref null (exact $a))) (ref.null none)))"#;

/// The host makes and reads structs with descriptors and exact types.
#[test]
fn the_host_makes_structs_with_descriptors() {
    let mut config = Config::new();
    config.features(Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS);
    for zeal in [false, true] {
        let engine = Engine::new(config.gc_zeal(zeal)).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &Module::new(&engine, DESCRIBED).unwrap(), &[]).unwrap();
        let mut store = RootScope::new(&mut store);
        let types = instance.get_func(&mut store, "types").unwrap().ty(&store).unwrap();
        let defined = |ty: &ValType| match ty {
            ValType::Ref(reference) => reference.heap.defined().unwrap(),
            other => panic!("{other} is no reference"),
        };
        let types: Vec<_> = types.params.iter().map(defined).collect();
        let [a, d, b, e] = *types else { panic!("four types") };
        let call = |name: &str, arguments: &[Val], store: &mut RootScope<&mut Store<()>>| {
            let mut results = [Val::I32(0)];
            let func = instance.get_func(&mut *store, name).unwrap();
            func.call(store, arguments, &mut results).map(|()| results[0].i32().unwrap())
        };
        let [one, two] = [11, 12].map(|tag| StructRef::new(&mut store, d, &[Val::I32(tag)]).unwrap());
        let described = StructRef::new_desc(&mut store, a, &[Val::I32(1)], one).unwrap();
        let sub = instance.get_global(&mut store, "made").unwrap().get(&mut store).unwrap();
        assert_eq!(call("tag", &[described.into()], &mut store).unwrap(), 11);
        assert_eq!(call("tag", &[sub], &mut store).unwrap(), 33);
        assert_eq!(call("exact", &[described.into()], &mut store).unwrap(), 1);
        assert_eq!(call("is", &[described.into(), one.into()], &mut store).unwrap(), 1);
        let error = call("is", &[described.into(), two.into()], &mut store).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::CastFailure));
        let descriptor = described.descriptor(&mut store).unwrap().unwrap();
        assert!(AnyRef::from(descriptor).ref_eq(&one.into(), &store).unwrap());
        assert!(one.descriptor(&mut store).unwrap().is_none());
        assert_eq!(AnyRef::from(described).ty(&store).unwrap(), HeapType::Exact(a));
        // A value that is not of exactly the type is refused: as an argument, as a global's value, and as a descriptor.
        let usage = |result: Result<()>, what: &str| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(what), "{error}");
        };
        usage(call("exact", &[sub], &mut store).map(drop), "must be of type (ref null (exact ");
        let exactly = instance.get_global(&mut store, "exactly").unwrap();
        exactly.set(&mut store, described.into()).unwrap();
        usage(exactly.set(&mut store, sub), "must be of type (ref null (exact ");
        usage(StructRef::new(&mut store, a, &[Val::I32(1)]).map(drop), "but no descriptor was given");
        usage(StructRef::new_desc(&mut store, d, &[Val::I32(1)], one).map(drop), "needs no descriptor");
        usage(StructRef::new_desc(&mut store, b, &[Val::I32(1)], one).map(drop), "needs a descriptor");
        let other = StructRef::new(&mut store, e, &[Val::I32(1)]).unwrap();
        usage(StructRef::new_desc(&mut store, a, &[Val::I32(1)], other).map(drop), "needs a descriptor");
    }
}

/// Two types that print alike, of which one extends the other, are told apart in the error.
#[test]
fn an_exact_import_says_which_type_it_wants() {
    let mut config = Config::new();
    let engine = Engine::new(config.features(Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS)).unwrap();
    let types = "(type $f (sub (func))) (type $g (sub $f (func)))";
    let load = |rest: &str| Module::new(&engine, format!("(module {types} {rest})")).unwrap();
    let mut store = Store::new(&engine, ());
    let exports = load("(func (export \"g\") (type $g))");
    let exports = Instance::new(&mut store, &exports, &[]).unwrap();
    let function = exports.get_func(&mut store, "g").unwrap().into();
    let mut import =
        |ty: &str| Instance::new(&mut store, &load(&format!("(import \"m\" \"g\" (func {ty}))")), &[function]);
    import("(type $f)").unwrap();
    import("(exact (type $g))").unwrap();
    let error = import("(exact (type $f))").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Link);
    assert_eq!(
        error.message(),
        "incompatible import type for m.g: expected func [] -> [] of type (exact (sub (func [] -> []))), \
         found func [] -> [] of type (exact (sub (sub (func [] -> [])) (func [] -> [])))"
    );
}

#[test]
fn fuel_ends_a_loop_whose_branch_is_a_cast_by_descriptor() {
    let types = "(rec (type $a (sub (descriptor $d) (struct))) (type $d (sub (describes $a) (struct))))";
    for (branch, descriptor) in [("br_on_cast_desc_eq", "$d"), ("br_on_cast_desc_eq_fail", "$e")] {
        let kept = if branch.ends_with("fail") { "(ref $a)" } else { "anyref" };
        let text = format!(
            "(module {types} (func (export \"run\") (local $d (ref (exact $d))) (local $e (ref (exact $d)))
                (local.set $d (struct.new $d)) (local.set $e (struct.new $d))
                (struct.new_desc $a (local.get $d))
                (loop $again (param anyref) (result {kept}) ({branch} $again anyref (ref $a) (local.get {descriptor})))
                drop))"
        );
        let mut config = Config::new();
        let engine =
            Engine::new(config.features(Features::WASM_3_0 | Features::CUSTOM_DESCRIPTORS).consume_fuel(true)).unwrap();
        let module = Module::new(&engine, &text).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(10_000).unwrap();
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let error = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap().call(&mut store, ()).unwrap_err();
        assert_eq!(error.as_trap(), Some(Trap::OutOfFuel), "{branch}");
    }
}
