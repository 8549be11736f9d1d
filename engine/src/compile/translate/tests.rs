//! Compiles every numeric and vector operator, with Cranelift's verifier on, in both tiers, for this machine and for
//! the baseline. A test compares the table below with wasmparser's own list of operators.

use crate::base::{Config, CpuFeatures, Features, Tier};
use crate::compile::translate::ModuleEnv;
use crate::compile::{Compiler, codegen::CompiledCode, validate};
use std::collections::BTreeSet;

/// Operators by their parameters and results. Immediates may follow a name.
const OPERATORS: &[(&str, &str, &str)] = &[
    ("", "i32", "i32.const -1"),
    ("", "i64", "i64.const 0x8000000000000000"),
    ("", "f32", "f32.const nan:0x200000"),
    ("", "f64", "f64.const -inf"),
    ("", "v128", "v128.const i64x2 1 -2"),
    (
        "i32",
        "i32",
        "i32.clz; i32.ctz; i32.popcnt; i32.eqz; i32.extend8_s; i32.extend16_s",
    ),
    (
        "i64",
        "i64",
        "i64.clz; i64.ctz; i64.popcnt; i64.extend8_s; i64.extend16_s; i64.extend32_s",
    ),
    ("i64", "i32", "i64.eqz; i32.wrap_i64"),
    (
        "i32 i32",
        "i32",
        "i32.add; i32.sub; i32.mul; i32.div_s; i32.div_u; i32.rem_s; i32.rem_u; i32.and; i32.or; i32.xor; i32.shl;
         i32.shr_s; i32.shr_u; i32.rotl; i32.rotr; i32.eq; i32.ne; i32.lt_s; i32.lt_u; i32.gt_s; i32.gt_u; i32.le_s;
         i32.le_u; i32.ge_s; i32.ge_u",
    ),
    (
        "i64 i64",
        "i64",
        "i64.add; i64.sub; i64.mul; i64.div_s; i64.div_u; i64.rem_s; i64.rem_u; i64.and; i64.or; i64.xor; i64.shl;
         i64.shr_s; i64.shr_u; i64.rotl; i64.rotr",
    ),
    (
        "i64 i64",
        "i32",
        "i64.eq; i64.ne; i64.lt_s; i64.lt_u; i64.gt_s; i64.gt_u; i64.le_s; i64.le_u; i64.ge_s; i64.ge_u",
    ),
    ("i64 i64 i64 i64", "i64 i64", "i64.add128; i64.sub128"),
    ("i64 i64", "i64 i64", "i64.mul_wide_s; i64.mul_wide_u"),
    ("f32", "f32", "f32.abs; f32.neg; f32.ceil; f32.floor; f32.trunc; f32.nearest; f32.sqrt"),
    ("f64", "f64", "f64.abs; f64.neg; f64.ceil; f64.floor; f64.trunc; f64.nearest; f64.sqrt"),
    ("f32 f32", "f32", "f32.add; f32.sub; f32.mul; f32.div; f32.min; f32.max; f32.copysign"),
    ("f64 f64", "f64", "f64.add; f64.sub; f64.mul; f64.div; f64.min; f64.max; f64.copysign"),
    ("f32 f32", "i32", "f32.eq; f32.ne; f32.lt; f32.gt; f32.le; f32.ge"),
    ("f64 f64", "i32", "f64.eq; f64.ne; f64.lt; f64.gt; f64.le; f64.ge"),
    (
        "f32",
        "i32",
        "i32.trunc_f32_s; i32.trunc_f32_u; i32.trunc_sat_f32_s; i32.trunc_sat_f32_u; i32.reinterpret_f32",
    ),
    ("f64", "i32", "i32.trunc_f64_s; i32.trunc_f64_u; i32.trunc_sat_f64_s; i32.trunc_sat_f64_u"),
    ("f32", "i64", "i64.trunc_f32_s; i64.trunc_f32_u; i64.trunc_sat_f32_s; i64.trunc_sat_f32_u"),
    (
        "f64",
        "i64",
        "i64.trunc_f64_s; i64.trunc_f64_u; i64.trunc_sat_f64_s; i64.trunc_sat_f64_u; i64.reinterpret_f64",
    ),
    ("i32", "i64", "i64.extend_i32_s; i64.extend_i32_u"),
    ("i32", "f32", "f32.convert_i32_s; f32.convert_i32_u; f32.reinterpret_i32"),
    ("i64", "f32", "f32.convert_i64_s; f32.convert_i64_u"),
    ("i32", "f64", "f64.convert_i32_s; f64.convert_i32_u"),
    ("i64", "f64", "f64.convert_i64_s; f64.convert_i64_u; f64.reinterpret_i64"),
    ("f64", "f32", "f32.demote_f64"),
    ("f32", "f64", "f64.promote_f32"),
    (
        "i32",
        "v128",
        "v128.load offset=3; v128.load8x8_s; v128.load8x8_u; v128.load16x4_s; v128.load16x4_u; v128.load32x2_s;
         v128.load32x2_u; v128.load8_splat; v128.load16_splat; v128.load32_splat; v128.load64_splat; v128.load32_zero;
         v128.load64_zero; i8x16.splat; i16x8.splat; i32x4.splat",
    ),
    ("i64", "v128", "i64x2.splat"),
    ("f32", "v128", "f32x4.splat"),
    ("f64", "v128", "f64x2.splat"),
    (
        "i32 v128",
        "",
        "v128.store offset=5; v128.store8_lane 15; v128.store16_lane 7; v128.store32_lane 3; v128.store64_lane 1",
    ),
    ("i32 v128", "v128", "v128.load8_lane 15; v128.load16_lane 7; v128.load32_lane 3; v128.load64_lane 1"),
    (
        "v128",
        "i32",
        "i8x16.extract_lane_s 15; i8x16.extract_lane_u 0; i16x8.extract_lane_s 7; i16x8.extract_lane_u 1;
         i32x4.extract_lane 3; v128.any_true; i8x16.all_true; i16x8.all_true; i32x4.all_true; i64x2.all_true;
         i8x16.bitmask; i16x8.bitmask; i32x4.bitmask; i64x2.bitmask",
    ),
    ("v128", "i64", "i64x2.extract_lane 1"),
    ("v128", "f32", "f32x4.extract_lane 2"),
    ("v128", "f64", "f64x2.extract_lane 1"),
    (
        "v128 i32",
        "v128",
        "i8x16.replace_lane 15; i16x8.replace_lane 7; i32x4.replace_lane 3; i8x16.shl; i8x16.shr_s; i8x16.shr_u;
         i16x8.shl; i16x8.shr_s; i16x8.shr_u; i32x4.shl; i32x4.shr_s; i32x4.shr_u; i64x2.shl; i64x2.shr_s; i64x2.shr_u",
    ),
    ("v128 i64", "v128", "i64x2.replace_lane 1"),
    ("v128 f32", "v128", "f32x4.replace_lane 3"),
    ("v128 f64", "v128", "f64x2.replace_lane 1"),
    (
        "v128 v128 v128",
        "v128",
        "v128.bitselect; i8x16.relaxed_laneselect; i16x8.relaxed_laneselect; i32x4.relaxed_laneselect;
         i64x2.relaxed_laneselect; f32x4.relaxed_madd; f32x4.relaxed_nmadd; f64x2.relaxed_madd; f64x2.relaxed_nmadd;
         i32x4.relaxed_dot_i8x16_i7x16_add_s",
    ),
    (
        "v128",
        "v128",
        "v128.not; i8x16.abs; i16x8.abs; i32x4.abs; i64x2.abs; i8x16.neg; i16x8.neg; i32x4.neg; i64x2.neg; i8x16.popcnt;
         i16x8.extadd_pairwise_i8x16_s; i16x8.extadd_pairwise_i8x16_u; i32x4.extadd_pairwise_i16x8_s;
         i32x4.extadd_pairwise_i16x8_u; i16x8.extend_low_i8x16_s; i16x8.extend_high_i8x16_s; i16x8.extend_low_i8x16_u;
         i16x8.extend_high_i8x16_u; i32x4.extend_low_i16x8_s; i32x4.extend_high_i16x8_s; i32x4.extend_low_i16x8_u;
         i32x4.extend_high_i16x8_u; i64x2.extend_low_i32x4_s; i64x2.extend_high_i32x4_s; i64x2.extend_low_i32x4_u;
         i64x2.extend_high_i32x4_u; f32x4.ceil; f32x4.floor; f32x4.trunc; f32x4.nearest; f32x4.abs; f32x4.neg;
         f32x4.sqrt; f64x2.ceil; f64x2.floor; f64x2.trunc; f64x2.nearest; f64x2.abs; f64x2.neg; f64x2.sqrt;
         i32x4.trunc_sat_f32x4_s; i32x4.trunc_sat_f32x4_u; f32x4.convert_i32x4_s; f32x4.convert_i32x4_u;
         i32x4.trunc_sat_f64x2_s_zero; i32x4.trunc_sat_f64x2_u_zero; f64x2.convert_low_i32x4_s;
         f64x2.convert_low_i32x4_u; f32x4.demote_f64x2_zero; f64x2.promote_low_f32x4; i32x4.relaxed_trunc_f32x4_s;
         i32x4.relaxed_trunc_f32x4_u; i32x4.relaxed_trunc_f64x2_s_zero; i32x4.relaxed_trunc_f64x2_u_zero",
    ),
    (
        "v128 v128",
        "v128",
        "v128.and; v128.andnot; v128.or; v128.xor; i8x16.swizzle;
         i8x16.shuffle 0 16 1 17 2 18 3 19 31 4 30 5 29 6 28 7; i8x16.shuffle 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3;
         i8x16.eq; i8x16.ne; i8x16.lt_s; i8x16.lt_u; i8x16.gt_s; i8x16.gt_u; i8x16.le_s; i8x16.le_u; i8x16.ge_s;
         i8x16.ge_u; i16x8.eq; i16x8.ne; i16x8.lt_s; i16x8.lt_u; i16x8.gt_s; i16x8.gt_u; i16x8.le_s; i16x8.le_u;
         i16x8.ge_s; i16x8.ge_u; i32x4.eq; i32x4.ne; i32x4.lt_s; i32x4.lt_u; i32x4.gt_s; i32x4.gt_u; i32x4.le_s;
         i32x4.le_u; i32x4.ge_s; i32x4.ge_u; i64x2.eq; i64x2.ne; i64x2.lt_s; i64x2.gt_s; i64x2.le_s; i64x2.ge_s;
         f32x4.eq; f32x4.ne; f32x4.lt; f32x4.gt; f32x4.le; f32x4.ge; f64x2.eq; f64x2.ne; f64x2.lt; f64x2.gt; f64x2.le;
         f64x2.ge; i8x16.narrow_i16x8_s; i8x16.narrow_i16x8_u; i16x8.narrow_i32x4_s; i16x8.narrow_i32x4_u; i8x16.add;
         i8x16.add_sat_s; i8x16.add_sat_u; i8x16.sub; i8x16.sub_sat_s; i8x16.sub_sat_u; i8x16.min_s; i8x16.min_u;
         i8x16.max_s; i8x16.max_u; i8x16.avgr_u; i16x8.add; i16x8.add_sat_s; i16x8.add_sat_u; i16x8.sub;
         i16x8.sub_sat_s; i16x8.sub_sat_u; i16x8.mul; i16x8.min_s; i16x8.min_u; i16x8.max_s; i16x8.max_u; i16x8.avgr_u;
         i16x8.q15mulr_sat_s; i32x4.add; i32x4.sub; i32x4.mul; i32x4.min_s; i32x4.min_u; i32x4.max_s; i32x4.max_u;
         i32x4.dot_i16x8_s; i64x2.add; i64x2.sub; i64x2.mul; i16x8.extmul_low_i8x16_s; i16x8.extmul_high_i8x16_s;
         i16x8.extmul_low_i8x16_u; i16x8.extmul_high_i8x16_u; i32x4.extmul_low_i16x8_s; i32x4.extmul_high_i16x8_s;
         i32x4.extmul_low_i16x8_u; i32x4.extmul_high_i16x8_u; i64x2.extmul_low_i32x4_s; i64x2.extmul_high_i32x4_s;
         i64x2.extmul_low_i32x4_u; i64x2.extmul_high_i32x4_u; f32x4.add; f32x4.sub; f32x4.mul; f32x4.div; f32x4.min;
         f32x4.max; f32x4.pmin; f32x4.pmax; f64x2.add; f64x2.sub; f64x2.mul; f64x2.div; f64x2.min; f64x2.max;
         f64x2.pmin; f64x2.pmax; i8x16.relaxed_swizzle; f32x4.relaxed_min; f32x4.relaxed_max; f64x2.relaxed_min;
         f64x2.relaxed_max; i16x8.relaxed_q15mulr_s; i16x8.relaxed_dot_i8x16_i7x16_s",
    ),
];

