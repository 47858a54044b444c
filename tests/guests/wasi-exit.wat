;; world: exit
;; Leaves with a code.
(import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))
;; fields
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (call $exit (i32.const 1))
  (unreachable))
