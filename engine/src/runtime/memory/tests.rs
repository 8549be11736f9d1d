//! Address space that is used again shows nothing of its last user: neither bytes, nor an image, nor a length.
//!
//! Other tests of this process may empty all pools at any time, so each case runs in rounds, of which one at least must
//! have used address space again.

use super::size::{reservation, whole_pages};
use super::slot::Slot;
use super::*;
use crate::base::{Config, MemoryChecks};
use crate::runtime::{Engine, Extern, Instance, Module, Store, Table, Val};
use crate::wasm::types::{RefType, TableType, ValType};
use rustix::mm::{MapFlags, ProtFlags};
use std::collections::HashSet;

const ROUNDS: usize = 20;

/// Configurations whose memories differ in how they are reserved and checked, with the type of a memory for each.
fn kinds() -> [(Config, &'static str); 4] {
    let mut features = Config::new();
    features.features(Config::SUPPORTED_FEATURES);
    let mut explicit = features.clone();
    explicit.memory_checks(MemoryChecks::Explicit);
    [
        (features.clone(), "1 6"),
        (explicit, "1 6"),
        (features.clone(), "i64 1 6"),
        (features, "65536 393216 (pagesize 1)"),
    ]
}

/// An instance in a store of its own.
fn instance(module: &Module) -> (Store<()>, Instance) {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    (store, instance)
}

/// Returns the address and the bytes of the memory "m".
fn memory(store: &mut Store<()>, instance: Instance) -> (usize, &mut [u8]) {
    let memory = instance.get_memory(&mut *store, "m").unwrap();
    let bytes = memory.data_mut(store).unwrap();
    (bytes.as_ptr().addr(), bytes)
}

/// Calls `round` until it has returned an address twice.
fn rounds(mut round: impl FnMut() -> usize) {
    let mut seen = HashSet::new();
    let again = (0..ROUNDS).filter(|_| !seen.insert(round())).count();
    assert!(again > 0, "no address space was used again");
}

/// Returns what a module that reads one byte out of its memory at `address` gets.
fn peek(store: &mut Store<()>, instance: Instance, address: u64) -> Result<i32> {
    let peek = instance.get_func(&mut *store, "peek").unwrap();
    let wide = peek.ty(&*store).unwrap().params[0] == ValType::I64;
    let address = if wide { Val::I64(address as i64) } else { Val::I32(address as i32) };
    let mut results = [Val::I32(0)];
    peek.call(store, &[address], &mut results)?;
    Ok(results[0].clone().i32().unwrap())
}

/// The text of a module with a memory of a type, an export that reads a byte, and more.
fn text(ty: &str, more: &str) -> String {
    let index = if ty.starts_with("i64") { "i64" } else { "i32" };
    format!(
        "(module (memory (export \"m\") {ty}) {more}
           (func (export \"peek\") (param {index}) (result i32) (i32.load8_u (local.get 0))))"
    )
}

/// The text of a data segment that is long enough for a memory image.
fn data(byte: u8) -> String {
    format!("(data (i32.const 4096) \"{}\")", format!("\\{byte:02x}").repeat(40_000))
}

#[test]
fn a_memory_starts_with_zeros_and_its_own_length() {
    for (config, ty) in kinds() {
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, text(ty, "")).unwrap();
        rounds(|| {
            let (mut store, instance) = instance(&module);
            let (_, bytes) = memory(&mut store, instance);
            assert_eq!(bytes.len(), 65_536, "{ty}");
            assert!(bytes.iter().all(|&byte| byte == 0), "{ty}");
            bytes.fill(0xa5);
            for address in [65_536, 5 * 65_536 - 1, 6 * 65_536] {
                let error = peek(&mut store, instance, address).unwrap_err();
                assert_eq!(error.as_trap(), Some(Trap::MemoryOutOfBounds), "{ty} at {address}");
            }
            let handle = instance.get_memory(&mut store, "m").unwrap();
            let step = handle.size(&store).unwrap();
            assert_eq!(handle.grow(&mut store, 4 * step).unwrap(), step);
            let (address, bytes) = memory(&mut store, instance);
            assert!(bytes[65_536..].iter().all(|&byte| byte == 0), "{ty}");
            bytes.fill(0x5a);
            assert_eq!(peek(&mut store, instance, 5 * 65_536 - 1).unwrap(), 0x5a);
            assert!(peek(&mut store, instance, 5 * 65_536).is_err());
            address
        });
    }
}

/// Only a memory that reserves as much uses address space again: others could not grow, or would lack guard pages.
#[test]
fn a_memory_has_the_address_space_that_it_wants() {
    let mut config = Config::new();
    config.features(Config::SUPPORTED_FEATURES);
    let engine = Engine::new(&config).unwrap();
    // The first has guard pages, the others reserve their maximum.
    let modules = ["1 6", "i64 1 6", "i64 1 100"].map(|ty| Module::new(&engine, text(ty, "")).unwrap());
    let mut next = modules.iter().cycle();
    rounds(|| {
        let (store, _) = instance(next.next().unwrap());
        let entry = &store.as_context().opaque().memories[0];
        let Bytes::Own(space) = &entry.bytes else { panic!("none of them is shared") };
        let wanted = whole_pages(reservation(config.memory_checks, entry.ty));
        assert_eq!(space.mapping().len(), wanted, "{}", entry.ty);
        entry.base().addr()
    });
}

#[test]
fn an_image_is_there_for_its_module_only() {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = |more: &str| Module::new(&engine, text("2 6", more)).unwrap();
    let modules = [module(&data(1)), module(&data(2)), module(""), module("(data (i32.const 4096) \"\\03\")")];
    assert!(modules[0].code().memory_image().is_some() && modules[3].code().memory_image().is_none());
    // Each module follows itself and each other.
    let order = [0, 0, 1, 1, 2, 0, 2, 2, 3, 0, 3, 1, 2, 1, 3, 3, 2, 3, 0, 1, 0];
    let mut which = order.iter().cycle();
    let mut next = || {
        let which = *which.next().unwrap();
        let (mut store, instance) = instance(&modules[which]);
        let (address, bytes) = memory(&mut store, instance);
        let (filled, byte) = [(40_000, 1), (40_000, 2), (0, 0), (1, 3)][which];
        assert!(bytes[4096..][..filled].iter().all(|&found| found == byte), "module {which}");
        assert!(bytes[..4096].iter().chain(&bytes[4096 + filled..]).all(|&found| found == 0), "module {which}");
        bytes.fill(0xa5);
        let handle = instance.get_memory(&mut store, "m").unwrap();
        handle.grow(&mut store, 2).unwrap();
        memory(&mut store, instance).1.fill(0xa5);
        address
    };
    for _ in 0..3 {
        rounds(&mut next);
    }
}

/// An instantiation that fails before the data segments leaves the memory without them, also where address space with
/// the module's image is at hand.
#[test]
fn an_image_does_not_show_before_its_data_is_written() {
    let engine = Engine::new(&Config::new()).unwrap();
    let more = format!(
        "(import \"\" \"t\" (table 1 funcref)) {} (func $peek (result i32) (i32.load8_u (i32.const 4096)))
         (elem (i32.const 0) $peek) (elem (i32.const 7) $peek)",
        data(7)
    );
    let module = Module::new(&engine, format!("(module {more} (memory 2))")).unwrap();
    let call = |length: u64| {
        let mut store = Store::new(&engine, ());
        let ty = TableType::new(RefType::FUNC, length, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let made = Instance::new(&mut store, &module, &[Extern::Table(table)]).map(|_| ()).map_err(|e| e.as_trap());
        let Some(Val::FuncRef(Some(func))) = table.get(&mut store, 0).unwrap() else {
            panic!("the first segment is written")
        };
        let found = func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap();
        let address = store.as_context().opaque().memories[0].base().addr();
        (made, found, address)
    };
    rounds(|| {
        let (made, found, first) = call(8);
        assert_eq!((made, found), (Ok(()), 7));
        let (made, found, address) = call(1);
        assert_eq!((made, found), (Err(Some(Trap::TableOutOfBounds)), 0));
        if address == first { 0 } else { address }
    });
}

#[test]
fn a_pool_keeps_as_many_as_it_is_told() {
    for capacity in [0, 1, 3] {
        let engine = Engine::new(Config::new().memory_pool(capacity)).unwrap();
        let module = Module::new(&engine, text("1", "")).unwrap();
        let kept = (0..ROUNDS).map(|_| {
            drop((0..5).map(|_| instance(&module)).collect::<Vec<_>>());
            engine.memories().len()
        });
        assert_eq!(kept.max(), Some(capacity));
    }
}

#[test]
fn what_is_large_or_has_the_image_of_a_dropped_module_is_not_kept() {
    let engine = Engine::new(&Config::new()).unwrap();
    let large = Module::new(&engine, text("1025", "")).unwrap();
    drop(instance(&large));
    assert_eq!(engine.memories().len(), 0);
    let with_image = Module::new(&engine, text("2", &data(1))).unwrap();
    let plain = Module::new(&engine, text("2", "")).unwrap();
    let kept = (0..ROUNDS).map(|_| {
        drop([instance(&with_image), instance(&plain)]);
        engine.memories().len()
    });
    assert_eq!(kept.max(), Some(2));
    drop(with_image);
    assert!(engine.memories().len() <= 1);
}

/// A slot after a request that failed half-way is in an unknown state.
#[test]
fn a_slot_in_an_unknown_state_is_not_kept() {
    let ty = MemoryType::new(1, None);
    let mut slot = Slot::new(MemoryChecks::Explicit, ty, 65_536).unwrap();
    assert!(slot.clear().is_ok());
    assert!(matches!(slot.extend(ty, 65_536..u64::from(u32::MAX) << 1), Err(Growth::Forbidden)));
    assert!(slot.clear().is_ok());
    slot.forget_state();
    let pool = Pool::new(4);
    pool.give(slot);
    assert_eq!(pool.len(), 0);
}

/// Returns the access to an address as `/proc/self/maps` writes it.
fn access(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text| usize::from_str_radix(text, 16).unwrap();
    let mut lines = maps.lines().map(|line| line.split_once(' ').unwrap());
    let line = lines.find(|(range, _)| {
        let (start, end) = range.split_once('-').unwrap();
        (number(start)..number(end)).contains(&address)
    });
    line.unwrap().1[..4].to_owned()
}

/// A growth that the system refuses in the middle leaves nothing accessible past the length.
#[test]
fn a_growth_that_fails_half_way_is_undone() {
    let ty = MemoryType::new(1, None);
    let mut slot = Slot::new(MemoryChecks::GuardPages, ty, 65_536).unwrap();
    let [start, obstacle] = [0, 3 << 16].map(|offset| slot.mapping().as_ptr().wrapping_add(offset));
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let (read, flags) = (ProtFlags::READ, MapFlags::SHARED | MapFlags::FIXED);
    // SAFETY: a page of the slot, which nobody uses. It cannot become writable, since the file is open to read only.
    unsafe { rustix::mm::mmap(obstacle.cast(), rustix::param::page_size(), read, flags, &file, 0).unwrap() };
    assert!(matches!(slot.extend(ty, 65_536..6 << 16), Err(Growth::Refused(_))));
    let offsets = [0, 1 << 16, 2 << 16, 3 << 16, 5 << 16];
    let found = offsets.map(|offset| access(start.addr() + offset));
    assert_eq!(found, ["rw-p", "---p", "---p", "---s", "---p"]);
    assert!(slot.clear().is_err(), "it is not kept");
}

#[test]
fn threads_share_a_pool() {
    let engine = Engine::new(Config::new().memory_pool(3)).unwrap();
    let modules = [text("1 4", ""), text("2 4", &data(9))].map(|text| Module::new(&engine, text).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let modules = &modules;
            scope.spawn(move || {
                for round in 0..200 {
                    let which = (thread + round / 3) % 2;
                    let (mut store, instance) = instance(&modules[which]);
                    let (_, bytes) = memory(&mut store, instance);
                    let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
                    assert_eq!((bytes.len(), sum), [(65_536, 0), (131_072, 360_000)][which]);
                    bytes.fill(thread as u8 + 1);
                    let handle = instance.get_memory(&mut store, "m").unwrap();
                    handle.grow(&mut store, 1).unwrap();
                    memory(&mut store, instance).1[which * 65_536..].fill(0xee);
                }
            });
        }
    });
    assert!(engine.memories().len() <= 3);
}

#[test]
fn what_is_kept_is_released_before_a_request_fails() {
    let engine = Engine::new(&Config::new()).unwrap();
    let module = Module::new(&engine, text("1", "")).unwrap();
    let kept = (0..ROUNDS).map(|_| {
        drop(instance(&module));
        let kept = engine.memories().len();
        assert!(crate::runtime::sys::Mapping::reserve(1 << 60).is_err());
        assert_eq!(engine.memories().len(), 0);
        kept
    });
    assert_eq!(kept.max(), Some(1));
}
