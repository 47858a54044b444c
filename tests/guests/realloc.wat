;; The allocator under the name that the boundary asks for; a guest may bring its own instead.
(func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
  (call $allocate (local.get $align) (local.get $size)))
