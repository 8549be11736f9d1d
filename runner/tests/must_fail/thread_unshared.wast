;;! features: 2.0, threads
;; fails 4: in the thread, 6:3: module: expected the module to be accepted, got link error
(module $Mem (memory (export "memory") 1))
(thread $t (shared (module $Mem))
  (register "mem" $Mem)
  (module (memory (import "mem" "memory") 1)))
