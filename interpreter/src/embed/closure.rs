//! Closures as host functions.

use super::caller::Caller;
use super::host::HostDefinition;
use super::wasm_ty::{WasmRet, WasmTy, for_each_arity};

/// A closure that can be a host function: an optional [`Caller`], then up to 16 parameters that are [`WasmTy`], and a
/// result that is [`WasmRet`].
pub trait IntoFunc<T: 'static, Params, Results>: Send + Sync + 'static {
    /// Makes a host function of the closure.
    #[doc(hidden)]
    fn into_definition(self) -> HostDefinition<T>;
}

macro_rules! into_func {
    ($($name:ident $value:ident)*) => {
        impl<T, F, R, $($name,)*> IntoFunc<T, ($($name,)*), R> for F
        where
            T: 'static,
            F: Fn($($name),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($name: WasmTy,)*
        {
            fn into_definition(self) -> HostDefinition<T> {
                HostDefinition::typed(move |_: Caller<'_, T>, ($($value,)*): ($($name,)*)| self($($value),*))
            }
        }

        impl<T, F, R, $($name,)*> IntoFunc<T, (Caller<'_, T>, $($name,)*), R> for F
        where
            T: 'static,
            F: Fn(Caller<'_, T>, $($name),*) -> R + Send + Sync + 'static,
            R: WasmRet,
            $($name: WasmTy,)*
        {
            fn into_definition(self) -> HostDefinition<T> {
                HostDefinition::typed(
                    move |caller: Caller<'_, T>, ($($value,)*): ($($name,)*)| self(caller, $($value),*),
                )
            }
        }
    };
}

into_func!();
for_each_arity!(into_func);
