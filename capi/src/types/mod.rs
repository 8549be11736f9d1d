//! The types of values, external items, imports and exports.
//!
//! | file | types |
//! |---|---|
//! | `value` | of values |
//! | `external` | of functions, globals, tables, memories and tags: one type in Rust, so that pointers convert |
//! | `import_export` | of imports and exports |

pub mod external;
pub mod import_export;
pub mod value;

pub use external::*;
pub use import_export::*;
pub use value::*;
