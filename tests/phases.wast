;;! features: 2.0
;; A module can be malformed, invalid, unlinkable or trapping, and each is a different failure.

(assert_malformed (module binary "\00asm") "unexpected end")
(assert_malformed (module binary "\00asm" "\02\00\00\00") "unknown binary version")
(assert_malformed (module binary "\00asm\01\00\00\00" "\01\05\01\60\01\7f") "unexpected end")
(assert_malformed (module binary "\00asm\01\00\00\00" "\03\02\01\00") "function and code section have inconsistent lengths")
(assert_malformed (module quote "(func (i32.cost 0))") "unknown operator")
(assert_malformed (module quote "(func (param i32) (local.get $absent))") "unknown local")
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_invalid (module (func (drop (i32.add (i32.const 1) (i64.const 1))))) "type mismatch")
(assert_invalid (module (func (call 7))) "unknown function")
(assert_invalid (module (export "a" (func 0)) (export "a" (func 0)) (func)) "duplicate export name")
(assert_invalid (module (func (local i32) (local.set 0 (unreachable) (f64.const 0)))) "type mismatch")
(assert_unlinkable (module (import "spectest" "absent" (func))) "unknown import")
(assert_unlinkable (module (import "spectest" "print_i32" (func (param i64)))) "incompatible import type")
(assert_unlinkable (module (import "spectest" "memory" (memory 2))) "incompatible import type")
(assert_unlinkable (module (import "spectest" "table" (table 10 externref))) "incompatible import type")
(assert_trap (module (func $s unreachable) (start $s)) "unreachable")
