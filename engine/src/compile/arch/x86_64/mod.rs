//! x86-64.

mod call_frame;
mod fallback;
mod locations;
pub(in crate::compile) mod relaxed;

pub(in crate::compile) use call_frame::call_frame_rules;
pub(in crate::compile) use fallback::Fallback;
pub(in crate::compile) use locations::{Seed, locate};

use cranelift_codegen::binemit::Reloc;

/// The byte between pieces of code and after the last one: `int3`, so that a stray jump stops.
pub(in crate::compile) const PADDING: u8 = 0xcc;

/// Cranelift's flags of CPU features, each with the name that `is_x86_feature_detected!` takes.
pub(in crate::compile) const CPU_FEATURES: [(&str, &str); 19] = [
    ("has_sse3", "sse3"),
    ("has_ssse3", "ssse3"),
    ("has_cmpxchg16b", "cmpxchg16b"),
    ("has_sse41", "sse4.1"),
    ("has_sse42", "sse4.2"),
    ("has_avx", "avx"),
    ("has_avx2", "avx2"),
    ("has_fma", "fma"),
    ("has_avx_vnni", "avxvnni"),
    ("has_avx512bitalg", "avx512bitalg"),
    ("has_avx512dq", "avx512dq"),
    ("has_avx512vl", "avx512vl"),
    ("has_avx512vbmi", "avx512vbmi"),
    ("has_avx512f", "avx512f"),
    ("has_avx512vnni", "avx512vnni"),
    ("has_popcnt", "popcnt"),
    ("has_bmi1", "bmi1"),
    ("has_bmi2", "bmi2"),
    ("has_lzcnt", "lzcnt"),
];

/// Fills the relocated field at the start of `bytes`, which is at offset `place` of the text, with a reference to
/// offset `target` plus `addend`
/// ([System V ABI, x86-64 supplement, section 4.4](https://gitlab.com/x86-psABIs/x86-64-ABI)):
///
/// ```text
/// word at P = S + A - P
/// ```
///
/// # Errors
/// The reason why the field cannot be filled.
pub(in crate::compile) fn relocate(
    bytes: &mut [u8],
    kind: Reloc,
    place: i64,
    target: i64,
    addend: i64,
) -> Result<(), String> {
    match kind {
        // A call through a linkage table is a direct call, because its target's offset is known.
        Reloc::X86PCRel4 | Reloc::X86CallPCRel4 | Reloc::X86CallPLTRel4 => {}
        kind => return Err(format!("a relocation of kind {kind} would survive linking")),
    }
    let distance = target.checked_add(addend).and_then(|address| address.checked_sub(place));
    let Some(distance) = distance.and_then(|distance| i32::try_from(distance).ok()) else {
        return Err("a relocation is too far from its target".to_owned());
    };
    let Some(word) = bytes.first_chunk_mut() else {
        return Err("a relocation is outside of its code".to_owned());
    };
    *word = distance.to_le_bytes();
    Ok(())
}
