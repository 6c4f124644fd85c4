import type { Revision } from '../../../schemas/revision.ts'

/** Why a revision may not be used here, as a code, or null (MIP 4.6: licence and handling duties travel with it). */
export function refusalOf({ licence }: Revision, nowMs: number): string | null {
  if (licence !== undefined && !licence.permissions.includes('recall')) return 'licence_no_recall'
  if (licence?.expiresAtMs !== undefined && licence.expiresAtMs <= nowMs) return 'licence_expired'
  return null
}

/** When it has to be gone from here, or null: the end of the licence, or of the time that it may be kept. */
export function keptUntil({ licence, policy }: Revision, nowMs: number): number | null {
  const ends = [licence?.expiresAtMs, policy?.retainMsMax === undefined ? undefined : nowMs + policy.retainMsMax]
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? null : Math.min(...known)
}
