//! The generator of the target `instantiate`: several modules, several instances of each, and what they share.
//!
//! The instance `base` exports a memory, tables, globals, twin tags of one type and functions. Further modules import
//! some of it, from `base` or from each other, and write into it by segments: active ones that overlap, that end at the
//! last byte or one past it, and that trap halfway; passive ones that are copied in parts and dropped. Their start
//! functions may trap. Calls and instantiations alternate. Each range of a call is drawn with its end in mind: start
//! and length together reach the end, or one past it (`module` has the text).

mod module;

use super::case::{Action, Call, Case, Instantiation, choose_options};
use super::deterministic::make_deterministic;
use super::feature_set::{Audience, find_needed};
use super::input::{SEED_LEN, extend};
use arbitrary::{Error, Result, Unstructured};
use lanes::{Features, Value};
use module::{Function, Module};

/// The bytes of choices.
const LEN: usize = 8192;
/// The name of the first instance.
const BASE: &str = "base";
/// The features that a case may draw.
const DRAWN: [Features; 4] =
    [Features::EXCEPTIONS, Features::MULTI_MEMORY, Features::EXTENDED_CONST, Features::FUNCTION_REFERENCES];

/// Returns the case that these bytes describe.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a module.
pub fn generate(data: &[u8], audience: Audience) -> Result<Case> {
    let bytes = extend(data, LEN);
    let mut u = Unstructured::new(&bytes[SEED_LEN..]);
    let u = &mut u;
    let options = choose_options(u, None)?;
    let mut features = Features::WASM_2_0;
    for feature in DRAWN {
        if u.ratio(2, 3)? && audience.common.contains(feature) {
            features |= feature;
        }
    }
    let features = features.with(features);
    let (modules, actions) = Plan::new(u, features)?.finish(u)?;
    let encode = |text: &String| {
        let wasm = wat::parse_str(text).map_err(|_| Error::IncorrectFormat)?;
        make_deterministic(&wasm).map_err(|_| Error::IncorrectFormat)
    };
    let modules = modules.iter().map(encode).collect::<Result<Vec<_>>>()?;
    let needed = find_needed(modules.iter().map(Vec::as_slice), features);
    Ok(Case { features, needed, modules, actions, options, ..Case::default() })
}

/// The modules, and their instances so far.
struct Plan {
    modules: Vec<Module>,
    /// The names of the instances, with the index of their module.
    instances: Vec<(String, usize)>,
    actions: Vec<Action>,
}

impl Plan {
    /// Plans the modules, and an instance of each.
    fn new(u: &mut Unstructured<'_>, features: Features) -> Result<Plan> {
        let base = Module::base(u, features)?;
        let mut plan = Plan { modules: vec![base], instances: Vec::new(), actions: Vec::new() };
        plan.instantiate(0, BASE.to_string());
        for _ in 0..u.int_in_range(1..=3)? {
            // A module that imports from the instance of another one gets that one's imports through its exports.
            let from = if u.ratio(1, 4)? { u.choose(&plan.instances)?.0.clone() } else { BASE.to_string() };
            let module = Module::new(u, features, &from, &plan.modules[0])?;
            plan.modules.push(module);
            let index = plan.modules.len() - 1;
            plan.instantiate(index, format!("i{index}"));
        }
        Ok(plan)
    }

    fn instantiate(&mut self, module: usize, name: String) {
        self.instances.push((name.clone(), module));
        self.actions.push(Action::Instantiate(Instantiation { module, name }));
    }

    /// Adds calls and further instances. Returns the texts of the modules and the actions.
    fn finish(mut self, u: &mut Unstructured<'_>) -> Result<(Vec<String>, Vec<Action>)> {
        for k in 0..u.int_in_range(6..=20)? {
            if u.ratio(1, 4)? {
                let module = u.choose_index(self.modules.len())?;
                // Some take the name of an earlier instance of the module, which later imports then no longer reach.
                let name = match (u.arbitrary()?, module) {
                    (true, 0) => BASE.to_string(),
                    (true, _) => format!("i{module}"),
                    (false, _) => format!("more{k}"),
                };
                self.instantiate(module, name);
            }
            let (instance, module) = u.choose(&self.instances)?.clone();
            let Function { name, ends } = u.choose(&self.modules[module].functions)?;
            let arguments = choose_arguments(u, *ends)?;
            let arguments = arguments.into_iter().map(Value::I32).collect();
            self.actions.push(Action::Call(Call { instance, function: name.to_string(), arguments }));
        }
        Ok((self.modules.into_iter().map(|module| module.text).collect(), self.actions))
    }
}

/// Chooses the arguments of a function on ranges: `target`, `source`, `length`, for ranges that end at `ends`.
fn choose_arguments(u: &mut Unstructured<'_>, ends: [i32; 2]) -> Result<[i32; 3]> {
    let [target_end, source_end] = ends;
    let shorter = target_end.min(source_end);
    let length = match u.int_in_range(0..=3)? {
        0 => u.int_in_range(0..=3)?.min(shorter),
        1 => shorter,
        _ => u.int_in_range(0..=shorter)?,
    };
    let mut start = |end: i32| -> Result<i32> {
        Ok(match u.int_in_range(0..=7)? {
            0 => end - length + 1,
            1..=3 => end - length,
            4 => 0,
            _ => u.int_in_range(0..=(end - length).max(0))?,
        })
    };
    Ok([start(target_end)?, start(source_end)?, length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    /// Text that does not parse would only make the generator give up.
    #[test]
    fn every_input_is_valid_modules() {
        for seed in 0..150 {
            let bytes = extend(&Random::new(seed).next_u64().to_le_bytes(), LEN);
            let mut u = Unstructured::new(&bytes);
            let features = if seed % 3 == 0 { Features::WASM_2_0 } else { Audience::OWN.common };
            let (modules, _) =
                Plan::new(&mut u, features).and_then(|plan| plan.finish(&mut u)).expect("there are choices");
            for text in modules {
                let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let valid =
                    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(&wasm);
                if let Err(error) = valid {
                    panic!("seed {seed}: {error}\n{text}");
                }
            }
        }
    }

    /// Ranges reach the end and one past it, with every length.
    #[test]
    fn ranges_are_drawn_with_their_end() {
        let bytes = extend(&[1; 8], 1 << 16);
        let mut u = Unstructured::new(&bytes);
        let (mut at_end, mut past) = (0, 0);
        for _ in 0..1000 {
            let [target, source, length] = choose_arguments(&mut u, [100, 20]).expect("there are choices");
            assert!(target >= 0 && source >= 0 && (0..=20).contains(&length));
            at_end += usize::from(target + length == 100);
            past += usize::from(source + length == 21 && length > 0);
        }
        assert!(at_end > 200 && past > 40, "{at_end}, {past}");
    }
}
