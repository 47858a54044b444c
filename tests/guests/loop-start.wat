;; Loops as soon as it is instantiated.
(func $start (loop $again (br $again)))
(start $start)
