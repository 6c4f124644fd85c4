import { base64url } from 'multiformats/bases/base64'
import { CID } from 'multiformats/cid'
import { MIP_OBJECT_DEPTH_MAX } from '../../schemas/limits-mip.ts'
import { cidOfLink, linkOf, parseCid } from './cid.ts'
import type { MipValue } from './mip-cbor.ts'

/** JSON reading of a MIP-CBOR object. Links are `{"$link": cid}`, bytes `{"$bytes": unpadded base64url}`; never signed (MIP 4.2). */
export type JsonView = null | boolean | number | string | JsonView[] | { [key: string]: JsonView }

// Keys of MIP-CBOR maps start with a letter, so a key with `$` cannot come from an object.
const LINK_KEY = '$link'
const BYTES_KEY = '$bytes'

/** The JSON view of a value that decodeMipCbor gave. */
export function toJsonView(value: MipValue): JsonView {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(toJsonView)
  if (value instanceof Uint8Array) return { [BYTES_KEY]: base64url.baseEncode(value) }
  const link = CID.asCID(value)
  if (link) return { [LINK_KEY]: cidOfLink(link) }
  return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, toJsonView(inside)]))
}

/**
 * The value of a JSON view. The profile itself is checked by encodeMipCbor.
 * @throws RangeError for `$link` or `$bytes` that is not one string of the right form, or nesting deeper than an object may have.
 */
export function fromJsonView(view: JsonView, depth = 0): MipValue {
  if (view === null || typeof view !== 'object') return view
  if (depth > MIP_OBJECT_DEPTH_MAX) throw new RangeError(`"view" expected at most ${MIP_OBJECT_DEPTH_MAX} levels`)
  if (Array.isArray(view)) return view.map((item) => fromJsonView(item, depth + 1))
  if (LINK_KEY in view) return linkOf(parseCid(onlyText(view, LINK_KEY)))
  if (BYTES_KEY in view) return bytesOf(onlyText(view, BYTES_KEY))
  return Object.fromEntries(Object.entries(view).map(([key, inside]) => [key, fromJsonView(inside, depth + 1)]))
}

function onlyText(view: { [key: string]: JsonView }, key: string): string {
  const text = view[key]
  if (typeof text !== 'string' || Object.keys(view).length !== 1)
    throw new RangeError(`"${key}" expected one string alone`)
  return text
}

function bytesOf(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new RangeError(`"${BYTES_KEY}" expected unpadded base64url`)
  try {
    return base64url.baseDecode(text)
  } catch (cause) {
    throw new RangeError(`"${BYTES_KEY}" expected unpadded base64url`, { cause })
  }
}
