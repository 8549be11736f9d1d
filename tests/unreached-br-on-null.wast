;; Even in unreachable code, a branch on null may lead out of all blocks.
;;! features: 2.0, function-references

(module
  (func (export "run") (param funcref) (result i32)
    (block $a
      (br $a)
      (block
        (block
          (drop (br_on_null 3 (i32.const 1) (local.get 0)))
          (drop))))
    (i32.const 7)))

(assert_return (invoke "run" (ref.null func)) (i32.const 7))
