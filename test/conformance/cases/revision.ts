const FINGERPRINT = '1f'.repeat(32)
const OBJECT = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
const BLOB = 'bafkreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
const OTHER = 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

const text = { kind: 'text', mime: 'text/plain', text: 'Ana prefers the night train to Vienna.' }
const plain = {
  v: 1,
  cubeId: '01J8Z3K4M5N6P7Q8R9S0T1V2W3',
  number: 1,
  prev: null,
  semanticType: 'user_preference',
  memoryType: 'plaintext',
  tags: [] as string[],
  renditions: [text] as object[],
  lineage: [] as object[],
  salt: 'AAECAwQFBgcICQoLDA0ODw',
}
const full = {
  ...plain,
  number: 2,
  prev: OBJECT,
  title: 'How Ana travels',
  tags: ['travel', 'caf\u00e9'],
  language: 'en',
  renditions: [
    {
      ...text,
      language: 'en',
      text: 'I take the night train.\nÀ Vienne?\nYes.',
      messages: [
        { startByte: 0, role: 'user', speaker: 'Ana', saidAtMs: 1746057600000 },
        { startByte: 24, role: 'assistant', speaker: 'Edge' },
        { startByte: 35, role: 'user', speaker: 'Ana', saidAtMs: 1746057660000 },
      ],
    },
  ],
  lineage: [{ cid: OTHER, relation: 'merged', shareMicros: 250000 }],
  licence: {
    id: 'LicenseRef-Example',
    permissions: ['recall', 'derive'],
    attribution: 'Example organisation',
    accessesMax: 1000,
    expiresAtMs: 1780272000000,
    text: { cid: BLOB, bytes: 1200 },
  },
  policy: { sensitivity: 'personal', retainMsMax: 31536000000, watermark: 'wm-1' },
  validFromMs: -315619200000,
  validToMs: 1767225600000,
  createdAtMs: 1746057700000,
}
const tensor = { modelFingerprint: FINGERPRINT, blob: { cid: BLOB, bytes: 65664 }, dtype: 'fp16' }
const probe = {
  tokenIds: [1, 2],
  topTokenIds: [9, 8, 7, 6, 5, 4, 3, 2],
  topLogitsMilli: [91, 80, 7, 6, 5, 4, 3, -2],
  toleranceMilli: 20,
}
const kv = {
  kind: 'kv',
  ...tensor,
  layout: 'bhtd',
  layers: 4,
  kvHeads: 2,
  headDim: 32,
  tokenCount: 64,
  positionOffset: 0,
  tokens: { cid: BLOB, bytes: 256 },
}
const steering = { kind: 'steering', ...tensor, layer: 12, site: 'residual', width: 4096, strengthMicros: -4000000 }
const lora = {
  kind: 'lora',
  ...tensor,
  blob: { cid: OBJECT, bytes: 5000000, sha256: '2e'.repeat(32) },
  dtype: 'q8',
  quantGroupSize: 64,
  rank: 8,
  alphaMicros: 16000000,
  modules: ['layers.6.mlp.down_proj', 'layers.7.mlp.down_proj'],
  probe,
}

/** Views that have bytes. */
export const REVISION_VALID: { title: string; view: unknown }[] = [
  { title: 'plaintext with required fields only', view: plain },
  { title: 'plaintext with every optional field', view: full },
  {
    title: 'plaintext as blob',
    view: { ...plain, renditions: [{ kind: 'text', mime: 'text/markdown', blob: { cid: BLOB, bytes: 40000 } }] },
  },
  {
    title: 'activation: KV cache beside its text',
    view: { ...plain, memoryType: 'activation', renditions: [text, kv] },
  },
  {
    title: 'activation: steering vector, not portable',
    view: { ...plain, memoryType: 'activation', renditions: [steering], portable: false },
  },
  {
    title: 'parametric: LoRA with a manifest and a probe',
    view: { ...plain, memoryType: 'parametric', renditions: [text, lora] },
  },
  {
    title: 'one memory in every form',
    view: { ...plain, memoryType: 'parametric', renditions: [text, kv, steering, lora] },
  },
]

const withText = (facts: object) => ({ ...plain, renditions: [{ ...text, ...facts }] })
const withTensor = (facts: object) => ({ ...plain, memoryType: 'activation', renditions: [text, facts] })

