;;! features: 2.0, threads
;; fails 3: in the thread, 4:3: thread: in the thread, 5:5: assert_return: expected [i32 2], got [i32 1]
(thread $outer
  (thread $inner (module (func (export "one") (result i32) (i32.const 1)))
    (assert_return (invoke "one") (i32.const 2))))
(module)
