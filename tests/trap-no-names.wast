;; A module without a name section still has frames. One with a malformed name section is a valid module without
;; names.

(module binary
  "\00asm" "\01\00\00\00"
  "\01\04\01\60\00\00"                     ;; type 0: [] -> []
  "\03\03\02\00\00"                        ;; two functions of it
  "\07\08\01\04boom\00\01"                 ;; export function 1
  "\0a\0a\02\03\00\00\0b\04\00\10\00\0b")  ;; unreachable; call 0

(assert_trap (invoke "boom") "unreachable")

(module binary
  "\00asm" "\01\00\00\00"
  "\01\04\01\60\00\00"
  "\03\03\02\00\00"
  "\07\08\01\04boom\00\01"
  "\0a\0a\02\03\00\00\0b\04\00\10\00\0b"
  "\00\0e\04name" "\01\07\02\00\01a\01\ff\0f")  ;; the second name ends outside the section

(assert_trap (invoke "boom") "unreachable")
