//! The generator of the target `gc`: modules full of objects.
//!
//! The types are a chain of structures that is deeper than any table of supertypes in an engine, with branches; a chain
//! of function types; and arrays of every element type. Functions cast over the chain (`casts`), fill, copy and read
//! arrays to their last element and one past it (`arrays`), and keep objects alive across calls, exceptions and tail
//! calls while others become garbage (`lives`). Each returns a number and an object, and all that the object reaches
//! is compared.
//!
//! Modules are written as text.

mod arrays;
mod casts;
mod lives;

use super::case::{Action, Call, Case, Instantiation, MAIN, choose_options};
use super::deterministic::make_deterministic;
use super::feature_set::{Audience, find_needed};
use super::input::{SEED_LEN, extend};
use super::simd::interesting;
use arbitrary::{Error, Result, Unstructured};
use lanes::{Features, Reference, Value};
use std::fmt::Write;

/// The bytes of choices.
const LEN: usize = 8192;
/// The greatest depth of the chain of structures.
const DEEPEST: usize = 14;
/// The structures from this depth on have branches beside the chain.
const BRANCHES: usize = 3;

/// The element types of arrays, which are also those of fields.
const ELEMENTS: [&str; 13] = [
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "v128",
    "anyref",
    "funcref",
    "externref",
    "i31ref",
    "(ref null $s0)",
    "(ref null $a2)",
];

/// The text of a module under construction, and what its functions may refer to.
struct Builder {
    features: Features,
    /// The number of structures of the chain: `$s0`, `$s1`, ...
    depth: usize,
    /// The fields that each structure adds to those of its supertype, as indices of [`ELEMENTS`].
    added: Vec<Option<usize>>,
    /// The number of branches: `$t0` is a subtype of `$s3`, `$t1` one of `$s4`, ...
    branches: usize,
    /// The exported functions.
    functions: String,
    exports: usize,
}

/// Returns the case that these bytes describe.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a module.
pub fn generate(data: &[u8], audience: Audience) -> Result<Case> {
    let bytes = extend(data, LEN);
    let mut u = Unstructured::new(&bytes[SEED_LEN..]);
    let u = &mut u;
    let mut options = choose_options(u, None)?;
    if u.arbitrary()? {
        options.values_mut().for_each(|options| options.gc_zeal = true);
    }
    let mut builder = Builder::new(u, audience)?;
    for _ in 0..u.int_in_range(4..=12)? {
        match u.int_in_range(0..=5)? {
            0 | 1 => casts::function(u, &mut builder)?,
            2 | 3 => arrays::function(u, &mut builder)?,
            _ => lives::function(u, &mut builder)?,
        }
    }
    let wasm = wat::parse_str(builder.module(u)?).map_err(|_| Error::IncorrectFormat)?;
    let wasm = make_deterministic(&wasm).map_err(|_| Error::IncorrectFormat)?;
    let mut actions = vec![Action::Instantiate(Instantiation { module: 0, name: MAIN.to_string() })];
    for call in 0..3 * builder.exports {
        let number = if u.arbitrary()? { u.int_in_range(0..=i32::try_from(builder.kinds()).unwrap_or(9))? } else { 0 };
        let reference = match u.int_in_range(0..=3)? {
            0 => Reference::Null(lanes::HeapType::Extern),
            _ => Reference::Extern(u.int_in_range(0..=9)?),
        };
        let arguments = vec![Value::I32(number), Value::Ref(reference)];
        let function = (call % builder.exports).to_string();
        actions.push(Action::Call(Call { instance: MAIN.to_string(), function, arguments }));
    }
    let features = builder.features;
    let needed = find_needed([wasm.as_slice()].into_iter(), features);
    Ok(Case { features, needed, modules: vec![wasm], actions, options, ..Case::default() })
}

/// Returns the text of a constant of this type, which is one of [`ELEMENTS`].
fn constant(u: &mut Unstructured<'_>, ty: &str) -> Result<String> {
    use wasm_encoder::ValType;
    let ty = match ty {
        "i8" | "i16" | "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        _ => ValType::V128,
    };
    Ok(match interesting(u, ty)? {
        Value::I32(value) => format!("(i32.const {value})"),
        Value::I64(value) => format!("(i64.const {value})"),
        Value::F32(bits) => format!("(f32.reinterpret_i32 (i32.const {}))", bits.cast_signed()),
        Value::F64(bits) => format!("(f64.reinterpret_i64 (i64.const {}))", bits.cast_signed()),
        Value::V128(bits) => format!("(v128.const i64x2 {:#x} {:#x})", bits & u128::from(u64::MAX), bits >> 64),
        Value::Ref(_) => "(unreachable)".to_string(),
    })
}

