import { describe, expect, it } from 'vitest'
import { mergeRecord, mergeSet, mergeText, mergeValue } from './three-way.ts'

describe('a text', () => {
  const base = 'one\ntwo\nthree\nfour\nfive'
  it('takes changes of different lines from both sides', () => {
    const sides = { base, ours: 'ONE\ntwo\nthree\nfour\nfive', theirs: 'one\ntwo\nthree\nfour\nFIVE' }
    expect(mergeText(sides, 'fail')).toEqual({ value: 'ONE\ntwo\nthree\nfour\nFIVE', isConflict: false })
  })
  it('takes the side that changed where the other did not', () => {
    expect(mergeText({ base, ours: base, theirs: 'new' }, 'fail')).toEqual({ value: 'new', isConflict: false })
    expect(mergeText({ base, ours: 'new', theirs: base }, 'fail')).toEqual({ value: 'new', isConflict: false })
  })
  it('is in conflict where both changed one line, and the strategy takes that line only', () => {
    const sides = { base, ours: 'one\nTWO\nthree\nfour\nfive', theirs: 'one\n2\nthree\nfour\nFIVE' }
    expect(mergeText(sides, 'fail').isConflict).toBe(true)
    expect(mergeText(sides, 'ours').value).toBe('one\nTWO\nthree\nfour\nFIVE')
    expect(mergeText(sides, 'theirs').value).toBe('one\n2\nthree\nfour\nFIVE')
  })
  it('is in no conflict where both made the same change', () => {
    const changed = 'one\nTWO\nthree\nfour\nfive'
    expect(mergeText({ base, ours: changed, theirs: changed }, 'fail')).toEqual({ value: changed, isConflict: false })
  })
})

it('merges a value changed on one side and reports one changed on both', () => {
  expect(mergeValue({ base: 1, ours: 1, theirs: 2 }, 'fail')).toEqual({ value: 2, isConflict: false })
  expect(mergeValue({ base: 1, ours: 3, theirs: 1 }, 'fail')).toEqual({ value: 3, isConflict: false })
  expect(mergeValue({ base: 1, ours: 3, theirs: 2 }, 'ours')).toEqual({ value: 3, isConflict: true })
  expect(mergeValue({ base: 1, ours: 3, theirs: 2 }, 'theirs')).toEqual({ value: 2, isConflict: true })
})

it('merges sets without conflicts', () => {
  expect(mergeSet({ base: ['a', 'b', 'c'], ours: ['a', 'c', 'x'], theirs: ['a', 'b', 'y'] })).toEqual(['a', 'x', 'y'])
})

it('merges records by name', () => {
  const sides = { base: { a: 1, b: 1, c: 1 }, ours: { a: 2, b: 1 }, theirs: { a: 3, b: 4, c: 1, d: 5 } }
  expect(mergeRecord<number>(sides, 'theirs')).toEqual({ value: { a: 3, b: 4, d: 5 }, conflicts: ['a'] })
})
