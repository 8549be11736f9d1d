;; Legacy exception handling, alone and mixed with the standard form.
;;! features: 2.0, exceptions, legacy-exceptions
(module $legacy
  (import "host" "call" (func $host (param funcref)))
  (tag $e (param i32))
  (tag $f)
  (elem declare func $throw-9)
  (func $throw (param i32)
    (if (i32.eqz (local.get 0)) (then (throw $f)))
    (if (i32.gt_s (local.get 0) (i32.const 0)) (then (throw $e (local.get 0)))))
  (func $throw-9 (throw $e (i32.const 9)))

  ;; Handlers are tried in order, and do not catch what one of them throws.
  (func (export "order") (param i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throw (local.get 0))
        i32.const 1
      catch $e
        i32.const 100
        i32.add
      catch $f
        (throw $e (i32.const 40))
      catch_all
        unreachable
      end
    catch $e
      i32.const 2
      i32.add
    end)

  ;; A handler sees locals with their values at the call.
  (func (export "locals") (param i32) (result i32) (local $n i32)
    try
      (local.set $n (i32.const 10))
      (call $throw (local.get 0))
      (local.set $n (i32.const 20))
      (call $throw (i32.const 5))
    catch $f
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
    catch $e
      (local.set $n (i32.add (local.get $n)))
    end
    local.get $n)

  ;; Parameters of a `try`, a branch out of it, and a `try` without handlers.
  (func (export "values") (param i32) (result i32)
    (i32.const 7)
    try (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (br 1 (i32.const 3))))
      (call $throw (i32.const -1))
      try (param i32) (result i32)
        (call $throw (local.get 0))
      end
    catch $e
    end)

  ;; `rethrow` by depth, in nested handlers.
  (func (export "rethrow") (param i32) (result i32)
    try (result i32)
      try (result i32)
        (throw $e (i32.const 1))
      catch $e
        drop
        try (result i32)
          (throw $e (i32.const 2))
        catch $e
          drop
          block
            (br_if 0 (local.get 0))
            rethrow 1
          end
          rethrow 1
        end
      end
    catch $e
    end)
  (func (export "rethrow-outer") (result i32)
    try (result i32)
      (throw $e (i32.const 6))
    catch $e
      drop
      try (result i32)
        (throw $f)
      catch $f
        try (result i32)
          rethrow 2
        catch $e
        end
      end
    end)

  ;; `delegate` skips the handlers in between.
  (func (export "delegate") (param i32) (result i32)
    try $outer (result i32)
      try (result i32)
        try (result i32)
          (call $throw (local.get 0))
          i32.const 1
        delegate $outer
      catch $e
        i32.const 1000
        i32.add
      catch_all
        i32.const 2000
      end
    catch $e
      i32.const 100
      i32.add
    catch_all
      i32.const 200
    end)
  ;; To a block: the handlers around that block. To the function: none of its handlers.
  (func (export "delegate-block") (param i32) (result i32)
    try (result i32)
      block $b (result i32)
        try (result i32)
          try (result i32)
            (call $throw (local.get 0))
            i32.const 1
          delegate $b
        catch_all
          i32.const 2000
        end
      end
    catch_all
      i32.const 300
    end)
  (func $to-caller (param i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throw (local.get 0))
        i32.const 1
      delegate 1
    catch_all
      i32.const 2000
    end)
  (func (export "delegate-caller") (param i32) (result i32)
    try (result i32)
      (call $to-caller (local.get 0))
    catch $e
    end)
  ;; To a `try` whose handler is running: that `try` is no longer active.
  (func (export "delegate-handler") (result i32)
    try (result i32)
      try $done (result i32)
        (throw $f)
      catch_all
        try (result i32)
          (throw $e (i32.const 50))
        delegate $done
      end
    catch $e
    end)

  ;; Each form catches exceptions of the other.
  (func (export "mixed") (param i32) (result i32)
    block $h (result i32)
      try_table (result i32) (catch $e $h)
        try (result i32)
          (call $throw (local.get 0))
          i32.const 1
        catch $f
          try (result i32)
            block $g
              try_table (catch_all $g)
                (call $throw (i32.const 0))
              end
              unreachable
            end
            (throw $e (i32.const 70))
          delegate 1
        end
      end
    end)
  (func (export "through-host") (result i32)
    try (result i32)
      (call $host (ref.func $throw-9))
      i32.const 0
    catch $e
    end)

  ;; Unreachable code, `try`s in it, and unreachable handlers.
  (func (export "unreachable") (result i32)
    try (result i32)
      i32.const 4
    catch $e
      try (result i32)
        (call $throw (i32.const 1))
        i32.const 5
      catch $f
        i32.const 6
        rethrow 0
      end
      drop
    catch_all
      i32.const 8
    end
    return
    try (result i32)
      unreachable
      try
      delegate 0
    catch $e
    end)
  (func (export "after-unreachable") (param i32) (result i32)
    (if (i32.eqz (local.get 0))
      (then
        unreachable
        try
          (call $throw (i32.const 1))
        catch $e
          drop
        end))
    try (result i32)
      (call $throw (local.get 0))
      i32.const 0
    catch $e
    end)

  (func $again (param i32)
    try
      (call $throw (local.get 0))
    catch_all
      nop
      rethrow 0
    end)
  (func (export "uncaught") (param i32) (call $again (local.get 0)))
  (func (export "trap")
    try
      unreachable
    catch_all
    end)
  (func (export "trap-in-handler") (param i32)
    try
      (call $throw (i32.const 0))
    catch_all
      (drop (i32.div_s (i32.const 1) (local.get 0)))
    end))

