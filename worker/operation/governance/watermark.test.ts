import { describe, expect, test } from 'vitest'
import { containment, textFingerprint } from './text-fingerprint.ts'
import { isGenuine, markOf, readWatermarks, watermark, watermarkKey } from './watermark.ts'

const KEY = watermarkKey('deployment secret', 'org')
const MARK = markOf(KEY, 'request-1')
const TEXT = 'The ferry to the island left at dawn. '.repeat(40)
const visible = (text: string) => text.replace(/[\u200b-\u200d\u2060\u2063]/g, '')

describe('watermark', () => {
  test.each([
    ['a long text', TEXT],
    ['one word', 'dawn'],
    ['Chinese', '渡轮在黎明时分离开了岛屿。'],
    ['nothing', ''],
  ])('is read back from %s, which looks as before', (_, text) => {
    const marked = watermark(text, MARK)
    expect(visible(marked)).toBe(text)
    expect(readWatermarks(marked)).toEqual([MARK])
  })

  test('survives quoting a paragraph, other text around it, NFC and trimming', () => {
    const quoted = `He wrote: "${watermark(TEXT, MARK).slice(300, 700).trim()}" - and more`.normalize('NFC')
    expect(readWatermarks(quoted)).toEqual([MARK])
  })

  test('does not survive a filter of characters without width', () => {
    expect(readWatermarks(visible(watermark(TEXT, MARK)))).toEqual([])
  })

  test('is told from a forged one, and from that of another organisation', () => {
    expect(isGenuine(KEY, MARK)).toBe(true)
    for (let at = 0; at < MARK.length; at++) expect(isGenuine(KEY, MARK.with(at, (MARK[at] ?? 0) ^ 1))).toBe(false)
    expect(isGenuine(watermarkKey('deployment secret', 'other'), MARK)).toBe(false)
    expect(markOf(KEY, 'request-2')).not.toEqual(MARK)
  })
})

describe('text fingerprint', () => {
  const source = 'In the autumn of 2019 the harbour master wrote down every ship that came in after midnight.'
  test('knows a quotation that was retyped with other spaces, case and punctuation', () => {
    const quoted = 'every SHIP that came in, after midnight'
    expect(containment(textFingerprint(quoted), textFingerprint(source))).toBeGreaterThan(0.5)
  })

  test('does not know other texts or a rewording', () => {
    for (const other of [
      'A ferry left at dawn with nine passengers and a goat on board.',
      'Each vessel arriving past twelve was noted by the port captain.',
    ])
      expect(containment(textFingerprint(other), textFingerprint(source))).toBe(0)
    expect(containment(textFingerprint(''), textFingerprint(source))).toBe(0)
  })
})
