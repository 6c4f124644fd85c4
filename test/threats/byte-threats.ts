import { cidOf } from '../../protocol/core/cid.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { openEntry } from '../../protocol/core/entry.ts'
import { openHead } from '../../protocol/core/head.ts'
import { applyEntries } from '../../protocol/core/log-apply.ts'
import { compareHead, type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { decodeMipCbor } from '../../protocol/core/mip-cbor.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import { toWire } from '../../protocol/core/signed.ts'
import { nodeEd25519, webCryptoEd25519 } from '../../protocol/host/native-ed25519.ts'
import { ED25519_EDGE_CASES } from '../conformance/cases/mip-ed25519.ts'
import { DAY_MS } from '../support/mip-log.ts'
import cborFile from '../vectors/mip-cbor.json' with { type: 'json' }
import { SignedLog } from './gossip-world.ts'
import type { Measured } from './measured.ts'

const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

/** Every bit of every byte of an entry that would be taken. */
export async function flipEveryByte(): Promise<Measured> {
  const log = await SignedLog.create()
  const last = await log.publish()
  const { state } = await applyEntries(newLogState(log.org, 'main'), log.entries.slice(0, -1), log.options())
  const wire = toWire(last)
  let accepted = 0
  for (let bit = 0; bit < wire.length * 8; bit++) {
    const at = bit >> 3
    const opened = openedOrNull(wire.with(at, (wire[at] ?? 0) ^ (1 << (bit & 7))))
    if (opened !== null) accepted += (await applyEntries(state, [opened], log.options())).accepted.length
  }
  const whole = await applyEntries(state, [openEntry(wire)], log.options())
  return {
    figure: `${accepted} accepted of ${wire.length * 8} (${wire.length} bytes, every bit)`,
    isKept: accepted === 0 && whole.accepted.length === 1,
  }
}

function openedOrNull(wire: Uint8Array) {
  try {
    return openEntry(wire)
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}

/** The signatures on which verifiers disagree, by three of them here; workerd and Chromium replay the same file in the suite and in conformance. */
export async function compareVerifiers(): Promise<Measured> {
  const native = nodeEd25519()
  const web = webCryptoEd25519()
  let same = 0
  for (const { message, publicKey, signature, valid } of ED25519_EDGE_CASES) {
    const [m, k, s] = [message, publicKey, signature].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array]
    const answers = [
      await native.verify(s, m, k),
      native.verifySync(s, m, k),
      await web.verify(s, m, k),
      await portableEd25519.verify(s, m, k),
    ]
    if (answers.every((one) => one === valid)) same += 1
  }
  return {
    figure: `${same} of ${ED25519_EDGE_CASES.length} the same by node:crypto (both ways), WebCrypto and noble`,
    isKept: same === 12 && ED25519_EDGE_CASES.length === 12,
  }
}

/** Other bytes for a value that has its own. */
export async function refuseOtherBytes(): Promise<Measured> {
  const refused = cborFile.filter(({ valid }) => !valid)
  const taken = refused.filter(({ hex }) => isTaken(fromHex(hex ?? '')))
  const deep = new Uint8Array(5000).fill(0x81)
  const isDeepTaken = isTaken(deep)
  return {
    figure: `${taken.length} taken of ${refused.length} negative vectors; depth 5,000 ${isDeepTaken ? 'TAKEN' : 'refused'}`,
    isKept: taken.length === 0 && refused.length >= 20 && !isDeepTaken,
  }
}

function isTaken(bytes: Uint8Array): boolean {
  try {
    decodeMipCbor(bytes, 2 ** 20)
    return true
  } catch {
    return false
  }
}

/** Writers and beacons whose clocks are a day off, both ways. */
export async function skewClocks(): Promise<Measured> {
  const log = await SignedLog.create()
  const days = [1, -1, 0, -1, 1]
  for (let n = 0; n < 200; n++) await log.publish({ ts: log.entries[0]!.entry.ts + (2 + (days[n % 5] ?? 0)) * DAY_MS })
  const { state, accepted } = await applyEntries(newLogState(log.org, 'main'), log.entries, log.options())
  const isInOrder = accepted.every(({ entry }, at) => entry.seq === at) && accepted.length === 202
  const places = new Set<string>()
  const behind: LogState = { ...state, seq: state.seq - 5, cid: cidOf(Uint8Array.of(0), 'object') }
  for (const skew of [-DAY_MS, 0, DAY_MS]) {
    const { head } = openHead(await log.head(skew))
    places.add(`${compareHead(state, head)} ${compareHead(behind, head)}`)
  }
  return {
    figure: `${accepted.length} of 202 in the order of their places; a head a day off reads as ${[...places].join(' | ')}`,
    isKept: isInOrder && places.size === 1 && places.has('same ahead'),
  }
}

/** An entry and a head that claim a place near the end of all numbers. */
export async function leapFarAhead(): Promise<Measured> {
  const log = await SignedLog.create()
  const { state } = await applyEntries(newLogState(log.org, 'main'), log.entries, log.options())
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  const leap = await log.publish({ seq: Number.MAX_SAFE_INTEGER - 1 })
  const outcome = await applyEntries(state, [leap], log.options())
  const ms = performance.now() - started
  const heap = process.memoryUsage().heapUsed - before
  return {
    figure: `${outcome.problem?.code ?? 'taken'}, in ${ms.toFixed(0)} ms and ${(heap / 2 ** 20).toFixed(1)} MiB`,
    isKept: outcome.problem?.code === 'gap' && outcome.accepted.length === 0 && heap < 8 * 2 ** 20,
  }
}
