//! Tags, which tell one kind of exception from another
//! ([Tag instances](https://webassembly.github.io/spec/core/exec/runtime.html#syntax-taginst)).

use crate::types::TypeId;

/// A tag. Its address tells it from other tags, even of the same type.
pub(crate) struct TagInstance {
    /// The type of the function whose parameters are the values of an exception.
    pub(crate) ty: TypeId,
}
