//! A guest without an engine: a memory, and calls with plain numbers.

use std::io::Write;
use std::sync::{Arc, Mutex};
use wasi_preview1::{Config, Function, Output, Stop, Wasi};

/// The descriptor of the first directory that a guest is given.
pub(crate) const DIR: u64 = 3;

/// The error numbers that the tests expect.
pub(crate) mod errno {
    pub(crate) const SUCCESS: i32 = 0;
    pub(crate) const BADF: i32 = 8;
    pub(crate) const NOTSUP: i32 = 58;
    pub(crate) const PERM: i32 = 63;
}

/// Flags of `path_open`.
pub(crate) const FOLLOW: u64 = 1;
pub(crate) const CREATE: u64 = 1;

const MEMORY: usize = 65_536;
/// The place in the memory where functions write results.
const RESULT: usize = 0;
/// The place of a vector of one buffer, its address and its length.
const VECTOR: usize = 16;
/// The places of the first and the second path.
const PATHS: [usize; 2] = [1024, 4096];
/// The place of the buffer.
const BUFFER: usize = 8192;

pub(crate) struct Guest {
    wasi: Wasi,
    memory: Vec<u8>,
}

impl Guest {
    pub(crate) fn new(config: Config) -> Guest {
        Guest { wasi: config.build().expect("short strings"), memory: vec![0; MEMORY] }
    }

    /// Calls a function, and returns its error number.
    pub(crate) fn call(&mut self, name: &str, arguments: &[u64]) -> i32 {
        self.try_call(name, arguments).expect("the call returns")
    }

    pub(crate) fn try_call(&mut self, name: &str, arguments: &[u64]) -> Result<i32, Stop> {
        let function = Function::named(name).expect("preview 1 has the function");
        let result = self.wasi.call(function, arguments, &mut self.memory)?;
        Ok(result.expect("it has a result"))
    }

    /// Calls a function that takes, somewhere among its arguments, a path as its address and length.
    pub(crate) fn call_path(&mut self, name: &str, before: &[u64], path: &str, after: &[u64]) -> i32 {
        let path = self.path(0, path);
        self.call(name, &[before, &path, after].concat())
    }

    /// Calls a function that takes two paths.
    pub(crate) fn call_paths(
        &mut self,
        name: &str,
        before: &[u64],
        first: &str,
        between: &[u64],
        second: &str,
        after: &[u64],
    ) -> i32 {
        let (first, second) = (self.path(0, first), self.path(1, second));
        self.call(name, &[before, &first, between, &second, after].concat())
    }

    fn path(&mut self, index: usize, path: &str) -> [u64; 2] {
        let at = PATHS[index];
        self.memory[at..at + path.len()].copy_from_slice(path.as_bytes());
        [at as u64, path.len() as u64]
    }

    /// Opens a path below the first directory, to read and write, and returns its descriptor.
    pub(crate) fn open(&mut self, path: &str, lookup: u64, flags: u64) -> Result<u64, i32> {
        const READ_AND_WRITE: u64 = 1 << 1 | 1 << 6;
        match self.call_path("path_open", &[DIR, lookup], path, &[flags, READ_AND_WRITE, 0, 0, RESULT as u64]) {
            errno::SUCCESS => Ok(u64::from(self.number())),
            errno => Err(errno),
        }
    }

    /// Reads from a descriptor, at most 1,000 bytes.
    pub(crate) fn read(&mut self, descriptor: u64) -> Result<Vec<u8>, i32> {
        match self.transfer("fd_read", descriptor, 1000) {
            errno::SUCCESS => Ok(self.memory[BUFFER..BUFFER + self.number() as usize].to_vec()),
            errno => Err(errno),
        }
    }

    /// Writes to a descriptor.
    pub(crate) fn write(&mut self, descriptor: u64, bytes: &[u8]) -> i32 {
        self.memory[BUFFER..BUFFER + bytes.len()].copy_from_slice(bytes);
        self.transfer("fd_write", descriptor, bytes.len())
    }

    fn transfer(&mut self, name: &str, descriptor: u64, length: usize) -> i32 {
        self.memory[VECTOR..VECTOR + 4].copy_from_slice(&(BUFFER as u32).to_le_bytes());
        self.memory[VECTOR + 4..VECTOR + 8].copy_from_slice(&(length as u32).to_le_bytes());
        self.call(name, &[descriptor, VECTOR as u64, 1, RESULT as u64])
    }

    /// The number that the last call wrote.
    pub(crate) fn number(&self) -> u32 {
        u32::from_le_bytes(self.memory[RESULT..RESULT + 4].try_into().expect("four bytes"))
    }

    /// The bytes from the place on where functions write results.
    pub(crate) fn results(&self) -> &[u8] {
        &self.memory[RESULT..]
    }
}

/// A writer whose bytes the test sees.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    pub(crate) fn output(&self) -> Output {
        Output::Writer(Box::new(self.clone()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test panics in it").clone()).expect("text")
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics in it").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
