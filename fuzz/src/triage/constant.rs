//! Values as constants of a script.

use lanes::{ObjectKind, Reference, Value};

/// Returns the constant that is this value; `None` if scripts have no such constant.
pub(super) fn format(value: Value) -> Option<String> {
    Some(match value {
        Value::I32(value) => format!("(i32.const {value})"),
        Value::I64(value) => format!("(i64.const {value})"),
        Value::F32(bits) => format!("(f32.const {})", format_f32(bits)),
        Value::F64(bits) => format!("(f64.const {})", format_f64(bits)),
        Value::V128(bits) => format!("(v128.const i64x2 {:#x} {:#x})", bits & u128::from(u64::MAX), bits >> 64),
        Value::Ref(Reference::Extern(number)) => format!("(ref.extern {number})"),
        Value::Ref(Reference::Null(heap)) => format!("(ref.null {heap})"),
        Value::Ref(Reference::Host(number)) => format!("(ref.host {number})"),
        Value::Ref(_) => return None,
    })
}

/// Returns the pattern of a result that is this value, as exactly as scripts can say it.
pub(super) fn format_pattern(value: Value) -> String {
    let exact = format(value);
    exact.unwrap_or_else(|| match value {
        Value::Ref(Reference::Func(_)) => "(ref.func)".to_string(),
        Value::Ref(Reference::I31(_)) => "(ref.i31)".to_string(),
        Value::Ref(Reference::Converted(_)) => "(ref.extern)".to_string(),
        Value::Ref(Reference::Object(object)) => match object.kind {
            ObjectKind::Struct => "(ref.struct)".to_string(),
            ObjectKind::Array => "(ref.array)".to_string(),
            ObjectKind::StructOrArray => "(ref.any)".to_string(),
            ObjectKind::Exn => "(ref.exn)".to_string(),
        },
        // There is no pattern for continuations alone.
        Value::Ref(Reference::Cont) => "(ref)".to_string(),
        _ => unreachable!("every other value is a constant"),
    })
}

fn format_f32(bits: u32) -> String {
    let sign = if bits >> 31 == 0 { "" } else { "-" };
    match f32::from_bits(bits) {
        value if value.is_nan() => format!("{sign}nan:{:#x}", bits & 0x7f_ffff),
        value => format!("{value:?}"),
    }
}

fn format_f64(bits: u64) -> String {
    let sign = if bits >> 63 == 0 { "" } else { "-" };
    match f64::from_bits(bits) {
        value if value.is_nan() => format!("{sign}nan:{:#x}", bits & 0xf_ffff_ffff_ffff),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_their_bits() {
        let nan = |bits| format(Value::F32(bits)).expect("a constant");
        assert_eq!(nan(0xffc0_0001), "(f32.const -nan:0x400001)");
        assert_eq!(nan((-0.0_f32).to_bits()), "(f32.const -0.0)");
        assert_eq!(nan(f32::INFINITY.to_bits()), "(f32.const inf)");
        assert_eq!(format(Value::F64(1e-310_f64.to_bits())).as_deref(), Some("(f64.const 1e-310)"));
        assert_eq!(format(Value::V128(1 << 64 | 2)).as_deref(), Some("(v128.const i64x2 0x2 0x1)"));
        assert_eq!(format_pattern(Value::Ref(Reference::I31(3))), "(ref.i31)");
    }
}
