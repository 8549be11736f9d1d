//! Call chains with a trap at their end, grafted onto a module.
//!
//! Of the traps in plain wasm-smith modules 96 % have one frame and three of four are `unreachable`. So each base
//! module gets functions that it does not have by itself:
//!
//! ```text
//! exported entry -> link -> link -> ... -> leaf
//!                   direct call                 one instruction that traps (or may trap, or does not),
//!                   call_indirect               or a call into the base module
//!                   host function that calls back
//!                   recursion
//!                   function of another instance
//! ```
//!
//! In: a stream of choices, a base module (or none), the functions of a library instance. Out: one module with names
//! for its functions, the entries to call, the host functions that it imports.

mod assemble;
mod body;
mod compute;
mod leaf;
mod link;

pub use assemble::Base;

use crate::value::{Signature, arbitrary_value};
use arbitrary::{Result, Unstructured};
use body::Body;
use lanes::{Behaviour, HeapType, HostFunc, ValType};

/// The module name of the generated host functions.
const HOST: &str = "fuzz";
/// The name that the library instance is registered under.
pub const LIBRARY: &str = "lib";

/// A module that is ready to be run.
pub struct Grafted {
    /// The binary.
    pub wasm: Vec<u8>,
    /// The functions at the head of each chain: name and type.
    pub entries: Vec<Entry>,
    /// The exported functions of the base module.
    pub base_exports: Vec<Entry>,
    /// The host functions to define before it is instantiated, besides those that every session has.
    pub hosts: Vec<HostFunc>,
}

/// An exported function.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The export's name.
    pub name: String,
    /// The function's type.
    pub signature: Signature,
}

/// What surrounds the module that is made.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The module's name; also keeps the host functions of several modules apart.
    pub name: &'a str,
    /// Exported functions of the instance that is registered as [`LIBRARY`].
    pub library: &'a [Entry],
    /// Whether the engine counts fuel, so that endless loops end.
    pub fuel: bool,
}

/// Grafts one to four chains onto `base`.
///
/// # Errors
///
/// When `u` runs dry in a place where a choice is needed.
pub fn graft(u: &mut Unstructured<'_>, base: &Base<'_>, surroundings: Surroundings<'_>) -> Result<Grafted> {
    let mut plan = Plan::new(u, base, surroundings)?;
    for chain in 0..u.int_in_range(1..=4)? {
        let mut target = leaf::function(u, &mut plan)?;
        for _ in 0..depth(u)? {
            // An empty stream gives zeros: no more than one kind of function.
            if u.len() < ENOUGH {
                break;
            }
            target = link::function(u, &mut plan, target)?;
        }
        let signature = plan.signature_of(target).clone();
        plan.entries.push((Entry { name: format!("graft:{chain}"), signature }, target));
    }
    assemble::assemble(u, base, plan)
}

/// How many links: often a few, sometimes many.
fn depth(u: &mut Unstructured<'_>) -> Result<usize> {
    if u.ratio(1, 6)? { u.int_in_range(6..=20) } else { u.int_in_range(0..=5) }
}

/// Functions, types and imports of the graft; indices are final from the start.
struct Plan {
    /// The module's name.
    name: String,
    /// Whether endless loops end.
    fuel: bool,
    /// The types that grafted functions have. Type `k` stands in the module at `first_type + k`.
    pool: Vec<Signature>,
    /// Types of base functions, by their index in the base module.
    base_functions: Vec<Signature>,
    /// Imported functions: they come first in the index space.
    imports: Vec<Import>,
    /// Grafted functions: behind the imports and the base functions.
    functions: Vec<Function>,
    /// The heads of the chains.
    entries: Vec<(Entry, FunctionId)>,
    /// First index of the grafted types.
    first_type: u32,
    /// The grafted table, whose element `k` is the grafted function `k`.
    table: u32,
    /// The grafted passive element segment (that of the table's functions is active).
    element_segment: u32,
    /// The grafted passive data segment.
    data_segment: u32,
    /// The first of the grafted globals.
    first_global: u32,
}

/// A grafted function, by the order of its making.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FunctionId(usize);

struct Function {
    name: String,
    /// Index in the pool.
    signature: usize,
    body: Body,
}

struct Import {
    module: String,
    name: String,
    signature: Signature,
    role: ImportRole,
}

#[derive(Clone, PartialEq, Eq)]
enum ImportRole {
    /// Calls its first parameter with the others; the number is the callee's type in the pool.
    Call(usize),
    /// Returns, traps or panics at once.
    Leaf(Option<Behaviour>),
    /// A function of the library instance.
    Library,
}

