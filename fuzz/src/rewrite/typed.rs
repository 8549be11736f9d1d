//! The operand types of each operator of a module, from the validator.

use super::Result;
use std::collections::HashMap;
use wasm_encoder::ValType;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasmparser::types::CoreTypeId;
use wasmparser::{
    FuncValidator, FunctionBody, Operator, Parser, UnpackedIndex, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

/// The operands that an operator pops, and the results that it pushes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// The types of the operands, the topmost last.
    pub operands: Vec<ValType>,
    /// The types of the results, the topmost last.
    pub results: Vec<ValType>,
}

/// The effect of each operator of a body. `None` for control flow, for accesses to locals, and in unreachable code.
pub type Effects = Vec<Option<Effect>>;

/// Returns the effects of the operators of each body of `wasm`.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn find_effects(wasm: &[u8]) -> Result<Vec<Effects>> {
    // With descriptors, types are more exact than a module without them can say.
    let plain = WasmFeatures::all().difference(WasmFeatures::CUSTOM_DESCRIPTORS);
    find_effects_with(wasm, plain).or_else(|_| find_effects_with(wasm, WasmFeatures::all()))
}

fn find_effects_with(wasm: &[u8], features: WasmFeatures) -> Result<Vec<Effects>> {
    let mut validator = Validator::new_with_features(features);
    let mut types = Types::default();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let ValidPayload::Func(function, body) = validator.payload(&payload?)? else { continue };
        if types.indices.is_empty() {
            types = Types::of(&validator);
        }
        let mut validator = function.into_validator(Default::default());
        bodies.push(find_body_effects(&mut validator, &body, &types)?);
    }
    Ok(bodies)
}

/// The indices of a module's types by the validator's own names for them.
#[derive(Default)]
struct Types {
    indices: HashMap<CoreTypeId, u32>,
}

impl Types {
    fn of(validator: &Validator) -> Types {
        let mut indices = HashMap::new();
        if let Some(types) = validator.types(0) {
            for index in (0..types.core_type_count_in_module()).rev() {
                indices.insert(types.core_type_at_in_module(index), index);
            }
        }
        Types { indices }
    }

    /// Converts a type, unless it names a type that the module has no index for.
    fn convert(&self, ty: wasmparser::ValType) -> Option<ValType> {
        Renaming(self).val_type(ty).ok()
    }
}

/// Replaces the validator's names of types by their indices.
struct Renaming<'a>(&'a Types);

impl Reencode for Renaming<'_> {
    type Error = std::convert::Infallible;

    fn type_index_unpacked(&mut self, ty: UnpackedIndex) -> Result<u32> {
        let known = ty.as_core_type_id().and_then(|id| self.0.indices.get(&id).copied());
        known.map_or_else(|| RoundtripReencoder.type_index_unpacked(ty), Ok)
    }
}

fn find_body_effects(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
    types: &Types,
) -> Result<Effects> {
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut reader = body.get_operators_reader()?;
    let mut effects = Vec::new();
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        let arity = operator.operator_arity(validator).filter(|_| is_plain(&operator));
        let top = |validator: &FuncValidator<_>, count: u32| -> Option<Vec<ValType>> {
            let depths = (0..count as usize).rev();
            depths.map(|depth| types.convert(validator.get_operand_type(depth)??)).collect()
        };
        // In unreachable code, an operand may be missing. What lies below the block is none.
        let base = validator.get_control_frame(0).map_or(0, |frame| frame.height);
        let available = validator.operand_stack_height() as usize - base;
        let arity = arity.filter(|&(popped, _)| available >= popped as usize);
        let operands = arity.and_then(|(popped, _)| top(validator, popped));
        validator.op(offset, &operator)?;
        let results = arity.and_then(|(_, pushed)| top(validator, pushed));
        effects.push(operands.zip(results).map(|(operands, results)| Effect { operands, results }));
    }
    Ok(effects)
}

/// Returns whether an operator does the same anywhere in the module, with the same operands: it names no local and no
/// label, and what follows it is reached.
fn is_plain(operator: &Operator<'_>) -> bool {
    use Operator as O;
    !matches!(
        operator,
        O::Unreachable
            | O::Block { .. }
            | O::Loop { .. }
            | O::If { .. }
            | O::Else
            | O::End
            | O::Br { .. }
            | O::BrIf { .. }
            | O::BrTable { .. }
            | O::BrOnNull { .. }
            | O::BrOnNonNull { .. }
            | O::BrOnCast { .. }
            | O::BrOnCastFail { .. }
            | O::BrOnCastDescEq { .. }
            | O::BrOnCastDescEqFail { .. }
            | O::Return
            | O::ReturnCall { .. }
            | O::ReturnCallIndirect { .. }
            | O::ReturnCallRef { .. }
            | O::Try { .. }
            | O::Catch { .. }
            | O::CatchAll
            | O::Delegate { .. }
            | O::Rethrow { .. }
            | O::TryTable { .. }
            | O::Throw { .. }
            | O::ThrowRef
            | O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{HeapType, RefType};

    #[test]
    fn operands_and_results_are_found() {
        let wasm = wat::parse_str(
            "(module (type $a (array i8)) (func (param i32) local.get 0 array.new_default $a drop
                i32.const 1 i64.extend_i32_u i64.const 2 i64.lt_s drop
                f32.const 1 block unreachable i64.eqz drop end drop return i32.eqz drop))",
        );
        let effects = find_effects(&wasm.expect("it parses")).expect("it is valid");
        let array = ValType::Ref(RefType { nullable: false, heap_type: HeapType::Concrete(0) });
        let (i32, i64) = (ValType::I32, ValType::I64);
        let effect =
            |operands: &[_], results: &[_]| Some(Effect { operands: operands.to_vec(), results: results.to_vec() });
        let expected = [
            None,
            effect(&[i32], &[array]),
            effect(&[array], &[]),
            effect(&[], &[i32]),
            effect(&[i32], &[i64]),
            effect(&[], &[i64]),
            effect(&[i64, i64], &[i32]),
            effect(&[i32], &[]),
            effect(&[], &[ValType::F32]),
            None,
            None,
            // Nothing is known of operands in unreachable code.
            None,
            effect(&[i32], &[]),
            None,
            effect(&[ValType::F32], &[]),
            None,
            None,
            effect(&[i32], &[]),
            None,
        ];
        assert_eq!(effects, [expected]);
    }
}
