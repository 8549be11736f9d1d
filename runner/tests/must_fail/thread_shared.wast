;;! features: 2.0, threads
;; fails 4: there is no instance $Mem
;; fails 5: there is no thread $t
(thread $t (shared (module $Mem)) (module))
(wait $t)
