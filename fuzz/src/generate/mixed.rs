//! The generator of the target `differential`: a module of wasm-smith, call chains that trap, and sometimes a library
//! instance.

use super::case::{Action, Call, Case, Instantiation, MAIN, choose_options};
use super::feature_set::Audience;
use super::graft::{self, Entry, LIBRARY, Surroundings};
use super::input::Input;
use super::seed;
use super::smith::{self, Termination};
use super::value::arbitrary_value;
use arbitrary::{Result, Unstructured};
use lanes::{Features, is_valid_with};

/// The most fuel of a case: so little that a recursion usually runs out of it before the stack overflows, which ends
/// the comparison.
const MAX_FUEL: u64 = 4000;
/// The most loop iterations and calls of a module that counts them itself, for the same reason.
const MAX_STEPS: u32 = 300;
/// The most loop iterations and calls of a module that came with the input.
const SEED_STEPS: u32 = 5000;
/// The most calls of a case.
const MAX_CALLS: usize = 20;

/// Returns the case that these bytes describe.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a module.
pub fn generate(data: &[u8], audience: Audience) -> Result<Case> {
    let input = Input::new(data);
    let (mut plan, mut choices) = (input.plan(), input.graft());
    let fuel = if plan.arbitrary()? { Some(plan.int_in_range(100..=MAX_FUEL)?) } else { None };
    let fuel = fuel.filter(|_| audience.own);
    let mut features = audience.draw(&mut plan)?;
    let options = choose_options(&mut plan, fuel)?;
    let fuel = fuel.is_some();
    let adopted = adopt(&input, &mut features, audience)?;
    let library = if plan.ratio(1, 4)? {
        let surroundings = Surroundings { name: LIBRARY, library: &[], tags: &[], fuel, features };
        Some(graft::graft(&mut choices, graft::Base::default(), surroundings)?)
    } else {
        None
    };
    let base = match adopted {
        Some(adopted) => adopted,
        None => generate_base(&mut plan, &input, features, fuel)?,
    };
    let exports = library.as_ref().map_or(&[][..], |library| &library.entries);
    let tags = library.as_ref().map_or(&[][..], |library| &library.tags);
    let surroundings = Surroundings { name: MAIN, library: exports, tags, fuel, features };
    let main = graft::graft(&mut choices, graft::Base::read(&base)?, surroundings)?;
    let calls = choose_calls(&mut plan, &main.entries, &main.base_exports)?;
    let mut hosts = main.hosts;
    let (mut modules, mut actions) = (Vec::new(), Vec::new());
    if let Some(library) = library {
        hosts.extend(library.hosts);
        modules.push(library.wasm);
        actions.push(instantiate(0, LIBRARY));
    }
    actions.push(instantiate(modules.len(), MAIN));
    actions.extend(calls.into_iter().map(Action::Call));
    modules.push(main.wasm);
    // wasm-smith and wasmparser do not agree about descriptors.
    if features.contains(Features::CUSTOM_DESCRIPTORS) && !modules.iter().all(|wasm| is_valid_with(wasm, features)) {
        return Err(arbitrary::Error::IncorrectFormat);
    }
    Ok(Case { features, needed: features, modules, hosts, actions, options, ..Case::default() })
}

/// Returns the module in the input in a form that a case can use, if there is one. It may need features that were not
/// drawn: then all are.
fn adopt(input: &Input, features: &mut Features, audience: Audience) -> Result<Option<Vec<u8>>> {
    let Some(module) = input.module() else { return Ok(None) };
    let adopted = seed::adopt(module, SEED_STEPS).ok_or(arbitrary::Error::IncorrectFormat)?;
    if !is_valid_with(&adopted, *features) {
        *features = audience.all();
    }
    if is_valid_with(&adopted, *features) { Ok(Some(adopted)) } else { Err(arbitrary::Error::IncorrectFormat) }
}

fn instantiate(module: usize, name: &str) -> Action {
    Action::Instantiate(Instantiation { module, name: name.to_string() })
}

/// Generates the module to graft upon: one of wasm-smith, or one time in four an empty one.
fn generate_base(u: &mut Unstructured<'_>, input: &Input, features: Features, fuel: bool) -> Result<Vec<u8>> {
    if u.ratio(1, 4)? {
        return Ok(wasm_encoder::Module::new().finish());
    }
    let termination =
        if fuel { Termination::EngineFuel } else { Termination::OwnCounter(u.int_in_range(10..=MAX_STEPS)?) };
    smith::generate(&mut input.smith(), features, termination)
}

/// Chooses the calls: each chain a few times, since to run it is cheap, and functions of the base module in between.
fn choose_calls(u: &mut Unstructured<'_>, chains: &[Entry], base: &[Entry]) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for entry in chains {
        for _ in 0..u.int_in_range(2..=5)? {
            calls.push(choose_call(u, entry)?);
        }
    }
    for entry in base.iter().take(MAX_CALLS - calls.len()) {
        let position = u.int_in_range(0..=calls.len())?;
        calls.insert(position, choose_call(u, entry)?);
    }
    Ok(calls)
}

fn choose_call(u: &mut Unstructured<'_>, entry: &Entry) -> Result<Call> {
    let arguments = entry.signature.params.iter().map(|&ty| arbitrary_value(u, ty)).collect::<Result<_>>()?;
    Ok(Call { instance: MAIN.to_string(), function: entry.name.clone(), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    /// With modules that are not valid, the oracle would compare nothing but refusals.
    #[test]
    fn modules_are_valid() {
        let mut made = 0;
        for seed in 0..300 {
            let bytes = Random::new(seed).next_u64().to_le_bytes();
            let audience = Audience { own: seed % 2 == 0, ..Audience::OWN };
            let Ok(case) = generate(&bytes, audience) else { continue };
            made += 1;
            for wasm in &case.modules {
                if !is_valid_with(wasm, case.needed) {
                    let error = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
                    let error = { error }.validate_all(wasm).map(|_| ());
                    panic!("seed {seed}: {error:?}\n{}", wasmprinter::print_bytes(wasm).expect("it decodes"));
                }
            }
        }
        assert!(made > 280, "only {made} of 300 inputs gave a case");
    }
}