/// Lists each operator with its parameters and result.
fn operators() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    OPERATORS
        .iter()
        .flat_map(|&(params, result, names)| names.split(';').map(move |name| (params, result, name.trim())))
}

/// Encodes a module with one function per operator, which applies the operator to its parameters.
fn module() -> Vec<u8> {
    let mut text = String::from("(memory 1)");
    for (params, result, operator) in operators() {
        text += &format!("(func (param {params}) (result {result})");
        for index in 0..params.split_whitespace().count() {
            text += &format!(" local.get {index}");
        }
        text += &format!(" {operator})\n");
    }
    wat::parse_str(text).expect("the table's operators parse")
}

const FEATURES: Features = Features::WASM_2_0.union(Features::RELAXED_SIMD).union(Features::WIDE_ARITHMETIC);

fn configurations() -> impl Iterator<Item = Config> {
    let tiers = [Tier::Speed, Tier::Quick].into_iter();
    tiers.flat_map(|tier| [CpuFeatures::Host, CpuFeatures::Baseline].map(|cpu| (tier, cpu))).flat_map(|(tier, cpu)| {
        [false, true].map(|deterministic| {
            let mut config = Config::new();
            config.features(FEATURES).tier(tier).cpu_features(cpu).relaxed_simd_deterministic(deterministic);
            config
        })
    })
}

