;;! features: 2.0, threads
;; fails 4: there is no instance $Mem
;; follows 5: follows from line 4: a thread is missing that it may depend on
(thread $t (shared (module $Mem)) (module))
(wait $t)
