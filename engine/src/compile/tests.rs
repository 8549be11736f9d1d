//! Compiles small modules in both tiers under every option, with Cranelift's verifier on, and checks the tables'
//! contents.

use super::*;
use crate::artifact::handlers::Catch;
use crate::base::ErrorKind;
use crate::base::{CpuFeatures, MemoryChecks, Tier, Trap, WasmOffset};

/// Returns every combination of the options that change code.
fn configurations() -> Vec<Config> {
    let mut all = Vec::new();
    for bits in 0..32 {
        let bit = |position: u32| bits >> position & 1 == 1;
        let mut config = Config::new();
        config.tier(if bit(0) { Tier::Quick } else { Tier::Speed });
        config.memory_checks(if bit(1) { MemoryChecks::Explicit } else { MemoryChecks::GuardPages });
        config.cpu_features(if bit(2) { CpuFeatures::Baseline } else { CpuFeatures::Host });
        config.consume_fuel(bit(3)).epoch_interruption(bit(4));
        all.push(config);
    }
    all
}

fn tiers() -> [Config; 2] {
    [Tier::Speed, Tier::Quick].map(|tier| Config::new().tier(tier).clone())
}

fn code(config: &Config, wasm: &[u8]) -> Result<Vec<CompiledCode>> {
    let Validated { module, bodies, .. } = validate::decode(config.features, wasm)?;
    let compiler = Compiler::new(config)?;
    let env = ModuleEnv::new(config, wasm, &module, &*compiler.isa)?;
    compiler.compile_all(&env, bodies)
}

fn compile_text(config: &Config, text: &str) -> Vec<CompiledCode> {
    let wasm = wat::parse_str(text).expect("the test's module parses");
    code(config, &wasm).unwrap_or_else(|error| panic!("{error:?} under {config:?} for {text}"))
}

fn function(code: &[CompiledCode], index: u32) -> &CompiledCode {
    let symbol = Symbol::Function(DefinedFuncIndex(index));
    code.iter().find(|code| code.symbol == symbol).expect("the function was compiled")
}

/// Returns the traps of a function, each with the offset of the operator that its code belongs to.
fn located(code: &CompiledCode) -> Vec<(Trap, u32)> {
    let find = |at: u32| code.source_map.iter().find(|range| range.0 <= at && at < range.1);
    let mut all: Vec<_> = code
        .traps
        .iter()
        .map(|&(at, trap)| (trap, find(at).unwrap_or_else(|| panic!("{trap:?} at {at} has no operator")).2.0))
        .collect();
    // A function without a frame has no stack check, and the tiers differ in which functions have one.
    if all.len() > 1 {
        all.retain(|&(trap, _)| trap != Trap::StackOverflow);
    }
    all.sort_by_key(|&(trap, offset)| (offset, trap.code()));
    all.dedup();
    all
}

/// Returns the offset of these bytes, which occur once.
fn find(wasm: &[u8], bytes: &[u8]) -> u32 {
    let mut offsets = (0..wasm.len()).filter(|&at| wasm[at..].starts_with(bytes));
    let offset = offsets.next().expect("the bytes occur");
    assert_eq!(offsets.next(), None, "the bytes occur once");
    u32::try_from(offset).expect("test modules are small")
}

#[test]
fn every_construct_in_every_configuration() {
    let modules = [
        include_str!("tests/control.wat"),
        include_str!("tests/values.wat"),
        include_str!("tests/references.wat"),
        include_str!("tests/metering.wat"),
    ];
    for config in configurations() {
        for text in modules {
            let code = compile_text(&config, text);
            assert!(code.is_sorted_by(|one, other| one.symbol < other.symbol), "symbols are sorted and unique");
            for piece in &code {
                assert!(!piece.code.is_empty() && piece.alignment.is_power_of_two());
                assert!(piece.traps.is_sorted_by(|one, other| one.0 < other.0));
                assert!(piece.source_map.is_sorted_by(|one, other| one.1 <= other.0), "ranges do not overlap");
                located(&CompiledCode { traps: operator_traps(piece), ..piece.clone() });
                let known = |reloc: &codegen::Relocation| code.iter().any(|code| code.symbol == reloc.target);
                assert!(piece.relocs.iter().all(known), "all code that is called exists");
            }
        }
    }
}

