//! Backtraces of two engines.

use crate::Frame;

/// Returns whether the backtraces of two engines agree: as many frames, of the same functions, at the same byte offsets
/// where both engines show them. If the trap may have `moved` within its function
/// ([`Rule::MovedTrap`](super::Rule::MovedTrap)), the offset of the innermost frame does not count.
pub fn frames_agree(left: &[Frame], right: &[Frame], moved: bool) -> bool {
    if left.len() != right.len() {
        return false;
    }
    for (depth, (left, right)) in left.iter().zip(right).enumerate() {
        let agree =
            if moved && depth == 0 { left.func_index == right.func_index } else { is_same_location(left, right) };
        if !agree {
            return false;
        }
    }
    true
}

/// Returns whether two frames are at the same instruction, as far as both engines tell.
pub(super) fn is_same_location(left: &Frame, right: &Frame) -> bool {
    let offsets = left.module_offset.zip(right.module_offset);
    left.func_index == right.func_index && offsets.is_none_or(|(left, right)| left == right)
}

/// Returns the frames as a text.
pub(super) fn list(frames: Option<&[Frame]>) -> String {
    match frames {
        None => "not visible".to_string(),
        Some(frames) => format!("[{}]", frames.iter().map(Frame::to_string).collect::<Vec<_>>().join(", ")),
    }
}
