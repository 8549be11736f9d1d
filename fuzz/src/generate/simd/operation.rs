//! The operations on numbers and vectors, and their types.
//!
//! The list comes from wasmparser's macro over all operators, and the types from its validator: an operator belongs to
//! the list if it is valid with operands of number and vector types in a module with one memory and one passive data
//! segment. So no operator can be forgotten.

use lanes::Features;
use std::sync::LazyLock;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{Encode, Instruction, MemoryType, ValType};
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, MemArg, Operator, OperatorsReader, Parser, ValidPayload,
    Validator, ValidatorResources, WasmFeatures,
};

/// The types of operands.
pub(super) const TYPES: [ValType; 5] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];

/// The features that operations belong to, besides WebAssembly 2.0, by wasmparser's names of the proposals.
const PROPOSALS: [(&str, Features); 3] = [
    ("threads", Features::THREADS),
    ("relaxed_simd", Features::RELAXED_SIMD),
    ("wide_arithmetic", Features::WIDE_ARITHMETIC),
];

/// An operator with the types of its operands and results. An operator for several types is several operations.
pub(super) struct Operation {
    row: &'static Row,
    pub(super) params: Vec<ValType>,
    pub(super) results: Vec<ValType>,
    /// The feature that it belongs to.
    pub(super) feature: Features,
    /// The number of valid lane immediates, if it has one.
    pub(super) lanes: u8,
    /// The valid alignments: logarithms of a number of bytes.
    pub(super) aligns: Vec<u8>,
}

impl Operation {
    /// Returns the operator's name in wasmparser.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.row.name
    }

    /// Returns whether the first operand is an address, to which the operator adds a constant offset.
    pub(super) fn has_offset(&self) -> bool {
        let build = |offset| (self.row.build)(&Immediates { offset, ..Immediates::default() });
        build(0) != build(1)
    }

    /// Returns whether an operand is an offset or a length in the memory.
    pub(super) fn indexes_memory(&self) -> bool {
        self.row.name.starts_with("Memory")
    }

    /// Returns the instruction with these immediates.
    pub(super) fn instruction(&self, immediates: &Immediates) -> Instruction<'static> {
        let operator = (self.row.build)(immediates).expect("the list has only operators that can be built");
        RoundtripReencoder.instruction(operator).expect("it has no indices that could be missing")
    }
}

/// The immediates of an operator, of which it takes those that it has.
#[derive(Clone, Copy, Default)]
pub(super) struct Immediates {
    /// The lane.
    pub(super) lane: u8,
    /// The lanes of a shuffle.
    pub(super) lanes: [u8; 16],
    /// The logarithm of the alignment.
    pub(super) align: u8,
    /// The constant offset of an address.
    pub(super) offset: u64,
}

/// Returns the operations of a module whose memory has addresses of 64 or of 32 bits.
pub(super) fn operations(memory64: bool) -> &'static [Operation] {
    static BOTH: LazyLock<[Vec<Operation>; 2]> = LazyLock::new(|| [find_operations(false), find_operations(true)]);
    &BOTH[usize::from(memory64)]
}

fn find_operations(memory64: bool) -> Vec<Operation> {
    let checker = Checker::new(memory64);
    let mut found = Vec::new();
    for row in ROWS {
        let Some(arity) = row.arity() else { continue };
        for combination in 0..TYPES.len().pow(arity) {
            let params = (0..arity).map(|k| TYPES[combination / TYPES.len().pow(k) % TYPES.len()]).collect();
            found.extend(checker.find(row, params));
        }
    }
    found
}

/// Decides which operators are valid with which operands.
struct Checker {
    function: FuncToValidate<ValidatorResources>,
}

