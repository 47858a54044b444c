;; Logs a line that holds an escape sequence at level error, another at level info, and traps.
(data (i32.const 1024) "index out of bounds\1b[31m")
(data (i32.const 1060) "and something else")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (call $log (i32.const 4) (i32.const 1024) (i32.const 24))
  (call $log (i32.const 2) (i32.const 1060) (i32.const 18))
  (unreachable))
