import { z } from 'zod'

/** Why a cube is revoked (MIP 4.9). */
export const REVOCATION_REASONS = ['superseded', 'error', 'legal', 'compromised'] as const

/** How far a revocation reaches: `cube` flags what was derived from it, `derived` hides that too, within the same organisation. */
export const REVOCATION_SCOPES = ['cube', 'derived'] as const

/** What an entry `cube.revoke` says. */
export const CubeRevocation = z
  .strictObject({
    cube: z.ulid(),
    fromRev: z.int().positive().optional().describe('First revision that it concerns; absent: all.'),
    reason: z.enum(REVOCATION_REASONS),
    scope: z.enum(REVOCATION_SCOPES),
  })
  .meta({ id: 'CubeRevocation', description: 'A publisher takes a cube back. MIP 4.9.' })
export type CubeRevocation = z.infer<typeof CubeRevocation>
