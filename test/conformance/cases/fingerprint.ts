import { fingerprintOf } from '../../../protocol/core/fingerprint.ts'
import type { Offer } from '../../../protocol/core/negotiation.ts'
import type { ModelDescriptor } from '../../../schemas/model-descriptor.ts'

const HASH = (digit: string) => digit.repeat(64)
const ADAPTER = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua' as ModelDescriptor['adapters'][number]

const base: ModelDescriptor = {
  v: 1,
  arch: 'LlamaForCausalLM',
  configHash: HASH('1'),
  weightsHash: HASH('2'),
  tokenizerHash: HASH('3'),
  chatTemplateHash: HASH('4'),
  rope: { kind: 'llama3', settings: { thetaMilli: 500_000_000, factorMilli: 8000 } },
  quant: null,
  adapters: [],
  runtimeLayout: { kv: 'bhtd', dtype: 'fp16', settings: {} },
}

/** Models by name: the one that receives is `base`. */
export const MODELS: Record<string, ModelDescriptor> = {
  base,
  'other layout': { ...base, runtimeLayout: { kv: 'bthd', dtype: 'fp16', settings: { blockTokens: 16 } } },
  'with adapter': { ...base, adapters: [ADAPTER] },
  'other weights': { ...base, weightsHash: HASH('5') },
  'other config': { ...base, configHash: HASH('6') },
  'other template': { ...base, chatTemplateHash: null },
  'other rope': { ...base, rope: null },
  'other quant': { ...base, quant: { method: 'awq', settings: { bits: 4, groupSize: 128 } } },
  'other tokenizer': { ...base, weightsHash: HASH('5'), tokenizerHash: HASH('7') },
}

/** Descriptors that are none; `field` is at fault. */
export const FINGERPRINT_INVALID: { title: string; field: string; model: unknown }[] = [
  { title: 'another version', field: 'v', model: { ...base, v: 2 } },
  { title: 'a hash that is too short', field: 'configHash', model: { ...base, configHash: 'ab' } },
  {
    title: 'a fraction in the RoPE settings',
    field: 'rope.settings.theta',
    model: { ...base, rope: { kind: 'x', settings: { theta: 0.5 } } },
  },
  { title: 'a model name, which is never evidence', field: '', model: { ...base, name: 'Llama' } },
  {
    title: 'an unknown layout of the cache',
    field: 'runtimeLayout.kv',
    model: { ...base, runtimeLayout: { ...base.runtimeLayout, kv: 'tbhd' } },
  },
]

/** Who offers what: the model behind the rendition (by name), whether its descriptor is at hand, a probe comes along, and the publisher is trusted. */
export interface NegotiationCase {
  title: string
  own: string
  trusted: boolean
  offers: { kind: Offer['kind']; model?: string; described?: boolean; probe?: boolean }[]
}

const TENSOR_KINDS = ['kv', 'steering', 'lora'] as const
const each = <T, R>(items: readonly T[], make: (item: T) => R[]): R[] => items.flatMap(make)

/** Every kind x model x descriptor x probe x trust, each beside a text that is always there. */
const matrix: NegotiationCase[] = each(TENSOR_KINDS, (kind) =>
  each(Object.keys(MODELS), (model) =>
    each([true, false], (described) =>
      each([true, false], (probe) =>
        each([true, false], (trusted) => [
          {
            title: `${kind} of "${model}"${described ? '' : ', descriptor unknown'}${probe ? ', with probe' : ''}${trusted ? '' : ', publisher not trusted'}`,
            own: 'base',
            trusted,
            offers: [{ kind: 'text' }, { kind, model, described, probe }],
          },
        ]),
      ),
    ),
  ),
)

export const NEGOTIATION_CASES: NegotiationCase[] = [
  ...matrix,
  {
    title: 'an adapter for the bare model, on a model that has another adapter',
    own: 'with adapter',
    trusted: true,
    offers: [{ kind: 'text' }, { kind: 'lora', model: 'base', described: true, probe: true }],
  },
  {
    title: 'an adapter that was made on top of the adapter that is in effect',
    own: 'with adapter',
    trusted: true,
    offers: [{ kind: 'lora', model: 'with adapter', described: true, probe: true }],
  },
  {
    title: 'tensors alone, of another model',
    own: 'base',
    trusted: true,
    offers: [{ kind: 'kv', model: 'other tokenizer', described: true, probe: true }],
  },
  {
    title: 'the best of several, the first of equals',
    own: 'base',
    trusted: true,
    offers: [
      { kind: 'text' },
      { kind: 'kv', model: 'other weights', described: true, probe: true },
      { kind: 'kv', model: 'other layout', described: true, probe: true },
      { kind: 'lora', model: 'base', described: true, probe: true },
      { kind: 'kv', model: 'other layout', described: true, probe: true },
    ],
  },
]

/** The offers of a case as negotiation takes them. */
export const offersOf = ({ offers }: NegotiationCase): Offer[] =>
  offers.map(({ kind, model, described, probe }) => {
    if (model === undefined) return { kind }
    const print = fingerprintOf(MODELS[model]!)
    return { kind, fp: print.fp, ...(described ? { model: print } : {}), hasProbe: probe === true }
  })
