//! The dispatch from an operator to its translation.
//!
//! A method of [`FuncTranslator`] translates each operator. The file of the operator's family defines it with
//! [`operators!`], under wasmparser's name for the operator (`visit_i32_add`). [`FuncTranslator::dispatch`] expands
//! wasmparser's own list of operators to a `match` that calls these methods. Hence an operator without a method does
//! not compile, and a method without an operator is reported as dead code.

use super::FuncTranslator;
use wasmparser::Operator;

/// Defines translations of operators. Each name on the left becomes a method whose parameters are the operator's
/// immediates. Names joined by `|` share one translation.
macro_rules! operators {
    ($($($visit:ident)|+ ($this:ident $(, $param:ident: $ty:ty)*) => $translation:expr;)*) => {
        $($crate::compile::translate::operators::operators! {
            @methods [$($visit)+] ($this $(, $param: $ty)*) $translation
        })*
    };
    (@methods [$($visit:ident)+] $params:tt $translation:expr) => {
        $($crate::compile::translate::operators::operators!(@method $visit $params $translation);)+
    };
    (@method $visit:ident ($this:ident $(, $param:ident: $ty:ty)*) $translation:expr) => {
        pub(in crate::compile::translate) fn $visit(&mut $this $(, $param: $ty)*) {
            $translation
        }
    };
}

pub(super) use operators;

/// Calls the method of an operator. The operators of proposals that the engine lacks have none: `SUPPORTED_FEATURES` of
/// [`Config`](crate::base::Config) turns none of these proposals on, so that validation refuses the operators.
macro_rules! call_translation {
    ($this:ident, @stack_switching $($operator:tt)*) => { never_valid!($($operator)*) };
    ($this:ident, @shared_everything_threads $($operator:tt)*) => { never_valid!($($operator)*) };
    ($this:ident, @memory_control $($operator:tt)*) => { never_valid!($($operator)*) };
    ($this:ident, @$proposal:ident $visit:ident ($($immediate:ident),*)) => { $this.$visit($($immediate),*) };
}

macro_rules! never_valid {
    ($visit:ident ($($immediate:ident),*)) => {{
        _ = ($($immediate,)*);
        unreachable!(concat!("validation refuses the operator of ", stringify!($visit)))
    }};
}

impl FuncTranslator<'_> {
    /// Translates an operator in reachable code.
    pub(in crate::compile) fn dispatch(&mut self, operator: Operator<'_>) {
        macro_rules! dispatch {
            ($(
                @$proposal:ident $op:ident $({ $($immediate:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*)
            )*) => {
                match operator {
                    $(Operator::$op $({ $($immediate),* })? => {
                        call_translation!(self, @$proposal $visit ($($($immediate),*)?))
                    })*
                    // The enum is `#[non_exhaustive]`, but the arms above are all of its variants.
                    _ => unreachable!("wasmparser's list has all operators"),
                }
            };
        }
        wasmparser::for_each_operator!(dispatch)
    }
}
