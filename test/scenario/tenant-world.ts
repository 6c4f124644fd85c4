import { SCOPES } from '../../schemas/vocabulary.ts'
import type { Caller, Tenant } from '../support/edge.ts'

/** A well-formed id that nothing has. */
export const NOBODY = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
export const NAMESPACES = ['default', 'a', 'b', 'user:u1', 'user:u10', 'agent:u1'] as const
type NamespaceOf = (typeof NAMESPACES)[number]
type Places = Record<NamespaceOf, { cubeId: string; taskId: string }>

/** An organisation with memory in every kind of place, and keys of every kind. */
export interface World extends Tenant {
  /** Word that stands in every cube of this organisation and in no other one. */
  word: string
  places: Places
  callers: { title: string; caller: Caller & { keyId: string }; reach: readonly NamespaceOf[] }[]
}

export const user = (id: string) => ({ kind: 'user', id }) as const
const whole = SCOPES.filter((scope) => scope !== 'metrics:read')
const scopes = whole.filter((scope) => scope !== 'org:admin')

/** Two of these are alike in every name; only `word` tells their memory apart. */
export async function buildWorld(
  tenant: Tenant,
  word: string,
  plantTask: (orgId: string, cubeId: string) => Promise<string>,
): Promise<World> {
  const { admin } = tenant
  for (const name of ['a', 'b', `only-${word}`]) await admin.ok('createNamespace', { body: { name, layer: 'shared' } })
  const agent = await admin.newKey({ scopes, subject: { kind: 'agent', id: 'u1' } })
  const places: Partial<Places> = {}
  for (const name of NAMESPACES) {
    const body = {
      content: `heron ${word} of ${name}`,
      session: 'same session',
      tags: ['same'],
      speaker: 'Same',
      embedding: { model: 'm', values: [1, 0] },
    }
    const target = name.startsWith('user:')
      ? { userId: name.slice('user:'.length) }
      : name === 'agent:u1'
        ? {}
        : { namespace: name }
    const { cubeId } = await (name === 'agent:u1' ? agent : admin).ok('createCube', { body: { ...body, ...target } })
    places[name] = { cubeId, taskId: await plantTask(tenant.id, cubeId) }
  }
  await admin.ok('createUser', { body: { id: `only-${word}` } })
  const callers = [
    { title: 'user u1', reach: ['user:u1'], caller: await admin.newKey({ scopes, subject: user('u1') }) },
    { title: 'user u10', reach: ['user:u10'], caller: await admin.newKey({ scopes, subject: user('u10') }) },
    { title: 'agent u1', reach: ['agent:u1'], caller: agent },
    { title: 'a key for a', reach: ['a'], caller: await admin.newKey({ scopes, namespaces: ['a'] }) },
    {
      title: 'a key of u1 for b and user:u10',
      reach: [],
      caller: await admin.newKey({ scopes, subject: user('u1'), namespaces: ['b', 'user:u10'] }),
    },
    { title: 'the organisation', reach: NAMESPACES, caller: await admin.newKey({ scopes: whole }) },
  ] as const
  return { ...tenant, word, places: places as Places, callers: [...callers] }
}
