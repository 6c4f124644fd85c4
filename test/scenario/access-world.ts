import { SCOPES, SENSITIVITIES, type Sensitivity } from '../../schemas/vocabulary.ts'
import type { Caller, EdgeUnderTest, Tenant } from '../support/edge.ts'
import { user } from './tenant-world.ts'

const agent = (id: string) => ({ kind: 'agent', id }) as const
type Who = { kind: 'user' | 'agent'; id: string }
type Layer = 'private' | 'shared' | 'global'

/** The same places in every organisation, so that only ids and words tell them apart. */
const PLACES: readonly { name: string; layer: Layer; owner: Who | null }[] = [
  { name: 'user:u1', layer: 'private', owner: user('u1') },
  { name: 'user:u2', layer: 'private', owner: user('u2') },
  { name: 's1', layer: 'shared', owner: null },
  { name: 's2', layer: 'shared', owner: null },
  { name: 'g', layer: 'global', owner: null },
]
const SUBJECTS: readonly (Who | null)[] = [null, user('u1'), user('u2'), agent('a1')]
const CLAIMS: readonly Claims[] = [{}, { task: 't1' }, { task: 't2', purpose: 'p1' }]
const NARROWINGS: readonly (readonly string[] | null)[] = [null, ['s1', 'user:u1']]
/** Who holds which role. Other people do in each organisation, so that a role of one opens nothing in the other. */
const membersOf = (word: string): readonly Member[] => {
  const [first, second] = word < 'b' ? [user('u1'), user('u2')] : [user('u2'), user('u1')]
  return [
    { role: 'r1', who: first, ended: false },
    { role: 'r1', who: second, ended: true },
    { role: 'r2', who: agent('a1'), ended: false },
    { role: 'r2', who: second, ended: false },
  ]
}
const GRANTS = 18
const FAR = '2999-01-01T00:00:00Z'

interface Member {
  role: string
  who: Who
  ended: boolean
}

interface Claims {
  task?: string
  purpose?: string
}

export interface Place {
  name: string
  layer: Layer
  owner: Who | null
}

export interface PlacedCube {
  cubeId: string
  place: Place
  sensitivity: Sensitivity
  /** Word that stands in this cube and nowhere else. */
  marker: string
}

interface Grant {
  subject: { kind: 'user' | 'agent' | 'role' | 'org'; id?: string }
  place: Place
  cube: PlacedCube | null
  access: 'read' | 'write'
  clearance: Sensitivity
  tasks: readonly string[] | null
  purposes: readonly string[] | null
  time: 'always' | 'ended' | 'later'
}

export interface Reader {
  title: string
  caller: Caller
  headers: Record<string, string>
  subject: Who | null
  clearance: Sensitivity
  claims: Claims
  names: readonly string[] | null
}

export interface AccessWorld extends Tenant {
  places: readonly Place[]
  cubes: readonly PlacedCube[]
  grants: readonly Grant[]
  members: readonly Member[]
  readers: readonly Reader[]
}

/** Draws from a list: the same seed, the same world. */
export type Draw = <T>(list: readonly T[]) => T

/** One organisation with memory of every sensitivity in every layer, permissions of every kind, and keys of every kind. */
export async function buildAccessWorld(
  edge: EdgeUnderTest,
  tenant: Tenant,
  word: string,
  draw: Draw,
): Promise<AccessWorld> {
  const { admin } = tenant
  for (const id of ['u1', 'u2']) await admin.ok('createUser', { body: { id } })
  await admin.ok('createAgent', { body: { id: 'a1' } })
  const cubes: PlacedCube[] = []
  for (const [at, place] of PLACES.entries()) {
    const { name, layer, owner } = place
    await admin.ok('createNamespace', { body: { name, layer, ...(owner === null ? {} : { owner }) } })
    for (const [level, sensitivity] of SENSITIVITIES.entries()) {
      // A name to people and a word to search; nothing else is spelt like it.
      const marker = `Zq${word}${'aeiou'[at]}x${'bdf'[level]}`
      const body = { namespace: name, sensitivity, tags: [marker], title: `Title ${marker}`, speaker: marker }
      const content = `The heron. ${marker} lives in Paris. ${marker} works at the mill.`
      const { cubeId } = await admin.ok('createCube', { body: { ...body, content } })
      cubes.push({ cubeId, place, sensitivity, marker })
    }
  }
  const members = membersOf(word)
  await makeRoles(edge, tenant, members)
  const grants = Array.from({ length: GRANTS }, () => drawGrant(cubes, draw))
  for (const grant of grants) await apply(edge, tenant, grant)
  return { ...tenant, places: PLACES, cubes, grants, members, readers: await makeReaders(tenant) }
}

async function makeRoles(edge: EdgeUnderTest, { admin, id: orgId }: Tenant, held: readonly Member[]): Promise<void> {
  for (const name of ['r1', 'r2']) {
    await admin.ok('setRole', { params: { name }, body: { template: { namespaces: [] } } })
    const members = held.filter(({ role }) => role === name).map(({ who }) => ({ subject: who }))
    await admin.ok('setRoleMembers', { params: { name }, body: { members } })
  }
  for (const { role, who } of held.filter(({ ended }) => ended))
    await edge.rows(
      'update role_members set expires_at_ms = 1 where org_id = ? and role = ? and subject_id = ? returning role',
      orgId,
      role,
      who.id,
    )
}