/** Views that are refused, with the field at fault. */
export const REVISION_INVALID_VIEWS: { title: string; view: unknown; field: string }[] = [
  { title: 'unknown version', view: { ...plain, v: 2 }, field: 'v' },
  { title: 'unknown field', view: { ...plain, priority: 'high' }, field: '' },
  { title: 'cube id in lower case', view: { ...plain, cubeId: plain.cubeId.toLowerCase() }, field: 'cubeId' },
  { title: 'cube id beyond 128 bits', view: { ...plain, cubeId: `8${plain.cubeId.slice(1)}` }, field: 'cubeId' },
  { title: 'number 0', view: { ...plain, number: 0 }, field: 'number' },
  { title: 'number that is no integer', view: { ...plain, number: 1.5 }, field: 'number' },
  { title: 'first revision with a predecessor', view: { ...plain, prev: OBJECT }, field: 'prev' },
  { title: 'second revision without one', view: { ...plain, number: 2 }, field: 'prev' },
  { title: 'predecessor that is a blob', view: { ...plain, number: 2, prev: BLOB }, field: 'prev' },
  { title: 'salt of 15 bytes', view: { ...plain, salt: 'AAECAwQFBgcICQoLDA0O' }, field: 'salt' },
  { title: 'salt with padding bits', view: { ...plain, salt: `${plain.salt.slice(0, -1)}x` }, field: 'salt' },
  { title: 'title that is not NFC', view: { ...plain, title: 'cafe\u0301' }, field: 'title' },
  { title: 'tag twice', view: { ...plain, tags: ['a', 'a'] }, field: 'tags' },
  { title: 'no rendition', view: { ...plain, renditions: [] }, field: 'renditions' },
  { title: 'two texts', view: { ...plain, renditions: [text, text] }, field: 'renditions' },
  {
    title: 'no text without portable false',
    view: { ...plain, memoryType: 'activation', renditions: [kv] },
    field: 'renditions',
  },
  { title: 'activation without activations', view: { ...plain, memoryType: 'activation' }, field: 'renditions' },
  {
    title: 'parametric with a KV cache only',
    view: { ...plain, memoryType: 'parametric', renditions: [text, kv] },
    field: 'renditions',
  },
  { title: 'text and blob', view: withText({ blob: { cid: BLOB, bytes: 3 } }), field: 'renditions.0.text' },
  { title: 'text over 32 KiB of UTF-8', view: withText({ text: '\u00e9'.repeat(16385) }), field: 'renditions.0.text' },
  {
    title: 'message that starts inside a character',
    view: withText({ text: '\u00e9e', messages: [{ startByte: 0 }, { startByte: 1 }] }),
    field: 'renditions.0.messages',
  },
  {
    title: 'message that starts after the text',
    view: withText({ text: 'ab', messages: [{ startByte: 0 }, { startByte: 2 }] }),
    field: 'renditions.0.messages',
  },
  {
    title: 'messages out of order',
    view: withText({ messages: [{ startByte: 0 }, { startByte: 4 }, { startByte: 2 }] }),
    field: 'renditions.0.messages',
  },
  {
    title: 'model name in place of a fingerprint',
    view: withTensor({ ...kv, modelFingerprint: 'LLaMA3-8B' }),
    field: 'renditions.1.modelFingerprint',
  },
  {
    title: 'token ids of another length',
    view: withTensor({ ...kv, tokenCount: 63 }),
    field: 'renditions.1.tokens.bytes',
  },
  {
    title: 'quantised without a group size',
    view: withTensor({ ...kv, dtype: 'q4' }),
    field: 'renditions.1.quantGroupSize',
  },
  { title: 'unknown rendition', view: withTensor({ ...kv, kind: 'pickle' }), field: 'renditions.1.kind' },
  {
    title: 'manifest without the digest of the whole',
    view: withTensor({ ...kv, blob: { cid: OBJECT, bytes: 1 } }),
    field: 'renditions.1.blob.sha256',
  },
  {
    title: 'parent twice',
    view: {
      ...plain,
      lineage: [
        { cid: OTHER, relation: 'merged' },
        { cid: OTHER, relation: 'derived' },
      ],
    },
    field: 'lineage',
  },
  {
    title: 'parents that claim more than half',
    view: { ...plain, lineage: [OTHER, OBJECT].map((cid) => ({ cid, relation: 'merged', shareMicros: 250001 })) },
    field: 'lineage',
  },
  { title: 'validity that ends as it starts', view: { ...plain, validFromMs: 5, validToMs: 5 }, field: 'validToMs' },
]

/** Objects (JSON views of MIP-CBOR) that are refused: canonical bytes, wrong kinds. The right object is changed in one field. */
export const REVISION_INVALID_OBJECTS: { title: string; change: Record<string, unknown>; field: string }[] = [
  { title: 'salt as text', change: { salt: plain.salt }, field: 'salt' },
  { title: 'predecessor as text', change: { prev: OBJECT, number: 2 }, field: 'prev' },
  { title: 'title as bytes', change: { title: { $bytes: 'AAEC' } }, field: 'title' },
  { title: 'title as link', change: { title: { $link: OBJECT } }, field: 'title' },
  { title: 'salt as link', change: { salt: { $link: OBJECT } }, field: 'salt' },
  { title: 'salt of 17 bytes', change: { salt: { $bytes: 'AAECAwQFBgcICQoLDA0ODxA' } }, field: 'salt' },
  { title: 'tags as map', change: { tags: {} }, field: 'tags' },
]
