;; Calls of functions with a vector among their results, which an engine without vectors has to refuse.
;;! features: 2.0
(module
  (func $pair (result f64 v128) (f64.const 1.5) (v128.const i64x2 3 4))
  (func (export "direct") (result f64 v128) (call $pair))
  (table funcref (elem $pair))
  (func (export "indirect") (result f64 v128) (call_indirect (result f64 v128) (i32.const 0))))
(assert_return (invoke "direct") (f64.const 1.5) (v128.const i64x2 3 4))
(assert_return (invoke "indirect") (f64.const 1.5) (v128.const i64x2 3 4))
(module (func $forever (result v128) (call $forever)))
