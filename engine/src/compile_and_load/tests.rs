//! Hits, misses and refusals of the cache.

use super::cached::name;
use crate::cache::{Cache, CacheSettings};
use crate::{Config, CpuFeatures, Engine, Features, Instance, MemoryChecks, Module, Store, Tier};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

thread_local! {
    /// The reports of the cache in this thread, which is that of one test.
    static REPORTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn reports() -> Vec<String> {
    REPORTS.take()
}

struct Fixture {
    folder: TempDir,
    cache: Cache,
}

impl Fixture {
    fn new(limit: u64) -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = open(&folder, "key", limit).expect("a cache");
        Fixture { folder, cache }
    }

    /// Runs a module through the cache, and returns its result.
    fn run(&self, config: &Config, number: u32) -> i32 {
        let engine = Engine::new(config.clone().cache(Some(self.cache.clone()))).expect("the host is supported");
        result(&engine, &Module::new(&engine, module(number)).expect("the module is right"))
    }

    fn names(&self) -> Vec<String> {
        self.cache.list().expect("the folder is there").into_iter().map(|entry| entry.name).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cache.folder().join(format!("{name}.sealed"))
    }
}

fn open(folder: &TempDir, key: &str, limit: u64) -> io::Result<Cache> {
    let path = |name: &str| Some(folder.path().join(name));
    let settings = CacheSettings { folder: path("entries"), secret: path(key), limit: Some(limit) };
    Cache::open(&settings, |text| REPORTS.with_borrow_mut(|reports| reports.push(text.to_string())))
}

/// A module whose function returns a number.
fn module(number: u32) -> Vec<u8> {
    wat::parse_str(format!("(module (func (export \"f\") (result i32) (i32.const {number})))")).expect("text")
}

fn result(engine: &Engine, module: &Module) -> i32 {
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, module, &[]).expect("no imports");
    instance.get_typed_func::<(), i32>(&mut store, "f").expect("it is there").call(&mut store, ()).expect("no trap")
}

#[test]
fn a_second_run_loads_what_the_first_compiled() {
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    assert_eq!((fixture.run(&Config::new(), 1), fixture.run(&Config::new(), 2)), (1, 2));
    assert_eq!(fixture.names().len(), 2);
    assert_eq!((fixture.run(&Config::new(), 1), fixture.names().len()), (1, 2));

    // A sealed entry is used without a look at the module: only so can this one be found.
    let engine = Engine::default();
    let (name, planted) = (name(&engine, &module(1)).unwrap(), engine.compile(module(7)).unwrap());
    fixture.cache.add(&name, &planted);
    assert_eq!(fixture.run(&Config::new(), 1), 7);
    assert_eq!(reports(), Vec::<String>::new());
}

/// Each of these decides the bytes of an artifact, so that each has a name of its own.
#[test]
fn every_option_is_a_miss() {
    let configs: [fn(&mut Config); 12] = [
        |_| {},
        |config| _ = config.tier(Tier::Quick),
        |config| _ = config.features(Features::WASM_1_0),
        |config| _ = config.memory_checks(MemoryChecks::Explicit),
        |config| _ = config.cpu_features(CpuFeatures::Baseline),
        |config| _ = config.consume_fuel(true),
        |config| _ = config.epoch_interruption(true),
        |config| _ = config.relaxed_simd_deterministic(true),
        |config| _ = config.canonicalize_nans(true),
        |config| _ = config.debug_info(true),
        |config| _ = config.artifact_key(Some([1; 32])),
        |config| _ = config.artifact_key(Some([2; 32])),
    ];
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    for (count, change) in configs.iter().enumerate() {
        let mut config = Config::new();
        change(&mut config);
        for _ in 0..2 {
            assert_eq!((fixture.run(&config, 1), fixture.names().len()), (1, count + 1));
        }
    }
    // Options that decide nothing of an artifact do not.
    let mut config = Config::new();
    config.memory_pool(0).compile_threads(Some(1)).max_wasm_stack(100_000);
    assert_eq!((fixture.run(&config, 1), fixture.names().len()), (1, configs.len()));
    assert_eq!(reports(), Vec::<String>::new());
}

#[test]
fn the_name_covers_module_and_cpu_features() {
    let (engine, equal) = (Engine::default(), Engine::default());
    let mut config = Config::new();
    config.cpu_features(CpuFeatures::Baseline);
    let baseline = Engine::new(&config).unwrap();
    let name = |engine, wasm: &[u8]| name(engine, wasm).unwrap();
    assert_eq!(name(&engine, &module(1)), name(&equal, &module(1)));
    assert_ne!(name(&engine, &module(1)), name(&baseline, &module(1)));
    assert_ne!(name(&engine, &module(1)), name(&engine, &module(2)));
}

