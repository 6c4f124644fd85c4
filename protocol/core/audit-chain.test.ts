import { describe, expect, test } from 'vitest'
import { type ChainedEntry, chainHashes, chainStart } from './audit-chain.ts'

const entry = (at: number): ChainedEntry => ({
  atMs: 1_700_000_000_000 + at,
  requestId: `r${at}`,
  caller: 'key',
  operation: 'createCube',
  outcome: 'ok',
  namespaceId: 7,
  memoryType: 'plaintext',
  cubeCount: 1,
  cubeIds: [`cube-${at}`],
})
const ROWS = [0, 1, 2, 3].map(entry)
const hashes = (rows: readonly ChainedEntry[]) => chainHashes(chainStart('org'), rows)

describe('audit chain', () => {
  test('is the same whether it is made at once or continued', () => {
    const [first = '', second = ''] = hashes(ROWS.slice(0, 2))
    expect([first, second, ...chainHashes(second, ROWS.slice(2))]).toEqual(hashes(ROWS))
  })

  test.each(Object.keys(entry(0)) as (keyof ChainedEntry)[])(
    'ends elsewhere when %s of any row is another',
    (field) => {
      const other = {
        ...entry(1),
        [field]: field === 'cubeIds' ? ['x'] : field === 'namespaceId' ? null : `${entry(1)[field]}9`,
      }
      expect(hashes(ROWS.with(1, other as ChainedEntry)).at(-1)).not.toBe(hashes(ROWS).at(-1))
    },
  )

  test('ends elsewhere when a row is dropped, added or moved', () => {
    const end = hashes(ROWS).at(-1)
    const changed = [ROWS.toSpliced(1, 1), [...ROWS, entry(4)], ROWS.with(0, entry(1)).with(1, entry(0))]
    for (const rows of changed) expect(hashes(rows).at(-1)).not.toBe(end)
  })

  test('begins elsewhere for every organisation, and cannot be shifted between fields', () => {
    expect(chainStart('a')).not.toBe(chainStart('b'))
    const split = { ...entry(0), caller: 'key","createCube', operation: 'x' }
    expect(hashes([split])).not.toEqual(hashes([{ ...entry(0), caller: 'key', operation: 'createCube","x' }]))
  })
})
