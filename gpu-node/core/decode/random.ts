/**
 * Dice that fall the same for the same seed, everywhere: xoshiro128++ (Blackman and Vigna, https://prng.di.unimi.it), seeded by SplitMix32.
 * Good for sampling, not for secrets. Gives numbers from 0 up to, not including, 1.
 */
export function seededDice(seed: number): () => number {
  let mixed = seed >>> 0
  const split = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  const state = Uint32Array.from({ length: 4 }, split)
  return () => {
    const [a = 0, b = 0, c = 0, d = 0] = state
    const result = (rotated((a + d) >>> 0, 7) + a) >>> 0
    state.set([a ^ d ^ b, b ^ c ^ a, c ^ a ^ (b << 9), rotated(d ^ b, 11)])
    return result / 2 ** 32
  }
}

const rotated = (value: number, by: number) => ((value << by) | (value >>> (32 - by))) >>> 0
