/**
 * Goal: no text that a caller sends makes the database hold text that is not UTF-8. libSQL ends the whole process when it reads such text,
 * and SQLite makes it out of a lone surrogate in a JSON parameter.
 */
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { inJson, jsonChunks, statement, toJson } from '../../worker/infrastructure/vault/sql.ts'
import { analyse } from '../../worker/operation/retrieval/analyse.ts'
import { newTenant } from '../support/edge.ts'
import { openLocalEdge } from '../support/local-edge.ts'
import { tempDir } from '../support/temp-dir.ts'

/** Words of characters beyond the BMP: wherever a term is cut, the cut falls into a surrogate pair for one of the two. */
const ASTRAL_WORDS = ['𐐨'.repeat(90), `c${'𐐨'.repeat(90)}`, `ab${'𝟘'.repeat(80)}`, '𠀀'.repeat(70)]

it('cuts long words between characters', () => {
  for (const word of ASTRAL_WORDS) for (const term of analyse(word)) expect(term.isWellFormed(), word).toBe(true)
})

it('writes no lone surrogate into a JSON parameter, and leaves all other text alone', () => {
  expect(JSON.parse(toJson(['\ud800', 'a\udc00b', { key: '\udfff' }]))).toEqual([
    '\ufffd',
    'a\ufffdb',
    { key: '\ufffd' },
  ])
  for (const text of ['\\ud800', '\\\\ud800 spelt out', '𐐨 𠀀', '\u0000\n"'])
    expect(JSON.parse(toJson(text))).toBe(text)
  expect(jsonChunks([['\ud800']], 100).join()).not.toContain('\\ud')
  expect(JSON.stringify(statement(inJson(['\ud800'])).params)).not.toContain('\\ud')
})

it('remembers, finds, respells, updates and deletes words beyond the BMP', async () => {
  await using home = await tempDir()
  const opened = await openLibsql('default', `file:${join(home.path, 'memos.db')}`)
  const edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs: new MemoryBlobStore() })
  const { admin } = await newTenant(edge)
  for (const word of ASTRAL_WORDS) {
    const { cubeId } = await admin.ok('createCube', {
      body: { content: `${word} sails`, title: word, session: 'talk' },
    })
    expect((await admin.ok('search', { body: { query: word } })).results[0]?.cube.cubeId).toBe(cubeId)
    await admin.ok('search', { body: { query: `${[...word].slice(0, 3).join('')}x` } })
    await admin.ok('updateCube', { params: { cubeId }, body: { mode: 'append', content: word } })
    const terms = await edge.rows('select hex(term) from postings')
    for (const [hex] of terms)
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(String(hex), 'hex'))
    await admin.ok('deleteCube', { params: { cubeId } })
  }
  for (const body of [
    { text: '\ud800' },
    { text: 'a', session: '\udc00' },
    { text: 'a', tags: ['\ud800'] },
    { text: 'a', metadata: { k: '\ud800' } },
  ])
    expect(await admin.refused('remember', { body })).toMatchObject({ status: 400 })
  expect(await admin.refused('createCube', { body: { content: 'a', title: '\ud800' } })).toMatchObject({ status: 400 })
  await edge.close()
  await opened.close()
})
