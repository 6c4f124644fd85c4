import { expect, it } from 'vitest'
import { fuseSpaces } from './fuse-spaces.ts'

const hits = (cosines: Record<number, number>) =>
  Object.entries(cosines).map(([seq, cosine]) => ({ seq: Number(seq), cosine }))

it('leaves the cosines of one model as they are', () => {
  const only = hits({ 1: 0.9, 2: 0.1 })
  expect(fuseSpaces([only])).toBe(only)
  expect(fuseSpaces([])).toEqual([])
})

it('puts two models on one scale, whatever their offset and spread', () => {
  const flat = hits({ 1: 0.83, 2: 0.81, 3: 0.79 })
  const wide = hits({ 3: 0.9, 4: 0.3, 2: -0.3 })
  const fused = fuseSpaces([flat, wide])
  expect(fused.map(({ seq, cosine }) => [seq, Number(cosine.toFixed(6))])).toEqual([
    [1, 1],
    [3, 1],
    [2, 0.5],
    [4, 0.5],
  ])
})

it('finds a cube that has the vector of one model only', () => {
  expect(fuseSpaces([hits({}), hits({ 7: 0.4 })])).toEqual([{ seq: 7, cosine: 0.4 }])
})
