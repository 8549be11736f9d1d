//! Conversion between the protocol's words and ours. The words of an adapter are checked: a value of seven digits or a
//! trap without a kind is an error that says what is wrong.

use super::protocol::{Answer, Bits, Call, Does, FrameReply, Function, Moved, Reason, RefusedPhase, TrapReply};
use crate::{
    Behavior, Converted, Exception, Failure, Features, Frame, HeapType, HostCall, HostFunc, Moves, ObjectKind,
    ObjectRef, Objects, Phase, Reference, Refusal, Trap, TrapKind, ValType, Value,
};
use features::Feature;

/// The functions that an adapter has shown: the adapter's numbers, in the order of ours.
#[derive(Debug, Default)]
pub(super) struct Functions(Vec<u64>);

impl Functions {
    /// Returns our number of a function: the position at which it was first shown.
    fn number(&mut self, theirs: u64) -> u32 {
        let known = self.0.iter().position(|&known| known == theirs).unwrap_or_else(|| {
            self.0.push(theirs);
            self.0.len() - 1
        });
        u32::try_from(known).expect("a session shows fewer than 2^32 functions")
    }

    /// Writes a value in the protocol's words.
    pub(super) fn write(&self, value: Value) -> Result<Bits, String> {
        Ok(match value {
            Value::Ref(Reference::Func(number)) => {
                let theirs = number.and_then(|number| self.0.get(number as usize));
                Bits::Func(Some(*theirs.ok_or("no function with this number was seen yet")?))
            }
            other => plain_bits(other),
        })
    }

    /// Reads a value of the protocol.
    pub(super) fn read(&mut self, bits: &Bits) -> Result<Value, String> {
        Ok(match bits {
            Bits::I32(digits) => Value::I32(u32::from_hex(digits)?.cast_signed()),
            Bits::I64(digits) => Value::I64(u64::from_hex(digits)?.cast_signed()),
            Bits::F32(digits) => Value::F32(u32::from_hex(digits)?),
            Bits::F64(digits) => Value::F64(u64::from_hex(digits)?),
            Bits::V128(digits) => Value::V128(u128::from_hex(digits)?),
            Bits::Null(heap) => Value::Ref(Reference::Null(heap_type(heap)?)),
            Bits::Func(theirs) => Value::Ref(Reference::Func(theirs.map(|theirs| self.number(theirs)))),
            Bits::Extern(number) => Value::Ref(Reference::Extern(*number)),
            Bits::Exn => Value::Ref(object(ObjectKind::Exn)),
            Bits::Host(number) => Value::Ref(Reference::Host(*number)),
            Bits::I31(value) => Value::Ref(Reference::I31(*value)),
            Bits::Object(kind) => Value::Ref(object_or_converted(kind)?),
        })
    }

    /// Reads a list of values.
    pub(super) fn read_all(&mut self, values: &[Bits]) -> Result<Vec<Value>, String> {
        values.iter().map(|bits| self.read(bits)).collect()
    }

    /// Reads a call of a host function.
    pub(super) fn host_call(&mut self, call: Call) -> Result<HostCall, String> {
        let arguments = self.read_all(&call.arguments)?;
        let (objects, frames) = (Objects::default(), call.frames.map(frames));
        Ok(HostCall { module: call.module, name: call.name, arguments, objects, frames })
    }
}

/// Reads which traps may have moved.
pub(super) fn moves(moved: Moved) -> Moves {
    match moved {
        Moved::Nothing => Moves::Nothing,
        Moved::Accesses => Moves::Accesses,
        Moved::Anything => Moves::Anything,
    }
}

/// Writes which traps may have moved.
pub(super) fn moved(moves: Moves) -> Moved {
    match moves {
        Moves::Nothing => Moved::Nothing,
        Moves::Accesses => Moved::Accesses,
        Moves::Anything => Moved::Anything,
    }
}

/// Writes a value without a table of functions: a function has our number.
pub(super) fn plain_bits(value: Value) -> Bits {
    match value {
        Value::I32(value) => Bits::I32(value.cast_unsigned().to_hex()),
        Value::I64(value) => Bits::I64(value.cast_unsigned().to_hex()),
        Value::F32(bits) => Bits::F32(bits.to_hex()),
        Value::F64(bits) => Bits::F64(bits.to_hex()),
        Value::V128(bits) => Bits::V128(bits.to_hex()),
        Value::Ref(Reference::Null(heap)) => Bits::Null(heap.to_string()),
        Value::Ref(Reference::Extern(number)) => Bits::Extern(number),
        Value::Ref(Reference::Host(number)) => Bits::Host(number),
        Value::Ref(Reference::I31(value)) => Bits::I31(value),
        Value::Ref(Reference::Object(ObjectRef { kind: ObjectKind::Exn, .. })) => Bits::Exn,
        Value::Ref(Reference::Object(object)) => Bits::Object(object.kind.to_string()),
        Value::Ref(Reference::Converted(_)) => Bits::Object("extern".to_string()),
        Value::Ref(Reference::Cont) => Bits::Object("cont".to_string()),
        Value::Ref(Reference::Func(number)) => Bits::Func(number.map(u64::from)),
    }
}

