import { NodeError } from '../node-error.ts'
import { seededDice } from './random.ts'

export interface Sampling {
  /** 0 takes the likeliest token every time. Default 0. */
  temperature?: number
  /** Only the k likeliest tokens; 0 for all. Default 0. */
  topK?: number
  /** Only the likeliest tokens that together have this share, 0 to 1; one token at least. Default 1. */
  topP?: number
  /** Equal seeds give equal tokens for equal logits. Default: by chance. */
  seed?: number
}

/** A token this many nats behind the likeliest is never drawn: double precision cannot tell its share from none. */
const NATS_MAX = 36

/** Chooses one token from the logits of the vocabulary. @throws NodeError `invalid_tensor` if no logit is a number */
export type Sampler = (logits: Float32Array) => number

/** @throws NodeError `invalid_input` naming the setting that is out of range */
export function samplerOf({ temperature = 0, topK = 0, topP = 1, seed }: Sampling): Sampler {
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    throw new NodeError('invalid_input', 'temperature expected at least 0')
  if (!Number.isInteger(topK) || topK < 0) throw new NodeError('invalid_input', 'topK expected an integer, at least 0')
  if (!(topP >= 0 && topP <= 1)) throw new NodeError('invalid_input', 'topP expected 0 to 1')
  if (seed !== undefined && !Number.isInteger(seed)) throw new NodeError('invalid_input', 'seed expected an integer')
  if (temperature === 0) return likeliest
  const dice = seededDice(seed ?? Math.floor(Math.random() * 2 ** 32))
  return (logits) => drawn(logits, temperature, topK, topP, dice)
}

/** The likeliest token; of equal ones the first. @throws NodeError `invalid_tensor` if no logit is a number */
export function likeliest(logits: Float32Array): number {
  let best = -1
  let most = Number.NEGATIVE_INFINITY
  for (let id = 0; id < logits.length; id++) {
    if (logits[id]! > most) {
      most = logits[id]!
      best = id
    }
  }
  if (best < 0 || most === Number.POSITIVE_INFINITY)
    throw new NodeError('invalid_tensor', 'the model gave logits that are no numbers')
  return best
}

function drawn(logits: Float32Array, temperature: number, topK: number, topP: number, dice: () => number): number {
  const most = logits[likeliest(logits)]!
  const ids: number[] = []
  for (let id = 0; id < logits.length; id++) if (most - logits[id]! <= NATS_MAX * temperature) ids.push(id)
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b)
  if (topK > 0) ids.length = Math.min(ids.length, topK)
  const shares = ids.map((id) => Math.exp((logits[id]! - most) / temperature))
  const kept = withinShare(shares, topP)
  let rest = dice() * kept.total
  for (let i = 0; i < kept.count; i++) {
    rest -= shares[i]!
    if (rest < 0) return ids[i]!
  }
  return ids[kept.count - 1]!
}

/** The first of `shares` that together reach `topP` of all: how many, and their sum. */
function withinShare(shares: readonly number[], topP: number): { count: number; total: number } {
  const wanted = shares.reduce((sum, share) => sum + share, 0) * topP
  let total = 0
  for (const [i, share] of shares.entries()) {
    total += share
    if (total >= wanted) return { count: i + 1, total }
  }
  return { count: shares.length, total }
}
