//! Memories, tables, globals and shared memories, as the embedder uses them.

use crate::common::{call, engine, instance, linked, module};
use interpreter::{
    ErrorKind, Extern, Global, GlobalType, Instance, Limits, Linker, Memory, MemoryType, RefType, SharedMemory, Store,
    StoreLimits, Table, TableType, Trap, Val, ValType, WaitResult,
};
use std::time::Duration;

#[test]
fn memories_are_read_written_and_grown() {
    let text = r#"(module (memory (export "m") 1 3) (data (i32.const 2) "xyz")
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;
    let (mut store, instance) = instance(text);
    let memory = instance.get_memory(&store, "m").unwrap();
    assert_eq!(memory.ty(&store).unwrap(), MemoryType::new(1, Some(3)));
    assert_eq!(&memory.data(&store).unwrap()[..6], b"\0\0xyz\0");
    memory.data_mut(&mut store).unwrap()[3] = b'Y';
    memory.write(&mut store, 65_535, &[9]).unwrap();
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "load", 3).unwrap(), i32::from(b'Y'));
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "load", 65_535).unwrap(), 9);
    let outside = memory.write(&mut store, 65_535, &[1, 2]).unwrap_err();
    assert_eq!(outside.as_trap(), Some(Trap::MemoryOutOfBounds));
    assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "grow", 1).unwrap(), 2);
    assert_eq!(memory.size(&store).unwrap(), 3);
    assert_eq!(memory.grow(&mut store, 1).unwrap_err().kind(), ErrorKind::Resource);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "load", 3 * 65_536 - 1).unwrap(), 0);
    let (bytes, ()) = memory.data_and_store_mut(&mut store).unwrap();
    assert_eq!(bytes.len(), 3 * 65_536);
}

#[test]
fn tables_are_read_written_and_grown() {
    let text = r#"(module (table (export "t") 2 4 funcref) (elem (i32.const 0) $f)
        (func $f (export "f") (result i32) (i32.const 5))
        (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#;
    let (mut store, instance) = instance(text);
    let (table, f) = (instance.get_table(&store, "t").unwrap(), instance.get_func(&store, "f").unwrap());
    assert_eq!(table.get(&mut store, 0).unwrap(), Some(f.into()));
    table.set(&mut store, 1, f.into()).unwrap();
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "call", 1).unwrap(), 5);
    assert_eq!(table.grow(&mut store, 2, f.into()).unwrap(), 2);
    assert_eq!(call::<_, i32, i32>(&mut store, instance, "call", 3).unwrap(), 5);
    table.fill(&mut store, 1, Val::FuncRef(None), 3).unwrap();
    let error = call::<_, i32, i32>(&mut store, instance, "call", 3).unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::UninitializedElement));
    assert_eq!((table.size(&store).unwrap(), table.ty(&store).unwrap().limits), (4, Limits { min: 2, max: Some(4) }));
    assert_eq!(table.set(&mut store, 4, f.into()).unwrap_err().as_trap(), Some(Trap::TableOutOfBounds));
    assert_eq!(table.grow(&mut store, 1, f.into()).unwrap_err().kind(), ErrorKind::Resource);
    let error = table.set(&mut store, 0, Val::ExternRef(None)).unwrap_err();
    assert_eq!(error.message(), "the element must be of type funcref, but is of type nullexternref");
    let strict = TableType::new(RefType { nullable: false, ..RefType::FUNC }, 1, None);
    assert_eq!(Table::new(&mut store, strict, Val::FuncRef(None)).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(
        Table::new(&mut store, TableType { limits: Limits { min: 2, max: Some(1) }, ..strict }, f.into())
            .unwrap_err()
            .kind(),
        ErrorKind::Usage
    );
}

#[test]
fn globals_are_shared_with_the_embedder() {
    let text = r#"(module (import "" "v" (global $v (mut v128))) (global (export "c") i64 (i64.const 3))
        (func (export "swap") (global.set $v (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7
            (global.get $v) (global.get $v)))))"#;
    let mut vector = None;
    let (mut store, instance) = linked(text, |linker: &mut Linker<()>, store| {
        let ty = GlobalType::new(ValType::V128, true);
        let global = *vector.insert(Global::new(&mut *store, ty, Val::V128(1)).unwrap());
        linker.define(&*store, "", "v", global).unwrap();
    });
    let vector = vector.unwrap();
    vector.set(&mut store, Val::V128(5 << 64 | 6)).unwrap();
    call::<_, (), ()>(&mut store, instance, "swap", ()).unwrap();
    assert_eq!(vector.get(&mut store).unwrap(), Val::V128(6 << 64 | 5));
    let constant = instance.get_global(&store, "c").unwrap();
    assert_eq!(constant.get(&mut store).unwrap(), Val::I64(3));
    assert_eq!(constant.set(&mut store, Val::I64(4)).unwrap_err().message(), "the global is immutable");
    let error = vector.set(&mut store, Val::I32(4)).unwrap_err();
    assert_eq!(error.message(), "the global's value must be of type v128, but is of type i32");
}

