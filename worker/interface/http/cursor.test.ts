import { expect, test } from 'vitest'
import { Cursors } from './cursor.ts'

const cursors = new Cursors('a secret of the deployment')
const ROWS = [{ at: 1 }, { at: 2 }, { at: 3 }]

const cursorAt = (at: string | number, list = 'list', sealed = cursors): string =>
  sealed.page([at, at], 1, list, (place) => place, String).nextCursor as string

test('a page holds what fits, and a cursor only where more follows', () => {
  const page = (limit: number) =>
    cursors.page(
      ROWS,
      limit,
      'list',
      ({ at }) => at,
      ({ at }) => -at,
    )
  expect(page(3)).toEqual({ items: [-1, -2, -3], nextCursor: null })
  const { items, nextCursor } = page(2)
  expect(items).toEqual([-1, -2])
  expect(cursors.read(nextCursor ?? '', 'list', 'number')).toBe(2)
  expect(cursors.page([], 2, 'list', String, String)).toEqual({ items: [], nextCursor: null })
})

test.each([0, 1, 123_456, Number.MAX_SAFE_INTEGER])('the number %i comes back, and is not to be seen', (at) => {
  const cursor = cursorAt(at)
  expect(cursors.read(cursor, 'list', 'number')).toBe(at)
  expect(cursor).toHaveLength(cursorAt(7).length)
  expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain(String(at).padStart(4, '0'))
})

test.each(['', 'a', 'Grüße 你好', 'x'.repeat(256)])('the text %j comes back', (at) => {
  expect(cursors.read(cursorAt(at), 'list', 'string')).toBe(at)
})

test('the same place gives the same cursor', () => {
  expect(cursorAt(5)).toBe(cursorAt(5))
  expect(cursorAt(5)).not.toBe(cursorAt(6))
})

test('is refused by another list, for another kind of place, and by another deployment', () => {
  const cursor = cursorAt(5)
  const refusal = expect.objectContaining({
    code: 'invalid_cursor',
    facts: expect.objectContaining({ field: 'cursor' }),
  })
  for (const read of [
    () => cursors.read(cursor, 'other', 'number'),
    () => cursors.read(cursor, 'list', 'string'),
    () => new Cursors('another secret').read(cursor, 'list', 'number'),
  ])
    expect(read).toThrowError(refusal)
  expect(cursors.read(undefined, 'list', 'number')).toBeNull()
})

test('is refused when a single bit of it is changed', () => {
  const bytes = Buffer.from(cursorAt(5), 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Uint8Array.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(() => cursors.read(Buffer.from(changed).toString('base64url'), 'list', 'number')).toThrowError()
  }
})
