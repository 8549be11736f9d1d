//! The table of preview 1's functions. A row that does not have the signature of the function behind it does not
//! compile, or fails a test that compares the table with the specification.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasi_common::WasiCtx;
use wasi_common::snapshots::preview_1::wasi_snapshot_preview1 as preview1;
use wiggle::{GuestMemory, anyhow};

/// The type of a parameter or a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumType {
    /// A number of 32 bits.
    I32,
    /// A number of 64 bits.
    I64,
}

/// A function of preview 1.
#[derive(Debug)]
pub struct Function {
    /// The name that guests import it by.
    pub name: &'static str,
    /// The types of the parameters.
    pub params: &'static [NumType],
    /// The type of the result, if there is one.
    pub result: Option<NumType>,
    pub(crate) code: Code,
}

/// The code of a function: takes arguments, and returns the result.
pub(crate) type Code = fn(&mut WasiCtx, &mut GuestMemory<'_>, &[u64]) -> anyhow::Result<Option<i32>>;

impl Function {
    /// The function of this name. `None` if preview 1 has none.
    pub fn named(name: &str) -> Option<&'static Function> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }
}

/// Makes the table. Each row is a signature, of which the arguments are passed on from left to right.
macro_rules! functions {
    ($($name:ident($($param:ident),*) $(-> $result:ident)?;)*) => {
        /// All functions of preview 1.
        pub const FUNCTIONS: &[Function] = &[$(Function {
            name: stringify!($name),
            params: &[$(num_type!($param)),*],
            result: [$(Some(num_type!($result)),)? None][0],
            code: |context, memory, arguments| {
                let mut _arguments = arguments.iter();
                let mut _next = || *_arguments.next().expect("one argument for each parameter");
                poll_once(preview1::$name(context, memory, $(_next() as $param),*)).map(Returned::number)
            },
        }),*];
    };
}

macro_rules! num_type {
    (i32) => {
        NumType::I32
    };
    (i64) => {
        NumType::I64
    };
}

functions! {
    args_get(i32, i32) -> i32;
    args_sizes_get(i32, i32) -> i32;
    environ_get(i32, i32) -> i32;
    environ_sizes_get(i32, i32) -> i32;
    clock_res_get(i32, i32) -> i32;
    clock_time_get(i32, i64, i32) -> i32;
    fd_advise(i32, i64, i64, i32) -> i32;
    fd_allocate(i32, i64, i64) -> i32;
    fd_close(i32) -> i32;
    fd_datasync(i32) -> i32;
    fd_fdstat_get(i32, i32) -> i32;
    fd_fdstat_set_flags(i32, i32) -> i32;
    fd_fdstat_set_rights(i32, i64, i64) -> i32;
    fd_filestat_get(i32, i32) -> i32;
    fd_filestat_set_size(i32, i64) -> i32;
    fd_filestat_set_times(i32, i64, i64, i32) -> i32;
    fd_pread(i32, i32, i32, i64, i32) -> i32;
    fd_prestat_get(i32, i32) -> i32;
    fd_prestat_dir_name(i32, i32, i32) -> i32;
    fd_pwrite(i32, i32, i32, i64, i32) -> i32;
    fd_read(i32, i32, i32, i32) -> i32;
    fd_readdir(i32, i32, i32, i64, i32) -> i32;
    fd_renumber(i32, i32) -> i32;
    fd_seek(i32, i64, i32, i32) -> i32;
    fd_sync(i32) -> i32;
    fd_tell(i32, i32) -> i32;
    fd_write(i32, i32, i32, i32) -> i32;
    path_create_directory(i32, i32, i32) -> i32;
    path_filestat_get(i32, i32, i32, i32, i32) -> i32;
    path_filestat_set_times(i32, i32, i32, i32, i64, i64, i32) -> i32;
    path_link(i32, i32, i32, i32, i32, i32, i32) -> i32;
    path_open(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32;
    path_readlink(i32, i32, i32, i32, i32, i32) -> i32;
    path_remove_directory(i32, i32, i32) -> i32;
    path_rename(i32, i32, i32, i32, i32, i32) -> i32;
    path_symlink(i32, i32, i32, i32, i32) -> i32;
    path_unlink_file(i32, i32, i32) -> i32;
    poll_oneoff(i32, i32, i32, i32) -> i32;
    proc_exit(i32);
    proc_raise(i32) -> i32;
    sched_yield() -> i32;
    random_get(i32, i32) -> i32;
    sock_accept(i32, i32, i32) -> i32;
    sock_recv(i32, i32, i32, i32, i32, i32) -> i32;
    sock_send(i32, i32, i32, i32, i32) -> i32;
    sock_shutdown(i32, i32) -> i32;
}

/// Runs a future to its end. It is ready at once: all files, clocks and the scheduler block instead of waiting.
fn poll_once<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(anyhow::anyhow!("a function that should block is waiting instead")),
    }
}

/// The Rust type of a result.
trait Returned {
    fn number(self) -> Option<i32>;
}

impl Returned for i32 {
    fn number(self) -> Option<i32> {
        Some(self)
    }
}

impl Returned for () {
    fn number(self) -> Option<i32> {
        None
    }
}
