import { MemosError } from '../../schemas/errors.ts'
import type { LifecycleState } from '../../schemas/lifecycle.ts'
import type { Rendition } from '../../schemas/rendition.ts'
import type { Revision } from '../../schemas/revision.ts'
import { ShortPaperCube } from '../../schemas/short-paper-cube.ts'
import type { MemoryType, PRIORITIES } from '../../schemas/vocabulary.ts'

type RenditionOf<K extends Rendition['kind']> = Extract<Rendition, { kind: K }>

/** A tensor the figure leaves out, as facts about a stored blob. The layer or module comes from the cube itself. */
export type ShortPaperTensor = Omit<RenditionOf<'steering'>, 'layer'> | Omit<RenditionOf<'lora'>, 'modules'>

export interface ShortPaperOptions {
  /** Upper-case ULID for the new cube. */
  cubeId: string
  /** 16 random bytes as unpadded base64url. */
  salt: string
  /** Now, unix milliseconds: decides whether the cube has expired. */
  nowMs: number
  /** Needed for activation and parametric cubes to become a revision. */
  tensor?: ShortPaperTensor
}

/** Fields of figure 5 that belong to this system's record of the cube; they are not signed and do not travel. */
export interface ShortPaperLocal {
  memoryType: MemoryType
  state: LifecycleState
  priority: (typeof PRIORITIES)[number]
  createdAtMs: number
  lastUsedAtMs: number
  /** Start (UTC) of the day in `expires`. */
  expiresAtMs: number
  /** `usage`. */
  accessCount: number
  /** `access`: names of the other system; the importer maps them to subjects of its own or grants nothing. */
  access: string[]
  tags: string[]
  /** `source`. */
  originRef: string
  /** `model`: a name, so it is kept as a note and never matched against a fingerprint. */
  modelName: string
  storageMode: string
}

export type ShortPaperImport =
  | { outcome: 'revision'; revision: Revision; local: ShortPaperLocal }
  | { outcome: 'metadata_only'; reason: 'tensor_not_included'; local: ShortPaperLocal }

/**
 * Maps a cube of the short paper. Plaintext becomes a revision. The figure prints activation and parametric values as a word in
 * brackets and names a model instead of identifying it, so without `tensor` such a cube has nothing that could be attached to a model:
 * the outcome is then `metadata_only` with the reason, and no revision is made up. `embedding_fp` states a size and holds no vector; it is
 * checked and dropped.
 * @throws MemosError `invalid_request` when the cube is not as printed, or `tensor` is of the other kind.
 */
export function fromShortPaperCube(example: unknown, options: ShortPaperOptions): ShortPaperImport {
  const cube = parse(example)
  const local = localOf(cube, options.nowMs)
  const rendition = renditionOf(cube.payload, options.tensor)
  if (!rendition) return { outcome: 'metadata_only', reason: 'tensor_not_included', local }
  return { outcome: 'revision', revision: revisionOf(local, rendition, options), local }
}

function parse(example: unknown): ShortPaperCube {
  const result = ShortPaperCube.safeParse(example)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw new MemosError('invalid_request', { field: issue.path.join('.'), expected: issue.message })
}

const MEMORY_TYPE_OF = { explicit: 'plaintext', activation: 'activation', parametric: 'parametric' } as const

function localOf({ meta, payload }: ShortPaperCube, nowMs: number): ShortPaperLocal {
  const expiresAtMs = Date.parse(meta.expires)
  return {
    memoryType: MEMORY_TYPE_OF[payload.type],
    state: expiresAtMs <= nowMs ? 'expired' : meta.usage > 0 ? 'activated' : 'generated',
    priority: meta.priority,
    createdAtMs: Date.parse(meta.created),
    lastUsedAtMs: Date.parse(meta.last_used),
    expiresAtMs,
    accessCount: meta.usage,
    access: meta.access,
    tags: [...new Set(meta.tags)],
    originRef: meta.source,
    modelName: meta.model,
    storageMode: meta.storage_mode,
  }
}

function renditionOf(payload: ShortPaperCube['payload'], tensor: ShortPaperTensor | undefined): Rendition | null {
  if (payload.type === 'explicit') return { kind: 'text', mime: 'text/plain', text: payload.content }
  if (!tensor) return null
  if (payload.type === 'activation' && tensor.kind === 'steering') return { ...tensor, layer: payload.injection_layer }
  if (payload.type === 'parametric' && tensor.kind === 'lora') return { ...tensor, modules: [payload.module] }
  const expected = payload.type === 'activation' ? 'a steering tensor' : 'a LoRA tensor'
  throw new MemosError('invalid_request', { field: 'tensor', expected })
}

function revisionOf(local: ShortPaperLocal, rendition: Rendition, { cubeId, salt }: ShortPaperOptions): Revision {
  return {
    v: 1,
    cubeId,
    number: 1,
    prev: null,
    // Figure 5 states no semantic type, and guessing one from the text would put words into its author's mouth.
    semanticType: 'unspecified',
    memoryType: local.memoryType,
    tags: local.tags,
    renditions: [rendition],
    ...(rendition.kind === 'text' ? {} : { portable: false as const }),
    lineage: [],
    createdAtMs: local.createdAtMs,
    salt,
  }
}
