;; Names from the name section are shown unchanged: dots, signs, non-ASCII letters, quotes, a very long one.

(module $module-name
  (func $"with space" (export "with space") (call $"\"quoted\""))
  (func $"\"quoted\"" (call $"grüße-世界"))
  (func $"grüße-世界" (call $core::fmt::Formatter<'_>::write|h0123))
  (func $core::fmt::Formatter<'_>::write|h0123 (call 5))
  (func $a-very-long-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on-and-on
    unreachable)
  (func (call 4)))

(assert_trap (invoke "with space") "unreachable")
