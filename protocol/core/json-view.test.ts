import { expect, it } from 'vitest'
import { cidOf, linkOf } from './cid.ts'
import { fromJsonView, type JsonView, toJsonView } from './json-view.ts'

const cid = cidOf(Uint8Array.of(1), 'object')

it('shows links and bytes as JSON and reads them back', () => {
  const value = { link: linkOf(cid), bytes: Uint8Array.of(255, 0), list: [1, null, 'a', { b: true }] }
  const view = toJsonView(value)
  expect(JSON.parse(JSON.stringify(view))).toEqual({
    link: { $link: cid },
    bytes: { $bytes: '_wA' },
    list: [1, null, 'a', { b: true }],
  })
  expect(fromJsonView(view)).toEqual(value)
})

it.each<[string, JsonView]>([
  ['a link that is no CID', { $link: 'bafy' }],
  ['a link that is no text', { $link: 1 }],
  ['a link with a neighbour', { $link: cid, a: 1 }],
  ['bytes with padding', { $bytes: '_w==' }],
  ['bytes with a line end', { $bytes: '_wA\n' }],
  ['bytes with bits left over', { $bytes: '_x' }],
])('refuses %s', (_, view) => {
  expect(() => fromJsonView(view)).toThrow(RangeError)
})

it('refuses nesting that no object can have, however deep', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as JsonView
  expect(() => fromJsonView(deep)).toThrow(RangeError)
})
