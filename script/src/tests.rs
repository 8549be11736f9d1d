//! Scripts to directives: what parses, what does not, and where.

use super::*;
use lanes::Value;

fn parse(text: &str) -> Script {
    Script::parse(text)
}

/// Returns why the runner does not execute a directive.
fn reason(directive: &Directive) -> &str {
    match directive.kind() {
        Kind::Kept(DirectiveKind::Unsupported { reason, .. }) => reason,
        _ => "",
    }
}

/// Returns why a script that is one directive does not parse.
#[track_caller]
fn parse_error(text: &str) -> String {
    let directive = one(text);
    reason(&directive).strip_prefix("it does not parse: ").expect("it does not parse").to_string()
}

#[track_caller]
fn one(text: &str) -> Directive {
    let mut script = parse(text);
    assert_eq!(script.directives.len(), 1);
    script.directives.remove(0)
}

#[test]
fn positions_are_those_of_the_parenthesis() {
    let script = parse("(module)\n  (  invoke \"f\")(get \"g\")\n");
    let positions: Vec<_> = script.directives.iter().map(|d| (d.line, d.column, d.name)).collect();
    assert_eq!(positions, [(1, 1, "module"), (2, 3, "invoke"), (2, 17, "get")]);
}

#[test]
fn what_the_wast_crate_refuses() {
    assert!(parse("").directives.is_empty());
    assert!(parse(";; a comment\n").directives.is_empty());
    let get = one("(get $m \"g\")").into_kind();
    assert!(matches!(get, DirectiveKind::Action(Action::Get { instance: Some(id), .. }) if id == "m"));
    let quote = one(r#"(module $Q quote "(func)")"#);
    assert!(matches!(quote.into_kind(), DirectiveKind::Module { id: Some(id), module: Ok(_) } if id == "Q"));
    let quote = one(r#"(module definition quote "(func)")"#);
    assert!(matches!(quote.into_kind(), DirectiveKind::Definition { id: None, module: Ok(_) }));
    let quote = one(r#"(module definition $D quote "(fun)")"#);
    assert!(matches!(quote.into_kind(), DirectiveKind::Definition { id: Some(_), module: Err(_) }));
    let quote = one(r#"(assert_malformed (module $Q quote "(fun)") "unexpected token")"#);
    assert!(matches!(quote.into_kind(), DirectiveKind::AssertMalformed(Err(_))));
    let instance = one("(module instance $M)");
    assert!(matches!(instance.into_kind(), DirectiveKind::Instance { id: None, module: Some(id) } if id == "M"));
    let instance = one("(module instance $I $M)");
    assert!(
        matches!(instance.into_kind(), DirectiveKind::Instance { id: Some(i), module: Some(m) } if i == "I" && m == "M")
    );
    assert!(matches!(one("(module instance)").into_kind(), DirectiveKind::Instance { id: None, module: None }));
    let instance = one(r#"(assert_unlinkable (module instance $M) "unknown import")"#);
    assert!(
        matches!(instance.into_kind(), DirectiveKind::AssertUnlinkable(Source::Definition(Some(id)), _) if id == "M")
    );
    let instance = one(r#"(assert_trap (module instance $I $M) "unreachable")"#);
    let DirectiveKind::AssertInstantiationTrap(source, _) = instance.into_kind() else { panic!("it is an assertion") };
    assert!(matches!(source, Source::Definition(Some(id)) if id == "M"));
}

#[test]
fn any_assertion_takes_a_quoted_module() {
    for module in [r#"(module quote "(fun)")"#, r#"(module $Q quote "(fun)")"#] {
        let kind = |name| one(&format!("({name} {module} \"\")")).into_kind();
        assert!(matches!(kind("assert_trap"), DirectiveKind::AssertInstantiationTrap(Source::Inline(Err(_)), _)));
        assert!(matches!(kind("assert_unlinkable"), DirectiveKind::AssertUnlinkable(Source::Inline(Err(_)), _)));
        assert!(matches!(kind("assert_malformed_custom"), DirectiveKind::AssertMalformedCustom { module: Err(_), .. }));
        assert!(matches!(kind("assert_invalid_custom"), DirectiveKind::AssertInvalidCustom { module: Err(_), .. }));
    }
    for form in ["definition", "definition $Q"] {
        let kind = |name| one(&format!("({name} (module {form} quote \"(@custom)\") \"\")")).into_kind();
        let malformed = kind("assert_malformed_custom");
        assert!(matches!(malformed, DirectiveKind::AssertMalformedCustom { module: Err(_), plain: Some(Ok(_)) }));
        assert!(matches!(kind("assert_invalid_custom"), DirectiveKind::AssertInvalidCustom { module: Err(_), .. }));
        let trap = format!("(assert_trap (module {form} quote \"\") \"\")");
        assert!(parse_error(&trap).contains("takes no such module"), "a definition is not instantiated");
    }
    let text = r#"(assert_invalid_custom (module definition $Q (func)) "")"#;
    assert!(matches!(one(text).into_kind(), DirectiveKind::AssertInvalidCustom { module: Ok(_), .. }));
}

#[test]
fn patterns_that_the_wast_crate_lacks() {
    let text = r#"(assert_return (invoke "f") (ref) (ref.exn) (either (ref.exn) (i32.const 1)))"#;
    let DirectiveKind::AssertReturn(_, patterns) = one(text).into_kind() else { panic!("it is an assertion") };
    let either = Pattern::Either(vec![Pattern::Exn, Pattern::Exact(Value::I32(1))]);
    assert_eq!(patterns, [Pattern::Ref, Pattern::Exn, either]);
}

#[test]
fn fields_alone_are_a_module() {
    assert!(matches!(one("(func) (memory 1)").into_kind(), DirectiveKind::Module { id: None, module: Ok(_) }));
}

#[test]
fn nothing_is_dropped() {
    let meta = ["(script $s (module) (script))", "(input $s \"x.wast\")", "(output)", "(output $s \"x.js\")"];
    for text in meta {
        assert!(matches!(one(text).into_kind(), DirectiveKind::Unsupported { .. }), "{text}");
    }
}

#[test]
fn what_stands_in_a_thread_may_stand_outside() {
    let text = "(thread $t (shared (module $M))\n (get \"g\") (module $Q quote \"(func)\")\n (thread $u (wait $t)))";
    let DirectiveKind::Thread { id, shared: Some(shared), directives } = one(text).into_kind() else {
        panic!("it is a thread")
    };
    assert_eq!((id.as_str(), shared.as_str()), ("t", "M"));
    let positions: Vec<_> = directives.iter().map(|d| (d.line, d.column, d.name)).collect();
    assert_eq!(positions, [(2, 2, "get"), (2, 12, "module"), (3, 2, "thread")]);
    let DirectiveKind::Thread { shared: None, directives, .. } = &*directives[2].kind() else {
        panic!("it is a thread")
    };
    assert!(matches!(&*directives[0].kind(), DirectiveKind::Wait { id } if id == "t"));
    assert!(!parse_error("(thread (module))").is_empty() && !parse_error("(wait)").is_empty());
}

#[test]
fn deep_nesting_is_an_error_at_its_position() {
    let nested = |opening: &str, depth, closing: &str| opening.repeat(depth) + &closing.repeat(depth);
    assert_eq!(one(&nested("(thread $t\n", 100, ")")).name, "thread");
    let error = parse_error(&nested("(script\n", 100_000, ")"));
    assert!(error.starts_with("102:1: nested too deep"), "{error:?}");
    let DirectiveKind::Thread { directives, .. } = one(&nested("(thread $t\n", 100_000, ")")).into_kind() else {
        panic!("the outermost thread parses")
    };
    assert!(reason(&directives[0]).starts_with("it does not parse: 103:1: nested too deep"), "{directives:?}");
    let deep = format!("(assert_return (invoke \"f\") {})", nested("(either ", 100_000, ")"));
    assert!(parse_error(&deep).contains("nested too deep"));
}

#[test]
fn what_is_no_folded_instruction_is_malformed() {
    let module = |code: &str| format!("(module (func {code}))");
    let wrong = [
        "block (end)",
        "if (else (nop)) end",
        "(else)",
        "(if (else (nop)) (then))",
        "(then (nop))",
        "try (catch_all (nop)) end",
        "try (delegate 0)",
        "(try (nop)) end",
        "(try_table (nop) (catch_all (nop)))",
        "(end (try (do)))",
        "(drop (catch_all (try (do))))",
        "(if (else (try (do))) (then))",
    ];
    for code in wrong {
        let malformed = format!("(assert_malformed (module quote \"{}\") \"\")", module(code));
        assert!(matches!(one(&malformed).into_kind(), DirectiveKind::AssertMalformed(Err(_))), "{code}");
        assert!(!parse_error(&module(code)).is_empty(), "{code}");
    }
    let script = parse(&format!("(module)\n{}", module("(try (do)) block (end)")));
    let error = reason(&script.directives[1]);
    assert!(error.starts_with("it does not parse: 2:33: "), "{error:?}");
    let right = [
        "(if (nop) (then (nop)) (else))",
        "(try_table $l (param i32) (catch 0 0) (catch_all 0))",
        "try_table (result i32) (catch_all_ref 0) (catch_all 0) end",
        "(try (do) (catch_all))",
        "(@x (end))",
    ];
    for code in right {
        assert!(matches!(one(&module(code)).into_kind(), DirectiveKind::Module { module: Ok(_), .. }), "{code}");
    }
}

#[test]
fn what_does_not_parse_fails_alone_and_says_where() {
    let script = parse("(module)\n(modul)\n  (invoke \"f\" (i32.const x))\n(get \"g\") )\n(assert_twice (get \"g\"))");
    let shown: Vec<_> = script.directives.iter().map(|d| (d.line, d.column, d.name, reason(d))).collect();
    let [module, unknown, invoke, get, stray, assertion] = shown[..] else { panic!("six directives: {shown:?}") };
    assert_eq!([module, get], [(1, 1, "module", ""), (4, 1, "get", "")]);
    let fails = |shown: (u32, u32, &'static str, &str), line, column, name, start| {
        assert_eq!((shown.0, shown.1, shown.2), (line, column, name));
        assert!(shown.3.starts_with(start), "{shown:?}");
    };
    fails(unknown, 2, 1, "directive", "it does not parse: 2:2: ");
    fails(invoke, 3, 3, "invoke", "it does not parse: 3:26: ");
    fails(stray, 4, 11, "directive", "it does not parse: 4:11: ");
    fails(assertion, 5, 1, "directive", "it does not parse: 5:2: ");
}

#[test]
fn what_does_not_parse_in_a_thread_fails_alone() {
    let script = parse("(thread $t (shared (module $M)) (modul)\n (get \"g\"))\n(thread $u (get \"g\")");
    let [thread, unclosed] = &script.directives[..] else { panic!("two threads: {script:?}") };
    let Kind::Kept(DirectiveKind::Thread { shared: Some(_), directives, .. }) = thread.kind() else {
        panic!("a thread: {thread:?}")
    };
    let shown: Vec<_> = directives.iter().map(|d| (d.line, d.column, d.name, reason(d).is_empty())).collect();
    assert_eq!(shown, [(1, 33, "directive", false), (2, 2, "get", true)]);
    assert_eq!((unclosed.line, unclosed.name), (3, "thread"));
    assert!(reason(unclosed).starts_with("it does not parse: 3:"), "{unclosed:?}");
}

#[test]
fn what_does_not_lex_fails_alone() {
    let script = parse("(module)\n(invoke \"\\q\")\n(invoke \"open)\n(get \"g\")\n(module (func)\n(get \"h\")");
    let names: Vec<_> = script.directives.iter().map(|d| (d.line, d.name, reason(d).is_empty())).collect();
    let [good, bad] = [true, false];
    let expected = [(1, "module", good), (2, "invoke", bad), (3, "invoke", bad), (4, "get", good), (5, "module", bad)];
    assert_eq!((&names[..5], names[5..].len()), (&expected[..], 1));
}

#[test]
fn every_form_of_a_component_is_unsupported() {
    let forms = [
        "(component)",
        "(component definition $c)",
        "(component instance $i $c)",
        "(component quote \"\")",
        "(component binary \"\\00asm\\0d\\00\\01\\00\")",
        "(component (of the future))",
        "(assert_invalid (component) \"\")",
        "(assert_malformed (component quote \"\") \"\")",
        "(assert_unlinkable (component) \"\")",
        "(assert_trap (component) \"\")",
        "(assert_invalid (component (of the future)) \"\")",
        "(assert_return (invoke \"f\") (str.const \"\"))",
        "(invoke \"f\" (str.const \"\"))",
    ];
    for form in forms {
        let directive = one(form);
        assert_eq!(reason(&directive), NO_COMPONENTS, "{form}");
        assert!(form[1..].starts_with(directive.name), "{form}: {}", directive.name);
    }
}

#[test]
fn assertions_of_old_suites() {
    let nan = one("(assert_return_canonical_nan (invoke \"f\"))");
    let name = nan.name;
    let DirectiveKind::AssertReturn(_, patterns) = nan.into_kind() else { panic!("it is an assertion") };
    let either = |float32, float64| [Pattern::Either(vec![Pattern::F32(float32), Pattern::F64(float64)])];
    assert_eq!(
        (name, patterns.as_slice()),
        ("assert_return_canonical_nan", &either(Float::Canonical, Float::Canonical)[..])
    );
    let DirectiveKind::AssertReturn(_, patterns) = one("(assert_return_arithmetic_nan (get \"g\"))").into_kind() else {
        panic!("it is an assertion")
    };
    assert_eq!(patterns, either(Float::Arithmetic, Float::Arithmetic));
}

/// A long script is parsed in pieces, which give the same directives at the same places.
#[test]
fn pieces_of_a_script_are_parsed_alike() {
    let text = "(module (func (export \"f\")))\n(invoke \"f\") (; a (comment ;) (assert_return (invoke \"f\"))\n\
                (modul)\n  x (thread $t (invoke \"f\"))\n(wait $t)\n;; the end (\n";
    let without_thread = text.replace("(thread $t", "(module) ((");
    for (text, batches) in [(text, 1), (&without_thread, 8)] {
        let whole = format!("{:?}", Script::parse(text).directives);
        for length in [1, 20, 40, 1000] {
            let mut pieces = Batches::with_pieces(text, length);
            let mut directives = pieces.next().expect("a batch");
            let (count, is_at_end) = (pieces.directive_count(&directives), pieces.is_at_end());
            let rest: Vec<_> = pieces.collect();
            assert_eq!(is_at_end, rest.is_empty());
            assert!(length > 1 || rest.len() + 1 == batches, "{} batches of {text}", rest.len() + 1);
            directives.extend(rest.into_iter().flatten());
            assert_eq!((format!("{directives:?}"), count), (whole.clone(), directives.len()), "{length}");
        }
    }
    let fields: Vec<_> = Batches::with_pieces("(func)\n(func)", 1).collect();
    assert_eq!(fields.iter().map(Vec::len).collect::<Vec<_>>(), [1], "the fields of one module");
}

/// Between directives, the fields of a module are no module, in a piece or in a thread either.
#[test]
fn a_field_between_directives_is_a_mistake() {
    for text in ["(module) (func)", "(func) (module)", "(thread $t (module) (func))", "(module)\n(func) (memory 1)"] {
        for length in [1, usize::MAX] {
            let directives = Batches::with_pieces(text, length).flatten().collect::<Vec<_>>();
            let shown = format!("{directives:?}");
            assert!(shown.contains("expected a directive"), "{text}: {shown}");
        }
    }
    let annotated = parse("(module)\n(@other \"a\") (invoke \"\\q\")");
    let reasons: Vec<_> = annotated.directives.iter().map(|directive| reason(directive).is_empty()).collect();
    assert_eq!(reasons, [true, false], "an annotation is no directive");
}

#[test]
fn a_comment_that_is_never_closed_hides_nothing() {
    let script = parse("(module)\n(; a (; comment ;)\n(invoke \"f\")\n(get \"g\") (; and\n(get \"h\")");
    let seen: Vec<_> = script.directives.iter().map(|d| (d.line, d.name, reason(d).is_empty())).collect();
    let mistake = |line| (line, "directive", false);
    assert_eq!(
        seen,
        [(1, "module", true), mistake(2), (3, "invoke", true), (4, "get", true), mistake(4), (5, "get", true)]
    );
}
