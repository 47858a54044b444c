;; What every guest has: the logging import, a memory, an allocator that never frees. The guest's own imports come third.
(import "taffrail:plugin/logging@0.1.0" "log" (func $log (param i32 i32 i32)))
EXTRA-IMPORTS
(memory (export "memory") 16)
;; Below 64 KiB lie the guest's own texts and answers: answer of describe at 64, of plan at 128, texts from 1024, descriptor from 8192.
(global $next (mut i32) (i32.const 65536))
(func $allocate (param $align i32) (param $size i32) (result i32)
  (local $start i32)
  (local.set $start
    (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
  (global.set $next (i32.add (local.get $start) (local.get $size)))
  (block $fits
    (br_if $fits (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
    (drop (memory.grow
      (i32.add (i32.shr_u (i32.sub (global.get $next) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)) (i32.const 1)))))
  (local.get $start))
