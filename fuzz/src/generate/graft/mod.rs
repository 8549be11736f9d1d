//! Grafts call chains with a trap at their end onto a module.
//!
//! Of the traps in plain wasm-smith modules, 96 % have one frame, and three of four are an `unreachable`. So each base
//! module gets further functions:
//!
//! ```text
//! exported entry -> link -> link -> ... -> leaf
//!                   direct call                 one instruction that traps, may trap or does not,
//!                   call_indirect               or a call into the base module
//!                   host function that calls back
//!                   recursion
//!                   function of another instance
//! ```
//!
//! The input is a stream of choices, a base module (possibly an empty one), and the exports of a library instance. The
//! output is one module with names for its functions, the entries to call, and the host functions that it imports.
//!
//! `link` makes the functions of a chain, and `leaf` its end. `body` builds a function body, `heap` is the part that
//! makes objects, and `assemble` writes the module.

mod access;
mod assemble;
mod base;
mod body;
mod compute;
mod exceptions;
mod heap;
mod hints;
mod leaf;
mod link;
mod objects;

pub use base::Base;
pub(crate) use body::constant;

use crate::generate::value::{self, Signature, arbitrary_value};
use crate::rules::{MAX_BYTES, PAGE};
use arbitrary::{Result, Unstructured};
use base::Counts;
use body::Body;
use heap::Heap;
use lanes::{Behavior, Features, HostFunc};
use wasm_encoder::ValType;

/// The module name of the generated host functions.
const HOST: &str = "fuzz";
/// The name under which the library instance is registered.
pub const LIBRARY: &str = "lib";

/// A module that is ready to run.
pub struct Grafted {
    /// The binary.
    pub wasm: Vec<u8>,
    /// The exported functions at the head of each chain.
    pub entries: Vec<Entry>,
    /// The exported functions of the base module.
    pub base_exports: Vec<Entry>,
    /// The host functions to define before instantiation, besides those of every session.
    pub hosts: Vec<HostFunc>,
    /// The exported tags.
    pub tags: Vec<Tag>,
}

/// An exported tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// The export's name.
    pub name: String,
    /// The types of the values that its exceptions carry.
    pub payload: Vec<ValType>,
}

/// An exported function.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The export's name.
    pub name: String,
    /// The function's type.
    pub signature: Signature,
}

/// The surroundings of the module that is generated.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The module's name. It also distinguishes the host functions of several modules.
    pub name: &'a str,
    /// The exported functions of the instance that is registered as [`LIBRARY`].
    pub library: &'a [Entry],
    /// The exported tags of that instance.
    pub tags: &'a [Tag],
    /// True if the engine counts fuel, so that endless loops end.
    pub fuel: bool,
    /// The features that the module may use.
    pub features: Features,
}

