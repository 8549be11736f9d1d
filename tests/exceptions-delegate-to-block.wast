;; A `delegate` may name a block that is not a `try`: the exception goes to the handlers around that block.
;;! features: 2.0, exceptions, legacy-exceptions

(module
  (tag $e)
  (func (export "run") (result i32)
    (try (result i32)
      (do
        (block $b
          (try
            (do (throw $e))
            (delegate $b)))
        (i32.const 1))
      (catch $e
        (i32.const 2)))))

(assert_return (invoke "run") (i32.const 2))
