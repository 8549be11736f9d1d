//! The configuration of WASI: all that a guest may use.

use crate::error;
use crate::store::kept::{Kept, Token};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fs::File;
use std::io::{self, Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;
use wasi::{Config, Input, Output, Wasi};

/// All that a guest may use. A new configuration grants the clocks and random numbers, and nothing else: no argument,
/// variable or directory, empty input, and output that goes nowhere. `Store.set_wasi` reads it.
#[pyclass(module = "touchstone")]
#[derive(Default)]
pub(crate) struct WasiConfig {
    /// The arguments. The first is the name of the program.
    #[pyo3(get, set)]
    argv: Vec<String>,
    /// The environment variables, as pairs of a name and a value.
    #[pyo3(get, set)]
    env: Vec<(String, String)>,
    dirs: Vec<(PathBuf, String)>,
    stdin: Source,
    stdout: Destination,
    stderr: Destination,
}

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Inherit,
    File(PathBuf),
    Bytes(Vec<u8>),
}

#[derive(Default)]
enum Destination {
    #[default]
    Discard,
    Inherit,
    File(PathBuf),
    Callable(Py<PyAny>),
}

#[pymethods]
impl WasiConfig {
    #[new]
    fn new() -> WasiConfig {
        WasiConfig::default()
    }

    /// Gives a directory, with all that it contains, to the guest, which sees it as `guest_path`. No path leads out of
    /// it.
    fn preopen_dir(&mut self, path: PathBuf, guest_path: String) {
        self.dirs.push((path, guest_path));
    }

    /// Lets the guest read the standard input of this process.
    fn inherit_stdin(&mut self) {
        self.stdin = Source::Inherit;
    }

    /// Lets the guest write to the standard output of this process.
    fn inherit_stdout(&mut self) {
        self.stdout = Destination::Inherit;
    }

    /// Lets the guest write to the standard error of this process.
    fn inherit_stderr(&mut self) {
        self.stderr = Destination::Inherit;
    }

    /// The file that the guest reads as its standard input.
    #[setter]
    fn set_stdin_file(&mut self, path: PathBuf) {
        self.stdin = Source::File(path);
    }

    /// The bytes that the guest reads as its standard input.
    #[setter]
    fn set_stdin_bytes(&mut self, bytes: Vec<u8>) {
        self.stdin = Source::Bytes(bytes);
    }

    /// The file that the guest's standard output goes to.
    #[setter]
    fn set_stdout_file(&mut self, path: PathBuf) {
        self.stdout = Destination::File(path);
    }

    /// The function that is called with the bytes of the guest's standard output.
    #[setter]
    fn set_stdout_custom(&mut self, callable: Py<PyAny>) {
        self.stdout = Destination::Callable(callable);
    }

    /// The file that the guest's standard error goes to.
    #[setter]
    fn set_stderr_file(&mut self, path: PathBuf) {
        self.stderr = Destination::File(path);
    }

    /// The function that is called with the bytes of the guest's standard error.
    #[setter]
    fn set_stderr_custom(&mut self, callable: Py<PyAny>) {
        self.stderr = Destination::Callable(callable);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for stream in [&self.stdout, &self.stderr] {
            if let Destination::Callable(callable) = stream {
                visit.call(callable)?;
            }
        }
        Ok(())
    }

    fn __clear__(&mut self) {
        (self.stdout, self.stderr) = (Destination::Discard, Destination::Discard);
    }
}

impl WasiConfig {
    /// Makes the context of a guest. The store that owns `kept` owns the functions for its output.
    ///
    /// # Errors
    ///
    /// `ValueError` or `OSError` if something cannot be given.
    pub(crate) fn build(&self, py: Python<'_>, kept: &Arc<Kept>) -> PyResult<Wasi> {
        let mut config = Config::new().clocks().random();
        for argument in &self.argv {
            config = config.arg(argument).map_err(error::value_error)?;
        }
        for (name, value) in &self.env {
            config = config.env(name, value).map_err(error::value_error)?;
        }
        for (host, guest) in &self.dirs {
            config = config.dir(host, guest).map_err(error::value_error)?;
        }
        config =
            config.stdin(self.stdin.open()?).stdout(self.stdout.open(py, kept)?).stderr(self.stderr.open(py, kept)?);
        config.build().map_err(error::value_error)
    }
}

impl Source {
    fn open(&self) -> io::Result<Input> {
        Ok(match self {
            Source::Empty => Input::Empty,
            Source::Inherit => Input::Inherit,
            Source::File(path) => Input::Reader(Box::new(File::open(path)?)),
            Source::Bytes(bytes) => Input::Reader(Box::new(Cursor::new(bytes.clone()))),
        })
    }
}

impl Destination {
    fn open(&self, py: Python<'_>, kept: &Arc<Kept>) -> io::Result<Output> {
        Ok(match self {
            Destination::Discard => Output::Discard,
            Destination::Inherit => Output::Inherit,
            Destination::File(path) => Output::Writer(Box::new(File::create(path)?)),
            Destination::Callable(callable) => {
                let callable = kept.keep(callable.clone_ref(py));
                Output::Writer(Box::new(Writer { callable, kept: Arc::clone(kept) }))
            }
        })
    }
}

/// A writer that calls a Python function. An exception ends the guest.
struct Writer {
    callable: Token,
    kept: Arc<Kept>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Python::try_attach(|py| self.callable.get(py)?.call1((PyBytes::new(py, bytes),)).map(drop));
        match written {
            Some(Ok(())) => Ok(bytes.len()),
            Some(Err(raised)) => {
                self.kept.set_raised(raised);
                Err(io::Error::other("the function for the output raised an exception"))
            }
            None => Err(io::Error::other("the Python interpreter has ended")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
