;; Legacy delegates to every kind of label, handlers in loops, and rethrows from nested handlers.
;;! features: 2.0, exceptions, legacy-exceptions

(module
  (tag $a (param i32)) (tag $b)
  (func (export "to_block") (result i32)
    try (result i32)
      block (result i32)
        try (result i32)
          try (result i32) i32.const 1 throw $a delegate 1
        catch $a drop i32.const 100
        end
      end
    catch $a i32.const 10 i32.add
    end)
  (func (export "to_loop") (result i32) (local $n i32)
    try (result i32)
      loop $l (result i32)
        try (result i32)
          try (result i32) i32.const 2 throw $a delegate 1
        catch_all i32.const 100
        end
      end
    catch $a i32.const 20 i32.add
    end)
  (func (export "to_catch") (result i32)
    try (result i32)
      try (result i32) throw $b
      catch $b
        try (result i32) i32.const 3 throw $a delegate 0
      catch $a i32.const 100 i32.add
      end
    catch $a i32.const 30 i32.add
    end)
  (func (export "to_if") (param i32) (result i32)
    try (result i32)
      local.get 0
      if (result i32)
        try (result i32)
          try (result i32) i32.const 5 throw $a delegate 1
        catch_all i32.const 100
        end
      else
        try (result i32) i32.const 6 throw $a delegate 0
      end
    catch $a i32.const 50 i32.add
    end)
  (func (export "to_try_table") (param i32) (result i32)
    block $h (result i32)
      try_table (result i32) (catch $a $h)
        block (result i32)
        block (result i32)
          i32.const 7 throw $a
        end
        end
      end
      i32.const 60 i32.add
    end)
  (func (export "rethrow_outer") (result i32) (local $x i32)
    try (result i32)
      try (result i32) i32.const 8 throw $a
      catch $a
        local.set $x
        try (result i32) throw $b
        catch $b
          try (result i32) local.get $x i32.const 1 i32.add throw $a
          catch $a drop rethrow 2
          end
        end
      end
    catch $a i32.const 70 i32.add
    catch $b i32.const 100
    end)
  (func (export "in_loop") (param $n i32) (result i32) (local $s i32)
    loop $l
      try local.get $n i32.const 1 i32.and
        if local.get $n throw $a else throw $b end
      catch $a local.get $s i32.add local.set $s
      catch $b local.get $s i32.const 1000 i32.add local.set $s
      end
      local.get $n i32.const 1 i32.sub local.tee $n br_if $l
    end
    local.get $s)
)
(assert_return (invoke "to_block") (i32.const 11))
(assert_return (invoke "to_loop") (i32.const 22))
(assert_return (invoke "to_catch") (i32.const 33))
(assert_return (invoke "to_if" (i32.const 1)) (i32.const 55))
(assert_return (invoke "to_if" (i32.const 0)) (i32.const 56))
(assert_return (invoke "to_try_table" (i32.const 0)) (i32.const 7))
(assert_return (invoke "rethrow_outer") (i32.const 78))
(assert_return (invoke "in_loop" (i32.const 5)) (i32.const 2009))
