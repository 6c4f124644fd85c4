import { base64url } from 'multiformats/bases/base64'
import { encodeRevision } from '../../../protocol/core/revision.ts'
import type { LocalFields } from '../../../schemas/branch-local.ts'
import { utf8Length } from '../../../schemas/canonical-text.ts'
import type { Cid } from '../../../schemas/cid.ts'
import { type LifecycleState, nextState } from '../../../schemas/lifecycle.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NewCube, VaultWrite } from '../../ports/vault-write.ts'
import { labelsOf, sensitivityOf } from '../governance/sensitive.ts'
import { type DraftContext, indexText, textOf } from '../organise/draft-cube.ts'
import { storedCube } from '../organise/memory-writer.ts'
import { ANALYSER_VERSION } from '../retrieval/analyse.ts'
import { bringBack, putAwayNew } from './move-cubes.ts'

const SALT_BYTES = 16

export interface Rewrite {
  /** Whose text, title, tags, type, renditions and lineage the next revision has; number, predecessor, time and salt are its own. */
  like: Revision
  content: string | null
  mode: 'restore' | 'merge'
  /** State in which the cube takes the write. */
  state: LifecycleState
  local?: LocalFields
}

/** The next revision of a stored cube with the content of another one. Every blob that it names must be stored already. */
export function rewriteCube(
  stored: FullCube,
  { like, content, mode, state, local }: Rewrite,
  context: DraftContext,
): { cube: NewCube; textChanged: boolean } {
  const { cube } = stored
  const revision: Revision = {
    ...like,
    cubeId: cube.cubeId,
    number: cube.revision + 1,
    prev: cube.cid as Cid,
    createdAtMs: context.nowMs,
    salt: base64url.baseEncode(context.randomBytes(SALT_BYTES)),
  }
  const { cid, bytes } = encodeRevision(revision)
  const title = revision.title ?? null
  const text = indexText({ ...cube, content: content ?? '', title })
  const labels = labelsOf(textOf(title, content ?? ''))
  const fields = local ?? cube
  return {
    textChanged: content !== stored.content || title !== cube.title,
    cube: {
      record: {
        ...cube,
        metadata: fields.metadata,
        priority: fields.priority,
        expiresAtMs: fields.expiresAtMs,
        sensitivity: sensitivityOf(fields.sensitivity, labels),
        labels,
        revision: revision.number,
        cid,
        state,
        semanticType: revision.semanticType,
        title,
        updatedAtMs: context.nowMs,
        tags: revision.tags,
        validFromMs: revision.validFromMs ?? null,
        validToMs: revision.validToMs ?? null,
        features: text.features,
        termCount: text.length,
        analyser: ANALYSER_VERSION,
        contentBytes: utf8Length(content ?? ''),
      },
      revision: {
        number: revision.number,
        bytes: bytes as Buffer,
        mode,
        author: context.author,
        createdAtMs: context.nowMs,
      },
      text,
      session: stored.session,
    },
  }
}

/** What a cube is brought back to; `away` when it lay in the archive then. */
export interface RestoreTarget {
  like: Revision
  content: string | null
  away?: boolean
}

/** Writes that bring a cube to an earlier content: out of the archive before where it lies there, into it afterwards where it lay there then. */
export function restoreWrites(
  stored: FullCube,
  { like, content, away = false }: RestoreTarget,
  randomBytes: DraftContext['randomBytes'],
  context: RequestContext,
): { writes: VaultWrite[]; textChanged: boolean } {
  const { cube } = stored
  const state = cube.state === 'archived' ? (nextState('archived', 'restore') ?? 'activated') : cube.state
  const drafting = { nowMs: context.nowMs, randomBytes, author: context.principal.keyId }
  const drafted = rewriteCube(stored, { like, content, mode: 'restore', state }, drafting)
  return {
    writes: [
      ...(cube.state === 'archived' ? bringBack([stored], context, 'restored') : []),
      { kind: 'update_cube', stored: storedCube(stored, []), ...drafted },
      ...(away ? putAwayNew(stored, drafted.cube, context, 'restored') : []),
    ],
    textChanged: drafted.textChanged,
  }
}

/** Whether two revisions say the same, whatever their place in history. */
export const saysTheSame = (a: Revision, b: Revision): boolean => saying(a) === saying(b)

function saying({ number: _n, prev: _p, createdAtMs: _c, salt: _s, ...content }: Revision): string {
  return JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))
}
