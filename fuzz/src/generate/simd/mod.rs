//! The generator of the target `simd`: one operation on numbers or vectors per function, with operands from the
//! interesting values of their types.
//!
//! An operand is a constant, a parameter, a load, or the result of another operation. The function returns the result
//! of the operation, or uses it in a way for which compilers have special code: as a condition, extended, as the
//! operand of another operation. Modules have many functions, and each is called several times, since wrong code shows
//! only for some operands.

mod operation;
mod value;

pub use value::interesting;

use super::case::{Action, Call, Case, Instantiation, MAIN, choose_options};
use super::deterministic::make_deterministic;
use super::feature_set::{Audience, find_needed};
use super::graft::constant;
use super::input::{SEED_LEN, extend};
use arbitrary::{Error, Result, Unstructured};
use lanes::Features;
use operation::{Immediates, Operation, operations};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, Instruction as I, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// The bytes of choices: a case takes about a third of them.
const LEN: usize = 1 << 15;
/// The functions of a module.
const FUNCTIONS: usize = 32;
/// The calls of each function.
const CALLS: usize = 6;
/// The types of the parameters of each function, two of each: all functions have the same, so that a module has few
/// trampolines.
const PARAMS: [ValType; 5] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
/// The local that holds an address, to look at what a store has written.
const ADDRESS: u32 = 10;
/// The first of the locals that are alive across the operation.
const ALIVE: u32 = 12;
/// The number of these locals: more than a machine has registers.
const ALIVE_COUNT: u32 = 20;
/// The address of the operands that are loaded.
const POOL: u64 = 1024;
/// The immediates of an access to the memory at any address.
const UNALIGNED: MemArg = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };
/// The bytes of the memory.
const MEMORY_LEN: u64 = 0x1_0000;

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
    let mut builder = Builder::new(u, audience)?;
    let functions = (0..FUNCTIONS).map(|_| builder.function(u)).collect::<Result<Vec<_>>>()?;
    let wasm = make_deterministic(&builder.module(&functions)).map_err(|_| Error::IncorrectFormat)?;
    let mut actions = vec![Action::Instantiate(Instantiation { module: 0, name: MAIN.to_string() })];
    for call in 0..CALLS * FUNCTIONS {
        let pairs = PARAMS.iter().map(|&ty| value::pair(u, ty)).collect::<Result<Vec<_>>>()?;
        let arguments = pairs.into_iter().flatten().collect();
        let function = (call % FUNCTIONS).to_string();
        actions.push(Action::Call(Call { instance: MAIN.to_string(), function, arguments }));
    }
    let features = builder.features;
    let needed = find_needed([wasm.as_slice()].into_iter(), features);
    Ok(Case { features, needed, modules: vec![wasm], actions, options, ..Case::default() })
}

/// Chooses the features that operations may belong to.
fn choose_features(u: &mut Unstructured<'_>, audience: Audience) -> Result<Features> {
    let mut features = Features::WASM_2_0;
    for feature in [Features::THREADS, Features::RELAXED_SIMD, Features::WIDE_ARITHMETIC, Features::MEMORY64] {
        if u.ratio(1, 3)? {
            features |= feature;
        }
    }
    // The results of relaxed instructions are each engine's choice.
    if !audience.own {
        features -= Features::RELAXED_SIMD;
    }
    Ok(features & (audience.common | Features::WASM_2_0))
}

/// A module under construction.
struct Builder {
    features: Features,
    memory64: bool,
    /// The operations to choose from.
    operations: Vec<&'static Operation>,
    /// The operands that are loaded, from the address [`POOL`] on.
    pool: Vec<u8>,
}

/// A function of the module.
struct Body {
    results: Vec<ValType>,
    code: Vec<I<'static>>,
    /// The locals after the parameters.
    locals: Vec<(u32, ValType)>,
}

impl Builder {
    fn new(u: &mut Unstructured<'_>, audience: Audience) -> Result<Builder> {
        let features = choose_features(u, audience)?;
        let memory64 = features.contains(Features::MEMORY64);
        let operations = operations(memory64).iter().filter(|operation| features.contains(operation.feature)).collect();
        Ok(Builder { features, memory64, operations, pool: Vec::new() })
    }

    /// Returns the type of addresses.
    fn address_type(&self) -> ValType {
        if self.memory64 { ValType::I64 } else { ValType::I32 }
    }

