import { cidOf } from '../../../protocol/core/cid.ts'
import type { KnownRevision, Revocation } from '../../../protocol/core/revocation.ts'

const ORG = 'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3'
const OTHER = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
const utf8 = (text: string) => new TextEncoder().encode(text)
const cid = (name: string) => cidOf(utf8(name), 'object')
const blob = (name: string) => cidOf(utf8(name), 'raw')

/** `cube@number`; the addresses are those of these texts. */
function revision(name: string, facts: { from?: string[]; blobs?: string[]; org?: string; hasTensors?: boolean } = {}) {
  const [cube = '', rev = '1'] = name.split('@')
  const { from = [], blobs = [], org = ORG, hasTensors = false } = facts
  const known: KnownRevision = {
    cid: cid(name),
    org,
    cube: `01J8Z3K4M5N6P7Q8R9S0T1V2${cube}`,
    rev: Number(rev),
    lineage: from.map(cid),
    blobs: blobs.map(blob),
    hasTensors,
  }
  return known
}

/** A family: two revisions, a child of the same organisation that shares a blob, a foreign child, a grandchild of both, a stranger. */
const FAMILY = [
  revision('W1@1', { blobs: ['one', 'shared'] }),
  revision('W1@2', { blobs: ['two'], hasTensors: true }),
  revision('W2@1', { from: ['W1@1'], blobs: ['shared'] }),
  revision('W3@1', { from: ['W1@2'], org: OTHER }),
  revision('W4@1', { from: ['W2@1', 'W3@1'] }),
  revision('W5@1'),
]

const revoke = (facts: Partial<Revocation> = {}): Revocation => ({
  org: ORG,
  cube: FAMILY[0]!.cube,
  reason: 'error',
  scope: 'cube',
  ...facts,
})

export const REVOCATION_NOW_MS = 1_780_000_000_000

export const REVOCATION_CASES: { title: string; revocation: Revocation; revisions: KnownRevision[] }[] = [
  { title: 'a cube: its revisions hidden, all descendants flagged, a shared blob kept', revocation: revoke() },
  { title: 'a cube from its second revision on', revocation: revoke({ fromRev: 2, reason: 'superseded' }) },
  {
    title: 'with what was derived: own descendants hidden, foreign ones flagged',
    revocation: revoke({ scope: 'derived' }),
  },
  { title: 'for legal reasons, with a time to erase by', revocation: revoke({ reason: 'legal' }) },
  {
    title: 'a compromised cube from its second revision on: closed for good from there',
    revocation: revoke({ fromRev: 2, reason: 'compromised' }),
  },
  { title: 'a cube of another organisation: no effect', revocation: revoke({ org: OTHER }) },
  { title: 'a cube that is not known: no effect', revocation: revoke({ cube: '01J8Z3K4M5N6P7Q8R9S0T1V2ZZ' }) },
].map((one) => ({ ...one, revisions: FAMILY }))

/** What is offered after a revocation: all that was there, a corrected revision, and bytes of the family from others and under other ids. */
export const OFFERED_LATER: Pick<KnownRevision, 'cid' | 'org' | 'cube' | 'rev'>[] = [
  ...FAMILY,
  revision('W1@3'),
  { ...FAMILY[1]!, cube: FAMILY[5]!.cube, rev: 2 },
  { ...FAMILY[1]!, org: OTHER },
  { ...revision('W1@3'), org: OTHER },
].map(({ cid, org, cube, rev }) => ({ cid, org, cube, rev }))
