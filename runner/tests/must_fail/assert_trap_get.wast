;; fails 3: expected trap "unreachable", got [i32 7]
(module (global (export "g") i32 (i32.const 7)))
(assert_trap (get "g") "unreachable")