fn compile(config: &Config, wasm: &[u8]) -> Vec<CompiledCode> {
    let validated = validate::decode(config.features, wasm).expect("the module is valid");
    let compiler = Compiler::new(config).expect("this machine is known");
    let env = ModuleEnv::new(config, wasm, &validated.module, &*compiler.isa).expect("the module is small");
    compiler.compile_all(&env, validated.bodies).unwrap_or_else(|error| panic!("{error:?} under {config:?}"))
}

#[test]
fn every_operator_compiles() {
    let wasm = module();
    for config in configurations() {
        assert!(compile(&config, &wasm).len() >= operators().count());
    }
}

/// Constant operands take other paths through the compiler: constant folding, and instructions with immediates.
#[test]
fn every_operator_compiles_with_constants() {
    let mut text = String::from("(memory 1)");
    for (params, result, operator) in operators() {
        text += &format!("(func (result {result})");
        for param in params.split_whitespace() {
            text += match param {
                "v128" => " v128.const i32x4 0 0x7fc00000 -1 0x80000000",
                "f32" | "f64" => ["(f32.const nan)", "(f64.const nan)"][usize::from(param == "f64")],
                _ => [" i32.const 0", " i64.const 0"][usize::from(param == "i64")],
            };
        }
        text += &format!(" {operator})\n");
    }
    let wasm = wat::parse_str(text).expect("the table's operators parse");
    configurations().for_each(|config| drop(compile(&config, &wasm)));
}

macro_rules! operator_names {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        [$((stringify!($proposal), stringify!($op))),*]
    };
}

#[test]
fn the_table_is_complete() {
    let wasm = module();
    let validated = validate::decode(FEATURES, &wasm).expect("the module is valid");
    let mut tested = BTreeSet::new();
    for body in &validated.bodies {
        for operator in body.body.get_operators_reader().expect("the body decodes") {
            let name = format!("{:?}", operator.expect("the body decodes"));
            tested.insert(name.split([' ', '{']).next().expect("a name").to_owned());
        }
    }
    let all = wasmparser::for_each_operator!(operator_names);
    for (proposal, name) in all {
        let scalar = ["I32", "I64", "F32", "F64"].iter().any(|ty| name.starts_with(ty));
        let memory = !name.contains("128") && (name.contains("Load") || name.contains("Store"));
        let ours = match proposal {
            "mvp" => scalar && !memory,
            "sign_extension" | "saturating_float_to_int" | "simd" | "relaxed_simd" | "wide_arithmetic" => true,
            _ => false,
        };
        assert_eq!(tested.contains(name), ours || name == "LocalGet" || name == "End", "{proposal} {name}");
    }
}
