/** Seed of this run: SEED of the environment, else a new one. Tests put it into their name so that a failure can be repeated. */
export function startSeed(): number {
  const given = Number(globalThis.process?.env.SEED)
  return Number.isInteger(given) && given > 0 ? given : 1 + Math.floor(Math.random() * 0x7fffffff)
}

/** Integers from 0 to below the argument (at most 2^32), the same for the same seed (xorshift32, Marsaglia 2003). */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.floor(((state >>> 0) / 2 ** 32) * below)
  }
}
