//! The interface for embedders: the store with the embedder's data, handles to what is in it, calls in both directions,
//! and linking.
//!
//! | file | holds |
//! |---|---|
//! | `store`, `context` | stores, and borrows of them |
//! | `activation` | the driver: runs the loop, calls host functions, and lets errors and exceptions go on |
//! | `func`, `typed`, `wasm_ty` | calls of functions, with values of any type or of Rust's types |
//! | `host`, `closure`, `caller` | host functions and their view of the store |
//! | `instance`, `external`, `table`, `memory`, `global`, `tag` | handles to instances and to what they export |
//! | `objects`, `exception` | objects of the heap, and exceptions that pass the embedder |
//! | `linker` | names that modules can import |

mod activation;
mod caller;
mod closure;
mod context;
mod exception;
mod external;
mod func;
mod global;
mod host;
mod instance;
mod item;
mod linker;
mod memory;
mod objects;
mod shared_memory;
mod store;
mod table;
mod tag;
mod typed;
mod wasm_ty;

pub use caller::Caller;
pub use closure::IntoFunc;
pub use context::{AsContext, AsContextMut, StoreContext, StoreContextMut};
pub use external::Extern;
pub use global::Global;
pub use instance::Instance;
pub use linker::{InstancePre, Linker};
pub use memory::Memory;
pub use shared_memory::SharedMemory;
pub use store::Store;
pub use table::Table;
pub use tag::Tag;
pub use typed::TypedFunc;
pub use wasm_ty::{WasmParams, WasmResults, WasmRet, WasmTy};