/// Returns the traps of a function that belong to operators: a trampoline has none.
fn operator_traps(code: &CompiledCode) -> Vec<(u32, Trap)> {
    match code.symbol {
        Symbol::Function(_) => code.traps.clone(),
        _ => Vec::new(),
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let mut text = String::from("(module (memory 1) ");
    for number in 0..40 {
        text += &format!(
            "(func (export \"f{number}\") (param i32) (result i32) \
             (i32.load (local.get 0)) (i32.const {number}) (i32.div_s) (call {}) )",
            (number + 1) % 40
        );
    }
    text += ")";
    for config in tiers() {
        let render = |threads| format!("{:?}", compile_text(config.clone().compile_threads(threads), &text));
        let one = render(Some(1));
        assert_eq!(one, render(Some(4)));
        assert_eq!(one, render(None));
    }
}

#[test]
fn what_was_compiled_before_changes_nothing() {
    let texts = [
        include_str!("tests/control.wat"),
        include_str!("tests/values.wat"),
        "(module (func (result i32) i64.const 1))",
        include_str!("tests/references.wat"),
        include_str!("tests/metering.wat"),
    ];
    let modules = texts.map(|text| wat::parse_str(text).expect("the test's module parses"));
    for config in tiers() {
        let alone = |wasm: &Vec<u8>| Compiler::new(&config).unwrap().compile(wasm).ok();
        let (compiler, expected) = (Compiler::new(&config).unwrap(), modules.each_ref().map(alone));
        for (wasm, expected) in modules.iter().zip(&expected).chain(modules.iter().zip(&expected).rev()) {
            assert_eq!(compiler.compile(wasm).ok(), *expected);
        }
        assert_eq!(expected.iter().filter(|artifact| artifact.is_none()).count(), 1, "one module is invalid");
        assert!(!compiler.helpers.0.lock().unwrap().is_empty());
    }
}

#[test]
fn of_two_errors_the_first_is_reported() {
    let wasm = wat::parse_str("(module (func i32.const 1) (func) (func i64.const 1) (func f32.const 1))").unwrap();
    let expected = code(Config::new().compile_threads(Some(1)), &wasm).unwrap_err();
    for _ in 0..20 {
        let error = code(Config::new().compile_threads(Some(4)), &wasm).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Invalid, expected.offset()));
    }
}

/// A load traps at its own operator, whether the next operator uses its value or not.
#[test]
fn loads_trap_at_their_own_operator() {
    let text = "(module (memory 1) (func (export \"f\") (param i32 i32) (result i32) \
        local.get 0 i32.load offset=3 local.get 1 i32.add \
        local.get 0 i32.load offset=5 drop \
        local.get 0 local.get 0 i32.load offset=9 i32.const 7 i32.add i32.store offset=12))";
    let wasm = wat::parse_str(text).unwrap();
    let loads = [[0x28, 2, 3], [0x28, 2, 5], [0x28, 2, 9], [0x36, 2, 12]].map(|bytes| find(&wasm, &bytes));
    for mut config in tiers() {
        let guarded = code(&config, &wasm).unwrap();
        assert_eq!(located(function(&guarded, 0)), loads.map(|offset| (Trap::MemoryOutOfBounds, offset)));
        let checked = code(config.memory_checks(MemoryChecks::Explicit), &wasm).unwrap();
        assert_eq!(located(function(&checked, 0)), loads.map(|offset| (Trap::MemoryOutOfBounds, offset)));
    }
}

