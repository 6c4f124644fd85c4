import { describe, expect, it } from 'vitest'
import { FrameBuffer, frameOf } from './frame-buffer.ts'
import { blobPartFrame, blobPartValue, okFrame } from './protocols.ts'

const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value)

describe('FrameBuffer', () => {
  it('gives back frames of every length of the prefix, however they are cut', () => {
    const payloads = [1, 127, 128, 16_383, 16_384, 300_000].map((length, i) => bytes(length, i))
    const sent = Buffer.concat(payloads.map(frameOf))
    for (const step of [1, 2, 3, 1000, sent.length]) {
      if (step < 1000 && sent.length / step > 400_000) continue
      const buffer = new FrameBuffer(1024 * 1024)
      for (let at = 0; at < sent.length; at += step) buffer.push(sent.subarray(at, at + step))
      expect(payloads.map(() => buffer.shift()?.length)).toEqual(payloads.map(({ length }) => length))
      expect([buffer.shift(), buffer.isAtBoundary, buffer.waitingBytes]).toEqual([undefined, true, 0])
    }
  })

  it('copies what it keeps: the bytes may be reused', () => {
    const buffer = new FrameBuffer(100)
    const sent = frameOf(bytes(3))
    buffer.push(sent)
    sent.fill(0)
    expect(buffer.shift()).toEqual(bytes(3))
  })

  it('refuses a frame beyond the bound before any of it came', () => {
    const buffer = new FrameBuffer(4)
    expect(() => buffer.push(frameOf(bytes(5)).subarray(0, 1))).toThrow('too_large')
    expect(() => new FrameBuffer(100).push(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x01))).toThrow('too_large')
  })

  it.each([
    ['an empty frame', [0]],
    ['a length in more bytes than it needs', [0x81, 0]],
  ])('refuses %s', (_, sent) => {
    expect(() => new FrameBuffer(100).push(Uint8Array.from(sent))).toThrow('bad_answer')
  })

  it('knows that it stands inside a frame', () => {
    const buffer = new FrameBuffer(1000)
    buffer.push(frameOf(bytes(200)).subarray(0, 1))
    expect(buffer.isAtBoundary).toBe(false)
    buffer.push(frameOf(bytes(200)).subarray(1, 20))
    expect(buffer.isAtBoundary).toBe(false)
  })
})

describe('the answer with a part of a blob', () => {
  it.each([0, 1, 23, 24, 255, 256, 65_535, 65_536, 262_144])(
    'is in pieces what it is in one, with %i bytes',
    (length) => {
      const part = { size: 2 ** 33 + length, bytes: bytes(length) }
      expect(Buffer.concat(blobPartFrame(part))).toEqual(Buffer.from(okFrame(blobPartValue(part))))
    },
  )
})
