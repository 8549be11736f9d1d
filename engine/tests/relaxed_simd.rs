//! Relaxed vector instructions. Deterministic results are the same in both tiers and on every CPU. The machine's own
//! results are ones that the standard allows, and the same in both tiers.
#![cfg(feature = "compile")]

use engine::{Config, CpuFeatures, Engine, Instance, Module, Store, Tier};

/// The instructions, with their numbers of operands.
const INSTRUCTIONS: [(&str, usize); 20] = [
    ("i8x16.relaxed_swizzle", 2),
    ("i32x4.relaxed_trunc_f32x4_s", 1),
    ("i32x4.relaxed_trunc_f32x4_u", 1),
    ("i32x4.relaxed_trunc_f64x2_s_zero", 1),
    ("i32x4.relaxed_trunc_f64x2_u_zero", 1),
    ("f32x4.relaxed_madd", 3),
    ("f32x4.relaxed_nmadd", 3),
    ("f64x2.relaxed_madd", 3),
    ("f64x2.relaxed_nmadd", 3),
    ("i8x16.relaxed_laneselect", 3),
    ("i16x8.relaxed_laneselect", 3),
    ("i32x4.relaxed_laneselect", 3),
    ("i64x2.relaxed_laneselect", 3),
    ("f32x4.relaxed_min", 2),
    ("f32x4.relaxed_max", 2),
    ("f64x2.relaxed_min", 2),
    ("f64x2.relaxed_max", 2),
    ("i16x8.relaxed_q15mulr_s", 2),
    ("i16x8.relaxed_dot_i8x16_i7x16_s", 2),
    ("i32x4.relaxed_dot_i8x16_i7x16_add_s", 3),
];

/// Returns a module with a function for each instruction, which loads up to three vectors from the start of the memory
/// and stores the result after them.
fn text() -> String {
    let mut text = String::from("(module (memory (export \"memory\") 1)");
    for (name, operands) in INSTRUCTIONS {
        let loads: String = (0..operands).map(|i| format!("(v128.load (i32.const {}))", i * 16)).collect();
        text += &format!("(func (export \"{name}\") (v128.store (i32.const 48) ({name} {loads})))");
    }
    text + ")"
}

/// Returns the results of every instruction for every triple of operands.
fn results(tier: Tier, cpu: CpuFeatures, deterministic: bool, operands: &[[u8; 16]]) -> Vec<(&'static str, [u8; 16])> {
    let mut config = Config::new();
    config.tier(tier).cpu_features(cpu).relaxed_simd_deterministic(deterministic);
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, text()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    let mut all = Vec::new();
    for (name, _) in INSTRUCTIONS {
        let run = instance.get_typed_func::<(), ()>(&mut store, name).unwrap();
        for start in 0..operands.len() {
            let triple: Vec<u8> = (0..3).flat_map(|i| operands[(start + i * i) % operands.len()]).collect();
            memory.write(&mut store, 0, &triple).unwrap();
            run.call(&mut store, ()).unwrap();
            let mut result = [0; 16];
            memory.read(&store, 48, &mut result).unwrap();
            all.push((name, result));
        }
    }
    all
}

fn singles(lanes: [f32; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (target, lane) in bytes.chunks_mut(4).zip(lanes) {
        target.copy_from_slice(&lane.to_le_bytes());
    }
    bytes
}

fn doubles(lanes: [f64; 2]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (target, lane) in bytes.chunks_mut(8).zip(lanes) {
        target.copy_from_slice(&lane.to_le_bytes());
    }
    bytes
}

/// Returns operands without NaNs: numbers for which fused and unfused sums differ, both zeros, numbers out of range,
/// and lanes of every kind.
fn operands() -> Vec<[u8; 16]> {
    let mut all = vec![[0x80; 16], [0x7f; 16], [0; 16], [0xff; 16]];
    all.push(singles([0.0, -0.0, 1.0 + f32::EPSILON, f32::MAX]));
    all.push(singles([-0.0, 0.0, 1.0 - f32::EPSILON, 2.0]));
    all.push(singles([1e10, -1e10, -1.0, f32::INFINITY]));
    all.push(doubles([1.0 + f64::EPSILON, -0.0]));
    all.push(doubles([1.0 - f64::EPSILON, 0.0]));
    all.push(doubles([-1.0, 1e300]));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..200 {
        all.push(core::array::from_fn(|_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // Exponents that are not all ones, because NaN payloads are not specified.
            (state >> 56) as u8 & 0xbf
        }));
    }
    all
}

#[test]
fn deterministic_results_are_the_same_everywhere() {
    let operands = operands();
    let expected = results(Tier::Speed, CpuFeatures::Host, true, &operands);
    for (tier, cpu) in
        [(Tier::Quick, CpuFeatures::Host), (Tier::Speed, CpuFeatures::Baseline), (Tier::Quick, CpuFeatures::Baseline)]
    {
        assert!(results(tier, cpu, true, &operands) == expected, "{tier:?} {cpu:?}");
    }
}

#[test]
fn the_machines_results_are_the_same_in_both_tiers() {
    let operands = operands();
    for cpu in [CpuFeatures::Host, CpuFeatures::Baseline] {
        let speed = results(Tier::Speed, cpu, false, &operands);
        assert!(speed == results(Tier::Quick, cpu, false, &operands), "{cpu:?}");
    }
}

/// `(1 + e) * (1 - e) - 1` is `-e²` rounded once, and 0 rounded twice.
#[test]
fn products_are_rounded_unless_the_machine_fuses() {
    let triple = [singles([1.0 + f32::EPSILON; 4]), singles([1.0 - f32::EPSILON; 4]), singles([-1.0; 4])];
    let operands = [triple[0], triple[1], [0; 16], [0; 16], triple[2]];
    let first = |cpu, deterministic| {
        let all = results(Tier::Speed, cpu, deterministic, &operands);
        all.into_iter().find(|(name, _)| *name == "f32x4.relaxed_madd").expect("it is in the list").1
    };
    let unfused = singles([0.0; 4]);
    let fused = singles([-f32::EPSILON * f32::EPSILON; 4]);
    assert_eq!(first(CpuFeatures::Host, true), unfused);
    assert_eq!(first(CpuFeatures::Baseline, false), unfused);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(first(CpuFeatures::Host, false), if is_x86_feature_detected!("fma") { fused } else { unfused });
}