    fn address(&self, address: u64) -> I<'static> {
        if self.memory64 {
            I::I64Const(address.cast_signed())
        } else {
            I::I32Const(u32::try_from(address).expect("the memory is small").cast_signed())
        }
    }

    /// Makes a function of one operation.
    fn function(&mut self, u: &mut Unstructured<'_>) -> Result<Body> {
        let operation = *u.choose(&self.operations)?;
        let address = self.address_type();
        let mut body = Body {
            results: operation.results.clone(),
            code: Vec::new(),
            locals: vec![
                (1, address),
                (1, ValType::I32),
                (ALIVE_COUNT / 2, ValType::I64),
                (ALIVE_COUNT / 2, ValType::V128),
            ],
        };
        let crowded = u.ratio(1, 6)?;
        if crowded {
            self.fill_locals(u, &mut body)?;
        }
        self.operation(u, operation, &mut body.code, 2)?;
        if operation.has_offset() && operation.results.is_empty() {
            self.look(&mut body);
        }
        self.use_result(u, &mut body)?;
        if crowded {
            sum_locals(&mut body);
        }
        body.code.push(I::End);
        Ok(body)
    }

    /// Emits the operands of an operation, and the operation itself.
    fn operation(
        &mut self,
        u: &mut Unstructured<'_>,
        operation: &Operation,
        code: &mut Vec<I<'static>>,
        depth: u32,
    ) -> Result<()> {
        let in_pairs = u.ratio(1, 3)?;
        for (k, &ty) in operation.params.iter().enumerate() {
            match k {
                // The arguments of a call are pairs.
                0 | 1 if in_pairs && operation.params == [ty, ty] && !operation.has_offset() => {
                    code.push(I::LocalGet(first_param(ty) + u32::from(k == 1)));
                }
                0 if operation.has_offset() => self.operand_address(u, code)?,
                _ if operation.indexes_memory() => self.operand_range(u, ty, code)?,
                _ => self.operand(u, ty, code, depth)?,
            }
        }
        let shuffled = operation.params.len() == 2;
        let immediates = Immediates {
            lane: u.int_in_range(0..=operation.lanes.max(1) - 1)?,
            lanes: if shuffled { choose_shuffle(u)? } else { [0; 16] },
            align: *u.choose(&operation.aligns)?,
            offset: *u.choose(&[0, 0, 0, 1, 8, 16, 0x7fff, MEMORY_LEN - 16, 0xffff_ffff])?,
        };
        code.push(operation.instruction(&immediates));
        Ok(())
    }

    /// Emits an operand.
    fn operand(&mut self, u: &mut Unstructured<'_>, ty: ValType, code: &mut Vec<I<'static>>, depth: u32) -> Result<()> {
        match u.int_in_range(0..=7)? {
            0 | 1 => code.push(constant(interesting(u, ty)?)),
            2 | 3 => self.load(u, ty, code)?,
            4 if depth > 0 => {
                let fitting: Vec<_> =
                    self.operations.iter().copied().filter(|operation| operation.results == [ty]).collect();
                let operation = *u.choose(&fitting)?;
                self.operation(u, operation, code, depth - 1)?;
            }
            _ => code.push(I::LocalGet(choose_param(u, ty)?)),
        }
        Ok(())
    }

    /// Emits a load of an interesting value, mostly from an address that is not aligned.
    fn load(&mut self, u: &mut Unstructured<'_>, ty: ValType, code: &mut Vec<I<'static>>) -> Result<()> {
        let address = POOL + u64::try_from(self.pool.len()).expect("the pool is small");
        self.pool.extend(value::to_bytes(interesting(u, ty)?));
        let offset = if u.arbitrary()? { address } else { 0 };
        code.push(self.address(address - offset));
        let memarg = MemArg { offset, ..UNALIGNED };
        code.push(match ty {
            ValType::I64 => I::I64Load(memarg),
            ValType::F32 => I::F32Load(memarg),
            ValType::F64 => I::F64Load(memarg),
            ValType::V128 => I::V128Load(memarg),
            _ => I::I32Load(memarg),
        });
        Ok(())
    }

    /// Emits an address: often one in the memory, else one around its end, or any.
    fn operand_address(&self, u: &mut Unstructured<'_>, code: &mut Vec<I<'static>>) -> Result<()> {
        let ty = self.address_type();
        match u.int_in_range(0..=7)? {
            0 => code.push(self.address(MEMORY_LEN - u.int_in_range(0..=17)?)),
            1 => code.push(I::LocalGet(choose_param(u, ty)?)),
            2..=4 => {
                code.extend([I::LocalGet(choose_param(u, ty)?), self.address(MEMORY_LEN - 1)]);
                code.push(if self.memory64 { I::I64And } else { I::I32And });
            }
            _ => code.push(self.address(POOL + u.int_in_range(0..=63)?)),
        }
        code.push(I::LocalTee(ADDRESS));
        Ok(())
    }

    /// Emits an operand of an instruction on a range of the memory: a small number, or one around the end.
    fn operand_range(&self, u: &mut Unstructured<'_>, ty: ValType, code: &mut Vec<I<'static>>) -> Result<()> {
        let value = match u.int_in_range(0..=3)? {
            0 => MEMORY_LEN - u.int_in_range(0..=17)?,
            1 => POOL,
            _ => u.int_in_range(0..=17)?,
        };
        let value = i64::try_from(value).expect("the memory is small");
        code.push(match ty {
            ValType::I64 => I::I64Const(value),
            _ => I::I32Const(i32::try_from(value).expect("the memory is small")),
        });
        Ok(())
    }

    /// Emits a load of the bytes around the last address, as the result of the function.
    fn look(&self, body: &mut Body) {
        body.code.extend([I::LocalGet(ADDRESS), self.address(MEMORY_LEN - 16)]);
        body.code.push(if self.memory64 { I::I64And } else { I::I32And });
        body.code.push(I::V128Load(UNALIGNED));
        body.results.push(ValType::V128);
    }

    /// Uses a single result, half of the time, in a way for which a compiler has special code.
    fn use_result(&mut self, u: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
        let [ty] = body.results[..] else { return Ok(()) };
        let choice = u.int_in_range(0..=9)?;
        match (choice, ty) {
            (0, ValType::I32) => {
                let result = BlockType::Result(ValType::I32);
                body.code.extend([I::If(result), I::I32Const(1), I::Else, I::I32Const(2), I::End]);
            }
            (1, ValType::I32) => {
                body.code.push(I::LocalSet(ADDRESS + 1));
                for _ in 0..2 {
                    self.operand(u, ValType::I64, &mut body.code, 0)?;
                }
                body.code.extend([I::LocalGet(ADDRESS + 1), I::Select]);
                body.results = vec![ValType::I64];
            }
            (2 | 3, ValType::I32) => {
                body.code.push(if choice == 2 { I::I64ExtendI32U } else { I::I64ExtendI32S });
                body.results = vec![ValType::I64];
            }
            (4..=6, _) => {
                let takes = |operation: &&Operation| operation.params.first() == Some(&ty) && !operation.has_offset();
                let fitting: Vec<_> = self.operations.iter().copied().filter(takes).collect();
                let next = *u.choose(&fitting)?;
                let mut rest = Vec::new();
                for &ty in &next.params[1..] {
                    self.operand(u, ty, &mut rest, 0)?;
                }
                let lane = u.int_in_range(0..=next.lanes.max(1) - 1)?;
                let immediates = Immediates { lane, lanes: choose_shuffle(u)?, align: next.aligns[0], offset: 0 };
                body.code.extend(rest);
                body.code.push(next.instruction(&immediates));
                body.results.clone_from(&next.results);
            }
            _ => {}
        }
        Ok(())
    }

    /// Fills the locals that are alive across the operation.
    fn fill_locals(&mut self, u: &mut Unstructured<'_>, body: &mut Body) -> Result<()> {
        for k in 0..ALIVE_COUNT {
            let ty = if k < ALIVE_COUNT / 2 { ValType::I64 } else { ValType::V128 };
            body.code.push(I::LocalGet(choose_param(u, ty)?));
            if ty == ValType::I64 {
                body.code.extend([I::I64Const(k.into()), I::I64Add]);
            } else {
                body.code.extend([I::I32Const(k.cast_signed()), I::I8x16Shl]);
            }
            body.code.push(I::LocalSet(ALIVE + k));
        }
        Ok(())
    }

    /// Returns the module of these functions.
    fn module(&self, functions: &[Body]) -> Vec<u8> {
        let (mut types, mut indices, mut exports) = (TypeSection::new(), FunctionSection::new(), ExportSection::new());
        let mut code = CodeSection::new();
        let mut known: Vec<&[ValType]> = Vec::new();
        for (k, body) in (0..).zip(functions) {
            let found = known.iter().position(|results| *results == body.results).unwrap_or_else(|| {
                types.ty().function((0..2 * PARAMS.len()).map(|k| PARAMS[k / 2]), body.results.iter().copied());
                known.push(&body.results);
                known.len() - 1
            });
            indices.function(u32::try_from(found).expect("there are few types"));
            exports.export(&k.to_string(), ExportKind::Func, k);
            let mut function = Function::new(body.locals.iter().copied());
            for instruction in &body.code {
                function.instruction(instruction);
            }
            code.function(&function);
        }
        exports.export("memory", ExportKind::Memory, 0);
        let (mut memories, mut data) = (MemorySection::new(), DataSection::new());
        memories.memory(MemoryType {
            minimum: 1,
            maximum: Some(2),
            memory64: self.memory64,
            shared: self.features.contains(Features::THREADS),
            page_size_log2: None,
        });
        // The passive segment comes first: instructions name it by the index 0.
        data.passive(*b"passive segment");
        let pool = POOL.cast_signed();
        let offset = if self.memory64 {
            ConstExpr::i64_const(pool)
        } else {
            ConstExpr::i32_const(i32::try_from(pool).expect("the memory is small"))
        };
        data.active(0, &offset, self.pool.iter().copied());
        let mut module = Module::new();
        module.section(&types).section(&indices).section(&memories).section(&exports);
        module.section(&DataCountSection { count: 2 }).section(&code).section(&data);
        module.finish()
    }
}

