//! Programs of WASI: what they may use.

use super::error::{non_null, report, usage};
use super::{bytes, text};
use core::ffi::c_char;
use engine::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use wasi::{Config, Input, Output, Wasi};

/// All that a program may use. A new configuration grants nothing.
pub struct touchstone_wasi_config_t(
    /// The reason of the first refusal, after one: no context is made of a part of what the host wanted.
    Result<Config, String>,
);

/// The context of one program: what it may use, and its open files.
pub struct touchstone_wasi_t(pub(crate) Wasi);

impl touchstone_wasi_config_t {
    fn change(&mut self, change: impl FnOnce(Config) -> Result<Config, String>) -> Result<()> {
        let config = core::mem::replace(&mut self.0, Err(String::new()));
        self.0 = config.and_then(change);
        self.check()
    }

    fn check(&self) -> Result<()> {
        self.0.as_ref().map(|_| ()).map_err(|reason| usage(reason.clone()))
    }
}

/// Changes a configuration. Returns false after a refusal.
fn change(
    config: Option<&mut touchstone_wasi_config_t>,
    change: impl FnOnce(Config) -> Result<Config, String>,
) -> bool {
    report(non_null(config, "configuration of WASI").and_then(|config| config.change(change))).is_some()
}

/// Makes a configuration that grants nothing: no argument, variable or directory, empty input, output that goes
/// nowhere, no clock and no random number. The caller owns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_config_new() -> Box<touchstone_wasi_config_t> {
    Box::new(touchstone_wasi_config_t(Ok(Config::new())))
}

/// Deletes a configuration.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_config_delete(_config: Option<Box<touchstone_wasi_config_t>>) {}

/// Adds an argument. The first is the program's name. After a function of a configuration has returned false, no
/// context can be made of it.
///
/// # Safety
/// The argument is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_arg(
    config: Option<&mut touchstone_wasi_config_t>,
    arg: *const c_char,
) -> bool {
    // SAFETY: the caller vouches for the string.
    let arg = unsafe { text(arg, "argument") }.map_err(|error| error.to_string());
    change(config, |config| config.arg(arg?).map_err(|error| error.to_string()))
}

/// Adds an environment variable. Returns false if the name is empty or has a `=`.
///
/// # Safety
/// The strings are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_env(
    config: Option<&mut touchstone_wasi_config_t>,
    name: *const c_char,
    value: *const c_char,
) -> bool {
    // SAFETY: the caller vouches for the strings.
    let [name, value] = unsafe { [text(name, "name of a variable"), text(value, "value of a variable")] };
    change(config, |config| {
        let [name, value] = [name, value].map(|text| text.map_err(|error| error.to_string()));
        config.env(name?, value?).map_err(|error| error.to_string())
    })
}

/// Gives a directory of the host, with all that it contains. The program sees it as `guest`, and no path leads out of
/// it. Returns false if the directory cannot be opened.
///
/// # Safety
/// The paths are null or end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_dir(
    config: Option<&mut touchstone_wasi_config_t>,
    host: *const c_char,
    guest: *const c_char,
) -> bool {
    // SAFETY: the caller vouches for the strings.
    let [host, guest] = unsafe { [text(host, "path of the host"), text(guest, "path of the guest")] };
    change(config, |config| {
        let [host, guest] = [host, guest].map(|path| path.map_err(|error| error.to_string()));
        config.dir(Path::new(host?), guest?).map_err(|error| error.to_string())
    })
}

/// Gives the standard input, output and error of this process.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_config_inherit_stdio(config: Option<&mut touchstone_wasi_config_t>) -> bool {
    change(config, |config| Ok(config.stdin(Input::Inherit).stdout(Output::Inherit).stderr(Output::Inherit)))
}

/// Sets the bytes of the standard input, which are copied.
///
/// # Safety
/// `data` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_stdin(
    config: Option<&mut touchstone_wasi_config_t>,
    data: *const u8,
    size: usize,
) -> bool {
    // SAFETY: the caller vouches for the bytes.
    let data = unsafe { bytes(data, size, "standard input") }.map(<[u8]>::to_vec);
    change(config, |config| {
        let data = data.map_err(|error| error.to_string())?;
        Ok(config.stdin(Input::Reader(Box::new(Cursor::new(data)))))
    })
}

/// Makes a file for output.
///
/// # Safety
/// The path is null or ends with a zero byte.
unsafe fn output(path: *const c_char) -> Result<Output, String> {
    // SAFETY: the caller's contract.
    let path = unsafe { text(path, "path") }.map_err(|error| error.to_string())?;
    let file = File::create(path).map_err(|error| format!("cannot write {path}: {error}"))?;
    Ok(Output::Writer(Box::new(file)))
}

/// Sends the standard output to a file, which is made empty. Returns false if it cannot be written.
///
/// # Safety
/// The path is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_stdout(
    config: Option<&mut touchstone_wasi_config_t>,
    path: *const c_char,
) -> bool {
    // SAFETY: the caller vouches for the string.
    change(config, |config| Ok(config.stdout(unsafe { output(path)? })))
}

/// Sends the standard error to a file, which is made empty. Returns false if it cannot be written.
///
/// # Safety
/// The path is null or ends with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn touchstone_wasi_config_stderr(
    config: Option<&mut touchstone_wasi_config_t>,
    path: *const c_char,
) -> bool {
    // SAFETY: the caller vouches for the string.
    change(config, |config| Ok(config.stderr(unsafe { output(path)? })))
}

/// Gives the clocks of the host.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_config_clocks(config: Option<&mut touchstone_wasi_config_t>) -> bool {
    change(config, |config| Ok(config.clocks()))
}

/// Gives random numbers of the host.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_config_random(config: Option<&mut touchstone_wasi_config_t>) -> bool {
    change(config, |config| Ok(config.random()))
}

/// Makes the context of a program of a configuration, which it takes over. The caller owns the context.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_new(config: Option<Box<touchstone_wasi_config_t>>) -> Option<Box<touchstone_wasi_t>> {
    let new = || {
        let config = non_null(config, "configuration of WASI")?.0.map_err(usage)?;
        let context = config.build().map_err(|error| Error::new(ErrorKind::Usage, error.to_string()))?;
        Ok(Box::new(touchstone_wasi_t(context)))
    };
    report(new())
}

/// Deletes a context. Linkers that define its functions keep it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_wasi_delete(_wasi: Option<Box<touchstone_wasi_t>>) {}
