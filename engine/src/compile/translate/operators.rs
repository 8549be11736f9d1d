//! The way from an operator to its translation.
//!
//! Each operator is translated by a method of [`FuncTranslator`], which the file of its family defines with
//! [`operators!`]. The methods have the names that wasmparser gives the operators (`visit_i32_add`).
//! [`FuncTranslator::dispatch`] calls them from a `match` that is made of wasmparser's own list of operators: an operator
//! without a method does not compile, and a method without an operator is dead code, which is a warning.

use super::FuncTranslator;
use wasmparser::Operator;

/// Defines the translations of operators: one method for each name on the left, with the operator's immediates as its
/// parameters. Names that are joined by `|` share one translation.
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

/// Calls an operator's method, by the operator's proposal.
macro_rules! translate {
    // No feature of the engine turns these proposals on, so that validation refuses their operators.
    ($this:ident, @stack_switching $visit:ident $immediates:tt) => { refused_by_validation!($visit $immediates) };
    ($this:ident, @shared_everything_threads $visit:ident $immediates:tt) => {
        refused_by_validation!($visit $immediates)
    };
    ($this:ident, @acquire_release_atomics $visit:ident $immediates:tt) => {
        refused_by_validation!($visit $immediates)
    };
    ($this:ident, @memory_control $visit:ident $immediates:tt) => { refused_by_validation!($visit $immediates) };

    ($this:ident, @$proposal:ident $visit:ident ($($immediate:ident),*)) => { $this.$visit($($immediate),*) };
}

macro_rules! refused_by_validation {
    ($visit:ident ($($immediate:ident),*)) => {{
        _ = ($($immediate,)*);
        unreachable!(concat!("validation refuses what ", stringify!($visit), " translates"))
    }};
}

impl FuncTranslator<'_> {
    /// Translates an operator that can be reached.
    pub(in crate::compile) fn dispatch(&mut self, operator: Operator<'_>) {
        macro_rules! dispatch {
            ($(
                @$proposal:ident $op:ident $({ $($immediate:ident: $ty:ty),* })? => $visit:ident ($($arity:tt)*)
            )*) => {
                match operator {
                    $(Operator::$op $({ $($immediate),* })? => {
                        translate!(self, @$proposal $visit ($($($immediate),*)?))
                    })*
                    // The enum is marked as open for further operators; the list above has all of this version.
                    _ => unreachable!("wasmparser's list holds all of its operators"),
                }
            };
        }
        wasmparser::for_each_operator!(dispatch)
    }
}