impl Builder {
    fn new(u: &mut Unstructured<'_>, audience: Audience) -> Result<Builder> {
        let mut features = Features::WASM_2_0 | Features::GC;
        for feature in [Features::EXCEPTIONS, Features::TAIL_CALL] {
            if u.ratio(2, 3)? && audience.common.contains(feature) {
                features |= feature;
            }
        }
        let depth = u.int_in_range(1..=DEEPEST)?;
        let added = (0..depth)
            .map(|_| Ok(if u.ratio(1, 3)? { Some(u.choose_index(ELEMENTS.len())?) } else { None }))
            .collect::<Result<Vec<_>>>()?;
        let branches = depth.saturating_sub(BRANCHES).min(4);
        let features = features.with(features);
        Ok(Builder { features, depth, added, branches, functions: String::new(), exports: 0 })
    }

    /// Returns the number of kinds of objects that `$make` makes.
    fn kinds(&self) -> usize {
        self.depth + self.branches + ELEMENTS.len() + 3
    }

    /// Returns the structures, and all array types.
    fn types(&self) -> Vec<String> {
        let structures = (0..self.depth).map(|k| format!("$s{k}"));
        let branches = (0..self.branches).map(|k| format!("$t{k}"));
        structures.chain(branches).chain((0..ELEMENTS.len()).map(|k| format!("$a{k}"))).collect()
    }

    /// Adds an exported function with this code, which leaves an `i64` and an `anyref`. It may use the locals `$n`
    /// (`i32`), `$x` (`externref`), `$sum` (`i64`), `$i` (`i32`), `$r` and `$q` (`anyref`), `$s` (`(ref null $s0)`).
    fn export(&mut self, code: &str) {
        let name = self.exports;
        self.exports += 1;
        let _infallible = write!(
            self.functions,
            "(func $f{name} (export \"{name}\") (param $n i32) (param $x externref) (result i64 anyref)
               (local $sum i64) (local $i i32) (local $r anyref) (local $q anyref) (local $s (ref null $s0))
             {code})\n"
        );
    }

    /// Returns an expression of type `anyref`.
    fn object(&self, u: &mut Unstructured<'_>) -> Result<String> {
        Ok(match u.int_in_range(0..=9)? {
            0 => "(ref.null any)".to_string(),
            1 => format!("(ref.i31 {})", constant(u, "i32")?),
            2 => "(local.get $r)".to_string(),
            3 => "(local.get $q)".to_string(),
            4 => "(any.convert_extern (local.get $x))".to_string(),
            5 => "(global.get $kept)".to_string(),
            6 => format!("(table.get $objects (i32.const {}))", u.int_in_range(0..=3)?),
            7 => "(call $make (local.get $n) (local.get $x))".to_string(),
            _ => format!("(call $make (i32.const {}) (local.get $x))", u.int_in_range(0..=self.kinds())?),
        })
    }

    /// Returns an expression of an element type, without a width: `i32` for `i8`.
    fn element(&self, u: &mut Unstructured<'_>, element: usize) -> Result<String> {
        Ok(match ELEMENTS[element] {
            "anyref" => self.object(u)?,
            "funcref" => u.choose(&["(ref.null func)", "(ref.func $g0)", "(ref.func $churn)"])?.to_string(),
            "externref" => {
                format!(
                    "(select (result externref) (local.get $x) (extern.convert_any {}) (local.get $n))",
                    self.object(u)?
                )
            }
            "i31ref" => format!("(ref.i31 {})", constant(u, "i32")?),
            "(ref null $s0)" => match u.int_in_range(0..=2)? {
                0 => "(local.get $s)".to_string(),
                1 => "(ref.null $s0)".to_string(),
                _ => format!("(struct.new_default $s{})", u.choose_index(self.depth)?),
            },
            "(ref null $a2)" => {
                format!("(array.new $a2 {} (i32.const {}))", constant(u, "i32")?, u.int_in_range(0..=5)?)
            }
            number => constant(u, number)?,
        })
    }

    /// Returns the whole module.
    fn module(&self, u: &mut Unstructured<'_>) -> Result<String> {
        let mut text = "(module $gc\n".to_string();
        self.write_types(&mut text);
        text += "(global $kept (export \"kept\") (mut anyref) (ref.null any))\n";
        text += "(global $first (export \"first\") (ref $s0) (struct.new $s0 (i32.const 7) (ref.null none)";
        if let Some(element) = self.added[0] {
            text += default_of(ELEMENTS[element]);
        }
        text += "))\n(global $countdown (mut i32) (i32.const 0))\n";
        text += "(table $objects (export \"objects\") 4 40 anyref)\n";
        text += "(data $bytes \"\\00\\01\\7f\\80\\ff\\fe\\00\\00\\80\\3f\\00\\00\\c0\\ff\"
                   \"0123456789abcdefghijklmnopqrstuvwxyz\")\n";
        text += "(elem $numbers i31ref (ref.i31 (i32.const -1)) (ref.i31 (i32.const 5)) (ref.null i31))\n";
        text += "(elem $structs (ref null $s0) (global.get $first) (ref.null none) (struct.new_default $s0))\n";
        text += "(elem $anys anyref (array.new_fixed $a2 2 (i32.const 1) (i32.const 2)) (global.get $first)
                   (ref.i31 (i32.const 9)))\n";
        text += "(elem $functions funcref (ref.func $g0) (ref.null func) (ref.func $churn))\n";
        if self.features.contains(Features::EXCEPTIONS) {
            text += "(tag $thrown (export \"thrown\") (param anyref i32 (ref null $s0)))\n";
        }
        casts::write_makers(self, &mut text);
        lives::write_helpers(self, u, &mut text)?;
        text += &self.functions;
        text += ")";
        Ok(text)
    }

    fn write_types(&self, text: &mut String) {
        *text += "(rec\n";
        let mut fields = "(field $v (mut i32)) (field $next (mut (ref null $s0)))".to_string();
        let mut all_fields = Vec::new();
        for (k, added) in self.added.iter().enumerate() {
            if let Some(element) = added {
                let _infallible = write!(fields, " (field (mut {}))", ELEMENTS[*element]);
            }
            let supertype = if k == 0 { String::new() } else { format!("$s{}", k - 1) };
            let _infallible = writeln!(text, "(type $s{k} (sub {supertype} (struct {fields})))");
            all_fields.push(fields.clone());
        }
        for k in 0..self.branches {
            let above = k + BRANCHES;
            let fields = &all_fields[above];
            let _infallible = writeln!(text, "(type $t{k} (sub $s{above} (struct {fields} (field f64))))");
        }
        for (k, element) in ELEMENTS.iter().enumerate() {
            let _infallible = writeln!(text, "(type $a{k} (sub (array (mut {element}))))");
        }
        *text += ")\n";
        for k in 0..DEEPEST {
            let supertype = if k == 0 { String::new() } else { format!("$g{}", k - 1) };
            let _infallible = writeln!(text, "(type $g{k} (sub {supertype} (func (result i32))))");
        }
    }
}

