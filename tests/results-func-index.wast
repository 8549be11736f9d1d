;;! features: 3.0
;; A result that is a function may be named by its index, also that of an import.

(module $Exports (func (export "imported")))
(register "exports" $Exports)
(module
  (func $imported (import "exports" "imported"))
  (func $first)
  (func $second)
  (elem declare func $imported $first $second)
  (func (export "imported") (result funcref) (ref.func $imported))
  (func (export "both") (result funcref funcref) (ref.func $second) (ref.func $first)))

(assert_return (invoke "imported") (ref.func 0))
(assert_return (invoke "both") (ref.func 2) (ref.func 1))
(assert_return (invoke "both") (either (ref.func 1) (ref.func 2)) (ref.func))
