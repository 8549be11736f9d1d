;; Imports that share the name of their module, or that and their type, are the same imports as those that stand alone:
;; in the same order, of the same modules, with the same indices.
;;! features: 3.0, compact-imports
(module
  (global (export "a") i32 (i32.const 1))
  (global (export "b") i32 (i32.const 20))
  (global (export "c") i64 (i64.const 300))
  (memory (export "m") 2)
  (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 5)))
  (tag (export "t")))
(register "many")
(module
  (import "spectest" "print" (func))
  (import "many"
    (item "a" (global $a i32))
    (item "f" (func $f (param i32) (result i32)))
    (item "c" (global $c i64))
    (item "m" (memory $m 1))
    (item "t" (tag $t)))
  (import "many" (item "b") (item "a") (global i32))
  (import "spectest" "global_i32" (global $last i32))
  (func (export "globals") (result i32 i64 i32 i32 i32)
    (global.get 0) (global.get 1) (global.get 2) (global.get 3) (global.get 4))
  (func (export "call") (result i32) (call 1 (i32.const 37)))
  (func (export "size") (result i32) (memory.size)))
(assert_return (invoke "globals") (i32.const 1) (i64.const 300) (i32.const 20) (i32.const 1) (i32.const 666))
(assert_return (invoke "call") (i32.const 42))
(assert_return (invoke "size") (i32.const 2))
(assert_unlinkable (module (import "many" (item "a" (global i32)) (item "none" (func)))) "unknown import")
(assert_unlinkable (module (import "many" (item "a") (item "c") (global i32))) "incompatible import type")
;; No items, and an empty name of a module with an empty name in it.
(module binary "\00asm\01\00\00\00" "\02\05\01" "\00" "\00\7f" "\00")
(assert_malformed (module binary "\00asm\01\00\00\00" "\02\05\01" "\00" "\00\7f" "\01") "unexpected end")
