;;! features: 2.0, threads
;; fails 8: in the thread, 5:3: assert_return: expected [i32 2], got [i32 1]; in the thread, 6:3: invoke
(thread $t
  (module (func (export "one") (result i32) (i32.const 1)))
  (assert_return (invoke "one") (i32.const 2))
  (invoke "two")
  (assert_return (invoke "one") (i32.const 1)))
(wait $t)
(wait $t)
