import { bytesToHex } from '@noble/hashes/utils.js'
import { cidOf } from '../../../protocol/core/cid.ts'
import { portableEd25519 } from '../../../protocol/core/ed25519-rule.ts'
import { openEntryParts } from '../../../protocol/core/entry.ts'
import { fromJsonView, type JsonView, toJsonView } from '../../../protocol/core/json-view.ts'
import { applyEntries } from '../../../protocol/core/log-apply.ts'
import { newLogState } from '../../../protocol/core/log-state.ts'
import { decodeMipCbor, encodeMipCbor } from '../../../protocol/core/mip-cbor.ts'
import { MipError } from '../../../protocol/core/mip-error.ts'
import { signBytes, toWire } from '../../../protocol/core/signed.ts'
import { BODY, LogWriter, person } from '../../support/mip-log.ts'

const ROOT = person(9)

/** What a later version may put into the second entry of a log, as JSON view of the object. */
const LATER: { title: string; change: { [key: string]: JsonView } }[] = [
  { title: 'a field that version 1.0 does not know', change: { more: { colour: 'green', at: [1, 2] } } },
  { title: 'a field of the sum that version 1.0 does not know', change: { sum: { topics: ['travel'], mood: 'calm' } } },
  { title: 'an operation that version 1.0 does not know', change: { op: 'cube.lend', sum: { days: 14 } } },
  { title: 'an operation of the root that version 1.0 does not know', change: { op: 'org.merge', sum: {} } },
  { title: 'critical names that version 1.0 knows', change: { crit: ['cube.publish', 'sum', 'topics'] } },
  { title: 'a critical field that version 1.0 does not know', change: { more: 1, crit: ['more'] } },
  {
    title: 'a critical operation that version 1.0 does not know',
    change: { op: 'cube.lend', sum: {}, crit: ['cube.lend'] },
  },
  { title: 'a critical name in another case', change: { crit: ['Sum'] } },
  { title: 'no critical names', change: { crit: [] } },
  { title: 'critical names that are no list', change: { crit: 'sum' } },
  { title: 'another major version', change: { v: 2 } },
  { title: 'a known field of another kind', change: { ts: '2030-01-01T00:00:00Z' } },
]

/** Entries of a later version, and what a reader of version 1.0 makes of them: taken, taken without effect, held, or refused. */
export async function evolutionVectors() {
  const writer = new LogWriter(ROOT.did)
  const genesis = await writer.add(ROOT, { op: 'org.genesis', sum: { next: person(10).hash } })
  const right = await writer.add(ROOT, { op: 'cube.publish', body: BODY, sum: { topics: ['travel'] } })
  const view = toJsonView(decodeMipCbor(right.bytes)) as { [key: string]: JsonView }
  return Promise.all(
    LATER.map(async ({ title, change }) => {
      const bytes = encodeMipCbor(fromJsonView({ ...view, ...change }))
      const signed = await signBytes('entry', bytes, ROOT.seed, portableEd25519)
      const log = [genesis, signed].map((one) => bytesToHex(toWire(one)))
      const object = { log, cid: cidOf(bytes, 'object'), json: toJsonView(decodeMipCbor(bytes)) }
      try {
        const opened = [genesis, openEntryParts(bytes, signed.signature)]
        const options = { ed25519: portableEd25519, nowMs: 0, delegations: () => null }
        const { state, problem } = await applyEntries(newLogState(ROOT.did, 'main'), opened, options)
        const reason = problem && { reason: problem.code }
        return { title, valid: !problem, ...reason, ...object, view: opened[1]!.entry, seq: state.seq }
      } catch (error) {
        if (!(error instanceof MipError)) throw error
        return { title, valid: false, reason: error.code, ...object }
      }
    }),
  )
}
