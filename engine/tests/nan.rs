//! NaN results: with [`Config::canonicalize_nans`], every instruction that does arithmetic returns the positive
//! canonical NaN, in both tiers and with every set of CPU features. Instructions that copy bits copy those of NaNs too.
#![cfg(feature = "compile")]

use engine::{Config, CpuFeatures, Engine, Instance, Module, Store, Tier};

/// A NaN that is neither positive nor canonical, in each width.
const ODD_32: u32 = 0xffa5_5a5a;
const ODD_64: u64 = 0xfff5_a5a5_5a5a_a5a5;
/// The positive canonical NaN, in each width.
const CANONICAL_32: u32 = 0x7fc0_0000;
const CANONICAL_64: u64 = 0x7ff8_0000_0000_0000;

/// The instructions that every shape has, with their numbers of operands.
const ARITHMETIC: [(&str, usize); 11] = [
    ("add", 2),
    ("sub", 2),
    ("mul", 2),
    ("div", 2),
    ("min", 2),
    ("max", 2),
    ("sqrt", 1),
    ("ceil", 1),
    ("floor", 1),
    ("trunc", 1),
    ("nearest", 1),
];
/// The relaxed instructions that both vector shapes have.
const RELAXED: [(&str, usize); 4] = [("relaxed_madd", 3), ("relaxed_nmadd", 3), ("relaxed_min", 2), ("relaxed_max", 2)];

/// An instruction to run on NaNs.
struct Case {
    /// The name of the instruction.
    name: String,
    /// An expression for its result, on the NaNs of [`memory`].
    value: String,
    /// The prefix of the instruction that stores the result.
    store: &'static str,
    /// The canonical result, followed by zeros.
    canonical: [u8; 16],
}

/// Returns a case for an instruction of `shape` whose operands have the shape `from`.
fn case(shape: &'static str, name: &str, from: &str, operands: usize) -> Case {
    let storage = |shape: &'static str| if shape.contains('x') { "v128" } else { shape };
    let load = match from {
        "f32" => "(f32.load (i32.const 0))",
        "f64" => "(f64.load (i32.const 16))",
        "f32x4" => "(v128.load (i32.const 0))",
        _ => "(v128.load (i32.const 16))",
    };
    let lanes = match shape {
        "f32x4" if from == "f64x2" => 2,
        "f32x4" => 4,
        "f64x2" => 2,
        _ => 1,
    };
    let nans = match shape {
        "f32" | "f32x4" => CANONICAL_32.to_le_bytes().repeat(lanes),
        _ => CANONICAL_64.to_le_bytes().repeat(lanes),
    };
    let mut canonical = [0; 16];
    canonical[..nans.len()].copy_from_slice(&nans);
    let name = format!("{shape}.{name}");
    Case { value: format!("({name} {})", load.repeat(operands)), name, store: storage(shape), canonical }
}

/// Returns every instruction that does arithmetic.
fn arithmetic() -> Vec<Case> {
    let mut cases = vec![
        case("f32", "demote_f64", "f64", 1),
        case("f64", "promote_f32", "f32", 1),
        case("f32x4", "demote_f64x2_zero", "f64x2", 1),
        case("f64x2", "promote_low_f32x4", "f32x4", 1),
    ];
    for shape in ["f32", "f64", "f32x4", "f64x2"] {
        cases.extend(ARITHMETIC.map(|(name, operands)| case(shape, name, shape, operands)));
    }
    for shape in ["f32x4", "f64x2"] {
        cases.extend(RELAXED.map(|(name, operands)| case(shape, name, shape, operands)));
    }
    cases
}

/// Returns a module with a function for each case, which stores its result after the NaNs.
fn text(cases: &[Case]) -> String {
    let function = |Case { name, value, store, .. }: &Case| {
        format!("(func (export \"{name}\") ({store}.store (i32.const 32) {value}))")
    };
    format!("(module (memory (export \"memory\") 1) {})", cases.iter().map(function).collect::<String>())
}

/// Returns what each case stores under a configuration.
fn results(config: &Config, cases: &[Case]) -> Vec<[u8; 16]> {
    let engine = Engine::new(config).unwrap();
    let module = Module::new(&engine, text(cases)).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let mut result = |case: &Case| {
        memory.write(&mut store, 0, &ODD_32.to_le_bytes().repeat(4)).unwrap();
        memory.write(&mut store, 16, &ODD_64.to_le_bytes().repeat(2)).unwrap();
        memory.write(&mut store, 32, &[0; 16]).unwrap();
        instance.get_typed_func::<(), ()>(&mut store, &case.name).unwrap().call(&mut store, ()).unwrap();
        let mut result = [0; 16];
        memory.read(&store, 32, &mut result).unwrap();
        result
    };
    cases.iter().map(&mut result).collect()
}

/// Returns a configuration for each tier and each set of CPU features.
fn configurations(canonicalize: bool) -> Vec<Config> {
    let mut all = Vec::new();
    for tier in [Tier::Speed, Tier::Quick] {
        for cpu in [CpuFeatures::Host, CpuFeatures::Baseline] {
            let mut config = Config::new();
            config.tier(tier).cpu_features(cpu).relaxed_simd_deterministic(true).canonicalize_nans(canonicalize);
            all.push(config);
        }
    }
    all
}

#[test]
fn arithmetic_makes_no_nan_but_the_canonical_one() {
    let cases = arithmetic();
    for config in configurations(true) {
        for (case, result) in cases.iter().zip(results(&config, &cases)) {
            assert_eq!(result, case.canonical, "{} under {config:?}", case.name);
        }
    }
    // Without the setting the operands' bits show: the cases would tell.
    for config in configurations(false) {
        let odd = cases.iter().zip(results(&config, &cases)).filter(|(case, result)| *result != case.canonical);
        assert!(odd.count() > cases.len() / 2, "under {config:?}");
    }
}

#[test]
fn a_nan_from_numbers_is_the_canonical_one() {
    // x86-64's default NaN is negative.
    let zero = |shape: &'static str| Case {
        value: format!("({shape}.div ({shape}.const 0) ({shape}.const 0))"),
        ..case(shape, "div", shape, 2)
    };
    let cases = [zero("f32"), zero("f64")];
    for config in configurations(true) {
        assert_eq!(results(&config, &cases), [cases[0].canonical, cases[1].canonical], "{config:?}");
    }
}

#[test]
fn what_copies_bits_copies_those_of_a_nan() {
    let copy = |name: &str, value: &str| Case {
        name: name.to_owned(),
        value: value.replace("NAN", "(f32.load (i32.const 0))"),
        store: "f32",
        canonical: [0; 16],
    };
    let cases = [
        copy("neg", "(f32.neg NAN)"),
        copy("abs", "(f32.abs NAN)"),
        copy("copysign", "(f32.copysign NAN (f32.const 1))"),
        copy("select", "(select NAN (f32.const 1) (i32.const 1))"),
        copy("load", "NAN"),
    ];
    let positive = ODD_32 & 0x7fff_ffff;
    for config in configurations(true) {
        let results = results(&config, &cases);
        let bits = results.iter().map(|bytes| u32::from_le_bytes(bytes[..4].try_into().unwrap()));
        assert_eq!(bits.collect::<Vec<_>>(), [positive, positive, positive, ODD_32, ODD_32], "{config:?}");
    }
}
