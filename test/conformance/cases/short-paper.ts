const meta = {
  created: '2025-04-10',
  last_used: '2025-05-01',
  source: 'session_3894',
  model: 'LLaMA3-8B',
  usage: 78,
  priority: 'mid',
  expires: '2025-06-01',
  access: ['user_483', 'admin'],
  tags: ['non-sensitive'],
  embedding_fp: '[dim=128]',
  storage_mode: 'compressed',
}
const explicit = {
  meta,
  payload: { type: 'explicit', format: 'text', content: 'You are a helpful assistant in climate policy.' },
}
const activation = { meta, payload: { type: 'activation', format: 'tensor', injection_layer: 12, value: '[tensor]' } }
const parametric = {
  meta,
  payload: { type: 'parametric', format: 'lora_patch', module: 'mlp.6.down_proj', value: '[low-rank-delta]' },
}

const options = {
  cubeId: '01J8Z3K4M5N6P7Q8R9S0T1V2W3',
  salt: 'AAECAwQFBgcICQoLDA0ODw',
  nowMs: Date.UTC(2025, 4, 2),
}
const facts = {
  modelFingerprint: '1f'.repeat(32),
  blob: { cid: 'bafkreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua', bytes: 8320 },
  dtype: 'fp16',
}
const steering = { kind: 'steering', ...facts, site: 'residual', width: 4096, strengthMicros: 1000000 }
const lora = { kind: 'lora', ...facts, rank: 4, alphaMicros: 8000000 }

/** Cubes of figure 5 of the short paper (arXiv 2505.22101) and how they are imported. */
export const SHORT_PAPER_VALID: { title: string; example: unknown; options: typeof options & { tensor?: unknown } }[] =
  [
    { title: 'explicit memory becomes a revision', example: explicit, options },
    {
      title: 'explicit memory whose day of expiry has come',
      example: explicit,
      options: { ...options, nowMs: Date.UTC(2025, 5, 1) },
    },
    { title: 'activation without its tensor is metadata only', example: activation, options },
    { title: 'parametric without its patch is metadata only', example: parametric, options },
    {
      title: 'activation with its tensor becomes a revision',
      example: activation,
      options: { ...options, tensor: steering },
    },
    {
      title: 'parametric with its patch becomes a revision',
      example: parametric,
      options: { ...options, tensor: lora },
    },
  ]

const changedMeta = (change: object) => ({ ...explicit, meta: { ...meta, ...change } })

/** Cubes that are refused, with the field at fault. */
export const SHORT_PAPER_INVALID: { title: string; example: unknown; options: unknown; field: string }[] = [
  { title: 'no payload', example: { meta }, options, field: 'payload' },
  { title: 'day that does not exist', example: changedMeta({ created: '2025-02-30' }), options, field: 'meta.created' },
  { title: 'unknown priority', example: changedMeta({ priority: 'urgent' }), options, field: 'meta.priority' },
  { title: 'negative usage', example: changedMeta({ usage: -1 }), options, field: 'meta.usage' },
  { title: 'unknown payload type', example: { meta, payload: { type: 'latent' } }, options, field: 'payload.type' },
  {
    title: 'format of another type',
    example: { meta, payload: { ...activation.payload, format: 'text' } },
    options,
    field: 'payload.format',
  },
  { title: 'tensor of the other kind', example: activation, options: { ...options, tensor: lora }, field: 'tensor' },
]
