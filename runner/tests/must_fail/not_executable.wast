;; fails 7: components are not supported
;; fails 8: the runner does not execute `script`
;; fails 9: the runner does not execute `input`
;; fails 10: the runner does not execute `output`
;; fails 11: the runner does not execute `output`
(module $M (func (export "f")))
(component)
(script $s (module) (input "x.wast"))
(input $s "x.wast")
(output $s "x.js")
(output)
(assert_return (invoke $M "f"))
