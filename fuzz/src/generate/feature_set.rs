//! The features beyond WebAssembly 2.0 that a case may use, and those that it needs.
//!
//! Each input draws a subset, so that features meet each other; many inputs draw none. An engine that lacks a feature
//! that a case needs takes no part in the case. So with other engines among the lanes, three of four draws are limited
//! to what all lanes have.

use arbitrary::{Result, Unstructured};
use lanes::{Features, Lane, is_valid_with};

/// The features that a case may draw.
pub const DRAWN: Features = Features::TAIL_CALL
    .union(Features::EXTENDED_CONST)
    .union(Features::FUNCTION_REFERENCES)
    .union(Features::GC)
    .union(Features::MULTI_MEMORY)
    .union(Features::MEMORY64)
    .union(Features::EXCEPTIONS)
    .union(Features::RELAXED_SIMD)
    .union(Features::THREADS)
    .union(Features::CUSTOM_PAGE_SIZES)
    .union(Features::WIDE_ARITHMETIC)
    .union(Features::CUSTOM_DESCRIPTORS)
    .union(Features::LEGACY_EXCEPTIONS);

/// The lanes that a case is made for, as far as the generator has to know them. The same bytes make similar cases for
/// every audience: only what the audience excludes is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Audience {
    /// True if all lanes are our own, which count fuel alike. Other engines count it at other instructions or not at
    /// all, so that no case has fuel, and each ends by itself.
    pub own: bool,
    /// The features that all lanes have.
    pub common: Features,
}

impl Audience {
    /// The audience of our own lanes.
    pub const OWN: Audience = Audience { own: true, common: Features::WASM_2_0.union(DRAWN) };

    /// Returns the audience of our own lanes and of `others`.
    pub fn with<'a>(others: impl IntoIterator<Item = &'a dyn Lane>) -> Audience {
        others.into_iter().fold(Audience::OWN, |audience, lane| {
            // The results of relaxed instructions are each engine's choice.
            let lacks = lane.lacks(audience.common) | Features::RELAXED_SIMD;
            Audience { own: false, common: audience.common - lacks }
        })
    }

    /// Returns all features that a case may have.
    pub fn all(self) -> Features {
        let all = Features::WASM_2_0 | DRAWN;
        // Other engines choose results of relaxed instructions, and refuse a module with both forms of exceptions.
        if self.own { all } else { all - Features::RELAXED_SIMD - Features::LEGACY_EXCEPTIONS }
    }

    /// Draws the features of one case.
    ///
    /// # Errors
    ///
    /// If `u` has no choices left.
    pub fn draw(self, u: &mut Unstructured<'_>) -> Result<Features> {
        let (plain, all, common): (bool, bool, bool) = (u.ratio(1, 4)?, u.ratio(1, 8)?, u.ratio(3, 4)?);
        let mut drawn = Features::WASM_2_0;
        for feature in DRAWN.iter() {
            let taken = u.ratio(2, 5)?;
            if (taken || all) && !plain {
                drawn |= feature.set;
            }
        }
        if common {
            drawn &= self.common;
        } else if !self.own {
            drawn -= Features::RELAXED_SIMD;
        }
        if !drawn.contains(Features::GC) {
            drawn -= Features::CUSTOM_DESCRIPTORS;
        }
        drawn = drawn.with(drawn);
        // Other engines refuse a module with both forms of exception handling.
        if !self.own && drawn.contains(Features::LEGACY_EXCEPTIONS) {
            drawn -= Features::EXCEPTIONS;
        }
        Ok(drawn)
    }
}

/// Returns the features of `features` without which one of the modules is not valid.
pub fn find_needed<'a>(modules: impl Iterator<Item = &'a [u8]> + Clone, features: Features) -> Features {
    DRAWN.iter().fold(features, |left, feature| {
        let without = left.without(feature.set);
        if without != left && modules.clone().all(|wasm| is_valid_with(wasm, without)) { without } else { left }
    })
}