/// Emits sums of the locals that are alive across the operation, as further results.
fn sum_locals(body: &mut Body) {
    for (first, add) in [(ALIVE, I::I64Add), (ALIVE + ALIVE_COUNT / 2, I::I8x16Add)] {
        body.code.push(I::LocalGet(first));
        for k in 1..ALIVE_COUNT / 2 {
            body.code.extend([I::LocalGet(first + k), add.clone()]);
        }
    }
    body.results.extend([ValType::I64, ValType::V128]);
}

/// Chooses a parameter of this type.
fn choose_param(u: &mut Unstructured<'_>, ty: ValType) -> Result<u32> {
    Ok(first_param(ty) + u.int_in_range(0..=1)?)
}

/// Returns the first of the two parameters of this type.
fn first_param(ty: ValType) -> u32 {
    let position = (0..).zip(PARAMS).find(|(_, param)| *param == ty);
    2 * position.expect("operands are numbers or vectors").0
}

/// Chooses the lanes of a shuffle: any, or a pattern for which compilers have special code.
fn choose_shuffle(u: &mut Unstructured<'_>) -> Result<[u8; 16]> {
    let first: u8 = u.int_in_range(0..=31)?;
    let shape = u.int_in_range(0..=5)?;
    let mut lanes = [0; 16];
    for (k, lane) in (0..).zip(&mut lanes) {
        *lane = match shape {
            0 => first,
            1 => (first + k) % 32,
            2 => k / 2 + if k % 2 == 0 { 0 } else { 16 } + first / 16 * 8,
            3 => first / 8 * 8 + 7 - k % 8,
            _ => u.int_in_range(0..=31)?,
        };
    }
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::operation::TYPES;
    use super::*;
    use crate::generate::input::Random;
    use lanes::Value;
    use std::collections::BTreeSet;

    /// Each operation occurs, with each of its lanes.
    #[test]
    fn every_operation_is_generated() {
        let mut found = BTreeSet::new();
        for seed in 0..400 {
            let Ok(case) = generate(&Random::new(seed).next_u64().to_le_bytes(), Audience::OWN) else { continue };
            for payload in wasmparser::Parser::new(0).parse_all(&case.modules[0]) {
                let wasmparser::Payload::CodeSectionEntry(body) = payload.expect("it decodes") else { continue };
                for operator in body.get_operators_reader().expect("it decodes") {
                    let operator = format!("{:?}", operator.expect("it decodes"));
                    found.insert(operator.split([' ', '{', '(']).next().unwrap_or_default().to_string());
                }
            }
        }
        let missing: Vec<_> =
            operations(false).iter().map(Operation::name).filter(|&name| !found.contains(name)).collect();
        assert_eq!(missing, [""; 0]);
    }

    /// Most calls return something, so that something is compared.
    #[test]
    fn values_have_all_types() {
        let bytes = extend(&[7; 8], LEN);
        let mut u = Unstructured::new(&bytes);
        for ty in TYPES {
            let value = interesting(&mut u, ty).expect("there are choices");
            assert!(!value::to_bytes(value).is_empty());
        }
        assert!(matches!(interesting(&mut u, ValType::V128), Ok(Value::V128(_))));
    }
}
