/** What an organisation or a whole database asks of the machine below it. */
export interface Load {
  bytes: number
  /** Database time at the peak hour, milliseconds of each second. One D1 database runs one statement at a time, so 1000 is all there is. */
  busyMs: number
  /** 1 for one organisation; a database counts those it holds. */
  organisations: number
}

export interface PlacementLimits {
  /** What one database can hold and do. */
  capacity: Load
  /** Newcomers go only where every share is below this; the rest is room for those already there to grow. */
  placeBelow: number
  /** Above this share of bytes, or above the whole of its time, a database gives organisations away... */
  moveAbove: number
  /** ...until its share of bytes is back below this, so that it does not have to move again the next day. */
  moveTo: number
  /** An organisation above this share of a database gets one of its own. */
  aloneAbove: number
}

export const D1_LIMITS: PlacementLimits = {
  // Half of the time stays free: a queue in front of one server doubles its wait at half load. Newcomers are empty, so bytes alone would
  // pack a database with more of them than it can hold once they have grown: their number is bounded as well.
  capacity: { bytes: 10e9, busyMs: 500, organisations: 4000 },
  placeBelow: 0.6,
  moveAbove: 0.85,
  moveTo: 0.75,
  aloneAbove: 0.5,
}

export const plus = (a: Load, b: Load): Load => ({
  bytes: a.bytes + b.bytes,
  busyMs: a.busyMs + b.busyMs,
  organisations: a.organisations + b.organisations,
})

/** The greatest of the shares that a load takes of a capacity. */
export const pressure = (load: Load, { capacity }: PlacementLimits): number =>
  Math.max(load.bytes / capacity.bytes, load.busyMs / capacity.busyMs, load.organisations / capacity.organisations)

/** Whether a database must give an organisation away. */
export const mustShed = ({ bytes, busyMs }: Load, { capacity, moveAbove }: PlacementLimits): boolean =>
  busyMs > capacity.busyMs || bytes > moveAbove * capacity.bytes

/** The least loaded database with headroom for `need`, by index; null when a new one must be created. */
export function chooseDatabase(databases: readonly Load[], need: Load, limits: PlacementLimits): number | null {
  if (pressure(need, limits) > limits.aloneAbove) return null
  let best: number | null = null
  let bestPressure = limits.placeBelow
  for (const [at, database] of databases.entries()) {
    const after = pressure(plus(database, need), limits)
    if (after >= bestPressure) continue
    best = at
    bestPressure = after
  }
  return best
}

/**
 * The organisation that should leave a database, by index; null when it may stay as it is or nobody can leave. A hot database sends away
 * the organisation that keeps it busiest; a full one the smallest that brings it below the mark, so that the least is copied.
 */
export function chooseMove(organisations: readonly Load[], limits: PlacementLimits): number | null {
  if (organisations.length < 2) return null
  const total = organisations.reduce(plus)
  if (!mustShed(total, limits)) return null
  if (total.busyMs > limits.capacity.busyMs) return indexOfMax(organisations, (one) => one.busyMs)
  const surplus = total.bytes - limits.moveTo * limits.capacity.bytes
  const sufficient = organisations.map((one) => (one.bytes >= surplus ? -one.bytes : Number.NEGATIVE_INFINITY))
  const smallest = indexOfMax(sufficient, (value) => value)
  return sufficient[smallest] === Number.NEGATIVE_INFINITY ? indexOfMax(organisations, (one) => one.bytes) : smallest
}

function indexOfMax<T>(items: readonly T[], value: (item: T) => number): number {
  let best = 0
  for (const [at, item] of items.entries()) if (value(item) > value(items[best] as T)) best = at
  return best
}
