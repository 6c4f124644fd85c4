import { expect, it } from 'vitest'
import { topicsOf } from './topics.ts'

const item = (id: string, ...terms: string[]) => ({ id, terms: new Set(terms) })

it('joins texts through common terms, the largest group first', () => {
  const items = [
    item('a', 'goat', 'barn'),
    item('b', 'goat', 'hay'),
    item('c', 'train', 'rail'),
    item('d', 'hay', 'cow'),
  ]
  expect(topicsOf(items)).toEqual([['a', 'b', 'd'], ['c']])
})
it('takes a term of all texts for no tie', () => {
  const items = [item('a', 'we', 'goat'), item('b', 'we', 'train')]
  expect(topicsOf(items)).toEqual([['a'], ['b']])
})
it('takes nothing', () => {
  expect(topicsOf([])).toEqual([])
  expect(topicsOf([item('a'), item('b')])).toEqual([['a'], ['b']])
})