#[test]
fn exports_have_names_and_kinds() {
    let text = r#"(module (func (export "f")) (memory (export "m") 1) (tag (export "e") (param i32))
        (table (export "t") 1 externref) (global (export "g") i32 (i32.const 0)) (export "f again" (func 0)))"#;
    let (store, instance) = instance(text);
    let exports = instance.exports(&store).unwrap();
    let shown: Vec<_> = exports.iter().map(|(name, item)| format!("{name}: {}", item.ty(&store).unwrap())).collect();
    let expected = [
        "f: func [] -> []",
        "m: memory 1",
        "e: tag [i32] -> []",
        "t: table 1 externref",
        "g: global i32",
        "f again: func [] -> []",
    ];
    assert_eq!(shown, expected);
    assert_eq!(exports[0].1, exports[5].1);
    assert_eq!(instance.get_export(&store, "absent").unwrap(), None);
    let error = instance.get_func(&store, "absent").unwrap_err();
    assert_eq!(error.message(), "the instance exports nothing named \"absent\"; expected a function");
    assert_eq!(instance.get_table(&store, "m").unwrap_err().message(), "the export \"m\" is not a table");
    assert_eq!(instance.module(&store).unwrap().exports().len(), 6);
}

#[test]
fn stores_on_several_threads_share_a_memory() {
    let engine = engine();
    let text = r#"(module (import "" "m" (memory 1 2 shared))
        (func (export "add") (param i32) (loop
            (drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const -1))))"#;
    let (module, shared) =
        (module(&engine, text), SharedMemory::new(MemoryType { shared: true, ..MemoryType::new(1, Some(2)) }).unwrap());
    let start = || {
        let mut store = Store::new(&engine, ());
        let memory = Memory::from_shared(&mut store, &shared).unwrap();
        assert!(memory.shared(&store).unwrap().unwrap().same(&shared));
        assert_eq!(memory.data(&store).unwrap_err().kind(), ErrorKind::Usage);
        let instance = Instance::new(&mut store, &module, &[Extern::Memory(memory)]).unwrap();
        (store, instance)
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut store, instance) = start();
                call::<_, i32, ()>(&mut store, instance, "add", 20_000).unwrap();
            });
        }
        let waits = scope.spawn(|| {
            let (mut store, instance) = start();
            call::<_, (), i32>(&mut store, instance, "wait", ()).unwrap()
        });
        while shared.atomic_notify(16, 1).unwrap() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(waits.join().unwrap(), 0);
    });
    let mut sum = [0; 4];
    shared.read(8, &mut sum).unwrap();
    assert_eq!(u32::from_le_bytes(sum), 40_000);
    assert_eq!((shared.grow(1).unwrap(), shared.size()), (1, 2));
    assert_eq!(shared.grow(1).unwrap_err().kind(), ErrorKind::Resource);
    assert_eq!(shared.atomic_wait32(8, 1, None).unwrap(), WaitResult::Mismatch);
    assert_eq!(shared.atomic_wait64(16, 0, Some(Duration::from_millis(1))).unwrap(), WaitResult::TimedOut);
    assert_eq!(SharedMemory::new(MemoryType::new(1, Some(1))).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn growth_past_a_limit_fails_or_stops_execution() {
    let text = r#"(module (memory 1) (table 1 funcref)
        (func (export "memory") (result i32) (memory.grow (i32.const 1)))
        (func (export "table") (result i32) (table.grow (ref.null func) (i32.const 1))))"#;
    let (mut store, instance) = instance(text);
    let limits = StoreLimits::new().memory_size(65_536).table_elements(1);
    for name in ["memory", "table"] {
        store.set_limits(limits.clone());
        assert_eq!(call::<_, (), i32>(&mut store, instance, name, ()).unwrap(), -1);
        store.set_limits(limits.clone().trap_on_grow_failure(true));
        let error = call::<_, (), i32>(&mut store, instance, name, ()).unwrap_err();
        assert_eq!((error.kind(), error.backtrace().unwrap().frames.len()), (ErrorKind::Resource, 1));
    }
}