/// A reference to an object. The protocol shows the kind only.
fn object(kind: ObjectKind) -> Reference {
    Reference::Object(ObjectRef { kind, number: None })
}

/// Reads the kind of an object.
fn object_or_converted(kind: &str) -> Result<Reference, String> {
    match kind {
        "struct" => Ok(object(ObjectKind::Struct)),
        "array" => Ok(object(ObjectKind::Array)),
        "struct-or-array" => Ok(object(ObjectKind::StructOrArray)),
        "extern" => Ok(Reference::Converted(Converted::Hidden)),
        "cont" => Ok(Reference::Cont),
        other => Err(format!("there are no objects of the kind {other:?}")),
    }
}

/// An integer as a fixed number of hexadecimal digits.
trait Hex: Sized {
    fn to_hex(self) -> String;
    fn from_hex(digits: &str) -> Result<Self, String>;
}

macro_rules! hex {
    ($($integer:ty: $digits:literal),*) => {$(
        impl Hex for $integer {
            fn to_hex(self) -> String {
                format!("{self:0width$x}", width = $digits)
            }

            fn from_hex(digits: &str) -> Result<Self, String> {
                let wrong = || format!("a value of {} hexadecimal digits was expected, not {digits:?}", $digits);
                if digits.len() != $digits || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return Err(wrong());
                }
                <$integer>::from_str_radix(digits, 16).map_err(|_| wrong())
            }
        }
    )*};
}

hex!(u32: 8, u64: 16, u128: 32);

/// Reads a heap type.
fn heap_type(name: &str) -> Result<HeapType, String> {
    match name {
        "func" => Ok(HeapType::Func),
        "extern" => Ok(HeapType::Extern),
        "exn" => Ok(HeapType::Exn),
        "cont" => Ok(HeapType::Cont),
        "any" => Ok(HeapType::Any),
        other => Err(format!("there is no heap type {other:?}")),
    }
}

/// Reads a type.
pub(super) fn val_type(name: &str) -> Result<ValType, String> {
    const TYPES: [ValType; 8] = [
        ValType::I32,
        ValType::I64,
        ValType::F32,
        ValType::F64,
        ValType::V128,
        ValType::Ref(HeapType::Func),
        ValType::Ref(HeapType::Extern),
        ValType::Ref(HeapType::Any),
    ];
    TYPES.into_iter().find(|ty| ty.to_string() == name).ok_or_else(|| format!("there is no type {name:?}"))
}

/// Writes a host function. The values that it returns are never functions.
pub(super) fn function(function: &HostFunc) -> Function {
    let types = |types: &[ValType]| types.iter().map(ValType::to_string).collect();
    Function {
        module: function.module.clone(),
        name: function.name.clone(),
        params: types(&function.params),
        results: types(&function.results),
        behavior: match &function.behavior {
            Behavior::Return(values) => Does::Return(values.iter().copied().map(plain_bits).collect()),
            Behavior::Call => Does::Call,
            // The protocol does not ask for a collection, which no script may depend on.
            Behavior::Collect => Does::Return(Vec::new()),
            Behavior::Fail(text) => Does::Fail(text.clone()),
            Behavior::Panic(text) => Does::Panic(text.clone()),
        },
    }
}

/// Reads a host function.
pub(super) fn host_func(function: Function) -> Result<HostFunc, String> {
    let types = |names: &[String]| names.iter().map(|name| val_type(name)).collect::<Result<Vec<_>, _>>();
    Ok(HostFunc {
        params: types(&function.params)?,
        results: types(&function.results)?,
        module: function.module,
        name: function.name,
        behavior: match function.behavior {
            Does::Return(values) => Behavior::Return(Functions::default().read_all(&values)?),
            Does::Call => Behavior::Call,
            Does::Fail(text) => Behavior::Fail(text),
            Does::Panic(text) => Behavior::Panic(text),
        },
    })
}

/// Returns an answer as it came.
pub(super) fn text(answer: &Answer) -> String {
    serde_json::to_string(answer).expect("strings, numbers and lists always serialize")
}

/// Returns the names that the protocol has for features.
pub(super) fn feature_names(features: Features) -> Vec<String> {
    features.names().map(str::to_owned).collect()
}

/// Reads a list of feature names.
pub(super) fn features(names: &[String]) -> Result<Features, String> {
    names.iter().try_fold(Features::empty(), |all, name| match Feature::named(name) {
        Some(feature) => Ok(all | feature.set),
        None => Err(format!("there is no feature {name:?}")),
    })
}

fn frames(frames: Vec<FrameReply>) -> Vec<Frame> {
    let frame = |frame: FrameReply| Frame {
        func_index: frame.func,
        func_name: frame.name,
        module_name: frame.module,
        module_offset: frame.offset,
    };
    frames.into_iter().map(frame).collect()
}

