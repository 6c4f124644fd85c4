import type { CubeRow } from './rows.ts'

/**
 * What an archive says of a cube beside its revisions, and what redaction looks at. Use counters stay behind: they would make two exports of the
 * same memory differ.
 */
export const recordOf = ({ cube, session }: { cube: CubeRow; session: string | null }) => ({
  state: cube.state,
  memoryType: cube.memoryType,
  semanticType: cube.semanticType,
  title: cube.title,
  tags: cube.tags,
  session,
  position: cube.position,
  speaker: cube.speaker,
  role: cube.role,
  saidAtMs: cube.saidAtMs,
  createdAtMs: cube.createdAtMs,
  updatedAtMs: cube.updatedAtMs,
  expiresAtMs: cube.expiresAtMs,
  priority: cube.priority,
  sensitivity: cube.sensitivity,
  originKind: cube.originKind,
  originRef: cube.originRef,
  provenanceId: cube.provenanceId,
  metadata: cube.metadata,
})
