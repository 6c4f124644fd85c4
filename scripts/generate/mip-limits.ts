import * as limits from '../../schemas/limits.ts'
import * as mipLimits from '../../schemas/limits-mip.ts'
import { limitRows } from './limits.ts'

/** Limits that are part of what travels, beside all that are called MIP. */
const SHARED = new Set([
  'CONTENT_INLINE_BYTES_MAX',
  'SAFETENSORS_HEADER_BYTES_MAX',
  'SAFETENSORS_DIMENSIONS_MAX',
  'LOG_ARCHIVE_BLOCK_BYTES_MAX',
  'REVOKED_LEGAL_ERASE_MS',
  'MODEL_ADAPTERS_MAX',
  'MODEL_WORD_LENGTH_MAX',
  'MODEL_SETTINGS_MAX',
  'TITLE_LENGTH_MAX',
  'TAGS_MAX',
  'TAG_LENGTH_MAX',
  'NAME_LENGTH_MAX',
  'SEMANTIC_TYPE_LENGTH_MAX',
  'RENDITIONS_MAX',
  'RENDITION_MESSAGES_MAX',
  'LORA_MODULES_MAX',
  'PROBE_TOKENS_MAX',
  'LINEAGE_MAX',
  'SHARE_MICROS_MAX',
  'LINEAGE_SHARE_MICROS_MAX',
])

/** docs/mip/limits.md: the constants that another implementation has to share, with their exact values. */
export async function renderMipLimits(): Promise<string> {
  const missing = [...SHARED].filter((name) => !(name in limits) && !(name in mipLimits))
  if (missing.length > 0) throw new Error(`schemas/limits.ts has no ${missing}`)
  const isShared = (name: string) => name.startsWith('MIP_') || SHARED.has(name)
  const rows = await limitRows(isShared)
  return [
    '# Limits',
    '',
    'Generated from schemas/limits.ts by `npm run generate`. Sizes are bytes, times milliseconds, lengths of text UTF-16 code units. Limits of objects are part of the format: an implementation MUST have the same. Limits of rate,',
    'waiting and memory are what this project keeps; others SHOULD be near them.',
    '',
    '| Limit | Value | Exactly | What it bounds |',
    '|---|---|---|---|',
    ...rows.map(({ name, text, value, comment }) => `| \`${name}\` | ${text} | ${value} | ${comment} |`),
    '',
  ].join('\n')
}
