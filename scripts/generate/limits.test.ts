import { expect, it } from 'vitest'
import { formatLimit, renderLimits } from './limits.ts'

it.each([
  ['REQUEST_BODY_BYTES_MAX', 8 * 1024 * 1024, '8 MiB'],
  ['SQL_VALUE_BYTES_MAX', 1_000_000, '1,000,000 bytes'],
  ['IDEMPOTENCY_MS', 86_400_000, '1 d'],
  ['RERANK_MS_MAX', 800, '800 ms'],
  ['TAGS_MAX', 32, '32'],
])('%s is shown in the largest unit that stays whole', (name, value, shown) => {
  expect(formatLimit(name, value)).toBe(shown)
})

it('lists every limit with the comment above it', async () => {
  const page = await renderLimits()
  expect(page).toContain('| `REQUEST_BODY_BYTES_MAX` | 8 MiB | One HTTP request body of the JSON API. |')
})
