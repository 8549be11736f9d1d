//! The suite's features as the lanes name them.

use spec_testsuite::{Feature, Features};

/// The features as the lanes name them.
pub fn of_lanes(features: Features) -> lanes::Features {
    features.iter().fold(lanes::Features::empty(), |all, feature| all | of_lane(feature))
}

fn of_lane(feature: Feature) -> lanes::Features {
    use lanes::Features as F;
    match feature {
        Feature::MutableGlobal => F::MUTABLE_GLOBALS,
        Feature::SaturatingFloatToInt => F::SATURATING_FLOAT_TO_INT,
        Feature::SignExtension => F::SIGN_EXTENSION,
        Feature::MultiValue => F::MULTI_VALUE,
        Feature::ReferenceTypes => F::REFERENCE_TYPES,
        Feature::BulkMemory => F::BULK_MEMORY,
        Feature::Simd => F::SIMD,
        Feature::ExtendedConst => F::EXTENDED_CONST,
        Feature::TailCall => F::TAIL_CALL,
        Feature::FunctionReferences => F::FUNCTION_REFERENCES,
        Feature::Gc => F::GC,
        Feature::Exceptions => F::EXCEPTIONS,
        Feature::MultiMemory => F::MULTI_MEMORY,
        Feature::Memory64 => F::MEMORY64,
        Feature::RelaxedSimd => F::RELAXED_SIMD,
        Feature::Threads => F::THREADS,
        Feature::CustomPageSizes => F::CUSTOM_PAGE_SIZES,
        Feature::WideArithmetic => F::WIDE_ARITHMETIC,
        Feature::CustomDescriptors => F::CUSTOM_DESCRIPTORS,
        Feature::LegacyExceptions => F::LEGACY_EXCEPTIONS,
        Feature::StackSwitching => F::STACK_SWITCHING,
        Feature::SharedEverythingThreads => F::SHARED_EVERYTHING_THREADS,
        other => unreachable!("spec-testsuite has a feature that the lanes lack: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_mapped_to_one_of_its_own() {
        let all = of_lanes(Feature::ALL.iter().copied().collect());
        assert_eq!(all, lanes::Features::all());
        assert_eq!(of_lanes(Features::WASM_1_0), lanes::Features::WASM_1_0);
        assert_eq!(of_lanes(Features::WASM_2_0), lanes::Features::WASM_2_0);
        assert_eq!(of_lanes(Features::WASM_3_0), lanes::Features::WASM_3_0);
    }
}
