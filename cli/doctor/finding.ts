/** Result of one check of `memos doctor`. */
export interface Finding {
  check: string
  state: 'ok' | 'warning' | 'failed' | 'skipped'
  detail: string
  /** What to do about it. */
  next?: string
}

export const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail })
export const warning = (check: string, detail: string, next: string): Finding => ({
  check,
  state: 'warning',
  detail,
  next,
})
export const failed = (check: string, detail: string, next: string): Finding => ({
  check,
  state: 'failed',
  detail,
  next,
})
export const skipped = (check: string, detail: string): Finding => ({ check, state: 'skipped', detail })

export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message
}
