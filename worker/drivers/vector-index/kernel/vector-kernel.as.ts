// AssemblyScript (not TypeScript): the inner loops of the resident vector index, compiled to vector-kernel.wasm by
//   asc vector-kernel.as.ts -o vector-kernel.wasm -O3 --enable simd --runtime stub --noAssert --importMemory
// Rows live in blocks of BLOCK_ROWS with a fixed stride, so a set grows by appending a block and nothing moves.
// Inside a block the columns follow one another: sign bits, int8 values, f32 scale, ..., one 32-bit score.
// Dimensions are padded to a multiple of 128 so that every code is a whole number of 16-byte vectors.

const BLOCK_ROWS: i32 = 256

let blocksAt: usize = 0
let blockBytes: usize = 0
let dimensions: usize = 0
let codeBytes: usize = 0
let valuesAt: usize = 0
let scalesAt: usize = 0
let scoresAt: usize = 0

export function configure(blocks: usize, bytes: usize, padded: usize, values: usize, scales: usize, scores: usize): void {
  blocksAt = blocks
  blockBytes = bytes
  dimensions = padded
  codeBytes = padded >> 3
  valuesAt = values
  scalesAt = scales
  scoresAt = scores
}

// @ts-ignore: decorator
@inline
function sum(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3)
}

// @ts-ignore: decorator
@inline
function widen(v: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v))
}

// @ts-ignore: decorator
@inline
function differing(code: usize, query: usize): v128 {
  return i8x16.popcnt(v128.xor(v128.load(code), v128.load(query)))
}

/** Hamming distance of every code to the query, stored as u32 score and counted in histogram u32[dimensions + 1]. */
export function scanBits(rows: i32, query: usize, histogram: usize): void {
  memory.fill(histogram, 0, (dimensions + 1) << 2)
  for (let first = 0, block = blocksAt; first < rows; first += BLOCK_ROWS, block += blockBytes) {
    let code = block
    let score = block + scoresAt
    const end = score + (<usize>min(rows - first, BLOCK_ROWS) << 2)
    for (; score < end; score += 4) {
      let distance: i32
      if (codeBytes == 48) {
        // 384 dimensions, the common case, without a loop.
        const low = v128.add<u8>(differing(code, query), differing(code + 16, query + 16))
        distance = sum(widen(v128.add<u8>(low, differing(code + 32, query + 32))))
      } else {
        // A byte lane counts at most 8 a step: two accumulators hold 31 steps each, enough for 7936 dimensions.
        let even = i8x16.splat(0)
        let odd = i8x16.splat(0)
        let at: usize = 0
        for (; at + 32 <= codeBytes; at += 32) {
          even = v128.add<u8>(even, differing(code + at, query + at))
          odd = v128.add<u8>(odd, differing(code + at + 16, query + at + 16))
        }
        if (at < codeBytes) even = v128.add<u8>(even, differing(code + at, query + at))
        distance = sum(i32x4.add(widen(even), widen(odd)))
      }
      store<i32>(score, distance)
      const bucket = histogram + (<usize>distance << 2)
      store<i32>(bucket, load<i32>(bucket) + 1)
      code += codeBytes
    }
  }
}

/** Slots of the `wanted` smallest distances after scanBits, as i32 at out; ties by slot. Returns how many. */
export function selectNearest(rows: i32, wanted: i32, histogram: usize, out: usize): i32 {
  let cut: i32 = 0
  let below: i32 = 0
  for (; cut <= <i32>dimensions; cut++) {
    const count = load<i32>(histogram + (<usize>cut << 2))
    if (below + count >= wanted) break
    below += count
  }
  let atCut = wanted - below
  const start = out
  for (let first = 0, block = blocksAt; first < rows; first += BLOCK_ROWS, block += blockBytes) {
    const count = min(rows - first, BLOCK_ROWS)
    for (let row = 0; row < count; row++) {
      const distance = load<i32>(block + scoresAt + (<usize>row << 2))
      if (distance > cut) continue
      if (distance == cut) {
        if (atCut <= 0) continue
        atCut--
      }
      store<i32>(out, first + row)
      out += 4
    }
  }
  return <i32>((out - start) >> 2)
}

// Query values are i16 within +-8191 and row values within +-127: a 32-bit lane holds dimensions / 4 products for
// up to 8256 dimensions. Lanes are added as floats because their sum may not fit.
// @ts-ignore: decorator
@inline
function dot(values: usize, query: usize): f32 {
  let a = i32x4.splat(0)
  let b = i32x4.splat(0)
  const end = values + dimensions
  for (; values < end; values += 32, query += 64) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load_ext<i8>(values), v128.load(query)))
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load_ext<i8>(values, 8), v128.load(query, 16)))
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load_ext<i8>(values, 16), v128.load(query, 32)))
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load_ext<i8>(values, 24), v128.load(query, 48)))
  }
  const s = f32x4.add(f32x4.convert_i32x4_s(a), f32x4.convert_i32x4_s(b))
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3)
}

/** Score of the rows at `count` slots (i32), as f32 at out. */
export function scoreSlots(slots: usize, count: i32, query: usize, queryScale: f32, out: usize): void {
  const end = slots + (<usize>count << 2)
  for (; slots < end; slots += 4, out += 4) {
    const slot = load<i32>(slots)
    const block = blocksAt + <usize>(slot / BLOCK_ROWS) * blockBytes
    const row = <usize>(slot % BLOCK_ROWS)
    const scale = load<f32>(block + scalesAt + (row << 2)) * queryScale
    store<f32>(out, dot(block + valuesAt + row * dimensions, query) * scale)
  }
}

/** Score of every row, as f32 in the row's score column. */
export function scoreAll(rows: i32, query: usize, queryScale: f32): void {
  for (let first = 0, block = blocksAt; first < rows; first += BLOCK_ROWS, block += blockBytes) {
    const count = <usize>min(rows - first, BLOCK_ROWS)
    for (let row: usize = 0; row < count; row++) {
      const scale = load<f32>(block + scalesAt + (row << 2)) * queryScale
      store<f32>(block + scoresAt + (row << 2), dot(block + valuesAt + row * dimensions, query) * scale)
    }
  }
}

// @ts-ignore: decorator
@inline
function above(values: v128, scale: v128, mean: usize): v128 {
  return f32x4.gt(f32x4.mul(f32x4.convert_i32x4_s(values), scale), v128.load(mean))
}

/** Sign bits of `count` rows from slot `first`: bit set where the value lies above the mean (f32[dimensions]). */
export function encodeBits(first: i32, count: i32, mean: usize): void {
  for (let slot = first; slot < first + count; slot++) {
    const block = blocksAt + <usize>(slot / BLOCK_ROWS) * blockBytes
    const row = <usize>(slot % BLOCK_ROWS)
    const scale = f32x4.splat(load<f32>(block + scalesAt + (row << 2)))
    const values = block + valuesAt + row * dimensions
    const code = block + row * codeBytes
    for (let at: usize = 0; at < dimensions; at += 16) {
      const low = v128.load_ext<i8>(values + at)
      const high = v128.load_ext<i8>(values + at, 8)
      const means = mean + (at << 2)
      const a = above(i32x4.extend_low_i16x8_s(low), scale, means)
      const b = above(i32x4.extend_high_i16x8_s(low), scale, means + 16)
      const c = above(i32x4.extend_low_i16x8_s(high), scale, means + 32)
      const d = above(i32x4.extend_high_i16x8_s(high), scale, means + 48)
      const signs = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
      store<u16>(code + (at >> 3), <u16>i8x16.bitmask(signs))
    }
  }
}
