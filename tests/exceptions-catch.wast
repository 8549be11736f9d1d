;; Which clause catches an exception, what reaches its label, and what the surrounding code keeps: the innermost
;; `try_table` first, clauses in order, payloads of every type, locals with their values at the call.
;;! features: 2.0, exceptions
(module $catch
  (type $void (func))
  (tag $none)
  (tag $one (param i32))
  (tag $many (param i32 i64 f32 f64 v128 funcref externref))
  (tag $wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64))
  (table funcref (elem $throw-none $nothing))
  (memory 1)

  (func $nothing)
  (func $throw-none (throw $none))
  (func $throw-one (param i32) (result i32) (throw $one (local.get 0)))
  ;; Operands below the payload are dropped.
  (func $throw-below (param i32) (i64.const 5) (local.get 0) (i32.const 9) (drop) (throw $one))
  (func $throw (param i32)
    (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $none)))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $one (i32.const 22)))))

  ;; The first matching clause wins, and no clause after a `catch_all` is tried.
  (func (export "order") (param i32) (result i32)
    (block $all
      (block $first (result i32)
        (block $none
          (block $second (result i32)
            (try_table (catch $one $first) (catch $one $second) (catch $none $none) (catch_all $all)
              (call $throw (local.get 0)))
            (return (i32.const 0)))
          (return (i32.add (i32.const 1000))))
        (return (i32.const 1)))
      (return (i32.add (i32.const 100))))
    (i32.const 3))

  (func (export "after-all") (param i32) (result i32)
    (block $all
      (block $one (result i32)
        (try_table (catch_all $all) (catch $one $one) (call $throw (local.get 0)))
        (return (i32.const 0)))
      (return))
    (i32.const 7))

  ;; The inner one catches the tag that it names, the outer one every other.
  (func (export "nested") (param i32) (result i32)
    (block $outer (result i32)
      (try_table (catch $one $outer)
        (block $inner
          (try_table (catch $none $inner) (call $throw (local.get 0)))
          (return (i32.const 0)))
        (return (i32.const 1)))
      (unreachable)))

  ;; A clause is not active in its own handler, nor after its `try_table`.
  (func $handler (param i32) (result i32)
    (block $inner
      (try_table (catch $none $inner) (call $throw (local.get 0)))
      (call $throw (i32.const 1))
      (return (i32.const 0)))
    (call $throw (i32.const 2))
    (i32.const 5))
  (func (export "left") (param i32) (result i32)
    (block $all
      (block $one (result i32)
        (try_table (result i32) (catch $one $one) (catch_all $all) (call $handler (local.get 0)))
        (return (i32.add (i32.const 100))))
      (return))
    (i32.const 77))

  (func (export "payload") (param i32 i64 f32 f64 v128 funcref externref)
      (result i32 i64 f32 f64 v128 funcref externref)
    (block $h (result i32 i64 f32 f64 v128 funcref externref)
      (try_table (catch $many $h)
        (throw $many (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)
          (local.get 6)))
      (unreachable)))

  (func $throw-wide (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64 i64 i64 i64)
    (throw $wide (local.get 11) (local.get 10) (local.get 9) (local.get 8) (local.get 7) (local.get 6) (local.get 5)
      (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0)))
  ;; Arguments and results on the stack, with a callee that pops its arguments.
  (func (export "wide") (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (block $h (result i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
      (try_table (catch $wide $h)
        (call $throw-wide (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
          (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11) (i64.const 12))
        (unreachable))
      (unreachable)))

  ;; Locals have the values of the call that threw, in registers and in stack slots.
  (func (export "locals") (param $which i32) (result i32 i64 f64)
    (local $a i32) (local $b i64) (local $c f64)
    (local.set $c (f64.const 0.5))
    (block $h
      (try_table (catch_all $h)
        (local.set $a (i32.const 1))
        (call $throw (i32.eq (local.get $which) (i32.const 1)))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i64.const 20))
        (call $throw (i32.eq (local.get $which) (i32.const 2)))
        (local.set $b (i64.mul (local.get $b) (i64.const 3)))
        (local.set $c (f64.sqrt (f64.const 6.25)))
        (call $throw (i32.eq (local.get $which) (i32.const 3)))
        (local.set $a (i32.const 99))))
    (local.get $a) (local.get $b) (local.get $c))

  ;; The label may be a loop's: count how often it is taken.
  (func (export "loop") (param $n i32) (result i32)
    (local $caught i32)
    (i32.const -1)
    (loop $again (param i32)
      (drop)
      (if (i32.eqz (local.get $n)) (then (return (local.get $caught))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (local.set $caught (i32.add (local.get $caught) (i32.const 1)))
      (try_table (catch $one $again) (drop (call $throw-one (local.get $n)))))
    (unreachable))

  ;; The label may be the function's.
  (func (export "function") (param i32) (result i32)
    (try_table (catch $one 0) (drop (call $throw-one (local.get 0))))
    (unreachable))

  ;; A `try_table` has parameters and results, and a branch out of it is not an exception.
  (func (export "values") (param i32) (result i32)
    (block $h (result i32)
      (i32.const 10) (local.get 0)
      (try_table $t (param i32 i32) (result i32) (catch $one $h)
        (if (param i32 i32) (result i32) (i32.eqz (local.get 0))
          (then (drop) (br $t (i32.add (i32.const 1))))
          (else (i32.add) (call $throw-one))))
      (return (i32.add (i32.const 1000)))))

  (func (export "below") (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $one $h) (call $throw-below (local.get 0)))
      (unreachable)))

  (func (export "indirect") (param i32) (result i32)
    (block $h
      (try_table (catch $none $h) (call_indirect (type $void) (local.get 0)))
      (return (i32.const 0)))
    (i32.const 1))

  ;; Memory written before the throw stays written.
  (func $write (i32.store (i32.const 0) (i32.const 5)) (throw $none))
  (func (export "effects") (result i32)
    (block $h
      (try_table (catch_all $h)
        (call $write)
        (i32.store (i32.const 0) (i32.const 6))))
    (i32.load (i32.const 0)))

  ;; Many frames between throw and handler.
  (func $deep (param i32)
    (if (i32.eqz (local.get 0)) (then (throw $one (i32.const 31))))
    (call $deep (i32.sub (local.get 0) (i32.const 1))))
  (func (export "deep") (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $one $h) (call $deep (local.get 0)))
      (unreachable)))

  ;; Every frame has a handler, for another tag.
  (func $passing (param i32) (result i32)
    (block $h
      (try_table (result i32) (catch $none $h)
        (if (result i32) (i32.eqz (local.get 0))
          (then (call $throw-one (i32.const 13)))
          (else (call $passing (i32.sub (local.get 0) (i32.const 1))))))
      (return))
    (i32.const -1))
  (func (export "passing") (param i32) (result i32)
    (block $h (result i32)
      (try_table (result i32) (catch $one $h) (call $passing (local.get 0)))))

  ;; Unreachable code.
  (func (export "unreachable") (result i32)
    (block $h (result i32)
      (return (i32.const 1))
      (try_table (result i32) (catch $one $h) (throw $one (i32.const 2)))))
  (func (export "empty") (result i32)
    (block $h (try_table (catch_all $h)) (return (i32.const 1)))
    (i32.const 2))
  (func (export "no-clause") (result i32) (try_table (result i32) (call $throw-one (i32.const 3)))))

