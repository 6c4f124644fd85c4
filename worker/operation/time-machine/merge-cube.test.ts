import { describe, expect, it } from 'vitest'
import { TAGS_MAX } from '../../../schemas/limits.ts'
import type { Revision } from '../../../schemas/revision.ts'
import { type CubeSide, mergeCube } from './merge-cube.ts'

const side = (content: string, revision: Partial<Revision> = {}, local: Partial<CubeSide['local']> = {}): CubeSide => ({
  content,
  revision: {
    v: 1,
    cubeId: '01K6ZQ4T2V3W5X7Y9A1B3C5D7E',
    number: 1,
    prev: null,
    semanticType: 'fact',
    memoryType: 'plaintext',
    tags: [],
    renditions: [{ kind: 'text', mime: 'text/plain', text: content, messages: [{ startByte: 0, speaker: 'Ana' }] }],
    lineage: [],
    salt: 'AAAAAAAAAAAAAAAAAAAAAA',
    ...revision,
  },
  local: { metadata: {}, priority: 'mid', sensitivity: 'none', expiresAtMs: null, ...local },
})
const LINES = 'one\ntwo\nthree'

describe('merging a cube', () => {
  it('takes the side that changed, with its renditions', () => {
    const base = side(LINES)
    const theirs = side('new', { title: 'New' }, { priority: 'high' })
    const merged = mergeCube({ base, ours: base, theirs }, 'fail')
    expect(merged).toMatchObject({ content: 'new', local: { priority: 'high' }, conflicts: [], blobs: [] })
    expect(merged.revision).toMatchObject({ title: 'New', renditions: theirs.revision.renditions })
  })

  it('writes a text of both sides anew, and keeps who said it', () => {
    const merged = mergeCube(
      { base: side(LINES), ours: side('ONE\ntwo\nthree'), theirs: side('one\ntwo\nTHREE') },
      'fail',
    )
    expect(merged.conflicts).toEqual([])
    expect(merged.revision.renditions).toEqual([
      { kind: 'text', mime: 'text/plain', text: 'ONE\ntwo\nTHREE', messages: [{ startByte: 0, speaker: 'Ana' }] },
    ])
  })

  it('places a long text in a blob', () => {
    const long = 'x'.repeat(40_000)
    const merged = mergeCube(
      { base: side(`a\n${long}\nb`), ours: side(`A\n${long}\nb`), theirs: side(`a\n${long}\nB`) },
      'fail',
    )
    expect(merged.blobs.map(({ bytes }) => bytes.length)).toEqual([40_004])
  })

  it('removes a title that the branch removed, and names a field that both changed', () => {
    const base = side(LINES, { title: 'Base' })
    const { title: _, ...untitled } = side(LINES).revision
    expect(mergeCube({ base, ours: base, theirs: { ...side(LINES), revision: untitled } }, 'fail').revision.title).toBe(
      undefined,
    )
    const sides = { base, ours: side(LINES, { title: 'Ours' }), theirs: side(LINES, { title: 'Theirs' }) }
    expect(mergeCube(sides, 'theirs')).toMatchObject({ conflicts: ['title'], revision: { title: 'Theirs' } })
    expect(mergeCube(sides, 'ours')).toMatchObject({ conflicts: ['title'], revision: { title: 'Ours' } })
  })

  it('names what would not fit together', () => {
    const tags = (prefix: string) => Array.from({ length: TAGS_MAX }, (_, n) => `${prefix}${n}`)
    const many = (prefix: string) => Object.fromEntries(tags(prefix).map((name) => [name, 1]))
    const sides = {
      base: side(LINES),
      ours: side(LINES, { tags: tags('a') }, { metadata: many('a') }),
      theirs: side(LINES, { tags: tags('b') }, { metadata: many('b') }),
    }
    const merged = mergeCube(sides, 'theirs')
    expect(merged.conflicts).toEqual(['tags', 'metadata'])
    expect(merged.revision.tags).toEqual(tags('b'))
    expect(merged.local.metadata).toEqual(many('b'))
  })

  it('never merges two texts into nothing', () => {
    const merged = mergeCube({ base: side('a\nb\nc'), ours: side('a\nb'), theirs: side('b\nc') }, 'fail')
    expect([merged.content, merged.conflicts]).toEqual(['b', []])
  })
})
