import { describe, expect, it } from 'vitest'
import { HOSTILE_URLS } from '../../test/support/hostile-urls.ts'
import { checkMirrorUrl, checkResolved } from './mirror-url.ts'

const PUBLIC = [
  'https://mirror.memos.dev',
  'https://mirror.memos.dev/',
  'https://Mirror.Memos.dev/memory/one',
  'https://mirror.memos.dev:8443/',
  'https://xn--bcher-kva.memos.dev/',
  'https://1.1.1.1/',
  'https://[2606:4700:4700::1111]/',
  'https://[2606:4700:4700::1111]:8443/mip',
]

describe('checkMirrorUrl', () => {
  it.each(HOSTILE_URLS)('refuses %s', (_, url) => {
    expect(() => checkMirrorUrl(url)).toThrow('refused_url')
  })

  it.each(PUBLIC)('opens %s', (url) => {
    expect(checkMirrorUrl(url).protocol).toBe('https:')
  })

  it('opens private addresses and plain HTTP where that is allowed, and tricks never', () => {
    expect(checkMirrorUrl('http://127.0.0.1:8787', { allowPrivate: true }).port).toBe('8787')
    expect(checkMirrorUrl('http://localhost:8787/base', { allowPrivate: true }).pathname).toBe('/base')
    for (const url of ['http://user@127.0.0.1/', 'http://2130706433/', 'file:///etc/passwd'])
      expect(() => checkMirrorUrl(url, { allowPrivate: true })).toThrow('refused_url')
  })
})

describe('checkResolved', () => {
  it.each([
    ['no address', []],
    ['a private one', ['10.0.0.1']],
    ['a private one among public ones', ['1.1.1.1', '::1']],
    ['an IPv4 in IPv6', ['::ffff:192.168.0.1']],
  ])('refuses a name that leads to %s', (_, addresses) => {
    expect(() => checkResolved(addresses)).toThrow('refused_url')
  })

  it('takes public ones', () => {
    expect(() => checkResolved(['1.1.1.1', '2606:4700:4700::1111'])).not.toThrow()
  })
})
