import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { cidOf } from '../../protocol/core/cid.ts'
import { descriptorBytes, descriptorCid, fingerprintOf } from '../../protocol/core/fingerprint.ts'
import { encodeManifest, manifestOf } from '../../protocol/core/manifest.ts'
import { decodeRevision } from '../../protocol/core/revision.ts'
import type { BlobRef } from '../../schemas/blob-ref.ts'
import { MIP_RENDITION_BYTES_MAX } from '../../schemas/limits-mip.ts'
import type { Rendition } from '../../schemas/rendition.ts'
import { MODELS } from '../conformance/cases/fingerprint.ts'
import { safetensorsStart } from '../conformance/cases/safetensors.ts'
import type { MipPublisher } from '../support/mip-publisher.ts'
import { followWorld, type OpenDatabase } from './mip-follow-world.ts'

type Kv = Extract<Rendition, { kind: 'kv' }>
type Lora = Extract<Rendition, { kind: 'lora' }>

const CHUNK_BYTES = 65_536
const TOKENS = 3000
const [MODEL, OTHER_LAYOUT] = [MODELS.base!, MODELS['other layout']!]
const { fp } = fingerprintOf(MODEL)

/** A safetensors file with these tensors, one after the other, of 16-bit numbers. */
function safetensors(tensors: Record<string, number[]>): Uint8Array {
  let end = 0
  const header = Object.entries(tensors).map(([name, shape]) => {
    const start = end
    end += shape.reduce((product, size) => product * size, 2)
    return [name, { dtype: 'F16', shape, data_offsets: [start, end] }]
  })
  const start = safetensorsStart(JSON.stringify(Object.fromEntries(header)))
  const file = new Uint8Array(start.length + end)
  file.set(start)
  for (let at = start.length; at < file.length; at++) file[at] = (at * 31) % 251
  return file
}

const cache = (name = 'past_key_values.0') => ({
  [`${name}.key`]: [1, 2, TOKENS, 8],
  [`${name}.value`]: [1, 2, TOKENS, 8],
})

/**
 * Goal: tensors of others come in from trusted publishers only, whole and as what they say they are, and go with what revokes them.
 * Method: a publisher inside the test publishes revisions with real safetensors files, in chunks under a manifest and as raw blobs; the blob store is
 * listed past every class.
 */
