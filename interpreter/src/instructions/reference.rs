//! References
//! ([Reference instructions](https://webassembly.github.io/spec/core/exec/instructions.html#reference-instructions)).
//! Tests and casts are in [`cast`](super::cast).

use crate::slot::RawRef;
use crate::trap::Trap;

/// [`ref.func`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-func) of the function at an
/// address.
#[inline(always)]
pub(crate) fn ref_func(address: u32) -> RawRef {
    RawRef::from_func(address)
}

/// [`ref.as_non_null`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-as-non-null)
#[inline(always)]
pub(crate) fn ref_as_non_null(reference: RawRef) -> Result<RawRef, Trap> {
    if reference.is_null() { Err(Trap::NullReference) } else { Ok(reference) }
}

/// [`ref.eq`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-eq)
#[inline(always)]
pub(crate) fn ref_eq(one: RawRef, other: RawRef) -> bool {
    one == other
}

/// [`ref.i31`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-ref-i31)
#[inline(always)]
pub(crate) fn ref_i31(value: u32) -> RawRef {
    RawRef::from_i31(value)
}

/// [`i31.get_s`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-i31-get)
#[inline(always)]
pub(crate) fn i31_get_s(reference: RawRef) -> Result<i32, Trap> {
    Ok((i31_get_u(reference)? << 1).cast_signed() >> 1)
}

/// [`i31.get_u`](https://webassembly.github.io/spec/core/exec/instructions.html#exec-i31-get)
#[inline(always)]
pub(crate) fn i31_get_u(reference: RawRef) -> Result<u32, Trap> {
    reference.as_i31().ok_or(Trap::NullReference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_i31_keeps_31_bits() {
        for (value, signed, unsigned) in
            [(0, 0, 0), (5, 5, 5), (0x4000_0000, -0x4000_0000, 0x4000_0000), (u32::MAX, -1, 0x7fff_ffff)]
        {
            let reference = ref_i31(value);
            assert_eq!((i31_get_s(reference), i31_get_u(reference)), (Ok(signed), Ok(unsigned)));
            assert!(!reference.is_null() && ref_eq(reference, ref_i31(value ^ 1 << 31)));
        }
        assert_eq!(i31_get_s(RawRef::NULL), Err(Trap::NullReference));
        assert_eq!(i31_get_u(RawRef::NULL), Err(Trap::NullReference));
    }

    #[test]
    fn references_of_different_kinds_differ() {
        let all = [RawRef::NULL, ref_i31(1), ref_func(1), RawRef::from_object(1)];
        for (one, first) in all.iter().enumerate() {
            assert!(all.iter().enumerate().all(|(other, second)| ref_eq(*first, *second) == (one == other)));
            assert_eq!(ref_as_non_null(*first).is_err(), first.is_null());
        }
    }
}
