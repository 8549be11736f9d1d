//! The two digests of an artifact, whose fields are in the [`header`](super::header).

use super::elf::Sections;
use super::header::{FULL_DIGEST, METADATA_DIGEST};

/// A BLAKE3 digest.
pub(super) type Digest = [u8; 32];

/// Computes the digest of the metadata: of the bytes before its field, the metadata and the section headers.
pub(super) fn metadata_digest(bytes: &[u8], sections: &Sections, key: Option<&[u8; 32]>) -> Digest {
    digest(key, &[&bytes[..METADATA_DIGEST.start], &bytes[sections.metadata.clone()], &bytes[sections.headers.clone()]])
}

/// Computes the digest of the whole file but the digest's own field.
pub(super) fn full_digest(bytes: &[u8], key: Option<&[u8; 32]>) -> Digest {
    digest(key, &[&bytes[..FULL_DIGEST.start], &bytes[FULL_DIGEST.end..]])
}

fn digest(key: Option<&[u8; 32]>, parts: &[&[u8]]) -> Digest {
    let mut hasher = key.map_or_else(blake3::Hasher::new, blake3::Hasher::new_keyed);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Computes both digests of an artifact and writes them into their fields.
#[cfg(feature = "compile")]
pub(super) fn sign(bytes: &mut [u8], sections: &Sections, key: Option<&[u8; 32]>) {
    let digest = metadata_digest(bytes, sections, key);
    bytes[METADATA_DIGEST].copy_from_slice(&digest);
    // The second digest covers the field of the first.
    let digest = full_digest(bytes, key);
    bytes[FULL_DIGEST].copy_from_slice(&digest);
}