#[test]
fn damaged_entries_are_reported_removed_and_compiled_again() {
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    assert_eq!(fixture.run(&Config::new(), 1), 1);
    let name = fixture.names().remove(0);
    let path = fixture.path(&name);
    let whole = fs::read(&path).unwrap();
    let mut flipped: Vec<Vec<u8>> = [0, 31, 32, 33, whole.len() / 2, whole.len() - 1]
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        })
        .to_vec();
    flipped.extend([vec![], whole[..31].to_vec(), whole[..whole.len() - 1].to_vec(), [&whole[..], &[0]].concat()]);
    for bytes in flipped {
        fs::write(&path, bytes).unwrap();
        assert_eq!(fixture.run(&Config::new(), 1), 1);
        let reports = reports();
        assert!(
            matches!(&reports[..], [report] if report.contains(&name) && report.contains("damaged")),
            "{reports:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!((fixture.run(&Config::new(), 1), fs::read(&path).unwrap()), (1, whole));
    assert_eq!(reports().len(), 1);
}

/// Who can write the folder cannot pass code off as a module's: neither an artifact of his own, nor an entry that was
/// sealed for another module, nor one that was sealed with another key.
#[test]
fn forged_entries_are_refused() {
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    let other = open(&fixture.folder, "other key", Cache::DEFAULT_LIMIT).expect("a cache");
    let engine = Engine::default();
    let (own, foreign) = (name(&engine, &module(1)).unwrap(), name(&engine, &module(2)).unwrap());
    let evil = engine.compile(module(666)).unwrap();
    let plain_digest = blake3::hash(&[own.as_bytes(), &evil].concat());
    assert_eq!(fixture.run(&Config::new(), 2), 2);
    let sealed_for_other = fs::read(fixture.path(&foreign)).unwrap();
    for bytes in [
        evil.clone(),
        [&[0; 32], &evil[..]].concat(),
        [plain_digest.as_bytes(), &evil[..]].concat(),
        [other.seal(&own, &evil).as_bytes(), &evil[..]].concat(),
        sealed_for_other,
    ] {
        fs::write(fixture.path(&own), bytes).unwrap();
        assert_eq!(fixture.run(&Config::new(), 1), 1);
        assert_eq!(reports().len(), 1);
    }
    // The same attack with the key succeeds: the seal is what stops the others.
    fs::write(fixture.path(&own), [fixture.cache.seal(&own, &evil).as_bytes(), &evil[..]].concat()).unwrap();
    assert_eq!((fixture.run(&Config::new(), 1), reports().len()), (666, 0));
}

#[test]
fn the_key_is_made_once_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    let path = fixture.folder.path().join("key");
    let key = fs::read(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(key.len(), 32);
    let seal = |cache: &Cache| cache.seal("name", b"artifact");
    assert_eq!(seal(&open(&fixture.folder, "key", 0).unwrap()), seal(&fixture.cache));
    assert_ne!(seal(&open(&fixture.folder, "other key", 0).unwrap()), seal(&fixture.cache));
    let refusal = || open(&fixture.folder, "key", 0).expect_err("the key is not used").to_string();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refusal().contains("others may use it (mode 640)"), "{}", refusal());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "short").unwrap();
    assert!(refusal().contains("it has 5 bytes, not 32"), "{}", refusal());
}

#[test]
fn the_entries_that_were_used_the_longest_ago_are_evicted() {
    let probe = Fixture::new(Cache::DEFAULT_LIMIT);
    probe.run(&Config::new(), 1);
    let size = probe.cache.list().unwrap()[0].size;
    let fixture = Fixture::new(4 * size + size / 2);
    let ago = |seconds: u64| SystemTime::now() - Duration::from_secs(seconds);
    let mut names = Vec::new();
    for number in 0..4 {
        fixture.run(&Config::new(), number);
        let name = name(&Engine::default(), &module(number)).unwrap();
        let file = fs::File::open(fixture.path(&name)).unwrap();
        file.set_modified(ago(1000 - u64::from(number))).unwrap();
        names.push(name);
    }
    // A use, and a temporary file of a process that was killed, and one of a process that still writes.
    fixture.run(&Config::new(), 0);
    for (file, age) in [(".new-old", 4000), (".new-young", 40)] {
        let path = fixture.cache.folder().join(file);
        fs::write(&path, "").unwrap();
        fs::File::open(&path).unwrap().set_modified(ago(age)).unwrap();
    }
    fixture.run(&Config::new(), 4);
    names.push(name(&Engine::default(), &module(4)).unwrap());
    // A quarter of the limit is free, so that three are left.
    let left: Vec<bool> = names.iter().map(|name| fixture.path(name).exists()).collect();
    assert_eq!(left, [true, false, false, true, true]);
    let has = |file: &str| fixture.cache.folder().join(file).exists();
    assert!(!has(".new-old") && has(".new-young"));
    assert_eq!(reports(), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_written_costs_only_a_report() {
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    fs::remove_dir_all(fixture.cache.folder()).unwrap();
    assert_eq!(fixture.run(&Config::new(), 1), 1);
    let reports = reports();
    assert!(matches!(&reports[..], [report] if report.contains("is not used: ")), "{reports:?}");
}

#[test]
fn verify_removes_what_is_not_sound() {
    let fixture = Fixture::new(Cache::DEFAULT_LIMIT);
    (0..3).for_each(|number| assert_eq!(fixture.run(&Config::new(), number), number as i32));
    assert_eq!(fixture.cache.verify().unwrap(), (vec![], 3));
    let name = fixture.names().remove(1);
    fs::write(fixture.path(&name), "nonsense").unwrap();
    fs::write(fixture.cache.folder().join("a.b.sealed"), "").unwrap();
    let (mut bad, good) = fixture.cache.verify().unwrap();
    bad.sort();
    let mut expected = vec![name, "a.b".to_owned()];
    expected.sort();
    assert_eq!((bad, good), (expected, 2));
    assert_eq!(fixture.cache.verify().unwrap(), (vec![], 2));
    assert_eq!((fixture.cache.clear().unwrap(), fixture.names().len()), (2, 0));
}
