;;! features: 2.0
;; Export and import names are any Unicode text: empty, with NUL, quotes and letters of many alphabets.

(module $M
  (func (export "") (result i32) (i32.const 1))
  (func (export "\00") (result i32) (i32.const 2))
  (func (export "\"") (result i32) (i32.const 3))
  (func (export "a b\t\n") (result i32) (i32.const 4))
  (func (export "ⅷ𝄞ß") (result i32) (i32.const 5))
  (global (export "\u{1f980}") i32 (i32.const 6)))
(register "" $M)
(module $N
  (import "" "" (func $one (result i32)))
  (import "" "\00" (func $two (result i32)))
  (import "" "\u{1f980}" (global $six i32))
  (func (export "sum") (result i32) (i32.add (i32.add (call $one) (call $two)) (global.get $six))))

(assert_return (invoke $M "") (i32.const 1))
(assert_return (invoke $M "\00") (i32.const 2))
(assert_return (invoke $M "\"") (i32.const 3))
(assert_return (invoke $M "a b\09\0a") (i32.const 4))
(assert_return (invoke $M "ⅷ𝄞ß") (i32.const 5))
(assert_return (get $M "\u{1f980}") (i32.const 6))
(assert_return (invoke $N "sum") (i32.const 9))
