import { unpackTar } from 'modern-tar'
import { expect, it } from 'vitest'
import { describeEdge, type OpenEdge } from '../support/edge.ts'

/** Everything that an archive says, its lines one after the other. */
const textOf = async (archive: Response): Promise<string> =>
  (await unpackTar(new Uint8Array(await archive.arrayBuffer())))
    .map(({ data }) => new TextDecoder().decode(data))
    .join('\n')

/** The text of the revision that speaks of something. */
async function contentAbout(archive: Response, word: string): Promise<string> {
  for (const line of (await textOf(archive)).split('\n')) {
    for (const [, encoded = ''] of line.matchAll(/"bytes":"([^"]+)"/g)) {
      const text = new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)))
      // The mark stands between the first word and the second.
      if (text.includes(word))
        return text.slice(text.lastIndexOf('The', text.indexOf(word)), text.indexOf('waves.') + 'waves.'.length)
    }
  }
  throw new Error(`no revision about ${word}`)
}

const FERRY = 'The ferry to the island leaves at dawn from the second pier, and the harbour master waves.'

/**
 * Goal: sensitive content is labelled when it is written, goes out redacted on request, and an export that leaks can be traced to who made it.
 * Method: through the API; archives are opened, texts taken from them and asked about.
 */
export function sensitive(open: OpenEdge) {
  describeEdge('sensitive content and traces', open, (tenant) => {
    it('is labelled at writing and revising, and makes a memory personal', async () => {
      const { admin } = await tenant()
      const cube = await admin.ok('createCube', { body: { content: 'Write to ana@example.com or +49 89 1234567.' } })
      expect(cube.governance).toMatchObject({ labels: ['email', 'phone'], sensitivity: 'personal' })
      const params = { cubeId: cube.cubeId }
      const clean = await admin.ok('updateCube', { params, body: { content: 'Write to Ana.', sensitivity: 'none' } })
      expect(clean.governance).toMatchObject({ labels: [], sensitivity: 'none' })
      const again = await admin.ok('updateCube', {
        params,
        body: { mode: 'append', content: 'Her password is hunter2-x' },
      })
      expect(again.governance).toMatchObject({ labels: ['secret'], sensitivity: 'personal' })
      const secret = await admin.ok('createCube', { body: { content: 'x@example.com', sensitivity: 'secret' } })
      expect(secret.governance).toMatchObject({ labels: ['email'], sensitivity: 'secret' })
    })

    it('goes out redacted on request, titles and metadata included', async () => {
      const { admin } = await tenant()
      const title = 'card 4111 1111 1111 1111'
      await admin.ok('createCube', {
        body: { content: 'IBAN DE89 3704 0044 0532 0130 00', title, metadata: { of: 'ana@example.com' } },
      })
      const archive = await admin.send('exportNamespace', { query: { namespace: 'default', redact: 'patterns' } })
      const text = await textOf(archive)
      expect(text).toContain('[card]')
      for (const leak of ['4111 1111', '3704 0044', 'ana@']) expect(text).not.toContain(leak)
    })

    it('tells who exported a text, from its mark and from its words', async () => {
      const { admin } = await tenant()
      const { cubeId } = await admin.ok('createCube', { body: { content: FERRY } })
      await admin.ok('createCube', { body: { content: 'Saffron grows on the balcony in autumn, in a blue pot.' } })
      const leaker = await admin.newKey({ scopes: ['memory:read'] })
      for (const caller of [admin, leaker]) {
        const archive = await caller.send('exportNamespace', {
          query: { namespace: 'default', watermark: true } as never,
        })
        const leaked = await contentAbout(archive, 'ferry')
        if (caller !== leaker) continue
        expect(leaked).not.toBe(FERRY)
        const traced = await admin.ok('traceText', { body: { text: `They wrote: ${leaked} Interesting!` } })
        expect(traced.genuineMarks).toBe(1)
        expect(traced.exports.map(({ caller: by, operation }) => [by, operation])).toEqual([
          [leaker.keyId, 'exportNamespace'],
        ])
        expect(traced.sources.map((source) => source.cubeId)).toEqual([cubeId])
      }
      const retyped = await admin.ok('traceText', { body: { text: 'the ferry to the ISLAND leaves at dawn' } })
      expect(retyped).toMatchObject({ genuineMarks: 0, exports: [], sources: [{ cubeId }] })
      const other = await tenant()
      expect(await other.admin.ok('traceText', { body: { text: FERRY } })).toEqual({
        genuineMarks: 0,
        exports: [],
        sources: [],
      })
    })
  })
}
