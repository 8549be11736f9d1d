//! Reading a script from the disk.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// The fault that makes a script unusable, and its location.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in bytes.
    pub column: u32,
    /// The description of the fault.
    pub message: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Unreadable {}

impl Unreadable {
    /// The fault of a script that cannot be read at all.
    pub fn whole(message: impl Into<String>) -> Unreadable {
        Unreadable { line: 1, column: 1, message: message.into() }
    }

    /// The fault that follows these bytes.
    fn after(before: &[u8], message: String) -> Unreadable {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let newlines = before.iter().filter(|byte| **byte == b'\n').count();
        let on_its_line = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Unreadable { line: small(newlines + 1), column: small(on_its_line + 1), message }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Unreadable {
        Unreadable::whole(format!("cannot be read: {error}"))
    }
}

impl From<Unreadable> for io::Error {
    fn from(error: Unreadable) -> io::Error {
        io::Error::other(error)
    }
}

/// Reads the text of a script.
///
/// # Errors
///
/// If the path is not that of a regular file, or the file cannot be read or is not UTF-8.
pub fn read(path: &Path) -> Result<String, Unreadable> {
    // A pipe may never end, and can be read only once.
    if !fs::metadata(path)?.is_file() {
        return Err(Unreadable::whole("cannot be read: not a regular file"));
    }
    String::from_utf8(fs::read(path)?).map_err(|error| {
        let (before, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let byte = rest.first().copied().unwrap_or_default();
        Unreadable::after(before, format!("the byte {byte:#04x} is not UTF-8: save the script in that encoding"))
    })
}
