//! The listing of a module: its text form, laid out so that a line's number is an offset in the binary.

use crate::base::{Error, ErrorKind, Result};

/// The text that debug information names as the source file of functions for which the module has no debug information
/// of its own.
///
/// Line N of the text is what stands at offset N of the binary, as in backtraces: an instruction, the start of a
/// function, or nothing, where an instruction has several bytes. What has no offset stands on the line before.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Listing {
    /// The name of the file. It depends on the bytes of the module alone, and no other module has it.
    pub name: String,
    /// The contents of the file.
    pub text: String,
}

impl Listing {
    /// Makes the listing of a binary module.
    ///
    /// # Errors
    /// Kind [`Malformed`](ErrorKind::Malformed) if the bytes are no module.
    pub fn of(wasm: &[u8]) -> Result<Listing> {
        let (mut storage, mut text, mut last) = (String::new(), String::new(), 1);
        let lines = wasmprinter::Config::new()
            .offsets_and_lines(wasm, &mut storage)
            .map_err(|error| Error::new(ErrorKind::Malformed, format!("the module cannot be printed: {error:#}")))?;
        for (offset, line) in lines {
            let number = offset.unwrap_or_default();
            if number > last {
                (last..number).for_each(|_| text.push('\n'));
                last = number;
                text.push_str(line.trim_end());
            } else {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(line.trim());
            }
        }
        text.push('\n');
        Ok(Listing { name: name(wasm), text })
    }
}

/// Returns the name of a module's listing.
pub(super) fn name(wasm: &[u8]) -> String {
    let digest = blake3::hash(wasm).to_hex();
    format!("wasm-{}.wat", &digest[..16])
}