impl Checker {
    fn new(memory64: bool) -> Checker {
        let mut module = wasm_encoder::Module::new();
        let mut types = wasm_encoder::TypeSection::new();
        types.ty().function([], []);
        let mut functions = wasm_encoder::FunctionSection::new();
        functions.function(0);
        let mut memories = wasm_encoder::MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64, shared: true, page_size_log2: None });
        let mut data = wasm_encoder::DataSection::new();
        data.passive([]);
        let mut code = wasm_encoder::CodeSection::new();
        let mut body = wasm_encoder::Function::new([]);
        body.instruction(&Instruction::End);
        code.function(&body);
        module.section(&types).section(&functions).section(&memories);
        module.section(&wasm_encoder::DataCountSection { count: 1 }).section(&code).section(&data);
        Checker { function: find_function(&module.finish()) }
    }

    /// Returns the operation of this row with these operands, if it is valid.
    fn find(&self, row: &'static Row, params: Vec<ValType>) -> Option<Operation> {
        const MOST_LANES: u8 = 32;
        let results_with = |immediates: &Immediates| self.results((row.build)(immediates)?, &params);
        let is_valid = |immediates: &Immediates| results_with(immediates).is_some();
        let aligns: Vec<u8> =
            (0..=4).filter(|&align| is_valid(&Immediates { align, ..Immediates::default() })).collect();
        let first = Immediates { align: *aligns.first()?, ..Immediates::default() };
        let results = results_with(&first)?;
        let lanes = (0..MOST_LANES).filter(|&lane| is_valid(&Immediates { lane, ..first })).count();
        let lanes = u8::try_from(lanes).expect("there are at most 32");
        let feature = PROPOSALS.iter().find(|(proposal, _)| *proposal == row.proposal);
        let feature = feature.map_or(Features::WASM_2_0, |(_, feature)| *feature);
        Some(Operation { row, params, results, feature, lanes, aligns })
    }

    /// Returns the results of an operator with these operands, if it is valid.
    fn results(&self, operator: Operator<'static>, params: &[ValType]) -> Option<Vec<ValType>> {
        // Only the parser knows the greatest alignment.
        let mut bytes = Vec::new();
        RoundtripReencoder.instruction(operator).ok()?.encode(&mut bytes);
        let operator = OperatorsReader::new(BinaryReader::new(&bytes, 0)).read().ok()?;
        let FuncToValidate { resources, index, ty, features } = &self.function;
        let function = FuncToValidate { resources: resources.clone(), index: *index, ty: *ty, features: *features };
        let mut validator = function.into_validator(FuncValidatorAllocations::default());
        for param in params {
            validator.op(0, &constant(*param)).expect("a constant is valid");
        }
        validator.op(0, &operator).ok()?;
        let height = validator.operand_stack_height();
        (0..height).rev().map(|depth| encoder_type(validator.get_operand_type(depth as usize)??)).collect()
    }
}

fn find_function(wasm: &[u8]) -> FuncToValidate<ValidatorResources> {
    let features = WasmFeatures::WASM2
        | WasmFeatures::THREADS
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::MEMORY64;
    let mut validator = Validator::new_with_features(features);
    for payload in Parser::new(0).parse_all(wasm) {
        let valid = validator.payload(&payload.expect("it decodes")).expect("it is valid");
        if let ValidPayload::Func(function, _) = valid {
            return function;
        }
    }
    unreachable!("the module has a function")
}

fn constant(ty: ValType) -> Operator<'static> {
    match ty {
        ValType::I64 => Operator::I64Const { value: 0 },
        ValType::F32 => Operator::F32Const { value: 0.0.into() },
        ValType::F64 => Operator::F64Const { value: 0.0.into() },
        ValType::V128 => Operator::V128Const { value: 0_u128.into() },
        _ => Operator::I32Const { value: 0 },
    }
}

fn encoder_type(ty: wasmparser::ValType) -> Option<ValType> {
    RoundtripReencoder.val_type(ty).ok().filter(|ty| TYPES.contains(ty))
}

/// An operator of wasmparser's list.
struct Row {
    proposal: &'static str,
    name: &'static str,
    annotation: &'static str,
    /// Makes the operator, unless it has an immediate of another kind.
    build: fn(&Immediates) -> Option<Operator<'static>>,
}

impl Row {
    /// Returns the number of operands, if it is fixed: `arity 2 -> 1`.
    fn arity(&self) -> Option<u32> {
        let (operands, _) = self.annotation.split_once("->")?;
        operands.split_whitespace().last()?.parse().ok()
    }
}