/// A store that is overwritten at once still traps. (The second store here writes the value that the first has written,
/// so that the optimizer may drop it.)
#[test]
fn overwritten_stores_trap() {
    let text = "(module (memory 1) (func (export \"f\") (param i32 i32) \
        (i32.store offset=3 (local.get 0) (local.get 1)) (i32.store offset=3 (local.get 0) (local.get 1)) \
        (i32.store offset=3 (local.get 0) (i32.const 77)) \
        (if (local.get 1) (then (i32.store8 offset=5 (local.get 0) (i32.const 1)))) \
        (i32.store8 offset=6 (local.get 0) (i32.const 1)) (i32.store8 offset=6 (local.get 0) (i32.const 2)) nop))";
    let wasm = wat::parse_str(text).unwrap();
    let wanted = [
        find(&wasm, &[0x36, 2, 3, 0x20, 0, 0x20, 1]),
        find(&wasm, &[0x36, 2, 3, 0x20, 1, 0x04]),
        find(&wasm, &[0x3a, 0, 5]),
        find(&wasm, &[0x3a, 0, 6, 0x20]),
        find(&wasm, &[0x3a, 0, 6, 0x01]),
    ];
    for config in tiers() {
        let code = code(&config, &wasm).unwrap();
        let all = located(function(&code, 0));
        assert!(all.iter().all(|trap| trap.0 == Trap::MemoryOutOfBounds), "no trap of `keep_stores` is left: {all:?}");
        let kept = |offset: &&u32| all.contains(&(Trap::MemoryOutOfBounds, **offset));
        assert_eq!(wanted.iter().filter(kept).count(), wanted.len(), "{wanted:?} in {all:?}");
    }
}

/// A trap after a branch is not attributed to the branch.
#[test]
fn traps_after_branches_stay_there() {
    let text = "(module (func (export \"f\") (param i32 i32) (result i32) \
        (if (local.get 0) (then unreachable)) \
        (if (local.get 1) (then (drop (i32.div_s (i32.const 77) (i32.const 0))))) \
        (block (br_if 0 (local.get 0)) (drop (i32.trunc_f32_s (f32.const nan)))) \
        i32.const 1))";
    let wasm = wat::parse_str(text).unwrap();
    let wanted = [
        (Trap::Unreachable, find(&wasm, &[0x00, 0x0b, 0x20])),
        (Trap::IntegerDivisionByZero, find(&wasm, &[0x6d, 0x1a])),
        (Trap::InvalidConversionToInteger, find(&wasm, &[0xa8])),
    ];
    for config in tiers() {
        let code = code(&config, &wasm).unwrap();
        let all = located(function(&code, 0));
        assert!(wanted.iter().all(|trap| all.contains(trap)), "{wanted:?} in {all:?}");
    }
}

/// The check of the stack limit belongs to the function's first operator.
#[test]
fn stack_overflow_is_at_the_first_operator() {
    let text = "(module (func $f (export \"f\") (param i32) (local i64 f32) \
        (call $f (local.get 0)) (call $f (i32.const 77))))";
    let wasm = wat::parse_str(text).unwrap();
    let first = find(&wasm, &[0x20, 0, 0x10, 0]);
    for config in tiers() {
        let code = code(&config, &wasm).unwrap();
        assert_eq!(located(function(&code, 0)), [(Trap::StackOverflow, first)]);
    }
}

/// The source map leads from each call's code to its operator.
#[test]
fn calls_map_to_their_operators() {
    let text = "(module (import \"\" \"\" (func)) (table 1 funcref) (memory 1) (func (export \"f\") \
        call 0 i32.const 2 call_indirect i32.const 3 memory.grow drop call 1 nop))";
    let wasm = wat::parse_str(text).unwrap();
    let calls = [&[0x10, 0][..], &[0x11, 0, 0], &[0x40, 0, 0x1a], &[0x10, 1, 1]].map(|bytes| find(&wasm, bytes));
    for config in tiers() {
        let code = code(&config, &wasm).unwrap();
        let mapped: Vec<u32> = function(&code, 0).source_map.iter().map(|range| range.2.0).collect();
        assert!(calls.iter().all(|call| mapped.contains(call)), "{calls:?} in {mapped:?}");
    }
}

