;; world: sleep
;; Sleeps for an hour inside the host.
(import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $subscribe (param i64) (result i32)))
(import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
;; fields
(func (export "taffrail:plugin/language@0.1.0#plan") (param i32) (result i32)
  (call $block (call $subscribe (i64.const 3600000000000)))
  (unreachable))
