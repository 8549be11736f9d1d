;; Two instances of one definition: the same code with different state, both in one backtrace.

(module definition $Def
  (import "state" "next" (func $next (param i32) (result i32)))
  (import "state" "zero" (global $zero i32))
  (func $step (export "step") (param i32) (result i32)
    (drop (i32.div_u (local.get 0) (global.get $zero)))
    (call $next (local.get 0))))

(module $One (global (export "zero") i32 (i32.const 0)) (func (export "next") (param i32) (result i32) (unreachable)))
(register "state" $One)
(module instance $first $Def)
(register "first" $first)

(module $Two
  (import "first" "step" (func $step (param i32) (result i32)))
  (global (export "zero") i32 (i32.const 1))
  (export "next" (func $step)))
(register "state" $Two)
(module instance $second $Def)

(assert_trap (invoke $first "step" (i32.const 1)) "integer divide by zero")
(assert_trap (invoke $second "step" (i32.const 1)) "integer divide by zero")
