//! Instruction fallbacks for rounding and byte shuffles, on a CPU without these instructions: in both tiers their
//! results equal those of Rust, number by number.
#![cfg(feature = "compile")]

use engine::{Config, CpuFeatures, Engine, Instance, Module, Store, Tier, TypedFunc};

const TEXT: &str = r#"(module
    (func (export "ceil32") (param f32) (result f32) (f32.ceil (local.get 0)))
    (func (export "floor32") (param f32) (result f32) (f32.floor (local.get 0)))
    (func (export "trunc32") (param f32) (result f32) (f32.trunc (local.get 0)))
    (func (export "nearest32") (param f32) (result f32) (f32.nearest (local.get 0)))
    (func (export "ceil64") (param f64) (result f64) (f64.ceil (local.get 0)))
    (func (export "floor64") (param f64) (result f64) (f64.floor (local.get 0)))
    (func (export "trunc64") (param f64) (result f64) (f64.trunc (local.get 0)))
    (func (export "nearest64") (param f64) (result f64) (f64.nearest (local.get 0)))
    (memory (export "memory") 1)
    (func (export "swizzle")
        (v128.store (i32.const 32) (i8x16.swizzle (v128.load (i32.const 0)) (v128.load (i32.const 16))))))"#;

/// An export, and the function whose results it must equal.
type Case<T> = (&'static str, fn(T) -> T);

fn each_tier(check: impl Fn(&mut Store<()>, Instance)) {
    for tier in [Tier::Speed, Tier::Quick] {
        let mut config = Config::new();
        config.tier(tier).cpu_features(CpuFeatures::Baseline);
        let engine = Engine::new(&config).expect("the configuration is possible");
        let module = Module::new(&engine, TEXT).expect("the module compiles");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("there is nothing to import");
        check(&mut store, instance);
    }
}

/// Returns numbers around every power of two and every tie, and bit patterns spread over the whole range.
fn patterns(bits: u32, exponent: u32, max_exponent: u64) -> Vec<u64> {
    let mut all = Vec::new();
    for power in 0..=max_exponent {
        for low in [0, 1, 2, 3, (1 << exponent) - 1, 1 << (exponent - 1), (1 << (exponent - 1)) + 1] {
            all.push(power << exponent | low);
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        all.push(state >> (64 - bits) & !(1 << (bits - 1)));
    }
    let sign = 1 << (bits - 1);
    all.iter().flat_map(|&number| [number, number | sign]).collect()
}

#[test]
fn rounds_singles() {
    let mut numbers: Vec<f32> = patterns(32, 23, 255).into_iter().map(|bits| f32::from_bits(bits as u32)).collect();
    numbers.extend((-4000..4000).map(|quarters| quarters as f32 / 4.0));
    let cases: [Case<f32>; 4] =
        [("ceil32", f32::ceil), ("floor32", f32::floor), ("trunc32", f32::trunc), ("nearest32", f32::round_ties_even)];
    each_tier(|store, instance| {
        for (name, expected) in cases {
            let round: TypedFunc<f32, f32> = instance.get_typed_func(&mut *store, name).expect("it is exported");
            for &x in &numbers {
                let result = round.call(&mut *store, x).expect("rounding does not trap");
                match x.is_nan() {
                    // A quiet NaN with the payload of the operand.
                    true => assert_eq!(result.to_bits(), x.to_bits() | 1 << 22, "{name}({x}) of {:#x}", x.to_bits()),
                    false => assert_eq!(result.to_bits(), expected(x).to_bits(), "{name}({x})"),
                }
            }
        }
    });
}

#[test]
fn rounds_doubles() {
    let mut numbers: Vec<f64> = patterns(64, 52, 2047).into_iter().map(f64::from_bits).collect();
    numbers.extend((-4000..4000).map(|quarters| f64::from(quarters) / 4.0));
    let cases: [Case<f64>; 4] =
        [("ceil64", f64::ceil), ("floor64", f64::floor), ("trunc64", f64::trunc), ("nearest64", f64::round_ties_even)];
    each_tier(|store, instance| {
        for (name, expected) in cases {
            let round: TypedFunc<f64, f64> = instance.get_typed_func(&mut *store, name).expect("it is exported");
            for &x in &numbers {
                let result = round.call(&mut *store, x).expect("rounding does not trap");
                match x.is_nan() {
                    true => assert_eq!(result.to_bits(), x.to_bits() | 1 << 51, "{name}({x}) of {:#x}", x.to_bits()),
                    false => assert_eq!(result.to_bits(), expected(x).to_bits(), "{name}({x})"),
                }
            }
        }
    });
}

#[test]
fn swizzles_bytes() {
    each_tier(|store, instance| {
        let memory = instance.get_memory(&mut *store, "memory").expect("it is exported");
        let swizzle: TypedFunc<(), ()> = instance.get_typed_func(&mut *store, "swizzle").expect("it is exported");
        let bytes: Vec<u8> = (0..16).map(|i| 0x81 + 7 * i).collect();
        for first in (0..=255_u8).step_by(5) {
            let lanes: Vec<u8> = (0..16).map(|i| first.wrapping_add(i * 17)).collect();
            memory.write(&mut *store, 0, &bytes).expect("it fits");
            memory.write(&mut *store, 16, &lanes).expect("it fits");
            swizzle.call(&mut *store, ()).expect("a swizzle does not trap");
            let mut result = [0; 16];
            memory.read(&*store, 32, &mut result).expect("it is there");
            let expected: Vec<u8> =
                lanes.iter().map(|&lane| bytes.get(usize::from(lane)).copied().unwrap_or(0)).collect();
            assert_eq!(result[..], expected, "{lanes:?}");
        }
    });
}