/// Returns the default value of an element type as a constant expression.
fn default_of(element: &str) -> &'static str {
    match element {
        "i8" | "i16" | "i32" => "(i32.const 0)",
        "i64" => "(i64.const 0)",
        "f32" => "(f32.const 0)",
        "f64" => "(f64.const 0)",
        "v128" => "(v128.const i64x2 0 0)",
        "funcref" => "(ref.null nofunc)",
        "externref" => "(ref.null noextern)",
        _ => "(ref.null none)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    /// Text that does not parse would only make the generator give up.
    #[test]
    fn every_input_is_a_valid_module() {
        for seed in 0..150 {
            let bytes = extend(&Random::new(seed).next_u64().to_le_bytes(), LEN);
            let mut u = Unstructured::new(&bytes);
            let mut builder = Builder::new(&mut u, Audience::OWN).expect("there are choices");
            casts::function(&mut u, &mut builder).expect("there are choices");
            arrays::function(&mut u, &mut builder).expect("there are choices");
            lives::function(&mut u, &mut builder).expect("there are choices");
            let text = builder.module(&mut u).expect("there are choices");
            let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let valid = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(&wasm);
            if let Err(error) = valid {
                panic!("seed {seed}: {error}\n{text}");
            }
        }
    }

    #[test]
    fn chains_are_deeper_than_the_display_of_supertypes() {
        let depths: Vec<_> = (0..50)
            .map(|seed| {
                let bytes = extend(&Random::new(seed).next_u64().to_le_bytes(), LEN);
                Builder::new(&mut Unstructured::new(&bytes), Audience::OWN).expect("there are choices").depth
            })
            .collect();
        assert!(depths.iter().filter(|&&depth| depth > 8).count() > 10, "{depths:?}");
    }
}