(assert_return (invoke "order" (i32.const 0)) (i32.const 0))
(assert_return (invoke "order" (i32.const 1)) (i32.const 1))
(assert_return (invoke "order" (i32.const 2)) (i32.const 122))
(assert_return (invoke "after-all" (i32.const 1)) (i32.const 7))
(assert_return (invoke "after-all" (i32.const 2)) (i32.const 7))
(assert_return (invoke "nested" (i32.const 0)) (i32.const 0))
(assert_return (invoke "nested" (i32.const 1)) (i32.const 1))
(assert_return (invoke "nested" (i32.const 2)) (i32.const 22))
(assert_return (invoke "left" (i32.const 0)) (i32.const 77))
(assert_return (invoke "left" (i32.const 1)) (i32.const 22))
(assert_return (invoke "left" (i32.const 2)) (i32.const 22))
(assert_return
  (invoke "payload" (i32.const 1) (i64.const 2) (f32.const nan:0x200001) (f64.const -0) (v128.const i64x2 5 6)
    (ref.null func) (ref.extern 4))
  (i32.const 1) (i64.const 2) (f32.const nan:0x200001) (f64.const -0) (v128.const i64x2 5 6) (ref.null func)
  (ref.extern 4))
(assert_return (invoke "wide")
  (i64.const 12) (i64.const 11) (i64.const 10) (i64.const 9) (i64.const 8) (i64.const 7) (i64.const 6) (i64.const 5)
  (i64.const 4) (i64.const 3) (i64.const 2) (i64.const 1))
(assert_return (invoke "locals" (i32.const 1)) (i32.const 1) (i64.const 0) (f64.const 0.5))
(assert_return (invoke "locals" (i32.const 2)) (i32.const 2) (i64.const 20) (f64.const 0.5))
(assert_return (invoke "locals" (i32.const 3)) (i32.const 2) (i64.const 60) (f64.const 2.5))
(assert_return (invoke "locals" (i32.const 0)) (i32.const 99) (i64.const 60) (f64.const 2.5))
(assert_return (invoke "loop" (i32.const 10000)) (i32.const 10000))
(assert_return (invoke "function" (i32.const 8)) (i32.const 8))
(assert_return (invoke "values" (i32.const 0)) (i32.const 1011))
(assert_return (invoke "values" (i32.const 5)) (i32.const 15))
(assert_return (invoke "below" (i32.const 6)) (i32.const 6))
(assert_return (invoke "indirect" (i32.const 0)) (i32.const 1))
(assert_return (invoke "indirect" (i32.const 1)) (i32.const 0))
(assert_return (invoke "effects") (i32.const 5))
(assert_return (invoke "deep" (i32.const 2000)) (i32.const 31))
(assert_return (invoke "passing" (i32.const 1000)) (i32.const 13))
(assert_return (invoke "unreachable") (i32.const 1))
(assert_return (invoke "empty") (i32.const 1))
(assert_exception (invoke "no-clause"))
;; A clause in another function does not catch exceptions of this one.
(assert_return (invoke "passing" (i32.const 0)) (i32.const 13))
