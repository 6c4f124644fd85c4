import { signAsRoot } from '../../protocol/core/root-entries.ts'
import type { Caller } from '../support/edge.ts'
import { TestRoot, wireText } from '../support/mip-root.ts'
import type { LogStep } from './log-steps.ts'

/** One of each change of publishing, over a cube that may go out. The root signs all of it before the first is sent. */
export async function publishingSteps(admin: Caller, cubeId: string): Promise<LogStep[]> {
  const root = new TestRoot()
  const { publishingKey } = await admin.ok('getMipIdentity', {})
  const { entries, delegations } = await root.first(publishingKey)
  const sum = { urls: [], addrs: [] }
  const replicas = wireText(await signAsRoot(root.end, { op: 'org.replicas', sum }, root.signer()))
  return [
    ['createMipIdentity', { body: { entries, delegations } }],
    ['appendMipEntries', { body: { entries: [replicas] } }],
    ['publishMemories', { body: { cubeIds: [cubeId] } }],
    ['revokePublished', { body: { cubeIds: [cubeId], reason: 'error' } }],
  ]
}
