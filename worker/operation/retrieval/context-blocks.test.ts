import { expect, it } from 'vitest'
import { packContext } from './context.ts'
import { BLOCKS_HEADER, packWithBlocks } from './context-blocks.ts'
import { estimateTokens } from './tokens.ts'

const hits = ['The boat is blue.', 'The mast is tall.'].map((text, at) => ({
  cubeId: `c${at}`,
  text,
  speaker: null,
  date: `2026-01-0${at + 1}`,
}))
const block = (cubeId: string, text: string, tokensMax = 100) => ({ cubeId, name: cubeId, text, tokensMax })

it('changes nothing without blocks, byte for byte', () => {
  for (const budget of [32, 100, 400]) expect(packWithBlocks([], hits, budget)).toEqual(packContext(hits, budget))
})
it('numbers blocks first, and leaves out hits that a block says', () => {
  const pack = packWithBlocks([block('c0', 'The boat is blue.\nIt is old.')], hits, 400)
  expect(pack.text.split('\n').slice(0, 2)).toEqual([BLOCKS_HEADER, '[1] c0: The boat is blue. · It is old.'])
  expect(pack.citations).toEqual([
    { label: 1, cubeId: 'c0' },
    { label: 2, cubeId: 'c1' },
  ])
})
it('keeps blocks to their size and to half of the budget, and the whole to the budget', () => {
  const long = 'word '.repeat(400)
  for (let budget = 32; budget < 600; budget += 7) {
    const blocks = [block('a', long, 50), block('b', long, 300), block('c', long, 300)]
    const pack = packWithBlocks(blocks, hits, budget)
    const own = pack.text.split(/\nRecalled/)[0] ?? ''
    expect(pack.tokens).toBe(estimateTokens(pack.text))
    expect(pack.tokens).toBeLessThanOrEqual(budget)
    if (own.startsWith(BLOCKS_HEADER)) expect(estimateTokens(own)).toBeLessThanOrEqual(budget / 2)
  }
})
