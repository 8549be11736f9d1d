;; Uncaught exceptions show the frames of the throw, through calls, tail calls and host functions, and during
;; instantiation.
;;! features: 2.0, exceptions, tail-call
(module $uncaught
  (import "host" "call" (func $call (param funcref)))
  (import "host" "call_i32" (func $call_i32 (param funcref i32) (result i32)))
  (tag $e)
  (tag $payload (param i32 f64))
  (table funcref (elem $throw $throw-payload $through-host $leaves))

  (func $throw (throw $e))
  (func $throw-payload (param $x i32) (result i32)
    nop
    (throw $payload (local.get $x) (f64.const 1.5)))
  (func $middle (param i32) (result i32) (i32.add (i32.const 1) (call $throw-payload (local.get 0))))
  (func (export "direct") (throw $e))
  (func $outer (export "payload") (param i32) (result i32) (call $middle (local.get 0)))
  (func (export "indirect") (call_indirect (i32.const 0)))

  ;; A clause for another tag does not catch it.
  (func (export "other-tag") (param i32) (result i32)
    (block $h
      (try_table (result i32) (catch $e $h) (call $middle (local.get 0)))
      (return))
    (i32.const 0))

  ;; Through the host: the frames on both sides are in the trace.
  (func $through-host (call $call (ref.func $throw)))
  (func (export "through-host") (call $through-host))
  (func (export "through-two") (call $call (ref.func $through-host)))
  (func (export "host-payload") (param i32) (result i32)
    (call $call_i32 (ref.func $throw-payload) (local.get 0)))

  ;; A caller that left by a tail call has no frame, and its clauses are inactive.
  (func $leaves (return_call $throw))
  (func $leaves-try (block $h (try_table (catch_all $h) (return_call $throw))))
  (func (export "tail") (call $leaves))
  (func (export "tail-try") (call $leaves-try))

  ;; The second throw is at another offset.
  (func (export "again")
    (block $h
      (try_table (catch $e $h) (call $throw)))
    (throw $e)))

(assert_exception (invoke "direct"))
(assert_exception (invoke "payload" (i32.const 7)))
(assert_exception (invoke "indirect"))
(assert_exception (invoke "other-tag" (i32.const 8)))
(assert_exception (invoke "through-host"))
(assert_exception (invoke "through-two"))
(assert_exception (invoke "host-payload" (i32.const 9)))
(assert_exception (invoke "tail"))
(assert_exception (invoke "tail-try"))
(assert_exception (invoke "again"))