/// Reads a trap kind.
pub(super) fn trap_kind(name: &str) -> Result<TrapKind, String> {
    let known = TrapKind::ALL.iter().copied().find(|kind| kind.name() == name);
    known.ok_or_else(|| format!("there is no trap kind {name:?}"))
}

/// Reads a trap.
pub(super) fn trap(reply: TrapReply) -> Result<Trap, String> {
    let kinds = reply.kinds.iter().map(|name| trap_kind(name)).collect::<Result<Vec<_>, _>>()?;
    let (&kind, or_kinds) = kinds.split_first().ok_or("a trap without a kind")?;
    Ok(Trap { kind, or_kinds: or_kinds.to_vec(), message: reply.message, frames: reply.frames.map(frames) })
}

/// Reads the failure of a request other than `load`. `Err` if the answer is not one of a failed request.
pub(super) fn failure(answer: Answer, functions: &mut Functions) -> Result<Failure, String> {
    match answer {
        Answer::Trap(reply) => Ok(Failure::Trap(trap(reply)?)),
        Answer::Failed { reason, message } => Ok(match reason {
            Reason::Link => Failure::Link(message),
            Reason::Host => Failure::Host(message),
            Reason::Panic => Failure::Panic(message),
            Reason::Usage => Failure::Usage(message),
            Reason::Unsupported => Failure::Unsupported(message),
            Reason::Resource => Failure::Resource(message),
            Reason::Internal => Failure::Internal(message),
        }),
        Answer::Exception { tag, payload } => {
            let payload = payload.map(|payload| functions.read_all(&payload)).transpose()?;
            Ok(Failure::Exception(Exception { tag, payload, frames: None }))
        }
        other => Err(format!("{} is no answer to this request", answer_name(&other))),
    }
}

/// Reads the refusal of a module. `Err` if the answer is not one of a failed `load`.
pub(super) fn refusal(answer: Answer) -> Result<Refusal, String> {
    match answer {
        Answer::Refused { phase, message } => {
            let phase = match phase {
                RefusedPhase::Malformed => Phase::Malformed,
                RefusedPhase::Invalid => Phase::Invalid,
                RefusedPhase::Rejected => Phase::Rejected,
                RefusedPhase::Unsupported => Phase::Unsupported,
                RefusedPhase::Internal => Phase::Internal,
            };
            Ok(Refusal { phase, message })
        }
        other => Err(format!("{} is no answer to `load`", answer_name(&other))),
    }
}

fn answer_name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Hello(_) => "`hello`",
        Answer::Done {} => "`done`",
        Answer::Values(_) => "`values`",
        Answer::Exports(_) => "`exports`",
        Answer::Bytes(_) => "`bytes`",
        Answer::Trap(_) => "`trap`",
        Answer::Exception { .. } => "`exception`",
        Answer::Refused { .. } => "`refused`",
        Answer::Failed { .. } => "`failed`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bits() {
        let values = [
            Value::I32(-1),
            Value::I64(i64::MIN),
            Value::F32(0x7fa0_0001),
            Value::F64(0xfff4_0000_0000_0001),
            Value::V128(1 << 127 | 0xff),
            Value::Ref(Reference::Null(HeapType::Extern)),
            Value::Ref(Reference::Extern(7)),
            Value::Ref(Reference::Null(HeapType::Any)),
            Value::Ref(Reference::Host(8)),
            Value::Ref(Reference::I31(9)),
            Value::Ref(object(ObjectKind::Struct)),
            Value::Ref(object(ObjectKind::Array)),
            Value::Ref(object(ObjectKind::StructOrArray)),
            Value::Ref(object(ObjectKind::Exn)),
            Value::Ref(Reference::Converted(Converted::Hidden)),
        ];
        let mut functions = Functions::default();
        for value in values {
            assert_eq!(functions.read(&plain_bits(value)), Ok(value));
        }
        assert_eq!(plain_bits(Value::I32(-2)), Bits::I32("fffffffe".to_string()));
        for wrong in ["", "7fc0000", "7fc000000", "+7fc0000", "7fc0000g"] {
            assert!(functions.read(&Bits::F32(wrong.to_string())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn functions_are_numbered_as_they_are_shown() {
        let mut functions = Functions::default();
        let number = |theirs| Value::Ref(Reference::Func(Some(theirs)));
        assert_eq!(functions.read(&Bits::Func(Some(40))), Ok(number(0)));
        assert_eq!(functions.read(&Bits::Func(Some(9))), Ok(number(1)));
        assert_eq!(functions.read(&Bits::Func(Some(40))), Ok(number(0)));
        assert_eq!(functions.write(number(1)), Ok(Bits::Func(Some(9))));
        assert!(functions.write(number(2)).is_err());
    }

    #[test]
    fn features_have_names() {
        assert_eq!(features(&feature_names(Features::WASM_2_0)), Ok(Features::WASM_2_0));
        assert!(features(&["swift".to_string()]).is_err());
    }
}
