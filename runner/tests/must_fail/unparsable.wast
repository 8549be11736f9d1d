;; fails 11: it does not parse: 11:2: 
;; fails 12: it does not parse: 12:26: 
;; fails 14: it does not parse: 14:44: 
;; fails 15: it does not parse: 
;; fails 18: it does not parse: 
;; follows 19: follows from line 18: the instance is missing
;; follows 20: follows from line 18: the instance is missing
;; fails 22: it does not parse: 22:
;; follows 23: follows from line 22: the instance is missing
(module $M (func (export "one") (result i32) (i32.const 1)))
(modul (func))
(invoke "one" (i32.const x))
(assert_return (invoke "one") (i32.const 1))
(assert_return (invoke "one") (i32.const 1 2))
(thread $t
  (invoke "one)) ))
)
(module $M (func
(assert_return (invoke "one") (i32.const 1))
(assert_return (invoke $M "one") (i32.const 1))
(module (func (export "one") (result i32) (i32.const 1)))
(module $M (func (nonsense)))
(assert_return (invoke $M "one") (i32.const 1))
