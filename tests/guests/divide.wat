;; Divides by zero.
(func (export "taffrail:plugin/language@0.1.0#plan") (param $arguments i32) (result i32)
  (i32.div_u (local.get $arguments) (i32.and (local.get $arguments) (i32.const 0))))
