//! Arguments of functions as words, and results as lines.

use std::fmt;
use std::str::FromStr;

/// The type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
    /// A reference, which is null or cannot be written.
    Reference,
}

/// An argument or a result. Floats are their bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    Null,
    /// A reference that is not null, by its hierarchy.
    Reference(&'static str),
}

impl Type {
    /// Reads an argument of this type. The error says what was expected.
    pub(super) fn parse(self, word: &str) -> Result<Value, String> {
        let value = match self {
            Type::I32 => integer(word).map(Value::I32).or_else(|| integer(word).map(|n: u32| Value::I32(n as i32))),
            Type::I64 => integer(word).map(Value::I64).or_else(|| integer(word).map(|n: u64| Value::I64(n as i64))),
            Type::F32 => word.parse().ok().map(|number: f32| Value::F32(number.to_bits())),
            Type::F64 => word.parse().ok().map(|number: f64| Value::F64(number.to_bits())),
            Type::V128 => integer(word).map(Value::V128),
            Type::Reference => (word == "null").then_some(Value::Null),
        };
        value.ok_or_else(|| format!("`{word}` is no {self}"))
    }
}

/// An integer that words can be: decimal, or hexadecimal after `0x`.
trait Integer: FromStr + TryFrom<u128> {}
impl<N: FromStr + TryFrom<u128>> Integer for N {}

fn integer<N: Integer>(word: &str) -> Option<N> {
    match word.strip_prefix("0x") {
        Some(digits) => N::try_from(u128::from_str_radix(digits, 16).ok()?).ok(),
        None => word.parse().ok(),
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::V128 => "v128 (a number whose low bits are lane 0)",
            Type::Reference => "reference (only null can be written)",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::I32(number) => write!(f, "{number}"),
            Value::I64(number) => write!(f, "{number}"),
            Value::F32(bits) => write!(f, "{}", f32::from_bits(bits)),
            Value::F64(bits) => write!(f, "{}", f64::from_bits(bits)),
            Value::V128(bits) => write!(f, "{bits:#034x}"),
            Value::Null => f.write_str("null"),
            Value::Reference(hierarchy) => write!(f, "<{hierarchy}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_by_type() {
        let read = |ty: Type, word: &str| ty.parse(word).map(|value| value.to_string());
        let same = [
            (Type::I32, "-2147483648"),
            (Type::I64, "-9223372036854775808"),
            (Type::F32, "1.5"),
            (Type::F64, "-inf"),
            (Type::V128, "0x0000000000000000000000000000002a"),
            (Type::Reference, "null"),
        ];
        for (ty, word) in same {
            assert_eq!(read(ty, word).as_deref(), Ok(word));
        }
        assert_eq!(Type::I32.parse("4294967295"), Ok(Value::I32(-1)));
        assert_eq!(Type::I32.parse("0xffffffff"), Ok(Value::I32(-1)));
        assert_eq!(Type::I64.parse("0xffffffffffffffff"), Ok(Value::I64(-1)));
        assert_eq!(Type::F32.parse("-0"), Ok(Value::F32(0x8000_0000)));
        assert_eq!(Type::F64.parse("nan"), Ok(Value::F64(0x7ff8_0000_0000_0000)));
        for (ty, word) in [
            (Type::I32, "4294967296"),
            (Type::I32, "-2147483649"),
            (Type::I32, "1.5"),
            (Type::I32, ""),
            (Type::I64, "0x10000000000000000"),
            (Type::F32, "one"),
            (Type::V128, "-1"),
            (Type::Reference, "5"),
        ] {
            let error = ty.parse(word).expect_err("it is no value");
            assert!(error.starts_with(&format!("`{word}` is no ")), "{error}");
        }
    }
}
