import type { ApiKey, Task } from '../../schemas/administration.ts'
import { isoOf } from '../../schemas/common.ts'
import type { CubeReceipt, MemCube } from '../../schemas/cube.ts'
import type { LogEntry } from '../../schemas/log.ts'
import type { Scope } from '../../schemas/vocabulary.ts'
import type { ShownTask } from '../infrastructure/tasks/task-reader.ts'
import type { FullCube } from '../infrastructure/vault/cube-reader.ts'
import type { ApiKeyRow, AuditRow, NamespaceRow, OrganisationRow, PrincipalRow } from '../ports/rows.ts'
import type { NewCube } from '../ports/vault-write.ts'

/** A cube as callers see it. */
export function toMemCube({ cube, revision, content, session, namespace }: FullCube): MemCube {
  return {
    cubeId: cube.cubeId,
    namespace: namespace.name,
    revision: cube.revision,
    cid: cube.cid,
    content,
    renditions: revision.renditions.filter((rendition) => rendition.kind !== 'text'),
    metadata: cube.metadata,
    descriptive: {
      memoryType: cube.memoryType,
      semanticType: cube.semanticType,
      title: cube.title,
      tags: cube.tags,
      session,
      speaker: cube.speaker,
      role: cube.role,
      saidAt: isoOf(cube.saidAtMs),
      validFrom: isoOrNull(cube.validFromMs),
      validTo: isoOrNull(cube.validToMs),
      createdAt: isoOf(cube.createdAtMs),
      updatedAt: isoOf(cube.updatedAtMs),
      origin: { kind: cube.originKind, ...(cube.originRef === null ? {} : { ref: cube.originRef }) },
      provenanceId: cube.provenanceId,
    },
    governance: {
      layer: namespace.layer,
      priority: cube.priority,
      sensitivity: cube.sensitivity,
      labels: cube.labels,
      expiresAt: isoOrNull(cube.expiresAtMs),
    },
    behavioural: {
      state: cube.state,
      mergedInto: cube.mergedInto,
      accessCount: cube.accessCount,
      lastUsedAt: isoOrNull(cube.lastUsedAtMs),
      heat: cube.heat,
      usefulness: cube.usefulness,
    },
  }
}

/** What a write tells of each cube it made. */
const toReceipt = (namespace: string, { record }: NewCube): CubeReceipt => ({
  cubeId: record.cubeId,
  revision: record.revision,
  cid: record.cid,
  namespace,
})

/** The answer of a write of many cubes. */
export const receipts = (namespace: string, taskId: string | null) => (cubes: readonly NewCube[]) => ({
  status: 201,
  body: { cubes: cubes.map((cube) => toReceipt(namespace, cube)), taskId },
})

export const toKey = (row: ApiKeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes as Scope[],
  subject: row.subjectKind === null || row.subjectId === null ? null : { kind: row.subjectKind, id: row.subjectId },
  namespaces: row.namespaces,
  clearance: row.scopes.includes('memory:secret') ? 'secret' : row.clearance,
  purposes: row.purposes,
  tasks: row.tasks,
  ratePerMinute: row.ratePerMinute,
  createdAt: isoOf(row.createdAtMs),
  expiresAt: isoOrNull(row.expiresAtMs),
  revokedAt: isoOrNull(row.revokedAtMs),
})

export const toOrganisation = (row: OrganisationRow) => ({
  id: row.id,
  name: row.name,
  database: row.database,
  state: row.state,
  cubesMax: row.cubesMax,
  createdAt: isoOf(row.createdAtMs),
})

/** `cubes` is how many the caller may read: the row counts all of them. */
export const toNamespace = (row: NamespaceRow, cubes: number) => ({
  name: row.name,
  layer: row.layer,
  owner: row.ownerKind === null || row.ownerId === null ? null : { kind: row.ownerKind, id: row.ownerId },
  settings: row.settings,
  cubes,
  createdAt: isoOf(row.createdAtMs),
})

export const toPrincipal = (row: PrincipalRow) => ({
  kind: row.kind,
  id: row.id,
  displayName: row.displayName,
  createdAt: isoOf(row.createdAtMs),
})

export const toTask = (row: ShownTask): Task => ({
  id: row.id,
  kind: row.kind,
  state: row.state,
  progress: row.progress,
  total: row.total,
  attempts: row.attempts,
  error: row.error,
  waitingFor: row.state === 'queued' && typeof row.input.waitingFor === 'string' ? row.input.waitingFor : null,
  createdAt: isoOf(row.createdAtMs),
  updatedAt: isoOf(row.updatedAtMs),
})

export const toLogEntry = ({
  atMs,
  requestId,
  caller,
  operation,
  outcome,
  namespace,
  memoryType,
  cubeCount,
  cubeIds,
  hash,
}: AuditRow & { namespace: string | null }): LogEntry => ({
  at: isoOf(atMs),
  requestId,
  caller,
  operation,
  outcome,
  namespace,
  memoryType,
  cubeCount,
  cubeIds,
  hash,
})

const isoOrNull = (ms: number | null): string | null => (ms === null ? null : isoOf(ms))
