//! The three routes by which an artifact is loaded: what they refuse, and the mappings that they make.
#![cfg(feature = "compile")]
#![expect(unsafe_code, reason = "one of the ways to load is unsafe")]

use engine::{Config, Engine, ErrorKind, Instance, Module, Store, Trap};
use std::fs;
use std::path::Path;

const TEXT: &str = r#"(module
    (memory 1) (data (i32.const 0) "\2a")
    (func (export "answer") (result i32) (i32.load8_u (i32.const 0)))
    (func $divides (export "traps") (result i32) (i32.div_u (i32.const 1) (i32.const 0))))"#;

fn engine() -> Engine {
    Engine::new(&Config::new()).unwrap()
}

fn assert_runs(module: &Module) {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let mut call = |name: &str| instance.get_typed_func::<(), i32>(&mut store, name).unwrap().call(&mut store, ());
    assert_eq!(call("answer").unwrap(), 42);
    let error = call("traps").unwrap_err();
    assert_eq!(error.as_trap(), Some(Trap::IntegerDivisionByZero));
    assert_eq!(error.backtrace().unwrap().frames[0].func_name.as_deref(), Some("divides"));
}

fn write_artifact(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("module.cwasm");
    fs::write(&path, engine().compile(TEXT).unwrap()).unwrap();
    path
}

#[test]
fn every_route_leads_to_the_same_module() {
    let directory = tempfile::tempdir().unwrap();
    let path = write_artifact(directory.path());
    let bytes = fs::read(&path).unwrap();
    let from_bytes = Module::deserialize(&engine(), &bytes).unwrap();
    let from_file = Module::deserialize_file(&engine(), &path).unwrap();
    // SAFETY: the file was written just now and nobody changes it.
    let trusted = unsafe { Module::deserialize_trusted_file(&engine(), &path).unwrap() };
    for module in [Module::new(&engine(), TEXT).unwrap(), from_bytes, from_file, trusted] {
        assert_runs(&module);
        assert_eq!(module.serialize(), bytes);
    }
}

#[test]
fn what_happens_to_the_file_later_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let path = write_artifact(directory.path());
    let module = Module::deserialize_file(&engine(), &path).unwrap();
    let length = fs::metadata(&path).unwrap().len() as usize;
    fs::write(&path, vec![0xcc; length]).unwrap();
    assert_runs(&module);
    fs::write(&path, "").unwrap();
    assert_runs(&module);
}

#[test]
fn a_trusted_file_may_be_replaced_by_renaming() {
    let directory = tempfile::tempdir().unwrap();
    let path = write_artifact(directory.path());
    // SAFETY: the file itself is not changed, only its name is taken away.
    let module = unsafe { Module::deserialize_trusted_file(&engine(), &path).unwrap() };
    let other = directory.path().join("temporary");
    fs::write(&other, "not an artifact").unwrap();
    fs::rename(&other, &path).unwrap();
    assert_runs(&module);
}

#[test]
fn what_is_no_artifact_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let refused = |path: &Path| {
        let error = Module::deserialize_file(&engine(), path).unwrap_err();
        // SAFETY: nobody changes the file.
        let trusted = unsafe { Module::deserialize_trusted_file(&engine(), path).unwrap_err() };
        assert_eq!(error.kind(), trusted.kind());
        error
    };
    let missing = refused(&path);
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.to_string().contains(path.to_str().unwrap()), "{missing}");
    assert_eq!(refused(directory.path()).kind(), ErrorKind::Io);
    for content in [&b""[..], b"\x7fELF", b"\0asm\x01\0\0\0", &[0; 10_000]] {
        fs::write(&path, content).unwrap();
        assert_eq!(refused(&path).kind(), ErrorKind::Artifact);
        assert_eq!(Module::deserialize(&engine(), content).unwrap_err().kind(), ErrorKind::Artifact);
    }
}

/// The file has a hole of a terabyte, so that copying it would use up all memory.
#[test]
fn a_huge_file_is_not_copied_before_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = write_artifact(directory.path());
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let error = Module::deserialize_file(&engine(), &path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Artifact);
    assert!(error.message().contains("altered: 1099511627776 bytes"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_writable_and_executable() {
    let module = Module::new(&engine(), TEXT).unwrap();
    let bytes = module.serialize().as_ptr_range();
    let (start, end) = (bytes.start.addr(), bytes.end.addr());
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let permissions: Vec<&str> = maps
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (from, to) = fields.next()?.split_once('-')?;
            let address = |text| usize::from_str_radix(text, 16).unwrap();
            (address(from) < end && start < address(to)).then(|| fields.next())?
        })
        .collect();
    assert_eq!(permissions, ["r--p", "r-xp", "r--p"], "{maps}");
}

/// Returns a module with so much data that instances map it from the artifact instead of writing it. The segment
/// `$passive` follows the data in the artifact and must not show in the memory.
fn module_with_much_data() -> String {
    format!(
        r#"(module
            (memory (export "memory") 2 3)
            (data $first (i32.const 5000) "{}") (data $passive "passive") (data (i32.const 30000) "{}")
            (func (export "init") (memory.init $first (i32.const 0) (i32.const 0) (i32.const 1)))
            (func (export "passive") (memory.init $passive (i32.const 1) (i32.const 0) (i32.const 7))))"#,
        "a".repeat(20_000),
        "b".repeat(10_000)
    )
}

#[test]
fn instances_share_no_byte_of_what_they_map() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("module.cwasm");
    fs::write(&path, engine().compile(module_with_much_data()).unwrap()).unwrap();
    let expected: Vec<u8> = [(0, 5000), (b'a', 20_000), (0, 5000), (b'b', 10_000), (0, 131_072 - 40_000)]
        .into_iter()
        .flat_map(|(byte, count)| std::iter::repeat_n(byte, count))
        .collect();
    let written = fs::read(&path).unwrap();
    // SAFETY: the file stays as it is.
    let trusted = unsafe { Module::deserialize_trusted_file(&engine(), &path).unwrap() };
    for module in [trusted, Module::deserialize(&engine(), &written).unwrap()] {
        let mut store = Store::new(module.engine(), ());
        let instances = [(); 2].map(|()| Instance::new(&mut store, &module, &[]).unwrap());
        for instance in &instances {
            let memory = instance.get_memory(&mut store, "memory").unwrap();
            assert!(memory.data(&store).unwrap() == expected, "a memory starts as the segments say");
            memory.data_mut(&mut store).unwrap().fill(7);
            assert_eq!(memory.grow(&mut store, 1).unwrap(), 2);
            assert!(memory.data(&store).unwrap()[131_072..].iter().all(|&byte| byte == 0));
            let mut call = |name| instance.get_typed_func::<(), ()>(&mut store, name).unwrap().call(&mut store, ());
            assert_eq!(call("init").unwrap_err().as_trap(), Some(Trap::MemoryOutOfBounds), "dropped after its use");
            call("passive").unwrap();
            assert_eq!(&memory.data(&store).unwrap()[..9], b"\x07passive\x07");
        }
    }
    assert!(fs::read(&path).unwrap() == written, "the artifact is as before");
}
