import { expect, it } from 'vitest'
import { encodeRevision } from './revision.ts'
import { fromShortPaperCube } from './short-paper.ts'

const meta = {
  created: '2025-04-10',
  last_used: '2025-05-01',
  source: 'session_3894',
  model: 'LLaMA3-8B',
  usage: 0,
  priority: 'mid',
  expires: '2025-06-01',
  access: ['user_483'],
  tags: ['non-sensitive', 'non-sensitive'],
  embedding_fp: '[dim=128]',
  storage_mode: 'compressed',
}
const options = { cubeId: '01J8Z3K4M5N6P7Q8R9S0T1V2W3', salt: 'AAECAwQFBgcICQoLDA0ODw', nowMs: Date.UTC(2025, 3, 11) }

it('keeps what is local out of the signed revision', () => {
  const example = { meta, payload: { type: 'explicit', format: 'text', content: 'Answer in metric units.' } }
  const imported = fromShortPaperCube(example, options)
  if (imported.outcome !== 'revision') throw new Error('expected a revision')
  const signed = JSON.stringify(imported.revision)
  for (const local of ['user_483', 'session_3894', 'LLaMA3-8B', 'mid', 'compressed'])
    expect(signed).not.toContain(local)
  expect(imported.local.state).toBe('generated')
  expect(imported.revision.tags).toEqual(['non-sensitive'])
  expect(() => encodeRevision(imported.revision)).not.toThrow()
})

it('makes no revision out of a tensor that is not there', () => {
  const example = { meta, payload: { type: 'activation', format: 'tensor', injection_layer: 12, value: '[tensor]' } }
  expect(fromShortPaperCube(example, options)).toMatchObject({
    outcome: 'metadata_only',
    reason: 'tensor_not_included',
  })
})
