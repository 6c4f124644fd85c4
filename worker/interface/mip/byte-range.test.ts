import { expect, it } from 'vitest'
import { parseRange } from './byte-range.ts'

it.each([
  ['bytes=0-9', { offset: 0, length: 10 }],
  ['bytes=10-10', { offset: 10, length: 1 }],
  ['bytes=10-', { offset: 10, length: null }],
  ['bytes=-5', { offset: -5, length: null }],
])('reads %s', (header, range) => {
  expect(parseRange(header)).toEqual(range)
})

it.each([null, '', 'bytes=-', 'bytes=9-3', 'bytes=0-1,4-5', 'items=0-1', 'bytes=a-b'])('passes over %s', (header) => {
  expect(parseRange(header)).toBeNull()
})
