//! The three routes by which an artifact is loaded: what they refuse, and the mappings that they make.
#![cfg(feature = "compile")]
#![expect(unsafe_code, reason = "one of the ways to load is unsafe")]

mod child;

use child::{in_a_child, run_child};
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

/// Registers the unwind information of an artifact after `forge`, as a loader without checks would, and panics.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn panic_with_unchecked_frames(forge: impl FnOnce(&mut [u8])) {
    unsafe extern "C" {
        fn __register_frame(begin: *const u8);
    }
    let mut bytes = engine().compile(TEXT).unwrap();
    let sections = engine::inspect(&bytes).unwrap().sections;
    let section = sections.iter().find(|section| section.name == ".eh_frame").unwrap();
    forge(&mut bytes[section.offset as usize..]);
    // SAFETY: the memory is never freed. The rest is what this test is about.
    unsafe { __register_frame(bytes.leak().as_ptr().wrapping_add(section.offset as usize)) };
    assert!(std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(()))).is_err());
}

/// The reason for the check of `.eh_frame`: a panic of the host reads all frames that are registered.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn a_panic_reads_the_frames_of_loaded_code() {
    in_a_child("a_panic_reads_the_frames_of_loaded_code", || panic_with_unchecked_frames(|_| ()));
}

/// The first of two encodings is one that libgcc does not know; gimli sees the second alone.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn forged_frames_would_end_the_process() {
    let forge =
        |eh_frame: &mut [u8]| eh_frame[9..24].copy_from_slice(b"zRR\0\x01\x78\x10\x02\x40\x1b\x0c\x07\x08\x90\x01");
    let output = run_child("forged_frames_would_end_the_process", &[], || panic_with_unchecked_frames(forge));
    assert_eq!(output.status.code(), None, "a signal ends the process: {output:?}");
}

/// A system that makes no memory executable which was something else before.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod without_writable_code {
    use super::*;

    /// Makes this thread's calls of `mprotect` fail that ask for executable memory, and those of `memfd_create` unless
    /// `memory_files`.
    fn filter_calls(memory_files: bool) {
        let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        let equals = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        let has_bit = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
        let end = (libc::BPF_RET | libc::BPF_K) as u16;
        let refused = if memory_files { u32::MAX } else { libc::SYS_memfd_create as u32 };
        let mut program = [
            // The number of the call, then the low half of its third argument.
            instruction(load, 0, 0, 0),
            instruction(equals, 4, 0, refused),
            instruction(equals, 0, 2, libc::SYS_mprotect as u32),
            instruction(load, 0, 0, 32),
            instruction(has_bit, 1, 0, libc::PROT_EXEC as u32),
            instruction(end, 0, 0, libc::SECCOMP_RET_ALLOW),
            instruction(end, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        ];
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: the program is well formed, and outlives the call that copies it.
        let results = unsafe {
            let first = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            (first, libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter))
        };
        assert_eq!(results, (0, 0), "{}", std::io::Error::last_os_error());
    }

    /// Returns whether the system makes a page executable that was writable.
    fn a_page_becomes_executable() -> bool {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new page that nobody else knows.
        unsafe {
            let page = libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0);
            libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) == 0
        }
    }

    /// Loads an artifact by each route, and runs it where that goes well.
    fn load_by_each_route(directory: &Path) -> [(&'static str, engine::Result<()>); 4] {
        let path = write_artifact(directory);
        assert!(!a_page_becomes_executable(), "the refusal is in force");
        let bytes = fs::read(&path).unwrap();
        // SAFETY: nobody changes the file.
        let trusted = unsafe { Module::deserialize_trusted_file(&engine(), &path) };
        [
            ("compiled", Module::new(&engine(), TEXT)),
            ("bytes", Module::deserialize(&engine(), bytes)),
            ("file", Module::deserialize_file(&engine(), &path)),
            ("trusted file", trusted),
        ]
        .map(|(route, module)| (route, module.map(|module| assert_runs(&module))))
    }

    #[test]
    fn every_route_loads_by_way_of_a_file() {
        in_a_child("without_writable_code::every_route_loads_by_way_of_a_file", || {
            let directory = tempfile::tempdir().unwrap();
            filter_calls(true);
            for (route, result) in load_by_each_route(directory.path()) {
                result.unwrap_or_else(|error| panic!("{route}: {error}"));
            }
            nothing_is_writable_and_executable();
        });
    }

    #[test]
    fn the_kernels_own_refusal_is_the_same() {
        // SAFETY: PR_GET_MDWE changes nothing.
        if unsafe { libc::prctl(66, 0, 0, 0, 0) } < 0 {
            eprintln!("SKIPPED: this kernel has no PR_SET_MDWE");
            return;
        }
        in_a_child("without_writable_code::the_kernels_own_refusal_is_the_same", || {
            let directory = tempfile::tempdir().unwrap();
            // SAFETY: PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN changes what the process may map, nothing else.
            assert_eq!(unsafe { libc::prctl(65, 1, 0, 0, 0) }, 0);
            for (route, result) in load_by_each_route(directory.path()) {
                result.unwrap_or_else(|error| panic!("{route}: {error}"));
            }
        });
    }

    #[test]
    fn without_memory_files_a_trusted_file_loads_and_the_other_routes_say_why_not() {
        in_a_child(
            "without_writable_code::without_memory_files_a_trusted_file_loads_and_the_other_routes_say_why_not",
            || {
                let directory = tempfile::tempdir().unwrap();
                filter_calls(false);
                for (route, result) in load_by_each_route(directory.path()) {
                    if route == "trusted file" {
                        result.unwrap();
                        continue;
                    }
                    let error = result.expect_err(route);
                    assert_eq!(error.kind(), ErrorKind::Resource, "{error}");
                    for part in ["make code executable", "not permitted", "memory file", "deserialize_trusted_file"] {
                        assert!(error.message().contains(part), "{route}: {error}");
                    }
                }
            },
        );
    }
}
