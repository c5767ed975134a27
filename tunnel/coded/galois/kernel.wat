;; Row operations over GF(256), polynomial 0x11D, sixteen bytes at a time: a product with a constant
;; is two table look-ups of four bits each (Plank, Greenan, Miller, FAST 2013), i8x16.swizzle here.
;; Tables at 0: coefficient * 32 holds 16 products of low nibbles, then 16 of high ones.
;; Every length is a multiple of 32; `list` is pairs (address, coefficient) of 32 bits each.
(module
  (memory (export "memory") 1)

  ;; target += coefficient * source
  (func $axpy (export "axpy")
    (param $target i32) (param $source i32) (param $coefficient i32) (param $length i32)
    (local $low v128) (local $high v128) (local $mask v128) (local $a v128) (local $b v128)
    (local $end i32)
    (if (i32.eqz (local.get $length)) (then (return)))
    (local.set $low (v128.load (i32.shl (local.get $coefficient) (i32.const 5))))
    (local.set $high (v128.load offset=16 (i32.shl (local.get $coefficient) (i32.const 5))))
    (local.set $mask (i8x16.splat (i32.const 15)))
    (local.set $end (i32.add (local.get $target) (local.get $length)))
    (loop $next
      (local.set $a (v128.load (local.get $source)))
      (local.set $b (v128.load offset=16 (local.get $source)))
      (v128.store (local.get $target)
        (v128.xor (v128.load (local.get $target))
          (v128.xor
            (i8x16.swizzle (local.get $low) (v128.and (local.get $a) (local.get $mask)))
            (i8x16.swizzle (local.get $high)
              (v128.and (i16x8.shr_u (local.get $a) (i32.const 4)) (local.get $mask))))))
      (v128.store offset=16 (local.get $target)
        (v128.xor (v128.load offset=16 (local.get $target))
          (v128.xor
            (i8x16.swizzle (local.get $low) (v128.and (local.get $b) (local.get $mask)))
            (i8x16.swizzle (local.get $high)
              (v128.and (i16x8.shr_u (local.get $b) (i32.const 4)) (local.get $mask))))))
      (local.set $target (i32.add (local.get $target) (i32.const 32)))
      (local.set $source (i32.add (local.get $source) (i32.const 32)))
      (br_if $next (i32.lt_u (local.get $target) (local.get $end)))))

  ;; target = coefficient * target
  (func (export "scale") (param $target i32) (param $coefficient i32) (param $length i32)
    (local $low v128) (local $high v128) (local $mask v128) (local $a v128) (local $end i32)
    (if (i32.eqz (local.get $length)) (then (return)))
    (local.set $low (v128.load (i32.shl (local.get $coefficient) (i32.const 5))))
    (local.set $high (v128.load offset=16 (i32.shl (local.get $coefficient) (i32.const 5))))
    (local.set $mask (i8x16.splat (i32.const 15)))
    (local.set $end (i32.add (local.get $target) (local.get $length)))
    (loop $next
      (local.set $a (v128.load (local.get $target)))
      (v128.store (local.get $target)
        (v128.xor
          (i8x16.swizzle (local.get $low) (v128.and (local.get $a) (local.get $mask)))
          (i8x16.swizzle (local.get $high)
            (v128.and (i16x8.shr_u (local.get $a) (i32.const 4)) (local.get $mask)))))
      (local.set $target (i32.add (local.get $target) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $target) (local.get $end)))))

  ;; target += the four products of the list at $pair: one pass over target instead of four
  (func $axpy4 (param $target i32) (param $pair i32) (param $length i32)
    (local $s0 i32) (local $s1 i32) (local $s2 i32) (local $s3 i32)
    (local $l0 v128) (local $h0 v128) (local $l1 v128) (local $h1 v128)
    (local $l2 v128) (local $h2 v128) (local $l3 v128) (local $h3 v128)
    (local $mask v128) (local $sum v128) (local $v v128) (local $i i32)
    (local.set $s0 (i32.load (local.get $pair)))
    (local.set $s1 (i32.load offset=8 (local.get $pair)))
    (local.set $s2 (i32.load offset=16 (local.get $pair)))
    (local.set $s3 (i32.load offset=24 (local.get $pair)))
    (local.set $l0 (v128.load (i32.shl (i32.load offset=4 (local.get $pair)) (i32.const 5))))
    (local.set $h0 (v128.load offset=16 (i32.shl (i32.load offset=4 (local.get $pair)) (i32.const 5))))
    (local.set $l1 (v128.load (i32.shl (i32.load offset=12 (local.get $pair)) (i32.const 5))))
    (local.set $h1 (v128.load offset=16 (i32.shl (i32.load offset=12 (local.get $pair)) (i32.const 5))))
    (local.set $l2 (v128.load (i32.shl (i32.load offset=20 (local.get $pair)) (i32.const 5))))
    (local.set $h2 (v128.load offset=16 (i32.shl (i32.load offset=20 (local.get $pair)) (i32.const 5))))
    (local.set $l3 (v128.load (i32.shl (i32.load offset=28 (local.get $pair)) (i32.const 5))))
    (local.set $h3 (v128.load offset=16 (i32.shl (i32.load offset=28 (local.get $pair)) (i32.const 5))))
    (local.set $mask (i8x16.splat (i32.const 15)))
    (loop $next
      (local.set $sum (v128.load (i32.add (local.get $target) (local.get $i))))
      (local.set $v (v128.load (i32.add (local.get $s0) (local.get $i))))
      (local.set $sum (v128.xor (local.get $sum) (v128.xor
        (i8x16.swizzle (local.get $l0) (v128.and (local.get $v) (local.get $mask)))
        (i8x16.swizzle (local.get $h0)
          (v128.and (i16x8.shr_u (local.get $v) (i32.const 4)) (local.get $mask))))))
      (local.set $v (v128.load (i32.add (local.get $s1) (local.get $i))))
      (local.set $sum (v128.xor (local.get $sum) (v128.xor
        (i8x16.swizzle (local.get $l1) (v128.and (local.get $v) (local.get $mask)))
        (i8x16.swizzle (local.get $h1)
          (v128.and (i16x8.shr_u (local.get $v) (i32.const 4)) (local.get $mask))))))
      (local.set $v (v128.load (i32.add (local.get $s2) (local.get $i))))
      (local.set $sum (v128.xor (local.get $sum) (v128.xor
        (i8x16.swizzle (local.get $l2) (v128.and (local.get $v) (local.get $mask)))
        (i8x16.swizzle (local.get $h2)
          (v128.and (i16x8.shr_u (local.get $v) (i32.const 4)) (local.get $mask))))))
      (local.set $v (v128.load (i32.add (local.get $s3) (local.get $i))))
      (local.set $sum (v128.xor (local.get $sum) (v128.xor
        (i8x16.swizzle (local.get $l3) (v128.and (local.get $v) (local.get $mask)))
        (i8x16.swizzle (local.get $h3)
          (v128.and (i16x8.shr_u (local.get $v) (i32.const 4)) (local.get $mask))))))
      (v128.store (i32.add (local.get $target) (local.get $i)) (local.get $sum))
      (local.set $i (i32.add (local.get $i) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $length)))))

  ;; target += every product of the list
  (func (export "combine")
    (param $target i32) (param $list i32) (param $count i32) (param $length i32)
    (if (i32.eqz (local.get $length)) (then (return)))
    (block $rest
      (loop $fours
        (br_if $rest (i32.lt_u (local.get $count) (i32.const 4)))
        (call $axpy4 (local.get $target) (local.get $list) (local.get $length))
        (local.set $list (i32.add (local.get $list) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 4)))
        (br $fours)))
    (block $done
      (loop $ones
        (br_if $done (i32.eqz (local.get $count)))
        (call $axpy (local.get $target) (i32.load (local.get $list))
          (i32.load offset=4 (local.get $list)) (local.get $length))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $ones))))

  ;; how many bytes are not zero
  (func (export "weight") (param $at i32) (param $length i32) (result i32)
    (local $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $count (i32.add (local.get $count)
          (i32.sub (i32.const 16) (i32.popcnt (i8x16.bitmask
            (i8x16.eq (v128.load (local.get $at)) (v128.const i64x2 0 0)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (local.get $count))

  ;; index of the first byte that is not zero, or $length
  (func (export "first") (param $at i32) (param $length i32) (result i32)
    (local $index i32) (local $zeros i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $index) (local.get $length)))
        (local.set $zeros (i8x16.bitmask (i8x16.eq
          (v128.load (i32.add (local.get $at) (local.get $index))) (v128.const i64x2 0 0))))
        (if (i32.ne (local.get $zeros) (i32.const 65535))
          (then (return (i32.add (local.get $index)
            (i32.ctz (i32.xor (local.get $zeros) (i32.const 65535)))))))
        (local.set $index (i32.add (local.get $index) (i32.const 16)))
        (br $next)))
    (local.get $length)))
