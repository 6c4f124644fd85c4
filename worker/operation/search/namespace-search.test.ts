import { expect, it } from 'vitest'
import { newTenant } from '../../../test/support/edge.ts'
import { openLocalEdge } from '../../../test/support/local-edge.ts'
import { MemoryBlobStore } from '../../drivers/blob-store/memory.ts'
import { openLibsql } from '../../drivers/database/open-libsql.ts'

it('finds a misspelt long word in a vocabulary that is larger than what is read, and says that it was cut', async () => {
  const { database, close } = await openLibsql('default', ':memory:')
  const edge = await openLocalEdge({ databases: new Map([['default', database]]), blobs: new MemoryBlobStore() })
  const { admin } = await newTenant(edge)
  await admin.ok('createCubes', { body: { cubes: [{ content: 'pyramids' }] } })
  await database.all({
    sql: `with recursive n (i) as (select 1 union all select i + 1 from n where i < 6000)
      insert into postings (namespace_id, term, seq, frequency, length) select namespace_id, printf('pa%05d', i), seq, 1, 1 from n, cubes`,
    params: [],
  })
  const { results, retrieval } = await admin.ok('search', { body: { query: 'pyramidz' } })
  expect(results.map(({ cube }) => cube.content)).toEqual(['pyramids'])
  expect(retrieval.notes).toContain(
    'The vocabulary is larger than the spelling correction reads; further spellings may exist.',
  )
  await edge.close()
  await close()
})
