;; Calls the properties invalid, with one remark whose texts hold escape sequences.
(data (i32.const 1024) "echo/\1b[31m-textthe \1b[31mis empty/te\1bt")
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  ;; result: error at 128; plan-error: invalid-properties at 132, its list at 136.
  (i32.store8 (i32.const 128) (i32.const 1))
  (i32.store8 (i32.const 132) (i32.const 1))
  (i32.store (i32.const 136) (i32.const 600))
  (i32.store (i32.const 140) (i32.const 1))
  ;; diagnostic: severity, code, message, pointer, extensions.
  (i32.store (i32.const 604) (i32.const 1024))
  (i32.store (i32.const 608) (i32.const 15))
  (i32.store (i32.const 612) (i32.const 1039))
  (i32.store (i32.const 616) (i32.const 17))
  (i32.store (i32.const 620) (i32.const 1056))
  (i32.store (i32.const 624) (i32.const 5))
  (i32.const 128))
