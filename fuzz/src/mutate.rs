//! Mutation and cross-over of inputs, for libFuzzer.
//!
//! An input is a stream of choices, and any bytes describe a case of valid modules. A short input has a pseudo-random
//! tail ([`extend`]), so that a change of its first bytes changes everything. Mutation writes the tail out first, and
//! then makes a few small changes: each of them changes one function, one operand or one argument, and the rest of the
//! case stays as it was. Cross-over takes a range of choices from another input.
//!
//! A module in an input is mutated by wasm-mutate, and is not mixed with others.

use crate::generate::input::{Random, SEED_LEN, extend};
use crate::generate::seed::MAGIC;
use std::panic;
use wasm_mutate::WasmMutate;

/// The steps that wasm-mutate may take.
const MUTATION_FUEL: u64 = 1000;
/// The most changes of one mutation.
const CHANGES: u64 = 4;

/// Changes the first `size` bytes of `data` into another input of at most `max` bytes, and returns its length.
/// `choices` is the number of bytes that the oracle reads.
pub fn mutate(data: &mut [u8], size: usize, max: usize, choices: usize, seed: u64) -> usize {
    let mut random = Random::new(seed);
    if has_module(&data[..size]) {
        // The choices that belong to the module, or the module.
        if random.below(4) > 0 {
            return mutate_module(data, size, max, seed);
        }
        data[..SEED_LEN].fill_with(|| random.byte());
        return size;
    }
    let max = max.min(data.len()).min(choices);
    // Now and then another case altogether.
    if random.below(16) == 0 || max <= SEED_LEN {
        let length = max.min(SEED_LEN);
        data[..length].fill_with(|| random.byte());
        return length;
    }
    let mut input = write_out(&data[..size], max);
    for _ in 0..=random.below(CHANGES) {
        change(&mut input, &mut random);
    }
    data[..input.len()].copy_from_slice(&input);
    input.len()
}

/// Writes a mixture of two inputs to `out` and returns its length: a range of `other` within `one`.
pub fn cross_over(one: &[u8], other: &[u8], out: &mut [u8], choices: usize, seed: u64) -> usize {
    if has_module(one) || has_module(other) {
        let length = one.len().min(out.len());
        out[..length].copy_from_slice(&one[..length]);
        return length;
    }
    let mut random = Random::new(seed);
    let length = choices.min(out.len());
    let (mut input, other) = (write_out(one, length), write_out(other, length));
    let range = choose_range(input.len().min(other.len()), &mut random);
    input[range.clone()].copy_from_slice(&other[range]);
    out[..input.len()].copy_from_slice(&input);
    input.len()
}

