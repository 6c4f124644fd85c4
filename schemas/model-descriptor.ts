import { z } from 'zod'
import { Sha256Hex } from './blob-ref.ts'
import { canonicalString } from './canonical-text.ts'
import { ObjectCid } from './cid.ts'
import { MODEL_ADAPTERS_MAX, MODEL_SETTINGS_MAX, MODEL_WORD_LENGTH_MAX } from './limits-mip.ts'
import { KV_LAYOUTS, TensorDtype } from './rendition.ts'

const Word = canonicalString(MODEL_WORD_LENGTH_MAX)

/** Named integers, such as `thetaMilli`: there are no floats on the wire, so the unit is part of the name. */
const Settings = z
  .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/, 'expected a camelCase name'), z.int())
  .refine((value) => Object.keys(value).length <= MODEL_SETTINGS_MAX, `expected at most ${MODEL_SETTINGS_MAX} settings`)

/** What decides whether tensors made on one model are right on another one (MIP 4.6). A name of the model is not among it. */
export const ModelDescriptor = z
  .strictObject({
    v: z.literal(1),
    arch: Word.describe('Architecture as the model configuration names it, for instance `LlamaForCausalLM`.'),
    configHash: Sha256Hex.describe('Digest of the configuration file.'),
    weightsHash: Sha256Hex.describe('Digest over the names and digests of all shards, see weightsHash().'),
    tokenizerHash: Sha256Hex,
    chatTemplateHash: Sha256Hex.nullable(),
    rope: z
      .strictObject({ kind: Word, settings: Settings })
      .nullable()
      .describe('Rotary position embedding in effect.'),
    quant: z.strictObject({ method: Word, settings: Settings }).nullable().describe('Quantisation of the weights.'),
    adapters: z.array(ObjectCid).max(MODEL_ADAPTERS_MAX).describe('Adapters in effect, in the order of application.'),
    runtimeLayout: z
      .strictObject({ kv: z.enum(KV_LAYOUTS), dtype: TensorDtype, settings: Settings })
      .describe('How this runtime lays out its KV cache; it changes no value.'),
  })
  .meta({
    id: 'ModelDescriptor',
    description: 'What decides whether tensors of one model are right on another. MIP 4.6.',
  })
export type ModelDescriptor = z.infer<typeof ModelDescriptor>