macro_rules! rows {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($annotation:tt)*))*) => {
        const ROWS: &[Row] = &[$(
            Row {
                proposal: stringify!($proposal),
                name: stringify!($op),
                annotation: stringify!($($annotation)*),
                build: |_immediates| {
                    Some(Operator::$op $({ $($arg: Immediate::of(_immediates, stringify!($arg))?),* })?)
                },
            },
        )*];
    };
}
wasmparser::for_each_operator!(rows);

/// A type of immediates.
trait Immediate: Sized {
    /// Returns the immediate for a field with this name. `None` for kinds that no operation on numbers has.
    fn of(_immediates: &Immediates, _field: &str) -> Option<Self> {
        None
    }
}

impl Immediate for u8 {
    fn of(immediates: &Immediates, _: &str) -> Option<u8> {
        Some(immediates.lane)
    }
}

impl Immediate for [u8; 16] {
    fn of(immediates: &Immediates, _: &str) -> Option<[u8; 16]> {
        Some(immediates.lanes)
    }
}

impl Immediate for MemArg {
    fn of(immediates: &Immediates, _: &str) -> Option<MemArg> {
        Some(MemArg {
            align: immediates.align,
            max_align: immediates.align,
            offset: immediates.offset,
            target: wasmparser::MemArgTarget::Memory(0),
            ordering: None,
        })
    }
}

/// The only memory, and the only data segment.
impl Immediate for u32 {
    fn of(_: &Immediates, field: &str) -> Option<u32> {
        ["mem", "src_mem", "dst_mem", "data_index"].contains(&field).then_some(0)
    }
}

macro_rules! other_immediates {
    ($($ty:ty),*) => {
        $(impl Immediate for $ty {})*
    };
}

other_immediates!(
    i32,
    i64,
    wasmparser::Ieee32,
    wasmparser::Ieee64,
    wasmparser::V128,
    wasmparser::BlockType,
    wasmparser::BrTable<'static>,
    wasmparser::HeapType,
    wasmparser::RefType,
    wasmparser::ValType,
    Vec<wasmparser::ValType>,
    wasmparser::TryTable,
    wasmparser::ResumeTable,
    wasmparser::Ordering
);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The operators of these proposals that are no operations: those that move values, branch or call.
    #[test]
    fn only_these_operators_are_left_out() {
        let found: BTreeSet<_> = operations(false).iter().map(Operation::name).collect();
        let proposals = ["mvp", "sign_extension", "saturating_float_to_int", "bulk_memory", "simd", "relaxed_simd"];
        let proposals: BTreeSet<_> = proposals.into_iter().chain(["threads", "wide_arithmetic"]).collect();
        let missing = ROWS.iter().filter(|row| proposals.contains(row.proposal) && !found.contains(row.name));
        let missing: Vec<_> = missing.map(|row| row.name).collect();
        let expected = "Block Loop If Else End Br BrIf BrTable Return Call CallIndirect LocalGet LocalSet LocalTee \
            GlobalGet GlobalSet I32Const I64Const F32Const F64Const TableInit ElemDrop TableCopy AtomicFence V128Const";
        assert_eq!(missing.join(" "), expected);
    }

    #[test]
    fn types_and_immediates_are_those_of_the_specification() {
        let find = |name: &'static str| operations(false).iter().filter(move |operation| operation.name() == name);
        let replace = find("I16x8ReplaceLane").next().expect("it exists");
        assert_eq!((replace.params.as_slice(), replace.lanes), ([ValType::V128, ValType::I32].as_slice(), 8));
        assert_eq!(find("I64Load16S").next().expect("it exists").aligns, [0, 1]);
        assert_eq!(find("I64AtomicRmw16AddU").next().expect("it exists").aligns, [1]);
        assert_eq!(find("Select").count(), TYPES.len());
        assert_eq!(find("I64MulWideS").next().expect("it exists").results, [ValType::I64, ValType::I64]);
        let load = operations(true).iter().find(|operation| operation.name() == "V128Load");
        assert_eq!(load.expect("it exists").params, [ValType::I64]);
    }
}
