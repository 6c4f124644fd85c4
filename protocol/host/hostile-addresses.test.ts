import { expect, it } from 'vitest'
import { HOSTILE_URLS } from '../../test/support/hostile-urls.ts'
import { OpenRemotes } from './open-remotes.ts'

const options = { signal: AbortSignal.timeout(10_000) }

it('opens none of the hostile addresses that a key or a foreign log may name, and asks for none', async () => {
  const asked: string[] = []
  const looked: string[] = []
  const remotes = new OpenRemotes({
    fetch: async (url) => {
      asked.push(url.href)
      return new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } })
    },
    lookup: async (name) => {
      looked.push(name)
      return ['1.1.1.1', '169.254.169.254']
    },
  })
  expect(HOSTILE_URLS.length).toBeGreaterThanOrEqual(30)
  for (const [why, url] of HOSTILE_URLS) expect(remotes.open(url), why).toBeNull()
  for (const address of ['/ip4/127.0.0.1/tcp/22', '/dns4/localhost/tcp/6379/p2p/12D3', 'unix:/var/run/docker.sock'])
    expect(remotes.open(address), address).toBeNull()
  // A public name that leads to a private address, even beside a public one.
  await expect(remotes.open('https://rebound.memos.dev/')?.hello(options)).rejects.toThrow('refused_url')
  expect([asked, looked]).toEqual([[], ['rebound.memos.dev']])
})

it('follows no redirect', async () => {
  const asked: string[] = []
  const remotes = new OpenRemotes({
    fetch: async (url, { redirect }) => {
      asked.push(`${redirect} ${url.href}`)
      return new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } })
    },
    lookup: async () => ['1.1.1.1'],
  })
  await expect(remotes.open('https://mirror.memos.dev/')?.hello(options)).rejects.toThrow('refused_url')
  expect(asked).toEqual(['manual https://mirror.memos.dev/mip/v1/hello'])
})
