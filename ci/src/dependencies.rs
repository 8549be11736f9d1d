//! The dependencies of programs without the compiler: the engine's runtime half, and the worker of the lanes `remote`.

/// Packages that a program without a compiler must not contain. Packages whose names begin so and go on with a hyphen
/// belong to them.
const FORBIDDEN: &[&str] = &["cranelift", "regalloc2", "wasmparser", "wasm-encoder", "wast", "wat", "rayon"];

/// Complains about a compiler or a parser in the output of `cargo tree -e normal --prefix none` for a program with the
/// engine's runtime half.
pub fn check(tree: &str) -> Vec<String> {
    // A `cargo tree` that failed would otherwise look like a program without dependencies.
    if !tree.lines().any(|line| line.starts_with("engine v")) {
        return vec!["this is not the dependency tree of a program with `engine`".to_owned()];
    }
    let packages = tree.lines().filter_map(|line| line.split_whitespace().next());
    let forbidden = packages.filter(|package| FORBIDDEN.iter().any(|name| is_or_belongs_to(package, name)));
    let mut complaints: Vec<String> =
        forbidden.map(|package| format!("the program without a compiler depends on {package}")).collect();
    complaints.sort();
    complaints.dedup();
    complaints
}

fn is_or_belongs_to(package: &str, name: &str) -> bool {
    package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_a_compiler_passes() {
        assert_eq!(check("engine v0.1.0 (/somewhere)\nblake3 v1.8.2\nwatch-like v1.0.0\n"), Vec::<String>::new());
    }

    #[test]
    fn a_compiler_or_parser_is_noticed() {
        let tree = "engine v0.1.0 (/somewhere)\ncranelift-codegen v0.135.8\ngimli v0.33.0\nwasmparser v0.263.0\n\
                    wasmparser v0.263.0 (*)\n";
        let complaints = check(tree);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].ends_with("cranelift-codegen") && complaints[1].ends_with("wasmparser"));
    }

    #[test]
    fn no_tree_at_all_is_noticed() {
        assert_eq!(check("").len(), 1);
        assert_eq!(check("runner v0.1.0\n").len(), 1);
    }
}
