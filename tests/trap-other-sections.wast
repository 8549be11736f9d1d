;; Offsets count from the start of the binary, whatever precedes the code: custom sections, and lengths in overlong
;; encodings.

(module binary
  "\00asm" "\01\00\00\00"
  "\00\0c\05hello" "123456"                    ;; a custom section
  "\01\84\80\80\80\00\01\60\00\00"            ;; type 0: [] -> [], the length in five bytes
  "\03\03\02\00\00"                            ;; two functions of it
  "\07\08\01\04boom\00\01"                     ;; export function 1
  "\00\03\02ab"                                ;; another custom section
  "\0a\94\80\00\02"                            ;; the code section, its length in three bytes
  "\86\00\00\41\00\1a\00\0b"                   ;; body of 6 bytes: i32.const 0, drop, unreachable
  "\88\80\00\00\01\10\80\80\00\01\0b")          ;; body of 8 bytes: nop, call 0 in three bytes, nop

(assert_trap (invoke "boom") "unreachable")