#[cfg(feature = "planted-faults")]
#[test]
fn faults_are_planted() {
    let text = "(module (func (export \"f\") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_u))";
    for mut config in tiers() {
        let sound = compile_text(&config, text);
        let (trap, offset) = located(function(&sound, 0))[0];
        assert_eq!(trap, Trap::IntegerDivisionByZero);
        let shifted = compile_text(config.fault(Some(crate::base::Fault::SourceMapOffByOne)), text);
        assert_eq!(located(function(&shifted, 0))[0], (trap, offset + 1));
        let wrong = compile_text(config.fault(Some(crate::base::Fault::WrongTrapCode)), text);
        assert_eq!(located(function(&wrong, 0))[0], (Trap::IntegerOverflow, offset));
    }
}

/// The stack map of a call has the references that are live across it, but no function references and no numbers.
#[test]
fn stack_maps_have_extern_references() {
    let text = "(module (import \"\" \"\" (func $host)) (global $g (mut externref) (ref.null extern)) \
        (func (export \"f\") (param externref funcref i32) (result externref funcref i32 externref) \
        (global.get $g) (call $host) (drop) (local.get 0) (local.get 1) (local.get 2) (global.get $g) (call $host)))";
    for config in tiers() {
        let code = compile_text(&config, text);
        let maps = &function(&code, 0).stack_maps;
        let live: Vec<usize> = maps.iter().map(|map| map.slots.len()).collect();
        assert_eq!(live, [1, 2], "only what is used later: the parameter; the parameter and the global");
    }
}

#[test]
fn trampolines_are_made_for_what_may_cross() {
    let text = "(module (type (func (param f64))) (import \"\" \"\" (func (param externref))) \
        (func (result i32) i32.const 1) (func (export \"f\") (param funcref) (result v128) v128.const i64x2 1 2))";
    for config in tiers() {
        let symbols: Vec<Symbol> = compile_text(&config, text).into_iter().map(|code| code.symbol).collect();
        let count = |wanted: fn(&Symbol) -> bool| symbols.iter().filter(|symbol| wanted(symbol)).count();
        assert_eq!(count(|symbol| matches!(symbol, Symbol::Function(_))), 2);
        assert_eq!(
            count(|symbol| matches!(symbol, Symbol::Exit(_))),
            1,
            "only one type is that of an import or a call"
        );
        assert_eq!(count(|symbol| matches!(symbol, Symbol::Entry(_))), 1, "only one function escapes");
    }
}

#[test]
fn entry_trampolines_have_a_handler() {
    for results in [0, 1, 3, 30] {
        let text = format!(
            "(module (func (export \"f\") (result {}) unreachable))",
            "i64 f32 i32 ".repeat(results).trim_end()
        );
        for config in tiers() {
            let code = compile_text(&config, &text);
            let entry = code.iter().find(|code| matches!(code.symbol, Symbol::Entry(_))).expect("the function escapes");
            let [site] = &entry.call_sites[..] else { panic!("one call has handlers") };
            assert_eq!(site.handlers.len(), 1);
            assert_eq!(site.handlers[0].catch, Catch::All);
        }
    }
}

#[test]
fn an_invalid_body_is_refused_with_its_offset() {
    let wasm = wat::parse_str("(module (func (result i32) i32.const 1 i64.const 2 i32.add))").unwrap();
    let add = find(&wasm, &[0x6a]);
    let error = code(&Config::new(), &wasm).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::Invalid, Some(u64::from(add))));
}