export function mipRenditions(host: string, openDatabase: OpenDatabase) {
  describe(`renditions of others on ${host}`, () => {
    const here = followWorld(openDatabase, { firstSeed: 85 })
    const { world, pull, texts, blobs, faultless } = here
    type World = Awaited<ReturnType<typeof world>>

    /** By the CID of its chunk manifest. */
    function chunked({ objects, blobs: served }: MipPublisher, bytes: Uint8Array): BlobRef {
      const { cid, bytes: manifest } = encodeManifest(manifestOf(bytes, CHUNK_BYTES))
      objects.set(cid, manifest)
      served.set(cid, bytes)
      return { cid, bytes: bytes.length, sha256: bytesToHex(sha256(bytes)) }
    }
    function whole({ blobs: served }: MipPublisher, bytes: Uint8Array): BlobRef {
      const cid = cidOf(bytes, 'raw')
      served.set(cid, bytes)
      return { cid, bytes: bytes.length }
    }
    function kv(publisher: MipPublisher, more: Partial<Kv> = {}, file = safetensors(cache())): Kv {
      return {
        kind: 'kv',
        modelFingerprint: fp,
        blob: chunked(publisher, file),
        dtype: 'fp16',
        layout: 'bhtd',
        layers: 1,
        kvHeads: 2,
        headDim: 8,
        tokenCount: TOKENS,
        positionOffset: 0,
        tokens: whole(publisher, new Uint8Array(TOKENS * 4).fill(7)),
        ...more,
      }
    }
    function lora(publisher: MipPublisher, more: Partial<Lora> = {}): Lora {
      const file = safetensors({ 'q_proj.lora_A.weight': [4, 16], 'q_proj.lora_B.weight': [16, 4] })
      const facts = { modelFingerprint: fp, dtype: 'fp16', rank: 4, alphaMicros: 8_000_000 } as const
      return { kind: 'lora', ...facts, blob: whole(publisher, file), modules: ['q_proj'], ...more }
    }
    const publish = ({ publisher }: World, renditions: Rendition[], cube?: string) => {
      const text: Rendition = { kind: 'text', mime: 'text/plain', text: 'The ferry leaves at six.' }
      const more = { renditions: [text, ...renditions] }
      const kinds = more.renditions.map(({ kind }) => kind)
      return publisher.publish({ text: text.text!, more, ...(cube !== undefined && { cube }) }, 'main', { kinds })
    }
    const describeModel = ({ publisher }: World, model = MODEL) =>
      publisher.objects.set(descriptorCid(fingerprintOf(model).fp), descriptorBytes(model))

    /** What is kept of the only cube of a namespace: its renditions but the text, and why others are left out. */
    async function kept({ admin, id: orgId }: World, namespace: string, subscription: string) {
      const [cube] = (await admin.ok('listCubes', { query: { namespace } })).items
      const cubeId = cube?.cubeId ?? ''
      const [row] = await here.edge.rows(
        'select bytes from revisions where cube_id = ? order by number desc limit 1',
        cubeId,
      )
      const bytes = row === undefined ? null : new Uint8Array(row[0] as ArrayBuffer)
      const renditions = bytes === null ? [] : decodeRevision(bytes).renditions.filter(({ kind }) => kind !== 'text')
      const [state] = await here.edge.rows('select reason from mip_ingested where subscription_id = ?', subscription)
      return { cubeId, renditions, keys: await blobs.list(`cubes/${orgId}/${cubeId}/`), reason: state?.[0] ?? null }
    }
    async function follow(w: World) {
      const { id, namespace } = await w.subscribe()
      const report = await pull(w.admin, id)
      return { id, namespace, report }
    }

    it('are taken in from a trusted publisher as they were signed, and go when it takes them back', async () => {
      const w = await world('trusted')
      describeModel(w)
      const [cache, adapter] = [kv(w.publisher), lora(w.publisher)]
      const { cube } = await publish(w, [cache, adapter])
      const { id, namespace, report } = await follow(w)
      expect(report).toMatchObject({ ingested: 1, error: null })
      const held = await kept(w, namespace, id)
      expect(held).toMatchObject({ renditions: [cache, adapter], reason: 'with_renditions' })
      expect(held.renditions.every((one) => one.kind !== 'text' && one.modelFingerprint === fp)).toBe(true)
      for (const { cid } of [cache.blob, cache.tokens, adapter.blob]) {
        const key = held.keys.find((one) => one.endsWith(cid)) ?? ''
        expect(await blobs.get(key)).toEqual(w.publisher.blobs.get(cid))
      }
      expect(held.keys.length).toBe(3)
      await faultless(w)
      await w.publisher.revoke(cube, { reason: 'compromised' })
      expect(await pull(w.admin, id)).toMatchObject({ revoked: 1 })
      expect(await texts(w.admin, namespace)).toEqual([])
      expect(await blobs.list(`cubes/${w.id}/${held.cubeId}/`)).toEqual([])
      await faultless(w)
    })

    it('are not fetched from one that is known, come with more trust and go with less', async () => {
      const w = await world('known')
      const adapter = lora(w.publisher)
      await publish(w, [kv(w.publisher), adapter])
      const { id, namespace } = await follow(w)
      expect(await kept(w, namespace, id)).toMatchObject({ renditions: [], keys: [], reason: 'text_only' })
      await w.trust('trusted')
      expect((await kept(w, namespace, id)).renditions.map(({ kind }) => kind)).toEqual(['kv', 'lora'])
      await w.trust('known')
      expect(await kept(w, namespace, id)).toMatchObject({ renditions: [], reason: 'text_only' })
      expect(await texts(w.admin, namespace)).toEqual(['The ferry leaves at six.'])
      await faultless(w)
    })

    it('are stored only when all of their bytes are what was signed', async () => {
      const w = await world('trusted')
      const mirror = here.remotes.mirrors.get(w.address)!
      await publish(w, [kv(w.publisher), lora(w.publisher)])
      const cid = [...w.publisher.blobs.keys()][0]!
      const right = w.publisher.blobs.get(cid)!
      const wrong = Uint8Array.from(right)
      wrong[right.length - 1]! ^= 1
      w.publisher.blobs.set(cid, wrong)
      const { id, namespace, report } = await follow(w)
      expect(report).toMatchObject({ ingested: 0, error: 'unreachable' })
      expect(await blobs.list(`cubes/${w.id}/`)).toEqual([])
      mirror.faults = { lacks: new Set([cid]) }
      expect(await pull(w.admin, id)).toMatchObject({ ingested: 1 })
      expect(await kept(w, namespace, id)).toMatchObject({ reason: 'with_renditions kv:body_missing' })
      await faultless(w)
    })

    it('are left out with the reason when they are not what they say, and the text stays', async () => {
      const hostile = safetensorsStart('{"a":{"dtype":"F16","shape":[9007199254740991],"data_offsets":[0,2]}}')
      const endless = new Uint8Array(64)
      new DataView(endless.buffer).setBigUint64(0, 2n ** 60n, true)
      const cases: [code: string, make: (w: World) => Rendition][] = [
        ['kv:too_large', ({ publisher }) => ({ ...kv(publisher), blob: oversize(kv(publisher).blob) })],
        ['lora:safetensors_size', ({ publisher }) => lora(publisher, { blob: whole(publisher, endless) })],
        ['lora:safetensors_shape', ({ publisher }) => lora(publisher, { blob: whole(publisher, hostile) })],
        [
          'lora:safetensors_json',
          ({ publisher }) => lora(publisher, { blob: whole(publisher, safetensorsStart('[]')) }),
        ],
        ['kv:wrong_tensors', ({ publisher }) => kv(publisher, {}, safetensors(cache('past_key_values.1')))],
        ['kv:wrong_tensors', ({ publisher }) => kv(publisher, { kvHeads: 4 })],
        ['kv:wrong_tensors', ({ publisher }) => kv(publisher, { layers: 2 })],
        [
          'kv:wrong_fingerprint',
          (w) => {
            describeModel(w, OTHER_LAYOUT)
            return kv(w.publisher, { modelFingerprint: fingerprintOf(OTHER_LAYOUT).fp })
          },
        ],
        [
          'lora:wrong_fingerprint',
          ({ publisher }) => {
            const none = new Uint8Array([0xa1, 0x61, 0x76, 0x01])
            publisher.objects.set(cidOf(none, 'object'), none)
            return lora(publisher, { modelFingerprint: bytesToHex(sha256(none)) })
          },
        ],
      ]
      const w = await world('trusted')
      const { id, namespace } = await follow(w)
      let cube: string | undefined
      for (const [code, make] of cases) {
        cube = (await publish(w, [make(w)], cube)).cube
        expect(await pull(w.admin, id), code).toMatchObject({ applied: 1, error: null })
        expect(await kept(w, namespace, id), code).toMatchObject({ renditions: [], keys: [], reason: code })
        expect(await texts(w.admin, namespace)).toEqual(['The ferry leaves at six.'])
      }
      await publish(w, [lora(w.publisher, { blob: whole(w.publisher, hostile) }), lora(w.publisher)], cube)
      await pull(w.admin, id)
      const some = await kept(w, namespace, id)
      expect(some.reason).toBe('with_renditions lora:safetensors_shape')
      expect(some.renditions.length).toBe(1)
      await faultless(w)
    })
  })
}

const oversize = (ref: BlobRef): BlobRef => ({ ...ref, bytes: MIP_RENDITION_BYTES_MAX + 1 })
