import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ChatCompletion } from '../../schemas/chat.ts'
import { startServer } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

const MODEL = process.env.MEMOS_GPU_MODEL ?? join(import.meta.dirname, '../../gpu-node/reference-model')
const ROOT_KEY = 'root-key-of-the-test-of-the-embedded-node'
const isHere = existsSync(join(MODEL, 'config.json'))

/**
 * Goal: `npm start` answers a prompt with memory on a model of its own, and goes on with the conversation after a restart.
 * Method: the server as a process, the model in a child of it; what the model says is not looked at.
 */
it.skipIf(!isHere)(
  'the edge answers with its own node (there is no model: set MEMOS_GPU_MODEL)',
  { timeout: 120_000 },
  async () => {
    await using home = await tempDir()
    const options = { home: home.path, env: { MEMOS_GPU_MODEL: MODEL, MEMOS_ROOT_KEY: ROOT_KEY } }
    let server = await startServer(options)
    const post = async (path: string, body: unknown) => {
      const headers = { authorization: `Bearer ${ROOT_KEY}`, 'content-type': 'application/json' }
      return fetch(new URL(path, server.url), { method: 'POST', headers, body: JSON.stringify(body) })
    }
    const answer = async (messages: unknown[]) => {
      const body = { model: 'default', messages, max_tokens: 8, memos: { session: 's', explain: true } }
      await expect
        .poll(async () => (await post('/v1/chat/completions', { ...body, memos: { remember: false } })).status, {
          timeout: 60_000,
          interval: 500,
        })
        .toBe(200)
      return ChatCompletion.parse(await (await post('/v1/chat/completions', body)).json())
    }
    try {
      await post('/v1/memories', { text: 'Mira lives in Porto.' })
      const question = { role: 'user', content: 'Where does Mira live?' }
      const first = await answer([question])
      expect(first.memos).toMatchObject({ injected: [{ as: 'text' }], conversation: 'new', notes: [] })
      await server.stop()
      server = await startServer(options)
      const said = first.choices[0]?.message
      const second = await answer([question, said, question])
      expect(second.memos?.conversation).toBe('continued')
      expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0)
    } finally {
      await server.stop()
    }
  },
)
