;; The bytes of a binary module are never taken as text.
;; fails 4: got malformed: magic header not detected: bad magic number (at byte 0x0)
;; follows 5: follows from line 4: the instance is missing
(module binary "(module (func (export \"f\")))")
(invoke "f")
;; fails 7: expected invalid, got malformed
(assert_invalid (module binary "(module (func (result i32)))") "type mismatch")
(assert_malformed (module binary "(module)") "magic header not detected")
