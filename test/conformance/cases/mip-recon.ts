import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { type ReconItem, ReconSet } from '../../../protocol/core/negentropy.ts'
import { START_MS } from '../../support/mip-log.ts'

/** Items 0 to `count` but some. Item i: three of them at one time, ids by hash of `mip-recon/i`. */
export interface ReconVectorSet {
  count: number
  without: number[]
}

export function setOf({ count, without }: ReconVectorSet, bytesMax: number): ReconSet {
  const items: ReconItem[] = []
  for (let i = 0; i < count; i++)
    if (!without.includes(i))
      items.push({ ts: START_MS + 1000 * Math.floor(i / 3), id: sha256(utf8ToBytes(`mip-recon/${i}`)) })
  return new ReconSet(items, bytesMax)
}

/** Every message of both sides, first that of whoever asks. */
function transcript(ours: ReconSet, theirs: ReconSet) {
  const messages: string[] = []
  const [have, need]: [string[], string[]] = [[], []]
  for (let message: Uint8Array | null = ours.initiate(); message !== null; ) {
    const answer = theirs.answer(message)
    messages.push(bytesToHex(message), bytesToHex(answer))
    const step = ours.next(answer)
    have.push(...step.have.map((id) => bytesToHex(id)))
    need.push(...step.need.map((id) => bytesToHex(id)))
    message = step.message
  }
  return { messages, have: have.sort(), need: need.sort() }
}

const EVERY_HUNDREDTH = Array.from({ length: 10 }, (_, i) => 100 * i + 7)
const BYTES_MAX = 48 * 1024

const EXCHANGES: [title: string, ours: ReconVectorSet, theirs: ReconVectorSet, bytesMax?: number][] = [
  ['two empty sets', { count: 0, without: [] }, { count: 0, without: [] }],
  ['equal sets', { count: 1000, without: [] }, { count: 1000, without: [] }],
  ['equal sets of few items', { count: 31, without: [] }, { count: 31, without: [] }],
  ['one item missing here', { count: 100, without: [50] }, { count: 100, without: [] }],
  ['one item missing there', { count: 100, without: [] }, { count: 100, without: [50] }],
  ['one item missing on each side', { count: 100, without: [31] }, { count: 100, without: [66] }],
  ['1,000 items and 990', { count: 1000, without: [] }, { count: 1000, without: EVERY_HUNDREDTH }],
  ['nothing here, some there', { count: 0, without: [] }, { count: 40, without: [] }],
  ['an end that is missing', { count: 900, without: [] }, { count: 1000, without: [] }],
  ['messages that are cut', { count: 10, without: [] }, { count: 150, without: [] }, 2048],
]

const HOSTILE: { title: string; reason: string; hex: string; role?: 'next' }[] = [
  { title: 'no byte', reason: 'cut_short', hex: '' },
  { title: 'another protocol', reason: 'bad_version', hex: '51' },
  { title: 'another version, as an answer', reason: 'bad_version', hex: '62', role: 'next' },
  { title: 'a bound without a mode', reason: 'cut_short', hex: '610000' },
  { title: 'a mode that there is not', reason: 'bad_mode', hex: '61000003' },
  { title: 'a prefix of 33 bytes', reason: 'bad_bound', hex: `610021${'00'.repeat(33)}00` },
  { title: 'a fingerprint that is cut', reason: 'cut_short', hex: `61000001${'ab'.repeat(15)}` },
  { title: 'a number beyond 2^53', reason: 'bad_varint', hex: `61${'ff'.repeat(9)}00` },
  { title: 'a time beyond 2^53', reason: 'bad_bound', hex: '618fffffffffffff7e00008fffffffffffff7e0000' },
  { title: 'a number without an end', reason: 'cut_short', hex: '6180808080' },
  { title: 'more ids than there are bytes', reason: 'cut_short', hex: '6100000287ffffffffffff7f' },
]

export function reconVectors() {
  const exchanges = EXCHANGES.map(([title, ours, theirs, bytesMax = BYTES_MAX]) => {
    const said = transcript(setOf(ours, bytesMax), setOf(theirs, bytesMax))
    return { title, valid: true, ours, theirs, bytesMax, ...said }
  })
  const newer = {
    title: 'a later version is answered by the one that is spoken',
    valid: true,
    hex: '62ffff',
    answer: '61',
  }
  const set = { count: 100, without: [] }
  const hostile = HOSTILE.map(({ role = 'answer', ...vector }) => ({ ...vector, valid: false, role, ours: set }))
  return [...exchanges, { ...newer, ours: set }, ...hostile]
}
