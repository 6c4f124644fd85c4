import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { seededRandom, startSeed } from '../../test/conformance/seeded-random.ts'
import { type ReconItem, ReconSet } from './negentropy.ts'
import { ReconError } from './negentropy-codec.ts'

const MESSAGE_BYTES_MAX = 4096
const hexes = (ids: readonly Uint8Array[]) => ids.map((id) => bytesToHex(id)).sort()

/** Both sides until nothing is left to ask. */
function reconciled(ours: ReconSet, theirs: ReconSet) {
  const have: Uint8Array[] = []
  const need: Uint8Array[] = []
  const sizes: number[] = []
  let rounds = 0
  for (let message: Uint8Array | null = ours.initiate(); message !== null; rounds++) {
    expect(rounds).toBeLessThan(1000)
    const answer = theirs.answer(message)
    sizes.push(message.length, answer.length)
    const step = ours.next(answer)
    have.push(...step.have)
    need.push(...step.need)
    message = step.message
  }
  return { have: hexes(have), need: hexes(need), rounds, largest: Math.max(...sizes) }
}

const seed = startSeed()

/** Goal: both sides learn exactly what one of them lacks, whatever the sets are. Method: random sets, with the answer computed from them. */
describe(`set reconciliation (SEED=${seed})`, () => {
  const random = seededRandom(seed)
  const item = (at: number): ReconItem => ({
    // Few different times: prefixes of ids have to tell neighbours apart.
    ts: random(3) === 0 ? 1_760_000_000_000 + random(5) : 1_760_000_000_000 + random(1e9),
    id: sha256(utf8ToBytes(`${seed}.${at}`)),
  })

  it('finds what is missing on either side, and no message is too long', () => {
    for (let n = 0; n < 60; n++) {
      const all = Array.from({ length: random(3) === 0 ? random(40) : random(3000) }, (_, i) => item(n * 10_000 + i))
      const rare = 1 + random(200)
      const side = all.map(() => (random(rare) === 0 ? random(3) : 0))
      const pick = (not: number) => all.filter((_, i) => side[i] !== not)
      const { have, need, largest } = reconciled(
        new ReconSet(pick(1), MESSAGE_BYTES_MAX),
        new ReconSet(pick(2), MESSAGE_BYTES_MAX),
      )
      const ids = (which: number) => hexes(all.filter((_, i) => side[i] === which).map(({ id }) => id))
      expect([have, need], `SEED=${seed} set ${n}`).toEqual([ids(2), ids(1)])
      expect(largest, `SEED=${seed} set ${n}`).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
    }
  })

  it('ends after one round for equal sets, in some hundred bytes', () => {
    const all = Array.from({ length: 10_000 }, (_, i) => item(i))
    const { rounds, largest, have, need } = reconciled(new ReconSet(all), new ReconSet(all.toReversed()))
    expect({ rounds, have, need }).toEqual({ rounds: 1, have: [], need: [] })
    expect(largest).toBeLessThan(500)
  })

  it('reads damaged and random messages without any other failure than a reason', () => {
    const set = new ReconSet(Array.from({ length: 500 }, (_, i) => item(i)))
    const right = set.initiate()
    const half = new ReconSet(Array.from({ length: 400 }, (_, i) => item(i))).answer(right)
    for (let n = 0; n < 3000; n++) {
      const bytes =
        random(2) === 0
          ? Uint8Array.from(random(2) === 0 ? right : half)
          : Uint8Array.from({ length: random(300) }, () => random(256))
      if (bytes.length > 0) bytes[0] = 0x61
      for (let k = random(4); k > 0; k--) bytes[random(bytes.length || 1)] = random(256)
      const cut = bytes.slice(0, random(3) === 0 ? random(bytes.length + 1) : bytes.length)
      for (const read of [() => set.answer(cut), () => set.next(cut)]) {
        try {
          read()
        } catch (error) {
          expect(error, `SEED=${seed} message ${bytesToHex(cut)}`).toBeInstanceOf(ReconError)
        }
      }
    }
  })
})