/// The grafted globals, in order: `i32` and `i64` sums of all that was seen, a recursion's counter, and a zero that
/// the optimiser cannot know.
#[derive(Clone, Copy)]
enum Global {
    Sum32,
    Sum64,
    Countdown,
    Zero,
}

/// Bytes of choices that are plenty for one more function.
const ENOUGH: usize = 256;
/// How many elements of the grafted table are null, behind the functions.
const NULL_SLOTS: u32 = 3;
/// Length of the grafted passive data segment in bytes, and of the grafted passive element segment.
const SEGMENT_LEN: u32 = 5;

impl Plan {
    fn new(u: &mut Unstructured<'_>, base: &Base<'_>, surroundings: Surroundings<'_>) -> Result<Plan> {
        let pool = (0..u.int_in_range(1..=5)?).map(|_| Signature::arbitrary(u)).collect::<Result<Vec<_>>>()?;
        let imports = imports(u, &pool, surroundings)?;
        Ok(Plan {
            name: surroundings.name.to_string(),
            fuel: surroundings.fuel,
            pool,
            base_functions: base.functions().to_vec(),
            imports,
            functions: Vec::new(),
            entries: Vec::new(),
            first_type: base.types(),
            table: base.tables(),
            // The active segment of the table comes first.
            element_segment: base.element_segments() + 1,
            data_segment: base.data_segments(),
            first_global: base.globals(),
        })
    }

    fn push(&mut self, name: String, signature: usize, body: Body) -> FunctionId {
        self.functions.push(Function { name, signature, body });
        FunctionId(self.functions.len() - 1)
    }

    /// The id that the next pushed function gets.
    fn next(&self) -> FunctionId {
        FunctionId(self.functions.len())
    }

    fn signature_of(&self, function: FunctionId) -> &Signature {
        &self.pool[self.functions[function.0].signature]
    }

    /// Index in the module's function index space.
    fn function_index(&self, FunctionId(id): FunctionId) -> u32 {
        index(self.imports.len() + self.base_functions.len() + id)
    }

    /// Index in the module's function index space of a base function.
    fn base_function_index(&self, base: usize) -> u32 {
        index(self.imports.len() + base)
    }

    /// Index of the type `k` of the pool.
    fn type_index(&self, k: usize) -> u32 {
        self.first_type + index(k)
    }

    /// Index of a type that no function of the module has.
    fn foreign_type_index(&self) -> u32 {
        self.type_index(self.pool.len())
    }

    fn global_index(&self, global: Global) -> u32 {
        self.first_global + global as u32
    }

    fn imports_with(&self, wanted: impl Fn(&ImportRole) -> bool) -> Vec<usize> {
        (0..self.imports.len()).filter(|&k| wanted(&self.imports[k].role)).collect()
    }
}

/// Indices are small: the plan is bounded by the stream that it is made from.
fn index(k: usize) -> u32 {
    u32::try_from(k).expect("a plan has a few hundred items at most")
}

/// A callback for each type of the pool, a few functions that return at once, errors and panics, and the library.
fn imports(u: &mut Unstructured<'_>, pool: &[Signature], surroundings: Surroundings<'_>) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    for (k, callee) in pool.iter().enumerate() {
        let mut signature = callee.clone();
        signature.params.insert(0, ValType::Ref(HeapType::Func));
        let name = format!("{}.call{k}", surroundings.name);
        imports.push(Import { module: HOST.to_string(), name, signature, role: ImportRole::Call(k) });
    }
    for k in 0..u.int_in_range(0..=2)? {
        let signature = Signature::arbitrary(u)?;
        let values = signature.results.iter().map(|&ty| arbitrary_value(u, ty)).collect::<Result<_>>()?;
        let role = ImportRole::Leaf(Some(Behaviour::Return(values)));
        let name = format!("{}.return{k}", surroundings.name);
        imports.push(Import { module: HOST.to_string(), name, signature, role });
    }
    for name in ["fail", "panic"] {
        let signature = Signature::default();
        imports.push(Import {
            module: "host".to_string(),
            name: name.to_string(),
            signature,
            role: ImportRole::Leaf(None),
        });
    }
    for entry in surroundings.library {
        let (name, signature) = (entry.name.clone(), entry.signature.clone());
        imports.push(Import { module: LIBRARY.to_string(), name, signature, role: ImportRole::Library });
    }
    Ok(imports)
}