(assert_return (invoke "order" (i32.const -1)) (i32.const 1))
(assert_return (invoke "order" (i32.const 3)) (i32.const 103))
(assert_return (invoke "order" (i32.const 0)) (i32.const 42))
(assert_return (invoke "locals" (i32.const 0)) (i32.const 11))
(assert_return (invoke "locals" (i32.const 4)) (i32.const 14))
(assert_return (invoke "locals" (i32.const -1)) (i32.const 25))
(assert_return (invoke "values" (i32.const 0)) (i32.const 3))
(assert_return (invoke "values" (i32.const 8)) (i32.const 8))
(assert_return (invoke "values" (i32.const -1)) (i32.const 7))
(assert_return (invoke "rethrow" (i32.const 0)) (i32.const 2))
(assert_return (invoke "rethrow" (i32.const 1)) (i32.const 1))
(assert_return (invoke "rethrow-outer") (i32.const 6))
(assert_return (invoke "delegate" (i32.const -1)) (i32.const 1))
(assert_return (invoke "delegate" (i32.const 3)) (i32.const 103))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 200))
(assert_return (invoke "delegate-block" (i32.const 3)) (i32.const 300))
(assert_return (invoke "delegate-caller" (i32.const 5)) (i32.const 5))
(assert_exception (invoke "delegate-caller" (i32.const 0)))
(assert_return (invoke "delegate-handler") (i32.const 50))
(assert_return (invoke "mixed" (i32.const -1)) (i32.const 1))
(assert_return (invoke "mixed" (i32.const 12)) (i32.const 12))
(assert_return (invoke "mixed" (i32.const 0)) (i32.const 70))
(assert_return (invoke "through-host") (i32.const 9))
(assert_return (invoke "unreachable") (i32.const 4))
(assert_return (invoke "after-unreachable" (i32.const 6)) (i32.const 6))
(assert_exception (invoke "uncaught" (i32.const 0)))
(assert_trap (invoke "trap") "unreachable")
(assert_trap (invoke "trap-in-handler" (i32.const 0)) "integer divide by zero")
(assert_return (invoke "trap-in-handler" (i32.const 1)))

(assert_invalid (module (tag $e) (func block rethrow 0 end)) "invalid rethrow label")
