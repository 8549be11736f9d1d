//! The configuration of a guest: all that it may use.

use crate::Wasi;
use crate::scheduler::Scheduler;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use wasi_common::clocks::WasiClocks;
use wasi_common::pipe::{ReadPipe, WritePipe};
use wasi_common::sync::{self, stdio};
use wasi_common::{StringArrayError, Table, WasiCtx, WasiFile};

/// All that a guest may use. A new configuration grants nothing: no argument, variable or directory, empty input,
/// output that goes nowhere, no clock and no random number.
#[derive(Default)]
pub struct Config {
    args: Vec<String>,
    env: Vec<(String, String)>,
    dirs: Vec<(sync::Dir, String)>,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    clocks: bool,
    random: bool,
}

/// An argument, a variable or a directory that cannot be given to a guest. The text says why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

/// The guest's standard input.
#[derive(Default)]
pub enum Input {
    /// No byte.
    #[default]
    Empty,
    /// The standard input of this process.
    Inherit,
    /// The bytes of a reader. A guest cannot wait for them with `poll_oneoff`.
    Reader(Box<dyn Read + Send + Sync>),
}

/// The guest's standard output or standard error.
#[derive(Default)]
pub enum Output {
    /// Bytes that go nowhere.
    #[default]
    Discard,
    /// The same stream of this process.
    Inherit,
    /// Bytes that go to a writer. A guest cannot wait for it with `poll_oneoff`.
    Writer(Box<dyn Write + Send + Sync>),
}

impl Config {
    /// A configuration that grants nothing.
    pub fn new() -> Config {
        Config::default()
    }

    /// Adds an argument. The first is the program's name.
    ///
    /// # Errors
    ///
    /// If it contains a NUL.
    pub fn arg(mut self, arg: &str) -> Result<Config, Error> {
        refuse_nul("argument", arg)?;
        self.args.push(arg.to_owned());
        Ok(self)
    }

    /// Adds an environment variable.
    ///
    /// # Errors
    ///
    /// If the name is empty or contains `=`, or one of both contains a NUL.
    pub fn env(mut self, name: &str, value: &str) -> Result<Config, Error> {
        if name.is_empty() || name.contains('=') {
            return Err(Error(format!("`{name}` cannot be the name of a variable: it is empty or contains `=`")));
        }
        refuse_nul("name of a variable", name)?;
        refuse_nul("value of a variable", value)?;
        self.env.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// Gives a directory of the host, with all that it contains, to the guest, which sees it as `guest`. No path leads
    /// out of it.
    ///
    /// # Errors
    ///
    /// If the directory cannot be opened.
    pub fn dir(mut self, host: &Path, guest: &str) -> Result<Config, Error> {
        refuse_nul("path", guest)?;
        let opened = sync::Dir::open_ambient_dir(host, sync::ambient_authority());
        let dir = opened.map_err(|error| Error(format!("cannot open the directory {}: {error}", host.display())))?;
        self.dirs.push((dir, guest.to_owned()));
        Ok(self)
    }

    /// Sets the standard input.
    pub fn stdin(self, stdin: Input) -> Config {
        Config { stdin, ..self }
    }

    /// Sets the standard output.
    pub fn stdout(self, stdout: Output) -> Config {
        Config { stdout, ..self }
    }

    /// Sets the standard error.
    pub fn stderr(self, stderr: Output) -> Config {
        Config { stderr, ..self }
    }

    /// Gives the clocks of the host to the guest.
    pub fn clocks(self) -> Config {
        Config { clocks: true, ..self }
    }

    /// Gives random numbers of the host to the guest.
    pub fn random(self) -> Config {
        Config { random: true, ..self }
    }

    /// Makes the context of a guest.
    ///
    /// # Errors
    ///
    /// If the arguments or the variables take 4 GiB or more.
    pub fn build(self) -> Result<Wasi, Error> {
        let clocks = if self.clocks { sync::clocks_ctx() } else { WasiClocks::new() };
        let mut context = WasiCtx::new(sync::random_ctx(), clocks, Box::new(Scheduler), Table::new());
        let too_long = |error: StringArrayError| Error(format!("the arguments or variables are too long: {error}"));
        for arg in &self.args {
            context.push_arg(arg).map_err(too_long)?;
        }
        for (name, value) in &self.env {
            context.push_env(name, value).map_err(too_long)?;
        }
        context.set_stdin(self.stdin.into_file());
        context.set_stdout(self.stdout.into_file(stdio::stdout));
        context.set_stderr(self.stderr.into_file(stdio::stderr));
        for (dir, guest) in self.dirs {
            let dir = Box::new(sync::dir::Dir::from_cap_std(dir));
            let pushed = context.push_preopened_dir(dir, &guest);
            pushed.map_err(|error| Error(format!("cannot give the directory {guest}: {error}")))?;
        }
        Ok(Wasi { context: Arc::new(Mutex::new(context)), random: self.random })
    }
}

impl Input {
    fn into_file(self) -> Box<dyn WasiFile> {
        match self {
            Input::Empty => Box::new(ReadPipe::new(io::empty())),
            Input::Inherit => Box::new(stdio::stdin()),
            Input::Reader(reader) => Box::new(ReadPipe::new(reader)),
        }
    }
}

impl Output {
    fn into_file<F: WasiFile + 'static>(self, inherit: fn() -> F) -> Box<dyn WasiFile> {
        match self {
            Output::Discard => Box::new(WritePipe::new(io::sink())),
            Output::Inherit => Box::new(inherit()),
            Output::Writer(writer) => Box::new(WritePipe::new(writer)),
        }
    }
}

/// Guests see strings that end at the first NUL.
fn refuse_nul(what: &str, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(Error(format!("the {what} `{text}` contains a NUL")));
    }
    Ok(())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
