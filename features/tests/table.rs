//! Properties of the table and of the sets that are made from it.

use features::{Feature, Features, TABLE, Version};
use std::collections::HashSet;
use wasmparser::{Validator, WasmFeatures};

#[test]
fn each_row_has_a_bit_of_its_own_in_order() {
    for (row, feature) in TABLE.iter().enumerate() {
        assert_eq!(feature.set.bits(), 1 << row, "{}", feature.name);
    }
    assert_eq!(Features::all().bits(), (1 << TABLE.len()) - 1);
    assert_eq!(Features::from_bits(Features::all().bits()), Some(Features::all()));
    assert_eq!(Features::from_bits(1 << TABLE.len()), None);
}

#[test]
fn no_two_rows_share_a_spelling() {
    let mut seen = HashSet::new();
    for feature in TABLE {
        // A row may give the same spelling as its name and as its flag.
        let spellings: HashSet<String> =
            feature.spellings().map(|name| name.to_lowercase().replace('_', "-")).collect();
        for spelling in spellings {
            assert!(spelling.parse::<Features>() == Ok(Features::empty().with(feature.set)), "{spelling}");
            assert!(seen.insert(spelling.clone()), "two rows are called {spelling}");
        }
    }
}

#[test]
fn names_and_aliases_are_written_alike() {
    for feature in TABLE {
        for name in [feature.name].iter().chain(feature.aliases) {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        }
        assert!(!feature.aliases.contains(&feature.name), "{} is its own alias", feature.name);
        assert!(feature.summary.ends_with('.'), "{}: {}", feature.name, feature.summary);
    }
}

#[test]
fn needs_are_closed_and_without_cycles() {
    for feature in TABLE {
        let needed = Features::empty().with(feature.needs);
        assert_eq!(needed.with(needed), needed, "{}", feature.name);
        assert!(!needed.contains(feature.set), "{} needs itself", feature.name);
    }
}

#[test]
fn versions_are_nested_and_closed() {
    let versions = [Features::WASM_1_0, Features::WASM_2_0, Features::WASM_3_0];
    assert!(versions.is_sorted_by(|older, newer| newer.contains(*older) && older != newer));
    for version in versions {
        assert_eq!(Features::empty().with(version), version);
    }
    assert_eq!(Features::version(Version::V3), Features::default());
    let proposals = Features::all() - Features::WASM_3_0;
    assert!(proposals.iter().all(|feature| feature.since.is_none()));
}

#[test]
fn wasmparser_knows_every_flag() {
    for feature in TABLE {
        assert!(!feature.parser_flags.is_empty(), "{} has no flag", feature.name);
        for flag in feature.parser_flags {
            assert!(WasmFeatures::from_name(flag).is_some(), "{}: wasmparser has no {flag}", feature.name);
        }
    }
}

fn flags(set: Features) -> WasmFeatures {
    let flags = set.parser_flags().map(|flag| WasmFeatures::from_name(flag).expect("a test looks up every flag"));
    flags.fold(WasmFeatures::MVP, WasmFeatures::union)
}

#[test]
fn each_example_needs_its_feature() {
    for feature in TABLE {
        let binary = wat::parse_str(feature.example).unwrap_or_else(|error| panic!("{}: {error}", feature.name));
        let validate = |set| Validator::new_with_features(flags(set)).validate_all(&binary).is_ok();
        let needed = Features::empty().with(feature.needs);
        assert!(validate(needed.with(feature.set)), "the example of {} is not valid with it", feature.name);
        assert!(!validate(needed), "the example of {} is valid without it", feature.name);
    }
}

#[test]
fn wasmparser_agrees_about_the_versions() {
    assert_eq!(flags(Features::WASM_1_0), WasmFeatures::WASM1);
    assert_eq!(flags(Features::WASM_2_0), WasmFeatures::WASM2);
    // wasmparser counts threads to 3.0; the standard does not.
    assert_eq!(flags(Features::WASM_3_0 | Features::THREADS), WasmFeatures::WASM3);
    assert!(flags(Features::LIME1).contains(WasmFeatures::LIME1));
}

#[test]
fn adding_brings_needs_and_removing_takes_dependents() {
    let descriptors = Features::empty().with(Features::CUSTOM_DESCRIPTORS);
    let needed = Features::GC | Features::FUNCTION_REFERENCES | Features::REFERENCE_TYPES;
    assert_eq!(descriptors, Features::CUSTOM_DESCRIPTORS | needed);
    assert_eq!(descriptors.without(Features::GC), Features::FUNCTION_REFERENCES | Features::REFERENCE_TYPES);
    assert_eq!(descriptors - Features::GC, descriptors.difference(Features::GC));
    assert!((descriptors - Features::GC).contains(Features::CUSTOM_DESCRIPTORS));
}

#[test]
fn lists_are_read_from_left_to_right() {
    let parse = |list: &str| list.parse::<Features>().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parse("3.0, threads -gc"), Features::WASM_3_0.union(Features::THREADS).difference(Features::GC));
    assert_eq!(parse("-gc,3.0"), Features::WASM_3_0);
    assert_eq!(parse(""), Features::empty());
    assert_eq!(parse("all,-all"), Features::empty());
    assert_eq!(parse("1.0,gc"), Features::WASM_1_0.with(Features::GC));
    assert_eq!(parse("gc, threads").to_string(), "reference-types, function-references, gc, threads");
    assert_eq!(parse(&Features::all().to_string()), Features::all());
}

#[test]
fn the_spellings_of_other_tools_are_read() {
    let parse = |list: &str| list.parse::<Features>().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parse("mvp"), Features::empty());
    assert_eq!(parse("wasm1 wasm2"), Features::WASM_2_0);
    assert_eq!(parse("wasm3"), Features::WASM_3_0);
    assert_eq!(parse("lime1"), Features::LIME1);
    assert_eq!(parse("all-proposals"), Features::all());
    assert_eq!(parse("Multi_Value,mutable-global"), Features::MULTI_VALUE | Features::MUTABLE_GLOBALS);
    assert_eq!(parse("simd128,sign-ext,atomics"), parse("simd,sign-extension,threads"));
    assert_eq!(Feature::named("exception-handling").map(|feature| feature.name), Some("exceptions"));
    assert_eq!(Feature::named("3.0"), None);
}

#[test]
fn an_unknown_name_is_refused_with_the_closest_one() {
    let refuse = |list: &str| list.parse::<Features>().expect_err("no such feature");
    for (name, meant) in
        [("thread", "threads"), ("tail_cal", "tail-call"), ("sign-extention", "sign-extension"), ("3.1", "3.0")]
    {
        assert_eq!(refuse(name).suggestion, Some(meant), "{name}");
    }
    let error = refuse("3.0,-memory65");
    assert_eq!(error.name, "memory65");
    let message = error.to_string();
    assert!(message.starts_with("unknown feature `memory65`; did you mean `memory64`? Known are 1.0 "), "{message}");
    assert_eq!(refuse("teleport").suggestion, None);
    assert!(!refuse("teleport").to_string().contains("did you mean"));
    assert!(TABLE.iter().all(|feature| message.contains(feature.name)));
}
