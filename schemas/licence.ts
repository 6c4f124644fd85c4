import { z } from 'zod'
import { BlobRef } from './blob-ref.ts'
import { canonicalString } from './canonical-text.ts'
import { NAME_LENGTH_MAX } from './limits.ts'
import { TimestampMs } from './timestamp.ts'
import { Sensitivity } from './vocabulary.ts'

/** What the holder of a licensed memory may do with it. */
export const PERMISSIONS = ['recall', 'derive', 'train', 'redistribute', 'commercial_use'] as const
export const Permission = z.enum(PERMISSIONS).meta({
  id: 'Permission',
  description:
    'recall: put into a prompt or attach; derive: make new memories from it; train: distil into parameters; redistribute: pass on; commercial_use: serve paying users with it.',
})
export type Permission = z.infer<typeof Permission>

const SPDX = /^[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$/

/**
 * Licence terms that travel with a revision. They state the terms; the right of one buyer is an entitlement (MIP 4.10).
 * Source: MemStore of the paper (section 5.5), "contract-bound access frequency and expiry".
 */
export const LicenceTerms = z
  .strictObject({
    id: z.string().regex(SPDX).describe('SPDX licence identifier, or LicenseRef-NAME with the wording in `text`.'),
    permissions: z.array(Permission).max(PERMISSIONS.length).refine(isUnique, 'expected no permission twice'),
    attribution: canonicalString(NAME_LENGTH_MAX).optional().describe('Who must be named.'),
    accessesMax: z.int().positive().optional().describe('Recalls that one licensee may make.'),
    expiresAtMs: TimestampMs.optional().describe('The terms end here; unix milliseconds.'),
    text: BlobRef.optional().describe('Full wording.'),
  })
  .meta({ id: 'LicenceTerms', description: 'Terms under which a revision may be used. MIP 4.6, 4.10.' })
export type LicenceTerms = z.infer<typeof LicenceTerms>

/**
 * How a receiver must handle a revision. Source: "compliance and traceability" of the paper (section 4.2): sensitivity tags, watermark.
 */
export const TravelPolicy = z
  .strictObject({
    sensitivity: Sensitivity,
    retainMsMax: z.int().positive().optional().describe('Delete at the latest this long after receipt.'),
    watermark: canonicalString(NAME_LENGTH_MAX).optional().describe('Identifier of the watermark in the content.'),
  })
  .meta({ id: 'TravelPolicy', description: 'Handling duties that travel with a revision. MIP 4.6.' })
export type TravelPolicy = z.infer<typeof TravelPolicy>

function isUnique(values: readonly string[]): boolean {
  return new Set(values).size === values.length
}
