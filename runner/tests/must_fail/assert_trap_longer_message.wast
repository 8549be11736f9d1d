;; A trap's text may be followed by an element's number, and by nothing else.
(module (func (export "f") unreachable))
;; fails 4: expected trap "unreachable code reached", got trap: unreachable
(assert_trap (invoke "f") "unreachable code reached")