#[test]
fn offsets_are_those_of_the_binary() {
    let wasm = wat::parse_str("(module (func (export \"f\") nop unreachable))").unwrap();
    for config in tiers() {
        let code = code(&config, &wasm).unwrap();
        let expected = WasmOffset(find(&wasm, &[0x00, 0x0b]));
        assert_eq!(located(function(&code, 0)), [(Trap::Unreachable, expected.0)]);
    }
}

/// Returns the offsets in the code of a function's loads, in the order of the module.
fn loads(config: &Config, hint: &str, branch: &str) -> Vec<u32> {
    let text = format!(
        "(module (memory 1) (func (param i32) (result i32)
           (block (local.get 0) {hint} {branch}) (i32.load (local.get 0))))"
    );
    let code = compile_text(config, &text);
    let code = function(&code, 0);
    let traps = code.traps.iter().filter(|(_, trap)| *trap == Trap::MemoryOutOfBounds);
    let mut offsets: Vec<_> = traps
        .map(|&(at, _)| {
            let range = code.source_map.iter().find(|range| range.0 <= at && at < range.1).expect("a load's operator");
            (range.2.0, at)
        })
        .collect();
    offsets.sort_unstable();
    offsets.into_iter().map(|(_, at)| at).collect()
}

#[test]
fn hints_move_unlikely_code_to_the_end() {
    const IF: &str = "if (i32.store (i32.const 8) (i32.load (i32.const 4))) end";
    const BR_IF: &str = "br_if 0 (i32.store (i32.const 8) (i32.load (i32.const 4)))";
    for config in tiers() {
        let moved = |hint: &str, branch: &str| loads(&config, hint, branch).is_sorted();
        let (taken, not_taken) = ("(@metadata.code.branch_hint \"\\01\")", "(@metadata.code.branch_hint \"\\00\")");
        assert!(moved("", IF) && moved(taken, IF), "the arm comes before the code that follows");
        assert!(!moved(not_taken, IF), "the arm is hinted not to run");
        assert!(
            moved("", BR_IF) && moved(not_taken, BR_IF),
            "the code that the branch skips comes before the code that follows"
        );
        assert!(!moved(taken, BR_IF), "the code that the branch skips is hinted not to run");
    }
}

#[test]
fn hints_that_do_not_decode_are_ignored() {
    let text = "(module (@custom \"metadata.code.branch_hint\" (before code) \"\\01\\00\\01\\03\\01\\02\")
        (func (param i32) (local.get 0) (if (then nop))))";
    let plain = "(module (func (param i32) (local.get 0) (if (then nop))))";
    let bytes = |text| compile_text(&Config::new(), text).into_iter().map(|code| code.code).collect::<Vec<_>>();
    assert_eq!(bytes(text), bytes(plain));
}

#[test]
fn a_table_that_cannot_grow_has_a_constant_length() {
    // 100 differs from every offset in an instance.
    for (limits, is_constant) in [("100 100", true), ("100", false), ("100 101", false)] {
        let text = format!("(module (table {limits} funcref) (func (result i32) (table.size)))");
        for config in tiers() {
            let code = compile_text(&config, &text);
            assert_eq!(function(&code, 0).code.contains(&100), is_constant, "{limits}");
        }
    }
}

#[test]
fn a_cast_tests_only_what_validation_leaves_open() {
    for config in tiers() {
        // Each step takes a test away: that for null, that for an `i31`, and both.
        let lengths = ["anyref", "(ref any)", "(ref null $base)", "(ref $base)"].map(|operand| {
            let code = compile_text(
                &config,
                &format!(
                    "(module (type $base (sub (struct))) (type $part (sub $base (struct (field i32))))
                        (func (param {operand}) (result i32) (ref.test (ref $part) (local.get 0))))"
                ),
            );
            function(&code, 0).code.len()
        });
        let [open, not_null, object, neither] = lengths;
        assert!(open > not_null && open > object && not_null > neither && object > neither, "{lengths:?}");
    }
}