/// Grafts one to three chains onto `base`.
///
/// # Errors
///
/// If `u` has no choices left where one is needed.
pub fn graft(u: &mut Unstructured<'_>, base: Base<'_>, surroundings: Surroundings<'_>) -> Result<Grafted> {
    let mut plan = Plan::new(u, &base, surroundings)?;
    for chain in 0..u.int_in_range(1..=3)? {
        let mut target = leaf::function(u, &mut plan)?;
        for _ in 0..depth(u)? {
            // An empty stream returns only zeros, which would make the same kind of function again and again.
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

/// Chooses the number of links: often a few, sometimes many.
fn depth(u: &mut Unstructured<'_>) -> Result<usize> {
    if u.ratio(1, 8)? { u.int_in_range(5..=20) } else { u.int_in_range(0..=4) }
}

/// The functions, types and imports of the graft. Indices are final from the start.
struct Plan {
    /// The module's name.
    name: String,
    /// True if the engine counts fuel, so that endless loops end.
    fuel: bool,
    /// The features that may be used.
    features: Features,
    /// The types of locals.
    local_types: Vec<ValType>,
    /// The types of grafted functions. See [`type_index`](Plan::type_index) for their indices.
    pool: Vec<Signature>,
    /// The types of base functions, by their index in the base module.
    base_functions: Vec<Signature>,
    /// The imported functions. They come first in the index space.
    imports: Vec<Import>,
    /// The grafted functions. They come after the imports and the base functions.
    functions: Vec<Function>,
    /// The heads of the chains.
    entries: Vec<(Entry, FunctionId)>,
    /// The payload types of each tag: first of the imported tags, then of the grafted ones.
    tags: Vec<Vec<ValType>>,
    imported_tags: Vec<Tag>,
    /// The number of tags of the base, which come between imported and grafted ones.
    base_tags: u32,
    /// The part that makes objects, if the module may have objects.
    heap: Option<Heap>,
    /// The first index of a grafted item in each index space: after the base and the parts that make objects.
    start: Counts,
    /// The memories: those of the base, then those of the graft, if any.
    memories: Vec<Memory>,
    /// The number of memories of the base.
    base_memories: usize,
    /// True if the indices of the grafted table have 64 bits.
    table64: bool,
    /// The grafted passive element segment. (The one with the functions of the table is active.)
    element_segment: u32,
    /// The grafted passive data segment.
    data_segment: u32,
}

/// The number of a grafted function, in order of creation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FunctionId(usize);

struct Function {
    name: String,
    /// Index of the type in the pool.
    signature: usize,
    body: Body,
}

/// A memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Memory {
    /// True if its addresses have 64 bits.
    index64: bool,
    shared: bool,
    /// The logarithm of the page size, if the memory has one of its own.
    page_size_log2: Option<u32>,
    /// Minimum size in pages.
    minimum: u64,
    /// Maximum size in pages.
    maximum: u64,
}

impl From<wasmparser::MemoryType> for Memory {
    fn from(ty: wasmparser::MemoryType) -> Memory {
        Memory {
            index64: ty.memory64,
            shared: ty.shared,
            page_size_log2: ty.page_size_log2,
            minimum: ty.initial,
            maximum: ty.maximum.unwrap_or(ty.initial),
        }
    }
}

impl Memory {
    /// Chooses a small memory that can grow a little.
    fn arbitrary(u: &mut Unstructured<'_>, features: Features) -> Result<Memory> {
        let bytes = features.contains(Features::CUSTOM_PAGE_SIZES) && u.arbitrary()?;
        let minimum = if bytes { u.int_in_range(0..=2 * PAGE)? } else { 1 };
        let growth = if bytes { u.int_in_range(0..=2 * PAGE)? } else { 1 };
        let maximum = (minimum + growth).min(if bytes { MAX_BYTES } else { MAX_BYTES / PAGE });
        let odd = |u: &mut Unstructured<'_>, feature| Ok(features.contains(feature) && u.arbitrary()?);
        let (index64, shared) = (odd(u, Features::MEMORY64)?, odd(u, Features::THREADS)?);
        Ok(Memory { index64, shared, page_size_log2: bytes.then_some(0), minimum, maximum })
    }

    fn page_size_log2(self) -> u32 {
        self.page_size_log2.unwrap_or(PAGE.trailing_zeros())
    }
}

struct Import {
    module: String,
    name: String,
    signature: Signature,
    role: ImportRole,
}

#[derive(Clone, PartialEq, Eq)]
enum ImportRole {
    /// Calls its first parameter with the other parameters. The number is the callee's type in the pool.
    Call(usize),
    /// Returns, fails or panics at once. `None` for a host function that every session has.
    Leaf(Option<Behavior>),
    /// A function of the library instance.
    Library,
}

/// The grafted globals, in order.
#[derive(Clone, Copy)]
enum Global {
    /// An `i32` that sums up values, so that they are alive until then and visible in the end.
    Sum32,
    /// An `i64` for the same purpose.
    Sum64,
    /// The counter of a recursion.
    Countdown,
    /// A zero that the optimizer cannot know.
    Zero,
}

/// Bytes of choices that suffice for one more function.
const ENOUGH: usize = 256;
/// The number of null elements of the grafted table, after the functions.
const NULL_SLOTS: u32 = 3;
/// The length of the grafted passive segments: of the data in bytes, of the elements in elements.
const SEGMENT_LEN: u32 = 5;

impl Plan {
    fn new(u: &mut Unstructured<'_>, base: &Base<'_>, surroundings: Surroundings<'_>) -> Result<Plan> {
        let features = surroundings.features;
        let pool =
            (0..u.int_in_range(1..=4)?).map(|_| Signature::arbitrary(u, features)).collect::<Result<Vec<_>>>()?;
        let imports = choose_imports(u, &pool, surroundings)?;
        let mut memories = base.memories()?;
        let base_memories = memories.len();
        let more = if features.contains(Features::MULTI_MEMORY) { u.int_in_range(0..=2)? } else { 0 };
        for _ in 0..more.max(1 - base_memories.min(1)) {
            memories.push(Memory::arbitrary(u, features)?);
        }
        let imported = Counts { functions: index(imports.len()), ..Counts::default() };
        let before_parts = imported.with(base);
        let start = heap::parts(features)?.iter().fold(before_parts, Counts::with);
        let heap = features.contains(Features::GC).then_some(Heap(before_parts));
        let mut local_types = value::local_types(features);
        local_types.extend(heap.iter().flat_map(|heap| heap.local_types()));
        let throws = features.intersects(Features::EXCEPTIONS | Features::LEGACY_EXCEPTIONS);
        let imported_tags = if throws { surroundings.tags.to_vec() } else { Vec::new() };
        let mut tags: Vec<_> = imported_tags.iter().map(|tag| tag.payload.clone()).collect();
        for _ in 0..if throws { u.int_in_range(1..=3)? } else { 0 } {
            tags.push(Signature::arbitrary(u, features)?.params);
        }
        Ok(Plan {
            name: surroundings.name.to_string(),
            fuel: surroundings.fuel,
            features,
            local_types,
            memories,
            base_memories,
            table64: features.contains(Features::MEMORY64) && u.arbitrary()?,
            pool,
            base_functions: base.functions().to_vec(),
            imports,
            functions: Vec::new(),
            entries: Vec::new(),
            tags,
            imported_tags,
            base_tags: base.tags(),
            heap,
            start,
            // The active segment of the table comes first.
            element_segment: start.elements + 1,
            data_segment: base.data_segments(),
        })
    }

    fn push(&mut self, name: String, signature: usize, body: Body) -> FunctionId {
        self.functions.push(Function { name, signature, body });
        FunctionId(self.functions.len() - 1)
    }

    /// Returns the id that the next pushed function gets.
    fn next(&self) -> FunctionId {
        FunctionId(self.functions.len())
    }

    fn signature_of(&self, function: FunctionId) -> &Signature {
        &self.pool[self.functions[function.0].signature]
    }

    /// Returns the index of a grafted function in the module.
    fn function_index(&self, FunctionId(id): FunctionId) -> u32 {
        self.start.functions + index(id)
    }

    /// Returns the index of a base function in the module.
    fn base_function_index(&self, base: usize) -> u32 {
        index(self.imports.len() + base)
    }

    /// Returns the index of the type `k` of the pool.
    fn type_index(&self, k: usize) -> u32 {
        self.start.types + index(k)
    }

    /// Returns the index of the type of calls that must fail because the types do not match.
    fn foreign_type_index(&self) -> u32 {
        self.type_index(self.pool.len())
    }

    /// Returns the index of an imported function's type.
    fn import_type_index(&self, import: usize) -> u32 {
        self.foreign_type_index() + 1 + index(import)
    }

    /// Returns the index of a tag's type. The types of the blocks that receive its exceptions follow it.
    fn tag_type_index(&self, tag: usize) -> u32 {
        self.import_type_index(self.imports.len() + 3 * tag)
    }

    /// Returns the index of the type of a block that results in the payload of a tag, and in the exception itself if
    /// `with_reference`.
    fn handler_type_index(&self, tag: usize, with_reference: bool) -> u32 {
        self.tag_type_index(tag) + if with_reference { 2 } else { 1 }
    }

    /// Returns the index of a tag in the module.
    fn tag_index(&self, tag: usize) -> u32 {
        index(tag) + if tag < self.imported_tags.len() { 0 } else { self.base_tags }
    }

    /// Returns the part that makes objects.
    fn objects(&self) -> Heap {
        self.heap.expect("only used if there are objects")
    }

    /// Returns the grafted table, whose element `k` is the grafted function `k`.
    fn table(&self) -> u32 {
        self.start.tables
    }

    fn global_index(&self, global: Global) -> u32 {
        self.start.globals + global as u32
    }

    fn imports_with(&self, wanted: impl Fn(&ImportRole) -> bool) -> Vec<usize> {
        (0..self.imports.len()).filter(|&k| wanted(&self.imports[k].role)).collect()
    }
}

/// Converts an index. The plan is bounded by the stream that it is made from, so that indices are small.
fn index(k: usize) -> u32 {
    u32::try_from(k).expect("a plan has a few hundred items at most")
}

/// Chooses the imports: a callback for each type of the pool, a few functions that return at once, two that fail and
/// panic, and the functions of the library.
fn choose_imports(u: &mut Unstructured<'_>, pool: &[Signature], surroundings: Surroundings<'_>) -> Result<Vec<Import>> {
    let mut imports = Vec::new();
    for (k, callee) in pool.iter().enumerate() {
        let mut signature = callee.clone();
        signature.params.insert(0, ValType::FUNCREF);
        let name = format!("{}.call{k}", surroundings.name);
        imports.push(Import { module: HOST.to_string(), name, signature, role: ImportRole::Call(k) });
    }
    for k in 0..u.int_in_range(0..=2)? {
        let signature = Signature::arbitrary(u, surroundings.features)?;
        let values = signature.results.iter().map(|&ty| arbitrary_value(u, ty)).collect::<Result<_>>()?;
        let role = ImportRole::Leaf(Some(Behavior::Return(values)));
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
