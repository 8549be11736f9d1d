;;! features: 3.0
;; Each pattern against its nearest neighbors: what it must not take.
;; fails 27: expected [ref.struct], got [ref.array
;; fails 28: expected [ref.struct], got [ref.i31 5]
;; fails 29: expected [ref.struct], got [ref.null any]
;; fails 30: expected [ref.array], got [ref.struct
;; fails 31: expected [ref.array], got [ref.host 7]
;; fails 32: expected [ref.i31], got [ref.struct
;; fails 33: expected [ref.i31], got [ref.null any]
;; fails 34: expected [ref.eq], got [ref.null any]
;; fails 35: expected [ref.eq], got [ref.host 7]
;; fails 36: expected [ref.any], got [ref.null any]
;; fails 37: expected [ref.host 8], got [ref.host 7]
;; fails 38: expected [ref.host 7], got [ref.i31 7]
;; fails 39: expected [ref.extern 7], got [ref.extern
;; fails 40: expected [ref.null exn], got [ref.null any]
(module
  (type $s (struct))
  (type $a (array i8))
  (func (export "struct") (result anyref) (struct.new $s))
  (func (export "array") (result anyref) (array.new_fixed $a 0))
  (func (export "i31") (param i32) (result anyref) (ref.i31 (local.get 0)))
  (func (export "null") (result anyref) (ref.null any))
  (func (export "internalize") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "externalize") (result externref) (extern.convert_any (struct.new $s))))

(assert_return (invoke "array") (ref.struct))
(assert_return (invoke "i31" (i32.const 5)) (ref.struct))
(assert_return (invoke "null") (ref.struct))
(assert_return (invoke "struct") (ref.array))
(assert_return (invoke "internalize" (ref.extern 7)) (ref.array))
(assert_return (invoke "struct") (ref.i31))
(assert_return (invoke "null") (ref.i31))
(assert_return (invoke "null") (ref.eq))
(assert_return (invoke "internalize" (ref.extern 7)) (ref.eq))
(assert_return (invoke "null") (ref.any))
(assert_return (invoke "internalize" (ref.extern 7)) (ref.host 8))
(assert_return (invoke "i31" (i32.const 7)) (ref.host 7))
(assert_return (invoke "externalize") (ref.extern 7))
(assert_return (invoke "null") (ref.null exn))
