//! Section `.touchstone`: the maker of the artifact, and the digests that show whether it was altered.
//!
//! ```text
//! at byte 0x158 of every artifact, 144 bytes
//!   +0    magic "TOUCHST\0"
//!   +8    format fingerprint, 32 bytes: a digest of the sources that decide the format, and of Cranelift's version
//!   +40   the engine that made the artifact, "engine 0.1.0", padded with zeros to 24 bytes
//!   +64   u64 length of the file
//!   +72   u64 1 if the digests are keyed, else 0
//!   +80   BLAKE3 digest of the bytes before this field, the metadata and the section headers; always checked
//!   +112  BLAKE3 digest of all bytes but this field; checked by default
//! ```

use core::ops::Range;

/// The offset of the section: directly after the ELF header and the program headers.
pub(super) const START: usize = 0x158;
/// The size of the section in bytes.
pub(super) const SIZE: usize = 144;

const MAGIC: Range<usize> = field(0, 8);
const FINGERPRINT: Range<usize> = field(8, 32);
const PRODUCER: Range<usize> = field(40, 24);
const LENGTH: Range<usize> = field(64, 8);
const KEYED: Range<usize> = field(72, 8);
/// The range of the metadata's digest in the file.
pub(super) const METADATA_DIGEST: Range<usize> = field(80, 32);
/// The range of the whole file's digest in the file.
pub(super) const FULL_DIGEST: Range<usize> = field(112, 32);

/// The content of the magic field.
pub(super) const MAGIC_BYTES: [u8; 8] = *b"TOUCHST\0";
/// The version of Cranelift, which is part of the fingerprint. It is a constant, so that builds without the compiler
/// have the same fingerprint.
pub(super) const CRANELIFT_VERSION: &str = "0.135.8";
#[cfg(feature = "compile")]
const _: () = assert!(same(CRANELIFT_VERSION.as_bytes(), cranelift_codegen::VERSION.as_bytes()), "update the constant");

const fn field(start: usize, size: usize) -> Range<usize> {
    START + start..START + start + size
}

#[cfg(feature = "compile")]
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Returns the fingerprint of this engine's artifacts.
pub(super) fn fingerprint() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("ARTIFACT_FINGERPRINT").as_bytes());
    hasher.update(CRANELIFT_VERSION.as_bytes());
    *hasher.finalize().as_bytes()
}

/// Returns the name of this build of the engine: its version, and the first digits of the fingerprint of its artifacts.
/// Builds of the same name load each other's artifacts.
pub fn build_name() -> String {
    let [a, b, c, d, ..] = fingerprint();
    format!("{} ({:08x})", producer(), u32::from_be_bytes([a, b, c, d]))
}

/// Returns the name and version of this engine.
pub(crate) fn producer() -> &'static str {
    if cfg!(feature = "planted-faults") {
        concat!("engine ", env!("CARGO_PKG_VERSION"), "+faults")
    } else {
        concat!("engine ", env!("CARGO_PKG_VERSION"))
    }
}

/// The header of an artifact, read in place. The bytes reach at least to its end.
#[derive(Clone, Copy)]
pub(super) struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    /// Creates the header of an artifact from its bytes; `None` if they are too few.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Header<'a>> {
        (bytes.len() >= START + SIZE).then_some(Header(bytes))
    }

    /// Returns whether the magic is right.
    pub(super) fn has_magic(&self) -> bool {
        self.0[MAGIC] == MAGIC_BYTES
    }

    /// Returns the fingerprint of the engine that made the artifact.
    pub(super) fn fingerprint(&self) -> &'a [u8] {
        &self.0[FINGERPRINT]
    }

    /// Returns the name and version of the engine that made the artifact.
    pub(super) fn producer(&self) -> String {
        let name = self.0[PRODUCER].split(|&byte| byte == 0).next().unwrap_or_default();
        name.escape_ascii().to_string()
    }

    /// Returns the length that the file had when it was written.
    pub(super) fn length(&self) -> u64 {
        self.number(LENGTH)
    }

    /// Returns 1 if the digests are keyed, 0 if not.
    pub(super) fn keyed(&self) -> u64 {
        self.number(KEYED)
    }

    fn number(&self, field: Range<usize>) -> u64 {
        u64::from_le_bytes(self.0[field].try_into().expect("the field is 8 bytes long"))
    }
}

/// Returns the offset of the fingerprint in the file, for error messages.
pub(super) fn fingerprint_at() -> usize {
    FINGERPRINT.start
}

/// Returns the offset of the length in the file, for error messages.
pub(super) fn length_at() -> usize {
    LENGTH.start
}

/// Returns the offset of the flag of keyed digests in the file, for error messages.
pub(super) fn keyed_at() -> usize {
    KEYED.start
}

/// Builds the header of a file of this length, with zeros for the digests.
#[cfg(feature = "compile")]
pub(super) fn build(length: u64, keyed: bool) -> [u8; SIZE] {
    let mut header = [0; SIZE];
    let mut put = |field: Range<usize>, bytes: &[u8]| {
        header[field.start - START..][..bytes.len()].copy_from_slice(bytes);
    };
    put(MAGIC, &MAGIC_BYTES);
    put(FINGERPRINT, &fingerprint());
    put(PRODUCER, producer().as_bytes());
    put(LENGTH, &length.to_le_bytes());
    put(KEYED, &u64::from(keyed).to_le_bytes());
    header
}
