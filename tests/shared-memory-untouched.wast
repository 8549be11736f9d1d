;;! features: 2.0, threads
;; The largest shared memory costs nothing as long as nobody touches it, not even to compare what it holds.

(module (memory (export "memory") 65536 65536 shared))
