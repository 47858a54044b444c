;; Asks for memory, a megabyte at a time, until there is no more.
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (loop $again
    (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
  (unreachable))
