;; Segments that are too short for arrays that would be too long, and a null entry of a table whose type rules out a
;; signature mismatch. Engines check these in different orders and report them in different words.
;;! features: 3.0

(module
  (type $a (array funcref)) (type $b (array i8))
  (type $f (sub final (func)))
  (elem $e funcref (ref.null func))
  (data $d "abc")
  (table $t 1 (ref null $f))
  (func (export "elem") (drop (array.new_elem $a $e (i32.const 0) (i32.const -1))))
  (func (export "data") (drop (array.new_data $b $d (i32.const 0) (i32.const -1))))
  (func (export "null") (call_indirect $t (type $f) (i32.const 0))))
(assert_trap (invoke "elem") "out of bounds table access")
(assert_trap (invoke "data") "out of bounds memory access")
(assert_trap (invoke "null") "uninitialized element")
