//! The two digests of an artifact, whose fields are in the [`header`](super::header), and the digest of what decides an
//! artifact beside its module.

use super::elf::Sections;
#[cfg(feature = "cache")]
use super::header;
use super::header::{FULL_DIGEST, METADATA_DIGEST};
#[cfg(feature = "cache")]
use super::metadata::Settings;

/// A BLAKE3 digest.
pub(crate) type Digest = [u8; 32];

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

/// Computes the digest of everything but the module that decides an artifact: the engine's fingerprint, the target, the
/// CPU features, the settings and the key.
#[cfg(feature = "cache")]
pub(crate) fn identity(target: &str, cpu_features: &[String], settings: &Settings, key: Option<&[u8; 32]>) -> Digest {
    identity_under(&header::fingerprint(), target, cpu_features, settings, key)
}

#[cfg(feature = "cache")]
fn identity_under(
    fingerprint: &Digest,
    target: &str,
    cpu_features: &[String],
    settings: &Settings,
    key: Option<&[u8; 32]>,
) -> Digest {
    let recorded = postcard::to_allocvec(&(target, cpu_features, settings)).expect("text and settings have a length");
    digest(key, &[fingerprint, &recorded])
}

#[cfg(all(test, feature = "cache"))]
mod tests {
    use super::*;
    use crate::base::Config;
    use std::collections::BTreeSet;

    #[test]
    fn an_identity_covers_engine_target_cpu_settings_and_key() {
        let settings = |change: fn(&mut Config)| {
            let mut config = Config::new();
            change(&mut config);
            Settings::from(&config)
        };
        let (plain, fuel) = (settings(|_| {}), settings(|config| _ = config.consume_fuel(true)));
        let (sse, avx) = (["sse4.2".to_owned()], ["avx".to_owned()]);
        let (own, other) = ([1; 32], [2; 32]);
        let identities = [
            identity_under(&own, "x86_64-linux", &sse, &plain, None),
            identity_under(&other, "x86_64-linux", &sse, &plain, None),
            identity_under(&own, "aarch64-linux", &sse, &plain, None),
            identity_under(&own, "x86_64-linux", &avx, &plain, None),
            identity_under(&own, "x86_64-linux", &[], &plain, None),
            identity_under(&own, "x86_64-linux", &sse, &fuel, None),
            identity_under(&own, "x86_64-linux", &sse, &plain, Some(&own)),
            identity_under(&own, "x86_64-linux", &sse, &plain, Some(&other)),
        ];
        assert_eq!(BTreeSet::from(identities).len(), identities.len());
        assert_eq!(identity_under(&own, "x86_64-linux", &sse, &plain, None), identities[0]);
    }
}
