//! Stack walks over compiled frames.

use crate::abi::vmctx::StoreContext;
use crate::base::Backtrace;

/// The WebAssembly frames that are active on this thread on behalf of `store`, the innermost first. Empty unless
/// WebAssembly code of this store has called the host.
pub(crate) fn backtrace(store: *const StoreContext) -> Backtrace {
    let _ = store;
    todo!()
}
