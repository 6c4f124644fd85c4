import { expect, it } from 'vitest'
import { packFiles, readFiles, type TarFile } from './tar-stream.ts'

async function* files(count: number): AsyncGenerator<TarFile> {
  for (let at = 0; at < count; at++) yield { name: `file-${at}`, bytes: new Uint8Array(at * 1000).fill(at) }
}

it('packs and reads an archive with the streams of workerd', async () => {
  const found: TarFile[] = []
  for await (const { name, size, read } of readFiles(packFiles(files(20)))) {
    const bytes = await read()
    expect(bytes.length).toBe(size)
    found.push({ name, bytes })
  }
  const packed: TarFile[] = []
  for await (const file of files(20)) packed.push(file)
  expect(found).toEqual(packed)
})

it('refuses an archive that ends in the middle', async () => {
  const whole = new Uint8Array(await new Response(packFiles(files(20))).arrayBuffer())
  const read = async () => {
    for await (const entry of readFiles(new Response(whole.slice(0, 100_000)).body!)) await entry.skip()
  }
  await expect(read()).rejects.toMatchObject({ code: 'invalid_archive' })
})