function drawGrant(cubes: readonly PlacedCube[], draw: Draw): Grant {
  const cube = draw([null, draw(cubes)])
  const open = PLACES.filter(({ layer }) => layer !== 'private')
  return {
    subject: draw<Grant['subject']>([
      user('u1'),
      user('u2'),
      agent('a1'),
      { kind: 'role', id: 'r1' },
      { kind: 'role', id: 'r2' },
      { kind: 'org' },
    ]),
    place: cube?.place ?? draw(open),
    cube,
    access: draw(['read', 'write']),
    clearance: draw(SENSITIVITIES),
    tasks: draw([null, ['t1'], ['t1', 't2']]),
    purposes: draw([null, null, ['p1']]),
    time: draw(['always', 'always', 'always', 'ended', 'later']),
  }
}

async function apply(edge: EdgeUnderTest, { admin }: Tenant, grant: Grant): Promise<void> {
  const { id } = await admin.ok('createPermission', {
    body: {
      subject: grant.subject,
      namespace: grant.place.name,
      access: grant.access,
      clearance: grant.clearance,
      ...(grant.cube === null ? {} : { cubeId: grant.cube.cubeId }),
      ...(grant.tasks === null ? {} : { tasks: [...grant.tasks] }),
      ...(grant.purposes === null ? {} : { purposes: [...grant.purposes] }),
      ...(grant.time === 'later' ? { notBefore: FAR } : {}),
    },
  })
  if (grant.time === 'ended') await edge.rows('update permissions set expires_at_ms = 1 where id = ? returning id', id)
}

async function makeReaders({ admin }: Tenant): Promise<Reader[]> {
  const plain = SCOPES.filter(
    (scope) => !['metrics:read', 'org:admin', 'key:admin', 'memory:secret', 'mip'].includes(scope),
  )
  const readers: Reader[] = []
  for (const subject of SUBJECTS) {
    for (const clearance of SENSITIVITIES) {
      for (const names of NARROWINGS) {
        const caller = await admin.newKey({
          scopes: clearance === 'secret' ? [...plain, 'memory:secret'] : plain,
          ...(clearance === 'none' ? { clearance } : {}),
          ...(subject === null ? {} : { subject }),
          ...(names === null ? {} : { namespaces: [...names] }),
        })
        // To a key of the organisation, claims mean nothing.
        for (const claims of subject === null ? CLAIMS.slice(0, 1) : CLAIMS) {
          const headers = {
            ...(claims.task === undefined ? {} : { 'memos-task': claims.task }),
            ...(claims.purpose === undefined ? {} : { 'memos-purpose': claims.purpose }),
          }
          const who = subject === null ? 'organisation' : `${subject.kind} ${subject.id}`
          const title = `${who}, ${clearance}, ${JSON.stringify(claims)}, ${names?.join(' ') ?? 'everywhere'}`
          readers.push({ title, caller, headers, subject, clearance, claims, names })
        }
      }
    }
  }
  return readers
}

export const rank = (sensitivity: Sensitivity): number => SENSITIVITIES.indexOf(sensitivity)

function holds({ members }: AccessWorld, { subject, time, tasks, purposes }: Grant, reader: Reader): boolean {
  const { subject: who, claims } = reader
  if (who === null || time !== 'always') return false
  const isMember = members.some(
    (one) => one.role === subject.id && !one.ended && one.who.kind === who.kind && one.who.id === who.id,
  )
  const isFor =
    subject.kind === 'org' || (subject.kind === 'role' ? isMember : subject.kind === who.kind && subject.id === who.id)
  return (
    isFor &&
    (tasks === null || (claims.task !== undefined && tasks.includes(claims.task))) &&
    (purposes === null || (claims.purpose !== undefined && purposes.includes(claims.purpose)))
  )
}

/** Most sensitive cubes that a reader may use in a place as a whole, as a rank; -1 where the place is closed. */
export function rankIn(world: AccessWorld, reader: Reader, place: Place, access: 'read' | 'write'): number {
  if (reader.names !== null && !reader.names.includes(place.name)) return -1
  const { subject, clearance } = reader
  const isOwn = subject !== null && place.owner?.kind === subject.kind && place.owner.id === subject.id
  if (subject === null || isOwn || (access === 'read' && place.layer === 'global')) return rank(clearance)
  if (place.layer === 'private') return -1
  const ranks = world.grants
    .filter((grant) => grant.cube === null && grant.place === place && holds(world, grant, reader))
    .filter((grant) => access === 'read' || grant.access === 'write')
    .map((grant) => Math.min(rank(grant.clearance), rank(clearance)))
  return Math.max(-1, ...ranks)
}

/** Whether a place is open as a whole. */
export const isOpen = (world: AccessWorld, reader: Reader, place: Place, access: 'read' | 'write'): boolean =>
  rankIn(world, reader, place, access) >= 0

/** What a reader may do with a cube, said from the world's definition and nothing else. */
export function reachOf(
  world: AccessWorld,
  reader: Reader,
  cube: PlacedCube,
  access: 'read' | 'write' = 'read',
): 'nothing' | 'known' | 'all' {
  if (!world.cubes.includes(cube)) return 'nothing'
  if (reader.names !== null && !reader.names.includes(cube.place.name)) return 'nothing'
  const singly = world.grants
    .filter(
      (grant) => grant.cube === cube && holds(world, grant, reader) && (access === 'read' || grant.access === 'write'),
    )
    .map((grant) => Math.min(rank(grant.clearance), rank(reader.clearance)))
  const reach = Math.max(rankIn(world, reader, cube.place, access), ...singly)
  if (reach >= rank(cube.sensitivity)) return 'all'
  return reach >= 0 && cube.sensitivity === 'personal' ? 'known' : 'nothing'
}
