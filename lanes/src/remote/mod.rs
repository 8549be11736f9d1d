//! The lanes `speed/remote` and `quick/remote`: artifacts run in another process, a worker that was built without the
//! compiler. All that a module needs at run time is therefore in its artifact.
//!
//! ```text
//! RemoteLane: compiles ── connection ══ lines of JSON (message), files ══> worker: a thread for each session
//!     └── session                                                           └── loads and runs
//! ```
//!
//! Unlike an adapter, the worker is ours: it shows all that a lane in this process shows, with objects, and threads
//! share memories in it. A worker that dies takes its sessions with it, and the next session starts another one.

#[cfg(all(feature = "engine", feature = "harness"))]
mod connection;
#[cfg(all(feature = "engine", feature = "harness"))]
mod lane;
mod message;
#[cfg(all(feature = "engine", feature = "harness"))]
mod session;
mod worker;

#[cfg(all(feature = "engine", feature = "harness"))]
pub use lane::RemoteLane;
pub use worker::serve;
