import { VECTOR_DIMENSIONS_MAX, VECTOR_PREFILTER_ROWS_MAX } from '../../../schemas/limits.ts'

/** Rows in one block; the kernel is compiled with the same number. */
export const BLOCK_ROWS = 256

/** A code is a whole number of 16-byte vectors. */
const DIMENSIONS_STEP = 128
/** A WebAssembly page. */
export const PAGE_BYTES = 65536

/**
 * Where things lie in the memory of one resident set: scratch space for one search, then blocks of rows.
 * `*At` within a block are offsets from the block's start; the sign bits come first.
 */
export interface BlockLayout {
  paddedDimensions: number
  queryAt: number
  queryBitsAt: number
  meanAt: number
  histogramAt: number
  slotsAt: number
  slotScoresAt: number
  blocksAt: number
  valuesAt: number
  scalesAt: number
  seqsAt: number
  changesAt: number
  scoresAt: number
  blockBytes: number
}

/** Layout for vectors of `dimensions`. Throws RangeError outside 1..VECTOR_DIMENSIONS_MAX. */
export function blockLayout(dimensions: number): BlockLayout {
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > VECTOR_DIMENSIONS_MAX)
    throw new RangeError(`"dimensions" expected an integer from 1 to ${VECTOR_DIMENSIONS_MAX}, got ${dimensions}`)
  const padded = Math.ceil(dimensions / DIMENSIONS_STEP) * DIMENSIONS_STEP
  const scratch = columns(1024, [
    2 * padded,
    padded / 8,
    4 * padded,
    4 * (padded + 16),
    4 * VECTOR_PREFILTER_ROWS_MAX,
    4 * VECTOR_PREFILTER_ROWS_MAX,
  ])
  const [queryAt, queryBitsAt, meanAt, histogramAt, slotsAt, slotScoresAt] = scratch.starts as Starts
  const block = columns(
    0,
    [padded / 8, padded, 4, 8, 8, 4].map((rowBytes) => rowBytes * BLOCK_ROWS),
  )
  const [, valuesAt, scalesAt, seqsAt, changesAt, scoresAt] = block.starts as Starts
  return {
    paddedDimensions: padded,
    ...{ queryAt, queryBitsAt, meanAt, histogramAt, slotsAt, slotScoresAt, blocksAt: scratch.end },
    ...{ valuesAt, scalesAt, seqsAt, changesAt, scoresAt, blockBytes: block.end },
  }
}

/** WebAssembly pages that hold the scratch space and `rows` rows. */
export const pagesFor = (layout: BlockLayout, rows: number): number =>
  Math.ceil((layout.blocksAt + Math.ceil(rows / BLOCK_ROWS) * layout.blockBytes) / PAGE_BYTES)

type Starts = [number, number, number, number, number, number]

function columns(start: number, sizes: readonly number[]): { starts: number[]; end: number } {
  let end = start
  const starts = sizes.map((size) => {
    const at = end
    end += size
    return at
  })
  return { starts, end }
}