/// Returns whether a module follows the seed of an input.
fn has_module(data: &[u8]) -> bool {
    data.get(SEED_LEN..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// Changes a module with wasm-mutate. The module stays as it is if wasm-mutate finds no change, panics (as it does on
/// exported tags), or makes it too long.
fn mutate_module(data: &mut [u8], size: usize, max: usize, seed: u64) -> usize {
    let module = data[SEED_LEN..size].to_vec();
    // libFuzzer's hook would end the process.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| ()));
    let changed = panic::catch_unwind(|| {
        let mut mutation = WasmMutate::default();
        mutation.seed(seed).preserve_semantics(false).fuel(MUTATION_FUEL);
        mutation.run(&module).ok()?.find_map(Result::ok)
    });
    panic::set_hook(hook);
    match changed {
        Ok(Some(changed)) if SEED_LEN + changed.len() <= max.min(data.len()) => {
            data[SEED_LEN..SEED_LEN + changed.len()].copy_from_slice(&changed);
            SEED_LEN + changed.len()
        }
        _ => size,
    }
}

/// Returns an input with its tail, of this length.
fn write_out(data: &[u8], length: usize) -> Vec<u8> {
    let mut input = extend(data, length);
    input.truncate(length);
    input
}

/// Changes a byte or a few bytes after the seed.
fn change(input: &mut [u8], random: &mut Random) {
    let Some(last) = input.len().checked_sub(SEED_LEN + 1) else { return };
    let at = SEED_LEN + random.below(last as u64 + 1) as usize;
    match random.below(5) {
        0 => input[at] = random.byte(),
        1 => input[at] = input[at].wrapping_add(1),
        2 => input[at] = input[at].wrapping_sub(1),
        3 => input[at] ^= 1 << random.below(8),
        _ => {
            let from = choose_range(input.len(), random);
            let length = from.len().min(input.len() - at);
            input.copy_within(from.start..from.start + length, at);
        }
    }
}

/// Chooses a short range after the seed.
fn choose_range(end: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = SEED_LEN.min(end) + random.below(end.saturating_sub(SEED_LEN).max(1) as u64) as usize;
    let start = start.min(end);
    let longest = [4, 64, 1024][random.below(3) as usize];
    start..(start + 1 + random.below(longest) as usize).min(end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::feature_set::Audience;
    use crate::generate::{Generator, gc, instantiate, mixed, simd, traps};

    const LEN: usize = 8192;

    /// Returns how many bytes of two cases differ, roughly.
    fn differing(one: &[u8], other: &[u8]) -> usize {
        one.iter().zip(other).filter(|(one, other)| one != other).count() + one.len().abs_diff(other.len())
    }

    /// A mutated input describes a valid case that resembles the one before.
    #[test]
    fn mutated_inputs_describe_similar_cases() {
        let generators: [Generator; 5] =
            [gc::generate, instantiate::generate, mixed::generate, simd::generate, traps::generate];
        for generate in generators {
            let (mut made, mut similar) = (0, 0);
            for seed in 0..40 {
                let input = Random::new(seed).next_u64().to_le_bytes();
                let Ok(before) = generate(&input, Audience::OWN) else { continue };
                let mut data = [0; LEN];
                data[..input.len()].copy_from_slice(&input);
                let size = mutate(&mut data, input.len(), LEN, LEN, seed);
                let Ok(after) = generate(&data[..size], Audience::OWN) else { continue };
                made += 1;
                assert!(after.modules.iter().all(|wasm| lanes::is_valid_with(wasm, after.features)));
                let (one, other) = (before.modules.concat(), after.modules.concat());
                similar += usize::from(differing(&one, &other) < one.len());
            }
            assert!(made > 30 && similar > made / 2, "{similar} of {made} are similar");
        }
    }

    #[test]
    fn a_module_stays_a_valid_module() {
        let module = wat::parse_str(
            "(module (memory 1) (tag (export \"t\")) (func (export \"f\") (param i32) (result i32)
               (i32.add (i32.load (local.get 0)) (i32.const 5))))",
        );
        let module = module.expect("it parses");
        let input = [&[5; SEED_LEN], &module[..]].concat();
        let mut changed = 0;
        for seed in 0..20 {
            let mut data = [0; LEN];
            data[..input.len()].copy_from_slice(&input);
            let size = mutate(&mut data, input.len(), LEN, LEN, seed);
            assert!(mixed::generate(&data[..size], Audience::OWN).is_ok(), "seed {seed}");
            changed += usize::from(data[SEED_LEN..size] != module);
        }
        assert!(changed > 5, "{changed}");
    }

    #[test]
    fn a_cross_over_has_bytes_of_both() {
        let (one, other) = ([1; LEN], [2; LEN]);
        let mut ones = 0;
        for seed in 0..20 {
            let mut out = [0; LEN];
            let size = cross_over(&one, &other, &mut out, LEN, seed);
            assert_eq!(size, LEN);
            assert!(out.contains(&1) && out.contains(&2) && !out.contains(&0));
            ones += out.iter().filter(|&&byte| byte == 1).count();
        }
        assert!(ones > 10 * LEN);
    }

    #[test]
    fn lengths_stay_in_bounds() {
        for (size, max) in [(0, 1), (0, 8), (3, 9), (8, 100), (100, 100), (0, LEN)] {
            for seed in 0..50 {
                let mut data = vec![7; max];
                assert!(mutate(&mut data, size, max, LEN, seed) <= max);
                let mut out = vec![0; max];
                assert!(cross_over(&[1; 5], &[2; 70], &mut out, LEN, seed) <= max);
            }
        }
    }
}
