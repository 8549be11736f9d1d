//! Section `.touchstone`: who made the artifact, and the digests that tell whether it is still what was made.
//!
//! ```text
//! at byte 0x158 of every artifact, 144 bytes
//!   +0    magic "TOUCHST\0"
//!   +8    format fingerprint, 32 bytes: a digest of what decides the format, and of Cranelift's version
//!   +40   the engine that made it, "engine 0.1.0", padded with zeros to 24 bytes
//!   +64   u64 length of the file
//!   +72   u64 1 if the digests are keyed, else 0
//!   +80   BLAKE3 of the bytes before this field, the metadata and everything from the section headers on; always checked
//!   +112  BLAKE3 of every byte but this field's; checked by default
//! ```

use core::ops::Range;

/// Where the section stands: right behind the ELF header and the program headers.
pub(super) const START: usize = 0x158;
/// Bytes of the section.
pub(super) const SIZE: usize = 144;

const MAGIC: Range<usize> = field(0, 8);
const FINGERPRINT: Range<usize> = field(8, 32);
const PRODUCER: Range<usize> = field(40, 24);
const LENGTH: Range<usize> = field(64, 8);
const KEYED: Range<usize> = field(72, 8);
/// The digest of the metadata.
pub(super) const METADATA_DIGEST: Range<usize> = field(80, 32);
/// The digest of every other byte.
pub(super) const FULL_DIGEST: Range<usize> = field(112, 32);

/// What the magic field holds.
pub(super) const MAGIC_BYTES: [u8; 8] = *b"TOUCHST\0";
/// The version of the code generator that artifacts are made with, part of the fingerprint.
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

/// The fingerprint of this engine's artifacts.
pub(super) fn fingerprint() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("ARTIFACT_FINGERPRINT").as_bytes());
    hasher.update(CRANELIFT_VERSION.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The name and version of this engine.
pub(super) fn producer() -> &'static str {
    if cfg!(feature = "planted-faults") {
        concat!("engine ", env!("CARGO_PKG_VERSION"), "+faults")
    } else {
        concat!("engine ", env!("CARGO_PKG_VERSION"))
    }
}

/// The header, read in place. The bytes reach at least to its end.
#[derive(Clone, Copy)]
pub(super) struct Header<'a>(&'a [u8]);

impl<'a> Header<'a> {
    /// Reads the header of an artifact; `None` if the bytes end before it does.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Header<'a>> {
        (bytes.len() >= START + SIZE).then_some(Header(bytes))
    }

    /// Whether the magic is there.
    pub(super) fn magic(&self) -> bool {
        self.0[MAGIC] == MAGIC_BYTES
    }

    /// The fingerprint of the engine that made it.
    pub(super) fn fingerprint(&self) -> &'a [u8] {
        &self.0[FINGERPRINT]
    }

    /// The name of the engine that made it.
    pub(super) fn producer(&self) -> String {
        let name = self.0[PRODUCER].split(|&byte| byte == 0).next().unwrap_or_default();
        name.escape_ascii().to_string()
    }

    /// The length that the file had.
    pub(super) fn length(&self) -> u64 {
        self.number(LENGTH)
    }

    /// Whether the digests are keyed: 1 if they are, 0 if not.
    pub(super) fn keyed(&self) -> u64 {
        self.number(KEYED)
    }

    fn number(&self, field: Range<usize>) -> u64 {
        u64::from_le_bytes(self.0[field].try_into().expect("the field is 8 bytes long"))
    }
}

/// Where a field stands in the file, for messages.
pub(super) fn fingerprint_at() -> usize {
    FINGERPRINT.start
}

/// Where the length stands in the file, for messages.
pub(super) fn length_at() -> usize {
    LENGTH.start
}

/// Where the mark of keyed digests stands in the file, for messages.
pub(super) fn keyed_at() -> usize {
    KEYED.start
}

/// Writes the header of a file of this length, all but the digests.
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
