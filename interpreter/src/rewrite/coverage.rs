//! Coverage: code that tells the embedder where straight code begins, and code that notes it in the module.
//!
//! Straight code is named by its first two instructions, not by its offset: every module of a fuzzer is new, so that
//! offsets would never repeat. The module notes offsets.

use super::Rewriter;
use super::rare::Rare;
use crate::execute::coverage;
use core::hash::{Hash, Hasher};
use core::mem::discriminant;
use wasmparser::{Operator, OperatorsReader};

impl Rewriter<'_> {
    /// Emits what the configuration asks for where straight code begins with `first`.
    pub(super) fn note(&mut self, first: &Operator<'_>, rest: &OperatorsReader<'_>) {
        if self.settings.tracks_code {
            self.straight.push(self.offset);
            self.emit_rare(0, Rare::new(coverage::mark).x(self.offset));
        }
        if self.settings.coverage.is_none() {
            return;
        }
        let mut name = Name::default();
        discriminant(first).hash(&mut name);
        if let Ok(second) = rest.clone().read() {
            discriminant(&second).hash(&mut name);
        }
        self.emit_rare(0, Rare::new(coverage::note).x(name.0));
    }
}

/// FNV-1a, which is the same on every machine.
struct Name(u32);

impl Default for Name {
    fn default() -> Name {
        Name(0x811c_9dc5)
    }
}

impl Hasher for Name {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn finish(&self) -> u64 {
        self.0.into()
    }
}
