/**
 * Goal: models are written as protobuf has it, the same bytes every time.
 * Method: hand-computed bytes of single fields, digests of whole models.
 */
import { describe, expect, it } from 'vitest'
import { tinyFiles, tinyTensors } from '../../test/support/tiny-llama.ts'
import { readLlamaConfig } from '../core/model/llama-config.ts'
import { readWeights } from '../core/model/weights.ts'
import { buildLlama } from './llama-graph.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

const hex = (writer: ProtobufWriter) => Buffer.from(writer.bytes()).toString('hex')

describe('protobuf', () => {
  it('writes the examples of its documentation', () => {
    expect(hex(new ProtobufWriter().int(1, 150))).toBe('089601')
    expect(hex(new ProtobufWriter().int(1, -2))).toBe('08feffffffffffffffff01')
    expect(hex(new ProtobufWriter().text(2, 'testing'))).toBe('120774657374696e67')
    expect(hex(new ProtobufWriter().message(3, new ProtobufWriter().int(1, 150)))).toBe('1a03089601')
    expect(hex(new ProtobufWriter().float(20, 1))).toBe('a5010000803f')
    expect(hex(new ProtobufWriter().blob(16, new Uint8Array(200)))).toBe(`8201c801${'00'.repeat(200)}`)
  })
})

describe('a model', () => {
  const model = async (seed: number, hasExtras = true) => {
    const files = tinyFiles(tinyTensors(seed))
    const shape = readLlamaConfig(JSON.parse(new TextDecoder().decode((await files.read('config.json'))!)))
    return Buffer.from(buildLlama(shape, readWeights([(await files.read('model.safetensors'))!]), { hasExtras }))
  }

  it('is the same bytes for the same weights, and others for others', async () => {
    expect((await model(1)).equals(await model(1))).toBe(true)
    expect((await model(1)).equals(await model(2))).toBe(false)
    expect((await model(1, false)).length).toBeLessThan((await model(1)).length)
  })
})
